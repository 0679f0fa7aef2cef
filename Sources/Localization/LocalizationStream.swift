import Dispatch
import Imaging
import Synchronization
import Work

/// Localizes frames as a camera gives them. `add` returns at once while other cores work; it waits only when they are
/// far behind, so that memory stays bounded.
public final class LocalizationStream: Sendable {
    /// The size of the frames.
    public let width: Int, height: Int
    private let pixels: PixelCalibration
    private let localizer: Localizer
    private let queue = DispatchQueue(label: "localization", attributes: .concurrent)
    private let group = DispatchGroup()
    private let room: DispatchSemaphore
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var next = 1
        /// The numbers that it never got.
        var unseen: [Range<Int>] = []
        /// Workers that have nothing to do; one is taken for each frame and given back.
        var idle: [IdleWorker] = []
        var done: [Int: LocalizationTable] = [:]
        var isFinished = false
    }

    /// A worker on its way between threads, used by one at a time.
    private struct IdleWorker: @unchecked Sendable {
        let worker: FrameWorker
    }

    /// A stream of frames of one size.
    /// - Throws: a `Failure` when the camera's maps have another size.
    public init(_ localizer: Localizer, width: Int, height: Int) throws {
        self.localizer = localizer
        self.width = width
        self.height = height
        pixels = try PixelCalibration(localizer.camera, width: width, height: height)
        room = DispatchSemaphore(value: 4 * processorCount)
    }

    /// Adds the next frame of counts, shape [height, width].
    /// - Returns: its number, from 1.
    /// - Throws: a `Failure` for a frame of another size or after the end.
    @discardableResult public func add(_ frame: Plane<Float>) throws -> Int {
        try add(width: frame.width, height: frame.height, number: nil) { $0.add(frame, number: $1) }
    }

    /// Adds a frame where it lies; it is let go when it has been localized.
    /// - Parameter number: its number, from 1, beyond those of the frames before; the stream never sees those between.
    /// - Throws: as `add`; a `Failure` for a number that has been.
    public func add(_ frame: any CountsInPlace, number: Int) throws {
        try add(width: frame.width, height: frame.height, number: number) { $0.add(frame, number: $1) }
    }

    @discardableResult
    private func add(
        width: Int, height: Int, number given: Int?, _ work: @escaping @Sendable (FrameWorker, Int) -> Void
    ) throws -> Int {
        guard width == self.width, height == self.height else {
            throw Failure(
                "a frame of \(width)x\(height) in a stream of \(self.width)x\(self.height)", code: "size-mismatch")
        }
        let number = try state.withLock { state in
            guard !state.isFinished else { throw Failure("the stream is finished", code: "stream-finished") }
            let number = given ?? state.next
            guard number >= state.next else {
                throw Failure("frame \(number) comes behind frame \(state.next - 1)", code: "frame-order")
            }
            if number > state.next { state.unseen.append(state.next..<number) }
            state.next = number + 1
            return number
        }
        room.wait()
        queue.async(group: group) { [self] in
            let idle =
                state.withLock { $0.idle.popLast() } ?? IdleWorker(worker: FrameWorker(pixels, localizer))
            work(idle.worker, number)
            let table = idle.worker.finish()
            state.withLock {
                $0.done[number] = table
                $0.idle.append(idle)
            }
            room.signal()
        }
        return number
    }

    /// The frames that it never saw, because they came faster than they could be localized.
    public var skipped: Int { state.withLock { $0.unseen.reduce(0) { $0 + $1.count } } }

    /// The frames that have been localized.
    public var finishedFrames: Int { state.withLock { $0.done.count } }

    /// The localizations of a frame, once they are there.
    public func table(of frame: Int) -> LocalizationTable? { state.withLock { $0.done[frame] } }

    /// Waits for a frame that has been added.
    /// - Throws: `Interrupted`, or a `Failure` for a frame that has not been added.
    public func wait(for frame: Int) throws -> LocalizationTable {
        guard frame >= 1, state.withLock({ state in frame < state.next && !state.unseen.contains { $0 ~= frame } })
        else {
            throw Failure("frame \(frame) has not been added to the stream", code: "frame-missing")
        }
        while true {
            if let table = table(of: frame) { return table }
            try Interruption.check()
            _ = group.wait(timeout: .now() + .milliseconds(1))
        }
    }

    /// Waits for all frames.
    /// - Returns: the table of all frames in their order.
    /// - Throws: `Interrupted`.
    public func finish() throws -> LocalizationTable {
        state.withLock { $0.isFinished = true }
        while group.wait(timeout: .now() + .milliseconds(20)) == .timedOut { try Interruption.check() }
        return state.withLock { state in
            LocalizationTable(joining: state.done.keys.sorted().compactMap { state.done[$0] })
        }
    }
}
