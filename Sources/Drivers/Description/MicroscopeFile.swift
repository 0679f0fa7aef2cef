import Foundation
import Work

/// A microscope file as it was read: a table of Lua or JSON with the same keys.
struct MicroscopeFile {
    /// The name of the file, for messages.
    var place: String
    /// Where relative paths start.
    var folder: String
    /// All keys, those of the simulated world under `simulation`.
    var values: [String: JSONValue]
    /// Where the keys of the simulated world stand, for messages.
    var simulationPlace: String
    /// Whether its channels are the usual ones, of which it has those that are possible.
    var hasUsualChannels = false

    /// Reads a file and lays settings over it.
    /// - Parameters:
    ///   - nameOrFile: `simulated`, or the path of a file.
    ///   - settings: laid over the file, key by key.
    /// - Throws: `Failure` in one line for a file that is missing or cannot be understood.
    init(_ nameOrFile: String, settings: [String: JSONValue]) throws {
        place = URL(fileURLWithPath: nameOrFile).lastPathComponent
        folder = "."
        simulationPlace = place
        var read = JSONValue.object([:])
        if nameOrFile != "simulated" {
            if !nameOrFile.contains("/"), !nameOrFile.contains("."), !FileManager.default.fileExists(atPath: nameOrFile)
            {
                let guess = nearestName(to: nameOrFile, in: ["simulated"]).map { "did you mean '\($0)'?" }
                throw Failure(
                    "there is no microscope '\(nameOrFile)'",
                    remedy: guess ?? "give 'simulated' or a microscope file, Lua or JSON", code: "microscope-unknown")
            }
            read = try Self.read(nameOrFile, place: place)
            folder = URL(fileURLWithPath: nameOrFile).deletingLastPathComponent().path
        }
        guard case .object(let fields) = read else {
            throw Failure("\(place) is not an object", remedy: "write { ... }", code: "bad-description")
        }
        if case .object? = fields["simulation"] { simulationPlace = "\(place): simulation" }
        let own = Self.collected(fields)
        let asked = Self.collected(settings)
        values = JSONValue.object(own).overlaid(with: .object(asked)).members
        if nameOrFile == "simulated" || Self.isSimulated(own) { try layOverSimulated() }
        try takeFromConfigurations()
    }

    /// The keys of `simulated`, the file that comes with the program.
    private static func bundled() throws -> [String: JSONValue] {
        try JSONDecoder().decode(JSONValue.self, from: Data(PackageResources.simulated_json)).members
    }

    private static func read(_ path: String, place: String) throws -> JSONValue {
        let data = try readFile(path)
        if path.hasSuffix(".lua") {
            return try readLuaTable(String(decoding: data, as: UTF8.self), name: place)
        }
        do { return try JSONDecoder().decode(JSONValue.self, from: data) } catch {
            throw Failure(
                "\(place) is not valid JSON", remedy: "check its commas, quotes and brackets", code: "bad-description")
        }
    }

    /// With what stands beside the devices and belongs to the simulated world moved under `simulation`.
    private static func collected(_ fields: [String: JSONValue]) -> [String: JSONValue] {
        let loose = fields.filter { SimulatedSettings.keys.contains($0.key) }
        guard !loose.isEmpty else { return fields }
        var result = fields.filter { loose[$0.key] == nil }
        result["simulation"] = (result["simulation"] ?? .object([:])).overlaid(with: .object(loose))
        return result
    }

    /// Whether no device says where it comes from: the short form, which describes a simulated microscope.
    private static func isSimulated(_ fields: [String: JSONValue]) -> Bool {
        let short: Set = ["name", "simulation", "camera", "stage", "lights", "wheels", "channels"]
        guard fields.keys.allSatisfy({ short.contains($0) || !sections.contains($0) }) else { return false }
        let devices =
            [fields["camera"], fields["stage"]].compactMap { $0 }
            + ["lights", "wheels"].flatMap { fields[$0]?.members.values.map { $0 } ?? [] }
        return devices.allSatisfy { $0["driver"] == nil && $0["from"] == nil }
    }

    /// The keys of a microscope file.
    static let sections = [
        "name", "simulation", "controllers", "stage", "focus", "focus_lock", "camera", "cameras", "lights", "wheels",
        "shutters", "triggers", "meters", "objectives", "objective", "channels",
    ]

    /// Lays the short form over the file of the simulated microscope; lights, wheels and channels replace its own.
    private mutating func layOverSimulated() throws {
        var base = try Self.bundled()
        for section in ["lights", "wheels"] {
            guard case .object(let members)? = values[section] else { continue }
            base[section] = nil
            hasUsualChannels = true
            values[section] = .object(
                members.mapValues { member in
                    guard case .object(let keys) = member, keys["driver"] == nil, keys["from"] == nil else {
                        return member
                    }
                    return .object(keys.merging(["driver": .string(SimulatedWorld.driver.name)]) { $1 })
                })
        }
        if let channels = values["channels"], channels != .null {
            base["channels"] = nil
            hasUsualChannels = false
        }
        values = JSONValue.object(base).overlaid(with: .object(values)).members
    }

    /// The file without what changes how a microscope works but not what it records.
    var asked: JSONValue {
        var asked = Self.withoutPorts(.object(values)).members
        if case .object(let fields)? = asked["simulation"] {
            asked["simulation"] = .object(fields.filter { !["faults", "time_scale"].contains($0.key) })
        }
        return .object(asked)
    }

    private static func withoutPorts(_ value: JSONValue) -> JSONValue {
        guard case .object(let fields) = value else { return value }
        return .object(fields.filter { $0.key != "port" }.mapValues(withoutPorts))
    }
}

extension JSONValue {
    /// The value with another laid over it: objects key by key, everything else replaced.
    func overlaid(with other: JSONValue) -> JSONValue {
        guard case .object(let mine) = self, case .object(let theirs) = other else { return other }
        return .object(mine.merging(theirs) { $0.overlaid(with: $1) })
    }

    /// The members of an object; none of anything else.
    var members: [String: JSONValue] {
        if case .object(let members) = self { return members }
        return [:]
    }
}
