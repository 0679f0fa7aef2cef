import Acquisition
import Foundation
import Instruments
import Testing
import Work

@Suite struct RecordingTests {
    let fake = FakeMicroscope()

    private func record(
        frames: Int = 20, into sink: sending MemorySink, slack_ms: Double = 1000, queueBytes: Int = 1 << 20
    ) throws -> MovieRecord {
        try fake.microscope.record(
            .init(channel: fake.channel, frames: frames), into: sink,
            policy: RecordingPolicy(slack_ms: slack_ms, ringBytes: queueBytes))
    }

    @Test func framesReachTheFileInOrderUnderLight() throws {
        let sink = MemorySink(delay_ms: 1)
        let record = try fake.microscope.record(
            .init(channel: fake.channel, frames: 30), into: sink)
        #expect(record.frames == 30)
        #expect(record.width == 32)
        #expect(record.height == 24)
        #expect(record.duration_ms == 300)
        let written = sink.inner.withLock { $0.frames }
        #expect(written == (0..<30).map { UInt16($0) })
        #expect(sink.inner.withLock { $0.isFinished })
        let lit = fake.camera.inner.withLock { $0.lightDuringFrames }
        #expect(lit == [Bool](repeating: true, count: 30))
        #expect(fake.light.isOn == false)
    }

    @Test func lightIsOffAfterEveryFault() throws {
        let faults: [(String, () -> MemorySink)] = [
            (
                "timeout",
                { [fake] in
                    fake.camera.inner.withLock { $0.stallsAt = 5 }; return MemorySink()
                }
            ),
            (
                "frames-lost",
                { [fake] in
                    fake.camera.inner.withLock {
                        $0.stallsAt = nil; $0.losesAt = 7
                    }; return MemorySink()
                }
            ),
            (
                "disk-full",
                { [fake] in
                    fake.camera.inner.withLock { $0.losesAt = nil }; return MemorySink(failsAt: 4)
                }
            ),
        ]
        for (code, prepare) in faults {
            let sink = prepare()
            let failure = #expect(throws: Failure.self) {
                try fake.microscope.record(
                    .init(channel: fake.channel, frames: 20), into: sink)
            }
            #expect(failure?.code == code)
            #expect(fake.light.isOn == false)
            #expect(!sink.inner.withLock { $0.isFinished })
        }
        #expect(fake.light.inner.withLock { $0.timesOn } == 3)
    }

    @Test func slowDiskIsAnOverrun() {
        let failure = #expect(throws: Failure.self) {
            try record(frames: 500, into: MemorySink(delay_ms: 20), queueBytes: 0)
        }
        #expect(failure?.code == "overrun")
        #expect(fake.light.isOn == false)
    }

    /// The frames that came before the disk fell behind are named and written.
    @Test func anOverrunNamesTheFramesThatAreKept() throws {
        let sink = MemorySink(delay_ms: 20)
        let failure = #expect(throws: Failure.self) { try record(frames: 500, into: sink, queueBytes: 0) }
        let written = sink.inner.withLock { $0.frames }
        #expect(written == (0..<written.count).map { UInt16($0) } && written.count >= 8)
        #expect(failure?.message.contains("frames 1 to \(written.count) of 500 are recorded") == true)
    }

    /// After a stall the light is off, the camera is started again, and the movie says where.
    @Test func aStalledCameraGoesOnAndTheGapIsKnown() throws {
        fake.camera.inner.withLock { $0.stallsAt = 7 }
        let sink = MemorySink()
        let record = try fake.microscope.record(
            .init(channel: fake.channel, frames: 12), into: sink, policy: RecordingPolicy(restarts: 1))
        #expect(record.frames == 12)
        #expect(record.gaps.map(\.after_frame) == [7])
        #expect(record.gaps.allSatisfy { $0.pause_ms > 0 && $0.reason.contains("no frame") })
        // The second sequence begins with frame 0 of its own.
        #expect(sink.inner.withLock { $0.frames } == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4])
        #expect(sink.inner.withLock { $0.isFinished })
        #expect(fake.light.inner.withLock { $0.timesOn } == 2)
        #expect(fake.light.isOn == false)
        // Not more often than it may.
        fake.camera.inner.withLock { $0.stallsAt = 2 }
        let failure = #expect(throws: Failure.self) {
            try fake.microscope.record(
                .init(channel: fake.channel, frames: 12), into: MemorySink(), policy: RecordingPolicy(restarts: 3))
        }
        #expect(failure?.code == "timeout")
        #expect(fake.light.inner.withLock { $0.timesOn } == 6)
    }

    /// Frames that may be lost are counted, and the others are in the file.
    @Test func lostFramesAreCountedWhereTheyMayBe() throws {
        fake.camera.inner.withLock { $0.losesAt = 7 }
        let sink = MemorySink()
        let record = try fake.microscope.record(
            .init(channel: fake.channel, frames: 12), into: sink, policy: RecordingPolicy(mostLost: 1))
        #expect(record.frames == 11 && record.lost == 1)
        #expect(sink.inner.withLock { $0.frames } == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11])
    }

    /// A reader that takes its time slows neither the camera nor the disk.
    @Test func aSlowReaderSkips() throws {
        let sink = MemorySink()
        var reader: RingReader?
        var first: HeldFrame?
        let record = try fake.microscope.record(
            .init(channel: fake.channel, frames: 400), into: sink, policy: RecordingPolicy(ringBytes: 40 * 1536),
            attach: { reader = try $0.reader() }
        ) { _ in if first == nil { first = reader?.next(within_ms: 0) } }
        #expect(record.frames == 400)
        #expect(sink.inner.withLock { $0.frames } == (0..<400).map { UInt16($0) })
        first = nil
        var numbers: [Int] = []
        while let frame = reader?.next() { numbers.append(frame.number) }
        #expect(numbers.last == 399 && numbers.count < 120)
        #expect((reader?.skipped ?? 0) > 200)
    }

    @Test func watchdogEndsAnExposureThatHangs() {
        fake.camera.inner.withLock {
            $0.stallsAt = 3
            $0.hangs_ms = 400
        }
        let failure = #expect(throws: Failure.self) { try record(into: MemorySink(), slack_ms: 60) }
        #expect(failure?.code == "stalled")
        // The frame after the hang was taken in the dark: the watchdog did not wait for the camera.
        #expect(fake.camera.inner.withLock { $0.lightDuringFrames.last } == false)
        #expect(fake.light.isOn == false)
    }

    @Test func lightThatStaysOnIsToldOf() {
        fake.light.inner.withLock { $0.staysOn = true }
        let failure = #expect(throws: Failure.self) { try record(into: MemorySink()) }
        #expect(failure?.code == "light-stuck")
    }

    @Test func unknownNamesAreNamed() {
        let failure = #expect(throws: Failure.self) { try fake.microscope.channel(named: "GFP") }
        #expect(failure?.description.contains("dSTORM") == true)
    }

    @Test func spaceIsCheckedBefore() throws {
        try FreeSpace.require(100 << 20, in: "/tmp", for: "the run") { _ in 1 << 30 }
        let failure = #expect(throws: Failure.self) {
            try FreeSpace.require(1 << 30, in: "/tmp", for: "the run") { _ in 1 << 30 }
        }
        #expect(failure?.code == "disk-full")
        #expect((FreeSpace.bytes(in: NSTemporaryDirectory()) ?? 0) > 0)
    }
}
