import Foundation
import Instruments
import Synchronization
import Work

/// A laser of a simulated microscope.
public final class SimulatedLight: LightSource {
    private struct State {
        var isClosed = false
        var power_mw = 0.0
    }

    /// The name, such as `647`.
    public let name: String
    /// The wavelength in nm.
    public let wavelength_nm: Double
    /// The greatest power.
    public let maximum_mw: Double
    private let world: SimulatedWorld
    private let log: LightLog?
    private let state = Mutex(State())

    init(_ model: LightModel, _ world: SimulatedWorld) {
        log = world.settings.lightLog
        name = model.name
        wavelength_nm = model.wavelength_nm
        maximum_mw = model.maximum_mw
        self.world = world
    }

    /// Switches on at a power.
    public func on(power_mw: Double) throws {
        guard power_mw >= 0, power_mw <= maximum_mw else {
            off()
            throw Failure(
                "laser \(name): a power of \(power_mw) mW is not possible", remedy: "give 0 to \(maximum_mw) mW",
                code: "power-range")
        }
        guard !EmergencyStop.isFinal else { throw Failure("laser \(name): the program is ending", code: "ending") }
        guard !world.faults.refusingLights.contains(name) else {
            off()
            throw Failure(
                "laser \(name) does not confirm that it is on", remedy: "check its key switch and its interlock",
                code: "not-confirmed")
        }
        let now = world.clock.now_ms
        try state.withLock { state in
            guard !state.isClosed else { throw Failure("laser \(name) is closed", code: "closed") }
            state.power_mw = power_mw
            log?.note(name, power_mw)
            world.note(.light(name, power_mw: power_mw), at: now)
        }
    }

    /// Switches off.
    public func off() {
        let now = world.clock.now_ms
        state.withLock { state in
            guard state.power_mw > 0 else { return }
            state.power_mw = 0
            log?.note(name, 0)
            world.note(.light(name, power_mw: 0), at: now)
        }
    }

    /// Whether light comes out; nil when the laser does not answer.
    public var isOn: Bool? {
        world.faults.silentLights.contains(name) ? nil : state.withLock { $0.power_mw > 0 }
    }

    /// The power it emits now, 0 when off.
    public func power_mw() throws -> Double {
        guard !world.faults.silentLights.contains(name) else {
            throw Failure("laser \(name) does not answer", remedy: "check its cable", code: "no-answer")
        }
        return try state.withLock { state in
            guard !state.isClosed else { throw Failure("laser \(name) is closed", code: "closed") }
            return state.power_mw
        }
    }

    /// Switches off and gives the laser back.
    public func close() {
        off()
        state.withLock { $0.isClosed = true }
    }
}

/// A file that gets a line for every switching of a simulated light: the time in s of the system's monotonic clock, the
/// light's name, its power in mW. What it says holds even where the program crashes the moment after.
final class LightLog: Sendable {
    private let descriptor: Int32

    /// Begins the file anew.
    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
        }
    }

    deinit { close(descriptor) }

    func note(_ name: String, _ power_mw: Double) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let nanoseconds = 1_000_000_000 + time.tv_nsec
        let text = "\(time.tv_sec).\("\(nanoseconds)".dropFirst()) \(name) \(power_mw)\n"
        _ = text.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// A filter wheel of a simulated microscope.
public final class SimulatedWheel: Wheel {
    private struct State {
        var isClosed = false
        var selected: String?
    }

    /// The name, such as `emission`.
    public let name: String
    /// The names of the positions.
    public let positions: [String]
    private let turning_ms: Double
    private let world: SimulatedWorld
    private let state: Mutex<State>

    init(_ model: WheelModel, _ world: SimulatedWorld) {
        name = model.name
        positions = model.positions.map(\.name)
        turning_ms = model.turning_ms
        self.world = world
        state = Mutex(State(selected: model.positions.first?.name))
    }

    /// Turns to a position and waits for it.
    public func select(_ position: String) throws {
        guard positions.contains(position) else {
            let guess = nearestName(to: position, in: positions).map { "did you mean '\($0)'?" }
            throw Failure(
                "wheel \(name) has no position '\(position)'",
                remedy: guess ?? "choose one of \(positions.joined(separator: ", "))", code: "position-unknown")
        }
        let isThere = try state.withLock { state in
            guard !state.isClosed else { throw Failure("wheel \(name) is closed", code: "closed") }
            return state.selected == position
        }
        guard !isThere else { return }
        state.withLock { $0.selected = nil }
        let arrival = world.clock.now_ms + turning_ms
        world.note(.wheel(name, position: position), at: arrival)
        world.clock.wait(until: arrival)
        state.withLock { $0.selected = position }
    }

    /// How it moves.
    public var properties: [DeviceProperty] {
        wheelProperties + [.described("turning_ms", .number(turning_ms), "how long it turns to another position")]
    }

    /// The position in the light path, nil while it turns.
    public var selected: String? { state.withLock { $0.isClosed ? nil : $0.selected } }

    /// Gives the wheel back.
    public func close() { state.withLock { $0.isClosed = true } }
}
