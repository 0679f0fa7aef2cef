import Imaging
import Instruments
import Synchronization
import Work

/// Where the frames of a movie go.
public protocol FrameSink: AnyObject {
    /// Adds one frame behind the others.
    func append(_ frame: HeldFrame) throws
    /// Ends the file, so that it is whole.
    /// - Parameter gaps: where the movie was interrupted.
    func finish(gaps: [FrameGap]) throws
    /// No more frames come, because of an error. What is there may be kept, but not as a whole movie.
    func cutShort(by error: any Error, gaps: [FrameGap])
}

extension FrameSink {
    /// Keeps nothing.
    public func cutShort(by error: any Error, gaps: [FrameGap]) {}
}

/// A place in a movie where the camera had to be started again.
public struct FrameGap: Sendable, Codable, Equatable {
    /// The frames that were recorded before it.
    public var after_frame: Int
    /// The time from the last frame before it to the first behind it, in ms by the clock of the computer.
    public var pause_ms: Double
    /// Why, in one line.
    public var reason: String
}

/// What a movie turned out to be.
public struct MovieRecord: Sendable, Codable, Equatable {
    /// The number of frames.
    public var frames: Int
    /// The columns of a frame.
    public var width: Int
    /// The rows of a frame.
    public var height: Int
    /// The time from the first frame to the last, its exposure included: by the camera's clock, over gaps by that of the
    /// computer.
    public var duration_ms: Double
    /// Where the camera had to be started again.
    public var gaps: [FrameGap] = []
    /// The frames that were lost: the movie has so many less than were asked for.
    public var lost = 0
}

/// How a movie is recorded.
public struct RecordingPolicy: Sendable {
    /// What a frame may take beyond its exposure time in ms.
    public var slack_ms = Microscope.slack_ms
    /// The seconds for which the disk may stop while the camera goes on.
    public var ring_s = 4.0
    /// The most memory in bytes for frames that wait for the disk; nil for a quarter of what the machine has free.
    public var ringBytes: Int?
    /// How often a camera that stalls is started again for the frames that are left.
    public var restarts = 0
    /// How many frames may be lost before that is an error.
    public var mostLost = 0

    /// The usual way.
    public init(
        slack_ms: Double = Microscope.slack_ms, ring_s: Double = 4, ringBytes: Int? = nil, restarts: Int = 0,
        mostLost: Int = 0
    ) {
        self.slack_ms = slack_ms
        self.ring_s = ring_s
        self.ringBytes = ringBytes
        self.restarts = restarts
        self.mostLost = mostLost
    }

    /// The frames that may wait for the disk: enough for `ring_s`, and for fast small frames 32 MB, as far as there is
    /// memory; not more than the movie has, and at least 8.
    func capacity(frameBytes: Int, cycle_ms: Double, frames: Int) -> Int {
        let wanted = max(ring_s * 1000 / max(cycle_ms, 0.001), Double(32 << 20 as Int) / Double(frameBytes))
        let most = Double(ringBytes ?? MemoryLimit.free / 4) / Double(frameBytes)
        return max(8, Int(min(wanted, most, Double(frames), 1e6)))
    }
}

extension Microscope {
    /// Takes a movie: light on, the frames through a ring in shared memory to their file as they come, light off in every
    /// way out. The camera has a thread of its own, and so has the disk.
    /// - Parameters:
    ///   - movie: the channel and the number of frames.
    ///   - sink: takes the frames; it is used by another thread until this returns.
    ///   - policy: how much the ring holds, and what is done after a stall.
    ///   - attach: gets the ring before the first frame, for readers of its own.
    ///   - each: called on this thread a few times a second with the number of frames that have come since the last call.
    /// - Throws: `Failure` with code `stalled` or what the camera throws when a frame does not come in time,
    ///   `frames-lost`, `overrun`, what the sink throws (a full disk), `light-stuck`; `Interrupted`.
    public func record(
        _ movie: AcquisitionPlan.Movie, into sink: sending any FrameSink, policy: RecordingPolicy = RecordingPolicy(),
        attach: (FrameRing) throws -> Void = { _ in }, each: (Int) throws -> Void = { _ in }
    ) throws -> MovieRecord {
        var beams = try prepare(movie.channel)
        let size = try camera.frameSize()
        let cycle_ms = max(movie.channel.exposure_ms, try camera.cycle_ms())
        let ring = try FrameRing(
            width: size.width, height: size.height,
            capacity: policy.capacity(
                frameBytes: size.width * size.height * 2, cycle_ms: cycle_ms, frames: movie.frames))
        let recorder = try FrameRecorder(from: ring, into: sink)
        var course = RecordingCourse(
            frames: movie.frames, limit_ms: cycle_ms + policy.slack_ms, mostLost: policy.mostLost)
        var told = 0
        do {
            try attach(ring)
            while true {
                do {
                    try expose(to: beams, ring, cycle_ms: cycle_ms, &course, &told, each)
                    break
                } catch let failure as Failure
                    where ["stalled", "timeout"].contains(failure.code) && course.gaps.count < policy.restarts
                    && course.canGoOn
                {
                    course.stalled(failure, after: ring.published)
                    beams = try prepare(movie.channel)
                }
            }
            ring.end()
            try recorder.finish(gaps: course.gaps)
            return MovieRecord(
                frames: ring.published, width: size.width, height: size.height,
                duration_ms: course.last_ms - course.first_ms + movie.channel.exposure_ms, gaps: course.gaps,
                lost: course.lost)
        } catch {
            ring.end()
            recorder.cutShort(by: error, gaps: course.gaps)
            throw error
        }
    }

    /// Takes the frames that are left in one sequence under light.
    private func expose(
        to beams: [Beam], _ ring: FrameRing, cycle_ms: Double, _ course: inout RecordingCourse,
        _ told: inout Int, _ each: (Int) throws -> Void
    ) throws {
        let capture = FrameCapture(camera, ring, course, cycle_ms: cycle_ms)
        defer {
            capture.cancel()
            course.follow(capture)
            camera.stopSequence()
        }
        try exposing(to: beams, limit_ms: course.limit_ms) { watch in
            try camera.startSequence(frames: course.frames - course.index)
            let thread = WorkerThread("camera", isPreferred: true) { capture.run(watch) }
            do {
                while !thread.wait(within_ms: 20) {
                    try Interruption.check()
                    if watch.hasExpired { break }
                    let here = ring.published
                    if here > told { try each(here - told) }
                    told = here
                }
                // A driver that does not return is left behind with its thread.
                thread.wait(within_ms: 10_000)
            } catch {
                allLightsOff()
                capture.cancel()
                camera.stopSequence()
                thread.wait(within_ms: 10_000)
                throw error
            }
            try capture.outcome()
            if ring.published > told { try each(ring.published - told) }
        }
    }
}
