import Foundation
import Synchronization
import Work

/// The one way to light: every light of a microscope is switched on here, for scripts and runs alike.
///
/// Each `on` gives a lease. The newest lease of a source sets its power. When it ends, the one before it holds again
/// at its own power; with none left the source is dark. The end of a lease that is not the newest changes nothing, nor
/// does the end of one that `off`, a fault or the emergency stop has ended already. A lease that nobody ends lasts
/// until `off`.
///
/// A host that is killed outright cannot switch anything off: sources that stay on without their host need a process
/// that outlives it.
public final class Interlock: Sendable {
    private struct Grant {
        var number: Int
        var power_mw: Double
    }

    private struct State {
        var next = 0
        /// The leases of each source that have not ended, oldest first.
        var held: [String: [Grant]] = [:]
        /// Whether no light is allowed until `resume`.
        var isStopped = false
    }

    /// The codes of failures after which no light may stay on, whoever switched it on: a full disk, a device that is
    /// lost or does not do what it is told.
    public static let hazards: Set<String> = [
        "axis-fault", "device-garbled", "device-gone", "device-silent", "disk-full", "frames-lost", "gone",
        "keeper-lost", "light-not-off", "light-stuck", "light-tripped", "limit-hit", "motion-interrupted",
        "motion-timeout", "motion-unknown", "no-answer", "not-confirmed", "not-homed", "overrun", "position-lost",
        "stage-missed", "stalled", "timeout", "wheel-stuck",
    ]

    private let lights: [any LightSource]
    private let state = Mutex(State())

    init(_ lights: [any LightSource]) { self.lights = lights }

    /// Switches the lights of a channel on, the weakest last; where one of them fails, all go off again.
    /// - Throws: as `on(_:power_mw:)`.
    public func on(_ beams: [Beam]) throws -> LightLease {
        let leases = LightLease(interlock: self)
        do {
            for beam in beams { leases.add(beam.light, number: try grant(beam.light, beam.power_mw)) }
        } catch {
            leases.end()
            throw error
        }
        return leases
    }

    /// Switches a source on.
    /// - Throws: `Failure` with code `power-range`, `stopped` after an emergency stop, what the source throws (it is dark
    ///   then, its earlier leases have ended), `light-stopped` when it was switched off meanwhile; `Interrupted`.
    public func on(_ light: any LightSource, power_mw: Double) throws -> LightLease {
        try on([Beam(light, power_mw: power_mw)])
    }

    private func grant(_ light: any LightSource, _ power_mw: Double) throws -> Int {
        try Interruption.check()
        guard power_mw >= 0, power_mw <= light.maximum_mw else {
            throw Failure(
                "laser \(light.name): a power of \(power_mw) mW is not possible",
                remedy: "give 0 to \(light.maximum_mw) mW", code: "power-range")
        }
        let number = try state.withLock { state in
            guard !state.isStopped else { throw MotionGate.stopped("laser \(light.name)") }
            state.next += 1
            state.held[light.name, default: []].append(Grant(number: state.next, power_mw: power_mw))
            return state.next
        }
        try set(light, to: power_mw, for: number)
        return number
    }

    /// Switches a source off and ends all its leases. Cannot fail.
    public func off(_ light: any LightSource) {
        state.withLock { $0.held[light.name] = nil }
        light.off()
    }

    /// Switches every source off, all at once, and ends all leases. Cannot fail; called from every way out, on any
    /// thread.
    public func allOff() { putOff(endAll()) }

    /// Ends all leases; the sources are still to be put off.
    func endAll() -> [any LightSource] {
        state.withLock { $0.held = [:] }
        return lights
    }

    /// Allows no light until `resume`.
    func refuse() { state.withLock { $0.isStopped = true } }

    /// Allows light again after `refuse`; every source stays off.
    func resume() { state.withLock { $0.isStopped = false } }

    /// Whether a lease of the source is left.
    func holds(_ light: any LightSource) -> Bool { state.withLock { $0.held[light.name] != nil } }

    fileprivate func holds(_ light: any LightSource, _ number: Int) -> Bool {
        state.withLock { $0.held[light.name]?.contains { $0.number == number } ?? false }
    }

    fileprivate func end(_ light: any LightSource, _ number: Int) {
        let outcome: (isNewest: Bool, before: Grant?) = state.withLock { state in
            guard var grants = state.held[light.name], let place = grants.firstIndex(where: { $0.number == number })
            else { return (false, nil) }
            let isNewest = place == grants.count - 1
            grants.remove(at: place)
            state.held[light.name] = grants.isEmpty ? nil : grants
            return (isNewest, grants.last)
        }
        guard outcome.isNewest else { return }
        guard let before = outcome.before, !Interruption.isRequested else { return off(light) }
        try? set(light, to: before.power_mw, for: before.number)
    }

    /// Sets the power for a lease; an `off` that comes meanwhile wins.
    private func set(_ light: any LightSource, to power_mw: Double, for number: Int) throws {
        do { try light.on(power_mw: power_mw) } catch {
            off(light)
            throw error
        }
        guard holds(light, number) else {
            light.off()
            throw Failure("laser \(light.name) was switched off while it was switched on", code: "light-stopped")
        }
    }
}

/// Light of one source at a power.
public struct Beam: Sendable {
    /// The source.
    public let light: any LightSource
    /// Its power.
    public let power_mw: Double

    /// Makes a beam.
    public init(_ light: any LightSource, power_mw: Double) {
        self.light = light
        self.power_mw = power_mw
    }
}

/// Puts sources off, each on a thread of its own, so that one that is slow does not keep the others lit. In a program
/// that has crashed no thread can be made, and they go off one after the other.
func putOff(_ lights: [any LightSource]) {
    guard lights.count > 1, !EmergencyStop.isFinal else { return lights.forEach { $0.off() } }
    let done = DispatchSemaphore(value: 0)
    for light in lights.dropFirst() {
        Thread.detachNewThread {
            light.off()
            done.signal()
        }
    }
    lights[0].off()
    for _ in lights.dropFirst() { done.wait() }
}

/// The right to the light of one `on`, of one source or the several of a channel. It lasts until `end()`, or until the
/// sources are switched off; that nothing holds it any more does not end it.
public final class LightLease: Sendable {
    private let parts = Mutex<[(light: any LightSource, number: Int)]>([])
    private let interlock: Interlock

    fileprivate init(interlock: Interlock) { self.interlock = interlock }

    fileprivate func add(_ light: any LightSource, number: Int) { parts.withLock { $0.append((light, number)) } }

    /// The sources, the strongest first.
    public var lights: [any LightSource] { parts.withLock { $0.map(\.light) } }

    /// Whether it has not ended.
    public var isHeld: Bool { parts.withLock { $0 }.allSatisfy { interlock.holds($0.light, $0.number) } }

    /// Ends it: the leases before it hold again, or the sources go off. Repeated calls do nothing.
    public func end() {
        for part in parts.withLock({ $0 }).reversed() { interlock.end(part.light, part.number) }
    }
}
