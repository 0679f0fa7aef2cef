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

/// Everything a simulated microscope is made of.
struct SimulatedSettings: Sendable {
    var name: String
    var seed: UInt64
    var timeScale: Double
    var specimen: any Specimen
    var camera: CameraModel
    var stage: StageModel
    var numericalAperture: Double
    /// The specimen's drift in nm/s.
    var drift_nm_per_s: SIMD2<Double>
    /// Light of the surroundings of the specimen: photons in one ms and mW for one um2.
    var background: Double
    var lights: [LightModel]
    var wheels: [WheelModel]
    var channels: [Channel]
    var faults: SimulatedFaults
    /// Where the switching of lights is noted, where that is asked for.
    var lightLog: LightLog?

    /// Reads a description.
    /// - Parameter folder: where relative paths start.
    init(_ description: JSONValue, place: String, folder: String) throws {
        var reader = try DescriptionReader(description, place: place)
        _ = try reader.choice("type", "simulated", of: ["simulated"])
        name = try reader.text("name", "simulated")
        let whole = try reader.whole("seed", 1, 0...9_007_199_254_740_991)
        seed = UInt64(whole)
        timeScale = try reader.number("time_scale", 0, 0...1000)
        var part = try reader.object("specimen")
        specimen = try readSpecimen(&part, seed: seed, folder: folder)
        part = try reader.object("camera")
        camera = try CameraModel(&part)
        part = try reader.object("stage")
        stage = try StageModel(&part)
        numericalAperture = try reader.number("numerical_aperture", 1.49, 0.05...1.7)
        let drift = try reader.numbers("drift_nm_per_s")
        guard drift.isEmpty || drift.count == 2 else {
            throw Failure(
                "\(place): drift_nm_per_s has \(drift.count) numbers", remedy: "give [x, y]", code: "bad-description")
        }
        drift_nm_per_s = drift.isEmpty ? [0.6, -0.4] : [drift[0], drift[1]]
        background = try reader.number("background", 0.8, 0...1e6)
        lights = try SimulatedSettings.lights(&reader)
        wheels = try SimulatedSettings.wheels(&reader)
        channels = try SimulatedSettings.channels(&reader, lights: lights, wheels: wheels)
        part = try reader.object("faults")
        faults = try SimulatedFaults(&part)
        let log = try reader.text("light_log", "")
        try reader.finish()
        if !log.isEmpty {
            lightLog = try LightLog(URL(fileURLWithPath: log, relativeTo: URL(fileURLWithPath: folder)).path)
        }
    }

    private static func lights(_ reader: inout DescriptionReader) throws -> [LightModel] {
        guard let members = try reader.members("lights") else {
            return [
                LightModel(name: "405", wavelength_nm: 405, maximum_mw: 120),
                LightModel(name: "488", wavelength_nm: 488, maximum_mw: 150),
                LightModel(name: "561", wavelength_nm: 561, maximum_mw: 200),
                LightModel(name: "647", wavelength_nm: 647, maximum_mw: 200),
            ]
        }
        return try members.map { member in
            var part = member.reader
            let light = LightModel(
                name: member.name, wavelength_nm: try part.number("wavelength_nm", 647, 200...2000),
                maximum_mw: try part.number("maximum_mw", 100, 0.001...100_000))
            try part.finish()
            return light
        }
    }

    private static func wheels(_ reader: inout DescriptionReader) throws -> [WheelModel] {
        guard let members = try reader.members("wheels") else {
            return [
                WheelModel(
                    name: "emission",
                    positions: [
                        ("450/50", [425...475]), ("525/50", [500...550]), ("600/50", [575...625]),
                        ("690/80", [650...730]), ("quad", [425...475, 500...550, 575...625, 655...730]),
                        ("closed", []),
                    ], turning_ms: 60)
            ]
        }
        return try members.map { member in
            var part = member.reader
            let turning = try part.number("turning_ms", 60, 0...60_000)
            var positions = try part.object("positions")
            let wheel = WheelModel(
                name: member.name,
                positions: try positions.names().map { position in
                    let edges = try positions.numbers(position)
                    guard edges.count.isMultiple(of: 2),
                        stride(from: 0, to: edges.count, by: 2).allSatisfy({ edges[$0] < edges[$0 + 1] })
                    else {
                        throw Failure(
                            "\(positions.place): \(position) is not a list of bands",
                            remedy: "give [from, to, ...] in nm", code: "bad-description")
                    }
                    return (
                        position, stride(from: 0, to: edges.count, by: 2).map { edges[$0]...edges[$0 + 1] }
                    )
                }, turning_ms: turning)
            try part.finish()
            return wheel
        }
    }

    private static func channels(
        _ reader: inout DescriptionReader, lights: [LightModel], wheels: [WheelModel]
    ) throws -> [Channel] {
        guard let members = try reader.members("channels") else { return standardChannels(lights, wheels) }
        return try members.map { member in
            var part = member.reader
            let names = lights.map(\.name)
            let light = try part.choice("light", names.first ?? "", of: names)
            let maximum = lights.first { $0.name == light }?.maximum_mw ?? 0
            var turned = try part.object("wheels")
            var positions: [String: String] = [:]
            for wheel in wheels where turned.has(wheel.name) {
                positions[wheel.name] = try turned.choice(wheel.name, "", of: wheel.positions.map(\.name))
            }
            let channel = Channel(
                name: member.name, light: light, power_mw: try part.number("power_mw", 1, 0...maximum),
                exposure_ms: try part.number("exposure_ms", 50, 0.01...3_600_000),
                emGain: try part.number("em_gain", 1, 1...10_000), wheels: positions)
            try turned.finish()
            try part.finish()
            return channel
        }
    }

    /// Those of the usual channels for which there are lights and filters.
    private static func standardChannels(_ lights: [LightModel], _ wheels: [WheelModel]) -> [Channel] {
        [
            Channel(
                name: "DAPI", light: "405", power_mw: 4, exposure_ms: 60, wheels: ["emission": "450/50"]),
            Channel(
                name: "GFP", light: "488", power_mw: 4, exposure_ms: 60, wheels: ["emission": "525/50"]),
            Channel(
                name: "widefield-561", light: "561", power_mw: 0.5, exposure_ms: 100, emGain: 50,
                wheels: ["emission": "600/50"]),
            Channel(
                name: "widefield-647", light: "647", power_mw: 0.5, exposure_ms: 100, emGain: 50,
                wheels: ["emission": "690/80"]),
            Channel(
                name: "dSTORM-561", light: "561", power_mw: 100, exposure_ms: 20, emGain: 200,
                wheels: ["emission": "600/50"]),
            Channel(
                name: "dSTORM-647", light: "647", power_mw: 100, exposure_ms: 20, emGain: 200,
                wheels: ["emission": "690/80"]),
        ].filter { channel in
            lights.contains { $0.name == channel.light && $0.maximum_mw >= channel.power_mw }
                && channel.wheels.allSatisfy { turned in
                    wheels.contains { wheel in
                        wheel.name == turned.key && wheel.positions.contains { $0.name == turned.value }
                    }
                }
        }
    }
}
