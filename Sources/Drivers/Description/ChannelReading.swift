import Instruments
import Work

/// Reads the channels of a microscope file.
struct ChannelReading {
    typealias Light = (name: String, maximum_mw: Double)
    /// A wheel with its positions, nil where they are not known.
    typealias Wheel = (name: String, positions: [String]?)

    /// What the microscope has.
    var lights: [Light]
    var wheels: [Wheel]

    /// One channel.
    /// - Throws: `Failure` for lights, powers, wheels and positions that there are not, with the nearest names.
    func channel(_ name: String, _ value: JSONValue, place: String) throws -> Channel {
        var part = try DescriptionReader(value, place: place)
        var beams: [Light] = []
        if part.has("lights") {
            guard !part.has("light"), !part.has("power_mw") else {
                throw Failure(
                    "\(place): there are 'light' and 'lights'", remedy: "give one of them", code: "bad-description")
            }
            var powers = try part.object("lights")
            for light in powers.names() {
                try known(light, place: powers.place)
                let power_mw = try powers.number(light, 0, 0...maximum(light))
                beams.append((light, power_mw))
            }
            beams.sort { ($1.maximum_mw, $0.name) < ($0.maximum_mw, $1.name) }
        } else if part.has("light") {
            let light = try part.choice("light", "", of: lights.map(\.name))
            beams = [(light, try part.number("power_mw", 1, 0...maximum(light)))]
        }
        guard let first = beams.first else {
            throw Failure(
                "\(place): lights is missing", remedy: "give \"lights\": { NAME: mW }", code: "bad-description")
        }
        var turned = try part.object("wheels")
        var positions: [String: String] = [:]
        for wheel in wheels where turned.has(wheel.name) {
            positions[wheel.name] =
                if let known = wheel.positions {
                    try turned.choice(wheel.name, "", of: known)
                } else {
                    try turned.text(wheel.name, "")
                }
        }
        let require_C = part.has("require_C") ? try part.number("require_C", 0, -150...50) : nil
        let channel = Channel(
            name: name, light: first.name, power_mw: first.maximum_mw,
            exposure_ms: try part.number("exposure_ms", 50, 0.01...3_600_000),
            emGain: try part.number("em_gain", 1, 1...10_000), wheels: positions,
            furtherLights: beams.count > 1
                ? Dictionary(uniqueKeysWithValues: beams.dropFirst().map { ($0.name, $0.maximum_mw) }) : nil,
            require_C: require_C)
        try turned.finish()
        try part.finish()
        return channel
    }

    private func maximum(_ light: String) -> Double { lights.first { $0.name == light }?.maximum_mw ?? 0 }

    private func known(_ light: String, place: String) throws {
        guard !lights.contains(where: { $0.name == light }) else { return }
        let names = lights.map(\.name)
        let guess = nearestName(to: light, in: names).map { "did you mean '\($0)'?" }
        throw Failure(
            "\(place): there is no light '\(light)'", remedy: guess ?? "choose one of \(names.joined(separator: ", "))",
            code: "bad-description")
    }
}
