import Dispatch
import Foundation
import Instruments
import Synchronization
import Testing
import Work

/// Frames between a camera and its readers.
@Suite struct FrameRingTests {
    private func fill(_ ring: FrameRing, _ number: Int, within_ms: Double = 0) throws {
        let slot = try ring.claim(within_ms: within_ms)
        ring.pixels(of: slot).update(repeating: UInt16(truncatingIfNeeded: number))
        ring.publish(slot, FrameStamp(index: number, time_ms: Double(number)))
    }

    /// Whether every count of a frame is its number.
    private func isWhole(_ frame: HeldFrame) -> Bool {
        frame.withCounts { counts in counts.allSatisfy { $0 == UInt16(truncatingIfNeeded: frame.stamp.index) } }
    }

    @Test func theRecorderGetsAllAndTheOthersKnowWhatTheySkipped() throws {
        let ring = try FrameRing(width: 8, height: 4, capacity: 5, spare: 2)
        let recorder = try ring.reader(keepsAll: true)
        let view = try ring.reader()
        let slow = try ring.reader()
        var last: HeldFrame?
        for number in 0..<100 {
            try fill(ring, number)
            let frame = try #require(recorder.next(within_ms: 0))
            #expect(frame.number == number && isWhole(frame))
            if number == 20 { last = slow.next(within_ms: 0) }
            if number == 60 { #expect(view.newest(within_ms: 0)?.number == 60) }
        }
        // What was looked at all the time is still what it was.
        let held = try #require(last)
        #expect(isWhole(held) && held.number + slow.skipped == 2 * held.number)
        // More than one is not held; then it goes on with the oldest that is there.
        #expect(slow.next(within_ms: 0) == nil)
        last = nil
        _ = consume held
        ring.end()
        var numbers: [Int] = []
        while let frame = slow.next() { numbers.append(frame.number) }
        #expect(numbers == Array((100 - numbers.count)..<100) && numbers.count >= 5)
        #expect(slow.skipped + numbers.count + 1 == 100)
        #expect(view.next()?.number == numbers[0])
        #expect(recorder.next() == nil && view.skipped == 60 + numbers[0] - 61)
    }

    @Test func aRecorderThatFallsBehindByTheWholeRingIsAnOverrun() throws {
        let ring = try FrameRing(width: 8, height: 4, capacity: 4, spare: 1)
        let recorder = try ring.reader(keepsAll: true)
        for number in 0..<4 { try fill(ring, number) }
        let failure = #expect(throws: Failure.self) { try fill(ring, 4, within_ms: 5) }
        #expect(failure?.code == "overrun")
        // What was there before it is there.
        for number in 0..<4 { #expect(recorder.next(within_ms: 0).map(isWhole) == true, "\(number)") }
        try fill(ring, 4)
        ring.fail(Failure("the disk is full", code: "disk-full"))
        #expect(throws: Failure.self) { try fill(ring, 5) }
        #expect(throws: Failure.self) { try ring.reader(keepsAll: true) }
        #expect(throws: Failure.self) { try ring.reader(holding: 2) }
    }

    /// Another program that gets the file sees the same frames.
    @Test func theMemoryIsShared() throws {
        let ring = try FrameRing(width: 16, height: 16, capacity: 3, spare: 1)
        let slot = try ring.claim(within_ms: 0)
        ring.pixels(of: slot).update(repeating: 7)
        let other = mmap(nil, ring.memory.count, PROT_READ, MAP_SHARED, ring.memory.descriptor, 0)
        let there = try #require(other)
        defer { munmap(there, ring.memory.count) }
        #expect((there + slot * ring.stride).load(fromByteOffset: 510, as: UInt16.self) == 7)
        #expect(throws: Failure.self) { try FrameRing(width: 1 << 20, height: 1 << 20, capacity: 1 << 20) }
    }

    /// A camera, a recorder and readers of all speeds at once: nobody sees a torn frame, the recorder misses none.
    @Test func framesAreWholeForReadersOfAllSpeeds() throws {
        let ring = try FrameRing(width: 64, height: 32, capacity: 40, spare: 12)
        let frames = 3000
        let recorder = try ring.reader(keepsAll: true)
        let torn = Atomic<Int>(0)
        let seen = Mutex<[[Int]]>([])
        var threads = [0.0, 0.2, 2].map { [isWhole] (pause_ms: Double) in
            let reader = try? ring.reader(holding: 3)
            return WorkerThread("reader") {
                var numbers: [Int] = []
                var held: [HeldFrame] = []
                while let frame = reader?.next() {
                    numbers.append(frame.number)
                    held.append(frame)
                    if held.count == 3 {
                        Thread.sleep(forTimeInterval: pause_ms / 1000)
                        for frame in held where !isWhole(frame) { torn.add(1, ordering: .relaxed) }
                        held = []
                    }
                }
                seen.withLock { $0.append(numbers) }
                if numbers.count + (reader?.skipped ?? 0) != frames { torn.add(1, ordering: .relaxed) }
            }
        }
        let recorded = Mutex<[Int]>([])
        threads.append(
            WorkerThread("recorder", isPreferred: true) { [isWhole] in
                while let frame = recorder.next() {
                    if !isWhole(frame) { torn.add(1, ordering: .relaxed) }
                    recorded.withLock { $0.append(frame.number) }
                }
            })
        for number in 0..<frames { try fill(ring, number, within_ms: 10_000) }
        ring.end()
        for thread in threads { #expect(thread.wait(within_ms: 20_000)) }
        #expect(torn.load(ordering: .relaxed) == 0)
        #expect(recorded.withLock { $0 } == Array(0..<frames))
        for numbers in seen.withLock({ $0 }) {
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        }
    }
}
