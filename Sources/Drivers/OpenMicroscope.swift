import Foundation
import Instruments
import Work

/// Opens a microscope.
/// - Parameters:
///   - nameOrFile: `simulated`, or a JSON file that describes one.
///   - settings: laid over the description, key by key.
/// - Returns: the microscope with all lights off.
/// - Throws: a `Failure` in one line for a file that is missing or no JSON, an unknown key (with the nearest known
///   one), or a value outside its limits.
public func openMicroscope(_ nameOrFile: String, settings: [String: JSONValue] = [:]) throws -> Microscope {
    let description: JSONValue
    let folder: String
    if nameOrFile == "simulated" {
        description = .object([:])
        folder = "."
    } else if !nameOrFile.contains("/"), !nameOrFile.contains("."),
        !FileManager.default.fileExists(atPath: nameOrFile)
    {
        let guess = nearestName(to: nameOrFile, in: ["simulated"]).map { "did you mean '\($0)'?" }
        throw Failure(
            "there is no microscope '\(nameOrFile)'", remedy: guess ?? "give 'simulated' or a JSON description file",
            code: "microscope-unknown")
    } else {
        let data = try readFile(nameOrFile)
        do { description = try JSONDecoder().decode(JSONValue.self, from: data) } catch {
            throw Failure(
                "\(nameOrFile) is not valid JSON", remedy: "check its commas, quotes and brackets",
                code: "bad-description")
        }
        folder = URL(fileURLWithPath: nameOrFile).deletingLastPathComponent().path
    }
    let whole = settings.isEmpty ? description : description.overlaid(with: .object(settings))
    let place = URL(fileURLWithPath: nameOrFile).lastPathComponent
    return simulatedMicroscope(
        try SimulatedSettings(whole, place: place, folder: folder), identity: try Fingerprint(of: whole.asked))
}

extension JSONValue {
    /// A description without what changes how a microscope works but not what it records.
    fileprivate var asked: JSONValue {
        guard case .object(let fields) = self else { return self }
        return .object(fields.filter { !["faults", "time_scale"].contains($0.key) })
    }
}

private func simulatedMicroscope(_ settings: SimulatedSettings, identity: Fingerprint) -> Microscope {
    let world = SimulatedWorld(settings)
    let names = ["stage", "focus", "camera"] + settings.lights.map(\.name) + settings.wheels.map(\.name)
    var further = Microscope.Further()
    further.origins = Dictionary(names.map { ($0, DeviceOrigin(driver: "simulated")) }) { first, _ in first }
    let microscope = Microscope(
        name: settings.name, identity: identity.description, stage: SimulatedStage(world), focus: SimulatedFocus(world),
        camera: SimulatedCamera(world), lights: settings.lights.map { SimulatedLight($0, world) },
        wheels: settings.wheels.map { SimulatedWheel($0, world) }, channels: settings.channels,
        further: further,
        now_ms: { world.clock.now_ms })
    OpenMicroscopes.add(microscope)
    return microscope
}
