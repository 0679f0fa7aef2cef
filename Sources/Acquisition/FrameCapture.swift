import Dispatch
import Instruments
import Synchronization
import Work

/// How far a movie has come, over all its sequences.
struct RecordingCourse: Sendable {
    /// The frames that are wanted.
    let frames: Int
    /// How long a frame may take.
    let limit_ms: Double
    /// How many frames may be lost.
    let mostLost: Int
    /// How many were lost, those behind the last one included.
    fileprivate(set) var lost = 0
    private(set) var gaps: [FrameGap] = []
    private(set) var first_ms = 0.0, last_ms = 0.0
    /// Whether the camera's driver has come back, so that the camera can be started again.
    private(set) var canGoOn = true
    /// When the last frame came, by the clock of the computer.
    private var lastArrival: DispatchTime?
    /// The frames that came or were lost until now.
    private(set) var index = 0
    fileprivate var isBehindGap = false

    init(frames: Int, limit_ms: Double, mostLost: Int) {
        self.frames = frames
        self.limit_ms = limit_ms
        self.mostLost = mostLost
    }

    /// The camera stalled and is started again.
    mutating func stalled(_ failure: Failure, after frames: Int) {
        gaps.append(FrameGap(after_frame: frames, pause_ms: 0, reason: failure.message))
        isBehindGap = true
    }

    /// Takes over what a sequence did.
    mutating func follow(_ capture: FrameCapture) {
        let (progress, hasEnded) = capture.progress
        self = progress
        canGoOn = hasEnded
    }

    /// A frame has come.
    /// - Returns: its stamp in the movie.
    fileprivate mutating func arrived(
        _ stamp: FrameStamp, isFirst: Bool, lost: Int, offset: inout FrameStamp
    ) -> FrameStamp {
        let now = DispatchTime.now()
        if isFirst {
            offset = FrameStamp(index: index, time_ms: 0)
            if isBehindGap, let lastArrival {
                let pause_ms = Double(now.uptimeNanoseconds - lastArrival.uptimeNanoseconds) * 1e-6
                offset.time_ms = last_ms + pause_ms - stamp.time_ms
                if !gaps.isEmpty { gaps[gaps.count - 1].pause_ms = pause_ms }
            } else {
                first_ms = stamp.time_ms
            }
            isBehindGap = false
        }
        var placed = stamp
        placed.index += offset.index
        placed.time_ms += offset.time_ms
        placed.lostBefore = lost
        self.lost += lost
        index = placed.index + 1
        last_ms = placed.time_ms
        lastArrival = now
        return placed
    }
}

/// Takes the frames of one sequence from a camera into a ring, on a thread of its own.
final class FrameCapture: Sendable {
    private struct State {
        var course: RecordingCourse
        var isCancelled = false
        var result: Result<Void, any Error>?
    }

    private let camera: any Camera
    private let ring: FrameRing
    private let cycle_ms: Double
    private let state: Mutex<State>

    init(_ camera: any Camera, _ ring: FrameRing, _ course: RecordingCourse, cycle_ms: Double) {
        self.camera = camera
        self.ring = ring
        self.cycle_ms = cycle_ms
        state = Mutex(State(course: course))
    }

    /// How far it has come, and whether the camera's driver has come back.
    var progress: (RecordingCourse, hasEnded: Bool) { state.withLock { ($0.course, $0.result != nil) } }

    /// Takes nothing more into the ring.
    func cancel() { state.withLock { $0.isCancelled = true } }

    /// What became of the sequence, behind its end.
    func outcome() throws { try state.withLock { $0.result }?.get() }

    /// Takes the frames; does not return before the camera's driver does.
    func run(_ watch: ExposureWatch) {
        let result = Result { try take(watch) }
        state.withLock { $0.result = result }
    }

    private func take(_ watch: ExposureWatch) throws {
        let course = state.withLock { $0.course }
        var lost = course.lost
        // The number of the next frame in this sequence.
        var next = 0
        var offset = FrameStamp(index: 0, time_ms: 0)
        func note(lostBefore index: Int) throws -> Int {
            let here = index - next
            lost += here
            guard here >= 0, lost <= course.mostLost else {
                throw Failure(
                    "\(camera.name) lost frames \(course.index + next + 1) to \(course.index + index) of "
                        + "\(course.frames)", remedy: "read a smaller region, or expose longer", code: "frames-lost")
            }
            return here
        }
        while course.index + next < course.frames {
            let slot = try claim(course.frames)
            var isFilled = false
            defer { if !isFilled { ring.abandon(slot) } }
            guard let stamp = try camera.nextFrame(into: ring.pixels(of: slot), timeout_ms: course.limit_ms) else {
                break
            }
            let lostBefore = try note(lostBefore: stamp.index)
            if watch.hasExpired { break }
            watch.expect(within: course.limit_ms)
            isFilled = state.withLock { state in
                guard !state.isCancelled else { return false }
                ring.publish(
                    slot, state.course.arrived(stamp, isFirst: next == 0, lost: lostBefore, offset: &offset))
                return true
            }
            guard isFilled else { return }
            next = stamp.index + 1
        }
        let left = course.frames - course.index - next
        guard left > 0, !watch.hasExpired else { return }
        guard lost + left <= course.mostLost else {
            throw Failure(
                "\(camera.name) ended its sequence after \(course.index + next) of \(course.frames) frames",
                remedy: "check the camera and its trigger", code: "frames-lost")
        }
        state.withLock { $0.course.lost += left }
    }

    private func claim(_ frames: Int) throws -> Int {
        do { return try ring.claim(within_ms: cycle_ms) } catch let failure as Failure where failure.code == "overrun" {
            throw Failure(
                "\(failure.message); frames 1 to \(ring.published) of \(frames) are recorded", remedy: failure.remedy,
                code: failure.code)
        }
    }
}
