import Foundation
import Instruments
import Simulation
import Work

/// A light source of a simulated microscope.
struct LightModel: Sendable {
    var name: String
    var wavelength_nm: Double
    var maximum_mw: Double
}

/// A wheel of a simulated microscope: what each position lets through.
struct WheelModel: Sendable {
    var name: String
    /// The bands in nm by position; a position without bands is closed.
    var positions: [(name: String, bands: [ClosedRange<Double>])]
    var turning_ms: Double
}

/// The camera of a simulated microscope.
struct CameraModel: Sendable {
    var width = 512
    var height = 512
    var pixel_nm = 100.0
    var bits = 16
    var offset_counts = 200.0
    var quantumEfficiency = 0.92
    /// Conventional amplifier: without electron multiplication.
    var readNoise = 6.0
    var electronsPerCount = 1.5
    /// Electron multiplying amplifier.
    var multiplyingReadNoise = 50.0
    var multiplyingElectronsPerCount = 12.0
    var maximumGain = 300.0
    var darkElectrons = 0.003
    /// The time to read one row in ms.
    var row_ms = 0.0344
    /// Frames that wait for the host before frames get lost.
    var buffer = 512

    init(_ reader: inout DescriptionReader) throws {
        width = try reader.whole("width", width, 8...8192)
        height = try reader.whole("height", height, 8...8192)
        pixel_nm = try reader.number("pixel_nm", pixel_nm, 5...10_000)
        bits = try reader.whole("bits", bits, 8...16)
        offset_counts = try reader.number("offset_counts", offset_counts, 0...60_000)
        quantumEfficiency = try reader.number("quantum_efficiency", quantumEfficiency, 0.01...1)
        readNoise = try reader.number("read_noise_electrons", readNoise, 0...1000)
        electronsPerCount = try reader.number("electrons_per_count", electronsPerCount, 0.001...1000)
        multiplyingReadNoise = try reader.number("em_read_noise_electrons", multiplyingReadNoise, 0...10_000)
        multiplyingElectronsPerCount = try reader.number(
            "em_electrons_per_count", multiplyingElectronsPerCount, 0.001...1000)
        maximumGain = try reader.number("maximum_em_gain", maximumGain, 1...10_000)
        darkElectrons = try reader.number("dark_electrons", darkElectrons, 0...1000)
        row_ms = try reader.number("row_ms", row_ms, 0...10)
        buffer = try reader.whole("buffer", buffer, 2...1_000_000)
        try reader.finish()
    }
}

/// What a microscope file says of its simulated devices: their keys, without `driver`.
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
        var place: String
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
    /// The cameras by name, the first one first.
    var cameras: [(name: String, model: CameraModel)]
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

    /// The first camera, whose field is lit.
    var camera: CameraModel { cameras[0].model }

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
        func reading(_ entry: SimulatedParts.Entry?) throws -> DescriptionReader {
            try DescriptionReader(.object(entry?.values ?? [:]), place: entry?.place ?? "")
        }
        part = try reading(parts.stage)
        stage = try StageModel(&part)
        part = try reading(parts.focus)
        focus_um = try part.range("z_um", -100...100)
        try part.finish()
        let cameras = parts.cameras.isEmpty ? [.init(name: "camera", place: "", values: [:])] : parts.cameras
        self.cameras = try cameras.map { entry in
            var part = try reading(entry)
            return (entry.name, try CameraModel(&part))
        }
        lights = try parts.lights.map { entry in
            var part = try reading(entry)
            return try LightModel(entry.name, &part)
        }
        wheels = try parts.wheels.map { entry in
            var part = try reading(entry)
            return try WheelModel(entry.name, &part)
        }
        if !log.isEmpty {
            lightLog = try LightLog(URL(fileURLWithPath: log, relativeTo: URL(fileURLWithPath: folder)).path)
        }
    }
}

extension LightModel {
    init(_ name: String, _ reader: inout DescriptionReader) throws {
        self.name = name
        wavelength_nm = try reader.number("wavelength_nm", 647, 200...2000)
        maximum_mw = try reader.number("maximum_mw", 100, 0.001...100_000)
        try reader.finish()
    }
}

extension WheelModel {
    init(_ name: String, _ reader: inout DescriptionReader) throws {
        self.name = name
        turning_ms = try reader.number("turning_ms", 60, 0...60_000)
        var positions = try reader.object("positions")
        self.positions = try positions.names().map { position in
            let edges = try positions.numbers(position)
            guard edges.count.isMultiple(of: 2),
                stride(from: 0, to: edges.count, by: 2).allSatisfy({ edges[$0] < edges[$0 + 1] })
            else {
                throw Failure(
                    "\(positions.place): \(position) is not a list of bands", remedy: "give [from, to, ...] in nm",
                    code: "bad-description")
            }
            return (position, stride(from: 0, to: edges.count, by: 2).map { edges[$0]...edges[$0 + 1] })
        }
        try reader.finish()
    }

    /// What a real wheel lets through, as far as the names of its positions say it: `525/50` is 500 to 550 nm, and what
    /// is named otherwise lets everything through.
    init(seen wheel: any Wheel) {
        name = wheel.name
        turning_ms = 0
        positions = wheel.positions.map { position in
            let numbers = position.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
            let isBand = numbers.count == 2 && numbers[0] > numbers[1] && numbers[1] > 0
            return (
                position, [isBand ? numbers[0] - numbers[1] / 2...numbers[0] + numbers[1] / 2 : 0...Double.infinity]
            )
        }
    }
}
