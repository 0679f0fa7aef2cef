import Foundation
import Imaging
import Instruments
import Optics
import Randomness
import Simulation
import Synchronization
import Work

/// What a simulated microscope looks at: the specimen under light, in the microscope's time.
///
/// Commands to the devices are noted with their time; the light's work on the specimen is reckoned when an exposure is
/// made, from where it was left. Only the sensor's whole field is lit. While the stage moves in the light, the light of
/// an interval falls on the place of the interval's middle.
public final class SimulatedWorld: Sendable {
    /// The specimen, which knows the true objects and molecules.
    public let specimen: any Specimen
    /// The microscope's time.
    public let clock: SimulationClock
    let settings: SimulatedSettings

    enum Change: Sendable {
        case light(String, power_mw: Double)
        case wheel(String, position: String)
        case stage(StageMove)
        case focus(z_um: Double)
    }

    private struct State {
        var log: [(time_ms: Double, change: Change)] = []
        var time_ms = 0.0
        var power: [String: Double] = [:]
        var position: [String: String] = [:]
        var move: StageMove
        var z_um = 0.0
        var molecules: MoleculeField
        var faults: SimulatedFaults
        /// The exposure that runs.
        var exposure: Exposure?
    }

    private let state: Mutex<State>
    /// Commands that the state has not heard of yet. Light goes off even while a long exposure is reckoned.
    private let notes = Mutex<[(time_ms: Double, change: Change)]>([])
    /// Asks real devices where they are, before an exposure.
    private let look = Mutex<(@Sendable (SimulatedWorld) -> [Change])?>(nil)

    init(_ settings: SimulatedSettings) {
        self.settings = settings
        specimen = settings.specimen
        clock = SimulationClock(scale: settings.timeScale)
        let home = StageMove(start_ms: 0, from: .zero, target: .zero, rest: .zero, model: settings.stage)
        var position: [String: String] = [:]
        for wheel in settings.wheels { position[wheel.name] = wheel.positions.first?.name }
        state = Mutex(
            State(
                position: position, move: home,
                molecules: MoleculeField(specimen: settings.specimen, seed: settings.seed ^ 0x424C_494E),
                faults: settings.faults))
    }

    /// The faults in force; setting them takes effect at the next command.
    public var faults: SimulatedFaults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// How far the specimen has drifted at a time, in um: a steady part and a slow swing of half a minute.
    public func drift_um(at time_ms: Double) -> SIMD2<Double> {
        let seconds = time_ms / 1000
        let swing = SIMD2(sin(seconds / 31), sin(seconds / 23)) * 10
        return settings.drift_nm_per_s * (SIMD2(repeating: seconds) + swing) / 1000
    }

    /// The place of the specimen that truly lies in the centre of the field at a time: stage errors and drift
    /// included.
    /// - Parameter time_ms: now, or a time since the last exposure; nil for now.
    public func fieldCentre_um(at time_ms: Double? = nil) -> SIMD2<Double> {
        let time = time_ms ?? clock.now_ms
        let move = state.withLock { state in
            (state.log + notes.withLock { $0 }).reduce(state.move) { move, entry in
                if case .stage(let next) = entry.change, entry.time_ms <= time { return next }
                return move
            }
        }
        return move.position(at: time) - drift_um(at: time)
    }

    /// Lets the world ask before every exposure what real devices have changed.
    func follow(_ look: @escaping @Sendable (SimulatedWorld) -> [Change]) { self.look.withLock { $0 = look } }

    /// Notes a command.
    func note(_ change: Change, at time_ms: Double) {
        notes.withLock { $0.append((time_ms, change)) }
    }

    /// The light of one exposure.
    struct Exposure: Sendable {
        /// The place of the specimen at the top left corner of the read region in um.
        var corner_um: SIMD2<Double>
        var flashes: [MoleculeField.Flash]
        /// Photons for one um2 at a density of 1, by label.
        var densities: [(label: Int, photons_per_um2: Double)]
        /// Photons for one um2 everywhere.
        var background_per_um2: Double
        var defocus_um: Double
    }

