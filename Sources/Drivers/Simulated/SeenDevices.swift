import Dispatch
import Instruments
import Synchronization
import Work

/// A real light whose switching a simulated specimen sees.
final class SeenLight: LightWrapper {
    let light: any LightSource
    private let world: SimulatedWorld

    init(_ light: any LightSource, _ world: SimulatedWorld) {
        self.light = light
        self.world = world
    }

    func on(power_mw: Double) throws {
        do { try light.on(power_mw: power_mw) } catch {
            note(0)
            throw error
        }
        note(power_mw)
    }

    func off() {
        light.off()
        note(0)
    }

    func close() {
        light.close()
        note(0)
    }

    private func note(_ power_mw: Double) {
        world.note(.light(name, power_mw: power_mw), at: world.clock.now_ms)
    }
}

/// A real wheel through which a simulated specimen is seen.
final class SeenWheel: Wheel, DeviceWrapper {
    private let wheel: any Wheel
    private let world: SimulatedWorld

    init(_ wheel: any Wheel, _ world: SimulatedWorld) {
        self.wheel = wheel
        self.world = world
        if let position = wheel.selected { note(position) }
    }

    var wrapped: any Device { wheel }
    var name: String { wheel.name }
    var properties: [DeviceProperty] { wheelProperties.joined(by: wheel.properties) }
    var positions: [String] { wheel.positions }
    var selected: String? { wheel.selected }
    func close() { wheel.close() }

    func select(_ position: String) throws {
        try wheel.select(position)
        note(position)
    }

    private func note(_ position: String) {
        world.note(.wheel(name, position: position), at: world.clock.now_ms)
    }
}

/// A real stage or focus drive that a simulated specimen follows: it is asked for its position before every exposure
/// while it moves, and every 50 ms while it stands still.
final class SeenPlace<Place: Sendable>: Sendable {
    private struct State {
        var isMoving = true
        var last: (place: Place, time: DispatchTime)?
    }

    private let state = Mutex(State())
    private let ask: @Sendable () -> Place?

    init(_ ask: @escaping @Sendable () -> Place?) { self.ask = ask }

    func begin() { state.withLock { $0 = State() } }
    func see(_ motion: MotionState) { if motion == .moved { state.withLock { $0.isMoving = false } } }

    /// The place, nil where it is the same as before or nobody answers.
    func change() -> Place? {
        let (isMoving, last) = state.withLock { ($0.isMoving, $0.last) }
        if !isMoving, let last, DispatchTime.now() < last.time + 0.05 { return nil }
        guard let place = ask() else { return nil }
        // A place on the way, or one that was asked for before a move began, is not where it stands now.
        if !isMoving { state.withLock { if !$0.isMoving { $0.last = (place, .now()) } } }
        return place
    }
}

final class SeenStage: StageWrapper {
    let stage: any Stage
    let place: SeenPlace<SIMD2<Double>>

    init(_ stage: any Stage) {
        self.stage = stage
        place = SeenPlace { (try? stage.position()).map { SIMD2($0.x_um, $0.y_um) } }
    }

    func startMove(x_um: Double, y_um: Double) throws {
        place.begin()
        try stage.startMove(x_um: x_um, y_um: y_um)
    }

    func state() -> MotionState {
        let state = stage.state()
        place.see(state)
        return state
    }

    func stop() {
        place.begin()
        stage.stop()
    }
}

final class SeenFocus: FocusWrapper {
    let focus: any Focus
    let place: SeenPlace<Double>

    init(_ focus: any Focus) {
        self.focus = focus
        place = SeenPlace { try? focus.position() }
    }

    func startMove(z_um: Double) throws {
        place.begin()
        try focus.startMove(z_um: z_um)
    }

    func state() -> MotionState {
        let state = focus.state()
        place.see(state)
        return state
    }

    func stop() {
        place.begin()
        focus.stop()
    }
}
