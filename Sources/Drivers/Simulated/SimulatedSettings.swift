import Foundation
import Instruments
import Simulation
import Work

/// What a microscope file says of its simulated devices: their keys, which have been checked.
struct SimulatedParts {
    /// The keys of the world: specimen, seed, faults ...
    var simulation: [String: JSONValue] = [:]
    /// Where these stand, for messages.
    var place = ""
    /// The stage and the focus drive, where they are simulated.
    var stage: Entry?, focus: Entry?
    /// The cameras by name, the first one first.
    var cameras: [Entry] = []
    /// Light sources and wheels.
    var lights: [Entry] = [], wheels: [Entry] = []

    /// The keys of one device.
    struct Entry {
        var name: String
        var values: [String: JSONValue]
    }
}

/// Everything a simulated microscope is made of.
struct SimulatedSettings: Sendable {
    /// The keys of the simulated world.
    static let keys = [
        "type", "seed", "time_scale", "specimen", "numerical_aperture", "drift_nm_per_s", "background", "faults",
        "light_log",
    ]

    var seed: UInt64
    var timeScale: Double
    var specimen: any Specimen
    /// The first camera, whose field is lit, as it lies on the specimen.
    var camera: CameraModel
    var stage: StageModel
    var focus_um: ClosedRange<Double>
    var numericalAperture: Double
    /// The specimen's drift in nm/s.
    var drift_nm_per_s: SIMD2<Double>
    /// Light of the surroundings of the specimen: photons in one ms and mW for one um2.
    var background: Double
    var lights: [LightModel]
    var wheels: [WheelModel]
    var faults: SimulatedFaults
    /// Where the switching of lights is noted, where that is asked for.
    var lightLog: LightLog?

    /// Reads the simulated devices of a description.
    /// - Parameter folder: where relative paths start.
    init(_ parts: SimulatedParts, folder: String) throws {
        var reader = try DescriptionReader(.object(parts.simulation), place: parts.place)
        _ = try reader.choice("type", "simulated", of: ["simulated"])
        seed = UInt64(try reader.whole("seed", 1, 0...9_007_199_254_740_991))
        timeScale = try reader.number("time_scale", 0, 0...1000)
        var part = try reader.object("specimen")
        specimen = try readSpecimen(&part, seed: seed, folder: folder)
        numericalAperture = try reader.number("numerical_aperture", 1.49, 0.05...1.7)
        let drift = try reader.numbers("drift_nm_per_s")
        guard drift.isEmpty || drift.count == 2 else {
            throw Failure(
                "\(parts.place): drift_nm_per_s has \(drift.count) numbers", remedy: "give [x, y]",
                code: "bad-description")
        }
        drift_nm_per_s = drift.isEmpty ? [0.6, -0.4] : [drift[0], drift[1]]
        background = try reader.number("background", 0.8, 0...1e6)
        part = try reader.object("faults")
        faults = try SimulatedFaults(&part)
        let log = try reader.text("light_log", "")
        try reader.finish()
        func read<Model>(_ entry: SimulatedParts.Entry?, _ settings: [Setting<Model>], _ defaults: Model) -> Model {
            var keys = Keys(entry?.values ?? [:], common: [])
            return keys.read(settings, defaults: defaults)
        }
        stage = read(parts.stage, StageModel.settings, StageModel())
        focus_um = read(parts.focus, FocusModel.settings, FocusModel()).z_um
        camera = read(parts.cameras.first, CameraModel.settings, CameraModel()).upright
        lights = parts.lights.map { read($0, LightModel.settings, LightModel()).named($0.name) }
        wheels = parts.wheels.map { read($0, WheelModel.settings, WheelModel()).named($0.name) }
        if !log.isEmpty {
            lightLog = try LightLog(URL(fileURLWithPath: log, relativeTo: URL(fileURLWithPath: folder)).path)
        }
    }
}
