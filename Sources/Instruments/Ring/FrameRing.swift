import Dispatch
import Synchronization
import Work

/// Frames in shared memory between a camera and all that read them: the recorder, the live view, the localization.
///
/// The camera fills a slot, and readers look at it where it lies; nothing is copied. One reader may be told to keep every
/// frame (the recorder): a frame that it has not taken is never written over, and when it falls behind by the whole ring
/// that is an overrun. The others never hold the camera up: what they come too late for they skip, and know how much.
/// A frame that is being looked at stays as it is until the reader lets it go.
public final class FrameRing: Sendable {
    private struct Slot {
        var stamp = FrameStamp(index: 0, time_ms: 0)
        var holds = 0
        /// Its frame has left the ring, but somebody still looks at it.
        var isRetired = false
    }

    private struct Reader {
        var keepsAll: Bool
        var mostHeld: Int
        var next: Int
        var held = 0
        var skipped = 0
        var isWaiting = false
        let signal = DispatchSemaphore(value: 0)
    }

    private struct State {
        var slots: [Slot]
        var free: [Int]
        /// The slots of the frames in the ring, the oldest at `head`, as a circle.
        var order: [Int]
        var head = 0
        var count = 0
        /// The frames that were ever published.
        var published = 0
        var readers: [Int: Reader] = [:]
        var nextReader = 0
        var spare: Int
        var writerWaits = false
        var isEnded = false
        var failure: (any Error)?

        /// The number of the oldest frame in the ring.
        var first: Int { published - count }
    }

    /// The columns and rows of a frame.
    public let width: Int, height: Int
    /// The frames that the reader that keeps all may be behind.
    public let capacity: Int
    /// The bytes from one slot to the next: a frame of 16-bit counts, row by row, up to the next page.
    public let stride: Int
    /// The memory with the slots one behind the other.
    public let memory: SharedMemory
    private let state: Mutex<State>
    private let room = DispatchSemaphore(value: 0)

    /// A ring of frames of one size.
    /// - Parameters:
    ///   - capacity: the frames that may wait for the reader that keeps all.
    ///   - spare: the frames that other readers may hold at the same time, all together.
    /// - Throws: `Failure` with code `memory`.
    public init(width: Int, height: Int, capacity: Int, spare: Int = FrameRing.spare) throws {
        guard width > 0, height > 0, capacity > 0, width <= 1 << 20, height <= 1 << 20, capacity <= 1 << 24 else {
            throw Failure("a ring of \(capacity) frames of \(width)x\(height) is not possible", code: "memory")
        }
        self.width = width
        self.height = height
        self.capacity = capacity
        stride = (width * height * 2 + 4095) / 4096 * 4096
        // One more for the frame that the camera is writing, one for that on its way to the disk.
        let slots = capacity + spare + 2
        memory = try SharedMemory("frame-ring", bytes: slots * stride)
        state = Mutex(
            State(
                slots: Array(repeating: Slot(), count: slots), free: Array((0..<slots).reversed()),
                order: Array(repeating: 0, count: slots), spare: spare))
    }

    /// What other readers may hold together unless said otherwise: enough to keep every processor busy.
    public static var spare: Int { 6 * processorCount + 4 }

    /// The frames that were ever published.
    public var published: Int { state.withLock { $0.published } }

    // MARK: The camera

    /// A slot for the next frame.
    /// - Parameter within_ms: how long to wait for room; the camera's own buffer holds its frames meanwhile.
    /// - Returns: the slot; `publish` or `abandon` follows.
    /// - Throws: what the reader that keeps all failed with; `Failure` with code `overrun`.
    public func claim(within_ms: Double) throws -> Int {
        let limit = DispatchTime.now() + max(0, min(within_ms, 1e9)) / 1000
        while true {
            if let slot = try state.withLock({ try takeSlot(&$0) }) { return slot }
            guard room.wait(timeout: limit) == .success else {
                if let slot = try state.withLock({ try takeSlot(&$0) }) { return slot }
                throw Failure(
                    "the disk is slower than the camera: \(capacity) frames are waiting to be written",
                    remedy: "write to a faster disk, read a smaller region, or expose longer", code: "overrun")
            }
        }
    }

    private func takeSlot(_ state: inout State) throws -> Int? {
        if let failure = state.failure { throw failure }
        // A reader that keeps all is at most `capacity` frames behind, however much of the rest is free.
        let kept = state.readers.values.filter(\.keepsAll).map(\.next).min() ?? Int.max
        if state.published - min(kept, state.published) < capacity {
            if let slot = state.free.popLast() { return slot }
            while state.count > 0, state.first < kept {
                let slot = state.order[state.head]
                state.head = (state.head + 1) % state.order.count
                state.count -= 1
                guard state.slots[slot].holds > 0 else { return slot }
                state.slots[slot].isRetired = true
            }
        }
        state.writerWaits = true
        return nil
    }