    /// Lets time pass until the end of an exposure and gathers the light that falls on the camera during it.
    func expose(from start_ms: Double, until end_ms: Double, region: Region, of camera: CameraModel) -> Exposure {
        let changes = look.withLock { $0.map { $0(self) } } ?? []
        return state.withLock { state in
            state.log += changes.map { (start_ms, $0) }
            run(&state, until: start_ms)
            let middle = (start_ms + end_ms) / 2
            let centre = state.move.position(at: middle) - drift_um(at: middle)
            let pixel = camera.pixel_nm / 1000
            let sensor = SIMD2(Double(camera.width), Double(camera.height))
            let offset = SIMD2(Double(region.column), Double(region.row))
            let exposure = Exposure(
                corner_um: centre + (offset - sensor / 2) * pixel, flashes: [], densities: [], background_per_um2: 0,
                defocus_um: state.z_um)
            state.exposure = exposure
            run(&state, until: end_ms)
            defer { state.exposure = nil }
            return state.exposure ?? exposure
        }
    }

    private func run(_ state: inout State, until end_ms: Double) {
        state.log += notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
        while let next = state.log.first, next.time_ms <= end_ms {
            shine(&state, until: next.time_ms)
            switch next.change {
            case .light(let name, let power): state.power[name] = power
            case .wheel(let name, let position): state.position[name] = position
            case .stage(let move): state.move = move
            case .focus(let z): state.z_um = z
            }
            state.log.removeFirst()
        }
        shine(&state, until: end_ms)
    }

    /// Light of constant power until a time.
    private func shine(_ state: inout State, until end_ms: Double) {
        let start_ms = state.time_ms
        guard end_ms > start_ms else { return }
        state.time_ms = end_ms
        let lit = settings.lights.filter { (state.power[$0.name] ?? 0) > 0 }
        guard !lit.isEmpty else { return }
        let duration = end_ms - start_ms
        let middle = (start_ms + end_ms) / 2
        let centre = state.move.position(at: middle) - drift_um(at: middle)
        let pixel = settings.camera.pixel_nm / 1000
        let field = Rectangle(
            centre: Point(x_um: centre.x, y_um: centre.y), width_um: Double(settings.camera.width) * pixel + 2,
            height_um: Double(settings.camera.height) * pixel + 2)
        func power(near wavelength_nm: Double) -> Double {
            lit.reduce(0) { abs($1.wavelength_nm - wavelength_nm) <= 20 ? $0 + (state.power[$1.name] ?? 0) : $0 }
        }
        for (index, label) in specimen.labels.enumerated() {
            let power_mw = power(near: label.excitation_nm)
            guard power_mw > 0 else { continue }
            let isSeen = state.exposure != nil && passes(label.emission_nm, state.position)
            switch label.form {
            case .density:
                if isSeen { state.exposure?.densities.append((index, label.brightness * power_mw * duration)) }
            case .molecules(let dye):
                let activation = label.excitation_nm > 450 ? power(near: 405) : 0
                let flashes = state.molecules.illuminate(
                    label: index, dye: dye, area: field, duration_ms: duration, power_mw: power_mw,
                    activation_mw: activation, isSeen: isSeen)
                state.exposure?.flashes += flashes
            }
        }
        for light in lit where passes(light.wavelength_nm + 35, state.position) {
            let power = state.power[light.name] ?? 0
            state.exposure?.background_per_um2 +=
                settings.background * power * duration * pow(405 / light.wavelength_nm, 2)
        }
    }

    private func passes(_ wavelength_nm: Double, _ positions: [String: String]) -> Bool {
        settings.wheels.allSatisfy { wheel in
            let bands = wheel.positions.first { $0.name == positions[wheel.name] }?.bands ?? []
            return bands.contains { $0.contains(wavelength_nm) }
        }
    }
}
