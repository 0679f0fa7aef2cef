import Synchronization
import Work

/// The microscopes that are open in this program, so that every way out can switch all their lights off.
public enum OpenMicroscopes {
    private struct Weak: Sendable {
        weak var microscope: Microscope?
    }

    private static let all = Mutex<[Weak]>([])

    /// Done once: whatever way the program ends, the lights go off.
    private static let entry = EmergencyStop.register { allLightsOff() }
    private static let halt = EmergencyStop.register(onlyAtEnd: true) { stop() }

    /// Adds a microscope; it is not kept alive.
    public static func add(_ microscope: Microscope) {
        _ = (entry, halt)
        all.withLock { all in
            all.removeAll { $0.microscope == nil }
            all.append(Weak(microscope: microscope))
        }
    }

    /// Switches every light off where the failure is one of `Interlock.hazards`.
    public static func heed(_ error: any Error) {
        if let failure = error as? Failure, Interlock.hazards.contains(failure.code) { allLightsOff() }
    }

    /// The emergency stop of every open microscope; see `Microscope.stop()`.
    public static func stop() {
        EmergencyStop.atOnce(
            all.withLock { $0 }.compactMap(\.microscope).map { microscope in { microscope.stop() } }, limit_s: 3)
    }

    /// Switches every light of every open microscope off. Cannot fail and may be called from any thread.
    public static func allLightsOff() {
        putOff(all.withLock { $0 }.flatMap { $0.microscope?.interlock.endAll() ?? [] })
    }
}
