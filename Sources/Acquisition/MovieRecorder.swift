import Dispatch
import Imaging
import Instruments
import Synchronization
import Work

/// Where the frames of a movie go.
public protocol FrameSink: AnyObject {
    /// Adds one frame behind the others.
    func append(_ frame: Frame) throws
    /// Ends the file, so that it is whole.
    func finish() throws
    /// No more frames come, because of an error. What is there may be kept, but not as a whole movie.
    func cutShort(by error: any Error)
}

extension FrameSink {
    /// Keeps nothing.
    public func cutShort(by error: any Error) {}
}

/// Carries frames to their file on a thread of its own, so that the camera never waits for the disk.
///
/// The queue is bounded: when the disk falls behind for so long that it is full, that is a fault.
final class FrameQueue: Sendable {
    private struct State {
        var waiting = 0
        var failure: (any Error)?
    }

    private let sink: Mutex<any FrameSink>
    private let capacity: Int
    private let state = Mutex(State())
    private let writer = DispatchQueue(label: "stormbench.frames", qos: .userInitiated)

    /// A queue of at most `capacity` frames in front of a file.
    init(into sink: sending any FrameSink, capacity: Int) {
        self.sink = Mutex(sink)
        self.capacity = capacity
    }

    /// Takes a frame and returns at once.
    /// - Throws: what the writing of an earlier frame threw; `Failure` with code `overrun` when the queue is full.
    func append(_ frame: Frame) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard state.waiting < capacity else {
                throw Failure(
                    "the disk is slower than the camera: \(capacity) frames are waiting to be written",
                    remedy: "write to a faster disk, read a smaller region, or expose longer", code: "overrun")
            }
            state.waiting += 1
        }
        writer.async { [self] in
            if state.withLock({ $0.failure == nil }) {
                do { try sink.withLock { try $0.append(frame) } } catch { fail(error) }
            }
            state.withLock { $0.waiting -= 1 }
        }
    }

    /// Waits until every frame is written and ends the file.
    func finish() throws {
        writer.sync {}
        if let failure = state.withLock({ $0.failure }) { throw failure }
        try sink.withLock { try $0.finish() }
    }

    /// Writes the frames that are still waiting and tells the file that no more come.
    func cutShort(by error: any Error) {
        writer.sync {}
        sink.withLock { $0.cutShort(by: error) }
    }

    private func fail(_ error: any Error) {
        state.withLock { if $0.failure == nil { $0.failure = error } }
    }
}

/// What a movie turned out to be.
public struct MovieRecord: Sendable, Codable, Equatable {
    /// The number of frames.
    public var frames: Int
    /// The columns of a frame.
    public var width: Int
    /// The rows of a frame.
    public var height: Int
    /// The time from the first frame to the last by the camera's clock, its exposure included.
    public var duration_ms: Double
}

extension Microscope {
    /// Takes a movie: light on, the frames one by one to their file as they come, light off in every way out.
    /// - Parameters:
    ///   - movie: the channel and the number of frames.
    ///   - sink: takes the frames; it is used by another thread until this returns.
    ///   - slack_ms: what a frame may take beyond its exposure time.
    ///   - queueBytes: the memory for frames that wait for the disk.
    ///   - each: called after every frame.
    /// - Throws: `Failure` with code `stalled` or what the camera throws when a frame does not come in time,
    ///   `frames-lost`, `overrun`, what the sink throws (a full disk), `light-stuck`; `Interrupted`.
    public func record(
        _ movie: AcquisitionPlan.Movie, into sink: sending any FrameSink,
        slack_ms: Double = Microscope.slack_ms, queueBytes: Int = 256 << 20, each: () -> Void = {}
    ) throws -> MovieRecord {
        let beams = try prepare(movie.channel)
        let size = try camera.frameSize()
        let frameBytes = max(1, size.width * size.height * 2)
        let queue = FrameQueue(into: sink, capacity: max(8, queueBytes / frameBytes))
        let limit_ms = max(movie.channel.exposure_ms, try camera.cycle_ms()) + slack_ms
        do {
            let times = try exposing(to: beams, limit_ms: limit_ms) { watch in
                try camera.startSequence(frames: movie.frames)
                defer { camera.stopSequence() }
                return try take(movie.frames, limit_ms: limit_ms, watch: watch, into: queue, each: each)
            }
            try queue.finish()
            return MovieRecord(
                frames: movie.frames, width: size.width, height: size.height,
                duration_ms: times.last - times.first + movie.channel.exposure_ms)
        } catch {
            queue.cutShort(by: error)
            throw error
        }
    }

    /// Reads the frames of the running sequence.
    private func take(
        _ frames: Int, limit_ms: Double, watch: ExposureWatch, into queue: FrameQueue, each: () -> Void
    ) throws -> (first: Double, last: Double) {
        var count = 0
        var first = 0.0
        var last = 0.0
        while count < frames, let frame = try camera.nextFrame(timeout_ms: limit_ms) {
            try Interruption.check()
            guard frame.index == count else {
                throw Failure(
                    "\(camera.name) lost frames \(count + 1) to \(frame.index) of \(frames)",
                    remedy: "read a smaller region, or expose longer", code: "frames-lost")
            }
            if watch.hasExpired { break }
            watch.expect(within: limit_ms)
            if count == 0 { first = frame.time_ms }
            last = frame.time_ms
            try queue.append(frame)
            count += 1
            each()
        }
        guard count == frames || watch.hasExpired else {
            throw Failure(
                "\(camera.name) ended its sequence after \(count) of \(frames) frames",
                remedy: "check the camera and its trigger", code: "frames-lost")
        }
        return (first, last)
    }
}
