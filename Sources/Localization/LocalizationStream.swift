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
        guard frame.width == width, frame.height == height else {
            throw Failure(
                "a frame of \(frame.width)x\(frame.height) in a stream of \(width)x\(height)", code: "size-mismatch")
        }
        let number = try state.withLock { state in
            guard !state.isFinished else { throw Failure("the stream is finished", code: "stream-finished") }
            state.next += 1
            return state.next - 1
        }
        room.wait()
        queue.async(group: group) { [self] in
            let idle =
                state.withLock { $0.idle.popLast() } ?? IdleWorker(worker: FrameWorker(pixels, localizer))
            idle.worker.add(frame, number: number)
            let table = idle.worker.finish()
            state.withLock {
                $0.done[number] = table
                $0.idle.append(idle)
            }
            room.signal()
        }
        return number
    }

    /// The frames that have been localized.
    public var finishedFrames: Int { state.withLock { $0.done.count } }

    /// The localizations of a frame, once they are there.
    public func table(of frame: Int) -> LocalizationTable? { state.withLock { $0.done[frame] } }

    /// Waits for a frame that has been added.
    /// - Throws: `Interrupted`, or a `Failure` for a frame that has not been added.
    public func wait(for frame: Int) throws -> LocalizationTable {
        guard frame >= 1, state.withLock({ frame < $0.next }) else {
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
