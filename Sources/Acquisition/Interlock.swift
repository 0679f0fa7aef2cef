import Foundation
import Instruments
import Synchronization
import Work

/// Sees to it that light only comes out while an exposure runs and is watched.
///
/// The light goes off when the exposure ends in whatever way, when no frame has come within the time limit (a thread
/// of its own switches it off then, even where the camera's driver never returns), and by the emergency stop of the
/// program (Ctrl-C, SIGTERM). A host that is killed outright cannot switch anything off: sources that stay on without
/// their host need a process that outlives it.
public final class Interlock: Sendable {
    private struct State {
        var deadline: DispatchTime?
        var watch = 0
        var hasExpired = false
    }

    private let microscope: Microscope
    private let state = Mutex(State())
    private let watchdog = DispatchQueue(label: "stormbench.interlock", qos: .userInteractive)

    /// The interlock of a microscope.
    public init(_ microscope: Microscope) { self.microscope = microscope }

    /// Runs `body` with the light on and off again behind it.
    /// - Parameters:
    ///   - light: the source.
    ///   - power_mw: its power.
    ///   - limit_ms: how long the light may stay on without `keepAlive()`.
    /// - Throws: what `body` throws; `Failure` with code `stalled` when the time limit ended the exposure, and
    ///   `light-stuck` when the source does not confirm that it is off.
    public func exposing<Result>(
        to light: any LightSource, power_mw: Double, limit_ms: Double, _ body: () throws -> Result
    ) throws -> Result {
        try Interruption.check()
        let stop = EmergencyStop.register { [microscope] in microscope.allLightsOff() }
        defer { stop.cancel() }
        watch(limit_ms: limit_ms)
        let outcome: Swift.Result<Result, any Error>
        do {
            try light.on(power_mw: power_mw)
            outcome = .success(try body())
        } catch {
            outcome = .failure(error)
        }
        light.off()
        let hasExpired = endWatch()
        guard light.isOn == false else {
            microscope.allLightsOff()
            throw Failure(
                "\(light.name) does not confirm that it is off", remedy: "switch it off by hand and check its cable",
                code: "light-stuck")
        }
        guard !hasExpired else {
            throw Failure(
                "no frame from \(microscope.camera.name) within \(Int(limit_ms)) ms; the light is off",
                remedy: "check the camera, its cable and its trigger", code: "stalled")
        }
        return try outcome.get()
    }

    /// Tells the watchdog that the exposure goes on as it should; called for every frame.
    public func keepAlive(limit_ms: Double) {
        state.withLock { if $0.deadline != nil { $0.deadline = .now() + limit_ms / 1000 } }
    }

    /// Whether the watchdog has switched the light off.
    public var hasExpired: Bool { state.withLock { $0.hasExpired } }

    private func watch(limit_ms: Double) {
        let (deadline, number) = state.withLock { state in
            let deadline = DispatchTime.now() + limit_ms / 1000
            state = State(deadline: deadline, watch: state.watch + 1)
            return (deadline, state.watch)
        }
        look(at: deadline, number: number)
    }

    /// Looks at the deadline when it has come: either it has been moved on, or the lights go out.
    private func look(at time: DispatchTime, number: Int) {
        watchdog.asyncAfter(deadline: time) { [weak self] in
            guard let self else { return }
            let next: DispatchTime? = state.withLock { state in
                guard state.watch == number, let deadline = state.deadline else { return nil }
                if deadline > .now() { return deadline }
                state.hasExpired = true
                state.deadline = nil
                return .distantFuture
            }
            if next == .distantFuture {
                microscope.allLightsOff()
            } else if let next {
                look(at: next, number: number)
            }
        }
    }

    private func endWatch() -> Bool {
        state.withLock { state in
            state.deadline = nil
            return state.hasExpired
        }
    }
}

extension Microscope {
    /// The channel of a name.
    /// - Throws: `Failure` with code `channel-unknown` that lists the names there are.
    public func channel(named name: String) throws -> Channel {
        guard let channel = channels[name] else {
            throw Failure(
                "the microscope '\(self.name)' has no channel '\(name)'",
                remedy: "choose one of \(channels.keys.sorted().joined(separator: ", "))", code: "channel-unknown")
        }
        return channel
    }

    /// Turns the wheels and sets the camera up for a channel; the light stays off.
    /// - Returns: the light source of the channel.
    /// - Throws: `Failure`, also for a light or a wheel that the microscope does not have.
    public func prepare(_ channel: Channel) throws -> any LightSource {
        guard let light = lights[channel.light] else {
            throw Failure(
                "channel '\(channel.name)' needs the light source '\(channel.light)', which '\(name)' does not have",
                remedy: "choose one of \(lights.keys.sorted().joined(separator: ", "))", code: "light-unknown")
        }
        for (wheelName, position) in channel.wheels.sorted(by: { $0.key < $1.key }) {
            guard let wheel = wheels[wheelName] else {
                throw Failure(
                    "channel '\(channel.name)' needs the wheel '\(wheelName)', which '\(name)' does not have",
                    remedy: "choose one of \(wheels.keys.sorted().joined(separator: ", "))", code: "wheel-unknown")
            }
            if wheel.selected != position { try wheel.select(position) }
        }
        try camera.setExposure(channel.exposure_ms)
        try camera.setEMGain(channel.emGain)
        return light
    }

    /// The field of view of the camera's present region in um.
    public func fieldOfView() throws -> (width_um: Double, height_um: Double) {
        let region = try camera.region()
        return (Double(region.width) * camera.pixel_nm / 1000, Double(region.height) * camera.pixel_nm / 1000)
    }

    /// Takes one frame of a channel; the light is on for the exposure only.
    /// - Parameter slack_ms: what the camera may take beyond the exposure time.
    /// - Throws: as `Interlock.exposing`, and what the devices throw.
    public func snap(_ channel: Channel, interlock: Interlock, slack_ms: Double = 10_000) throws -> Frame {
        let light = try prepare(channel)
        return try interlock.exposing(
            to: light, power_mw: channel.power_mw, limit_ms: channel.exposure_ms + slack_ms
        ) { try camera.snap() }
    }
}