    /// The memory of a slot.
    public func pixels(of slot: Int) -> UnsafeMutableBufferPointer<UInt16> {
        UnsafeMutableBufferPointer(
            start: (memory.base + slot * stride).assumingMemoryBound(to: UInt16.self), count: width * height)
    }

    /// Makes a filled slot the newest frame.
    public func publish(_ slot: Int, _ stamp: FrameStamp) {
        let waiting = state.withLock { state in
            state.slots[slot].stamp = stamp
            state.order[(state.head + state.count) % state.order.count] = slot
            state.count += 1
            state.published += 1
            return takeWaiting(&state)
        }
        for signal in waiting { signal.signal() }
    }

    /// Gives a slot back that got no frame.
    public func abandon(_ slot: Int) { state.withLock { $0.free.append(slot) } }

    /// No more frames come; what is there can still be read.
    public func end() {
        let waiting = state.withLock { state in
            state.isEnded = true
            return takeWaiting(&state)
        }
        for signal in waiting { signal.signal() }
    }

    /// The reader that keeps all cannot go on: the camera is told at its next frame.
    public func fail(_ error: any Error) {
        state.withLock { if $0.failure == nil { $0.failure = error } }
        room.signal()
    }

    private func takeWaiting(_ state: inout State) -> [DispatchSemaphore] {
        state.readers.keys.compactMap { key in
            guard state.readers[key]?.isWaiting == true else { return nil }
            state.readers[key]?.isWaiting = false
            return state.readers[key]?.signal
        }
    }

    // MARK: Readers

    /// A reader of the frames from now on.
    /// - Parameters:
    ///   - keepsAll: whether no frame may be written over before it has taken it. There is room for one such reader.
    ///   - holding: how many frames it may hold at the same time.
    /// - Throws: `Failure` with code `ring-readers` where others hold too many already.
    public func reader(keepsAll: Bool = false, holding: Int = 1) throws -> RingReader {
        let number = try state.withLock { state in
            let taken = state.readers.values.filter { !$0.keepsAll }.reduce(0) { $0 + $1.mostHeld }
            let isTaken = keepsAll && state.readers.values.contains(where: \.keepsAll)
            guard holding > 0, !isTaken, keepsAll ? holding == 1 : taken + holding <= state.spare else {
                throw Failure(
                    "a ring of frames has no room for one more reader of \(holding) frames", code: "ring-readers")
            }
            state.nextReader += 1
            state.readers[state.nextReader] = Reader(keepsAll: keepsAll, mostHeld: holding, next: state.published)
            return state.nextReader
        }
        return RingReader(self, number)
    }

    /// The next frame for a reader, or the newest.
    func take(_ number: Int, newest: Bool, within_ms: Double) -> HeldFrame? {
        let limit: DispatchTime = within_ms < 1e9 ? .now() + max(0, within_ms) / 1000 : .distantFuture
        while true {
            let (frame, signal, wakesWriter) = state.withLock { state in
                look(number, newest: newest, in: &state)
            }
            if wakesWriter { room.signal() }
            if let frame { return frame }
            guard let signal, signal.wait(timeout: limit) == .success else { return nil }
        }
    }

    /// A frame; or what to wait for; or nothing at the end.
    private func look(
        _ number: Int, newest: Bool, in state: inout State
    ) -> (HeldFrame?, DispatchSemaphore?, wakesWriter: Bool) {
        guard var reader = state.readers[number] else { return (nil, nil, false) }
        defer { state.readers[number] = reader }
        let next = max(reader.next, newest ? state.published - 1 : state.first)
        guard next < state.published, reader.held < reader.mostHeld else {
            reader.isWaiting = !(state.isEnded && next >= state.published)
            return (nil, reader.isWaiting ? reader.signal : nil, false)
        }
        let slot = state.order[(state.head + next - state.first) % state.order.count]
        state.slots[slot].holds += 1
        reader.skipped += next - reader.next
        reader.next = next + 1
        reader.held += 1
        let wakesWriter = reader.keepsAll && state.writerWaits
        if wakesWriter { state.writerWaits = false }
        return (HeldFrame(self, slot, number, next, state.slots[slot].stamp), nil, wakesWriter)
    }

    func release(_ slot: Int, of number: Int) {
        let signal = state.withLock { state -> DispatchSemaphore? in
            state.slots[slot].holds -= 1
            if state.slots[slot].holds == 0, state.slots[slot].isRetired {
                state.slots[slot].isRetired = false
                state.free.append(slot)
            }
            guard let isWaiting = state.readers[number]?.isWaiting else { return nil }
            state.readers[number]?.held -= 1
            state.readers[number]?.isWaiting = false
            return isWaiting ? state.readers[number]?.signal : nil
        }
        signal?.signal()
    }

    func skipped(_ number: Int) -> Int { state.withLock { $0.readers[number]?.skipped ?? 0 } }

    func leave(_ number: Int) {
        state.withLock { _ = $0.readers.removeValue(forKey: number) }
        room.signal()
    }
}
