import Dispatch
import Synchronization
import Work

/// Watches one exposure, or the frames of one sequence: when no frame has come within the time limit, a thread of its
/// own switches every light off, even where the camera's driver never returns.
public final class ExposureWatch: Sendable {
    private struct State {
        var deadline: DispatchTime?
        var look: DispatchTime?
        var hasExpired = false
    }

    private static let queue = DispatchQueue(label: "stormbench.watch", qos: .userInteractive)
    private let microscope: Microscope
    private let state = Mutex(State())

    init(_ microscope: Microscope) { self.microscope = microscope }

    /// Waits for a frame: it has to come within the time limit. Called again for every frame.
    public func expect(within limit_ms: Double) {
        let deadline = DispatchTime.now() + max(0, limit_ms) / 1000
        let mustLook = state.withLock { state in
            guard !state.hasExpired else { return false }
            state.deadline = deadline
            if let look = state.look, look <= deadline { return false }
            state.look = deadline
            return true
        }
        if mustLook { look(at: deadline) }
    }

    /// Nothing is waited for until the next `expect`.
    public func rest() { state.withLock { $0.deadline = nil } }

    /// Whether the lights were switched off because no frame came.
    public var hasExpired: Bool { state.withLock { $0.hasExpired } }

    /// The error of an exposure whose frame did not come.
    func stalled() -> Failure {
        Failure(
            "no frame from \(microscope.camera.name) within its time limit; the light is off",
            remedy: "check the camera, its cable and its trigger", code: "stalled")
    }

    /// Looks at the deadline when it has come: either it has been moved on, or the lights go out.
    private func look(at time: DispatchTime) {
        Self.queue.asyncAfter(deadline: time) { [weak self] in
            guard let self else { return }
            let (isLate, next): (Bool, DispatchTime?) = state.withLock { state in
                guard let deadline = state.deadline else {
                    state.look = nil
                    return (false, nil)
                }
                if deadline > .now() {
                    state.look = deadline
                    return (false, deadline)
                }
                state = State(hasExpired: true)
                return (true, nil)
            }
            if isLate { microscope.allLightsOff() }
            if let next { look(at: next) }
        }
    }
}

extension Microscope {
    /// What a camera may take for a frame beyond its exposure time before that is taken for a stall, in ms.
    public static var slack_ms: Double { 3000 }

    /// Does work of the camera under watch. Whatever goes wrong, every light goes off.
    /// - Parameters:
    ///   - limit_ms: how long the work may take; `body` may give it more time for every frame.
    /// - Throws: what `body` throws; `Failure` with code `stalled` when the time limit was passed.
    public func watching<Result>(limit_ms: Double, _ body: (ExposureWatch) throws -> Result) throws -> Result {
        let watch = ExposureWatch(self)
        return try watching(watch, limit_ms: limit_ms) { try body(watch) }
    }

    /// As `watching(limit_ms:)`, for one frame of a sequence that has a watch.
    public func watching<Result>(
        _ watch: ExposureWatch, limit_ms: Double, _ body: () throws -> Result
    ) throws -> Result {
        watch.expect(within: limit_ms)
        defer { watch.rest() }
        do {
            let result = try body()
            if watch.hasExpired { throw watch.stalled() }
            return result
        } catch {
            allLightsOff()
            throw watch.hasExpired ? watch.stalled() : error
        }
    }

    /// A watch for the frames of a sequence.
    public func sequenceWatch() -> ExposureWatch { ExposureWatch(self) }

    /// As `exposing(to:limit_ms:_:)` for one source.
    public func exposing<Result>(
        to light: any LightSource, power_mw: Double, limit_ms: Double, _ body: (ExposureWatch) throws -> Result
    ) throws -> Result {
        try exposing(to: [Beam(light, power_mw: power_mw)], limit_ms: limit_ms, body)
    }

    /// Runs `body` with lights on and off again behind it, under watch.
    /// - Parameters:
    ///   - beams: the sources with their powers.
    ///   - limit_ms: how long the light may stay on before `ExposureWatch.expect` is called again.
    /// - Throws: what `body` throws; `Failure` with code `stalled` when the time limit ended the exposure, and
    ///   `light-stuck` when the source does not confirm that it is off.
    public func exposing<Result>(
        to beams: [Beam], limit_ms: Double, _ body: (ExposureWatch) throws -> Result
    ) throws -> Result {
        try Interruption.check()
        let stop = EmergencyStop.register { [interlock] in interlock.allOff() }
        defer { stop.cancel() }
        let outcome = Swift.Result {
            try watching(limit_ms: limit_ms) { watch in
                let lease = try interlock.on(beams)
                defer { lease.end() }
                return try body(watch)
            }
        }
        for light in beams.map(\.light) where !interlock.holds(light) && light.isOn != false {
            allLightsOff()
            throw Failure(
                "\(light.name) does not confirm that it is off", remedy: "switch it off by hand and check its cable",
                code: "light-stuck")
        }
        return try outcome.get()
    }
}
