import Instruments
import Optics
import Work

/// A microscope file that has been checked: which drivers open which devices. Nothing has been opened.
struct MicroscopePlan {
    /// A controller that a line is opened for.
    struct Controller {
        var name: String
        var place: String
        var planned: PlannedController
        var isShared: Bool
        var isOptional: Bool
    }

    /// Where a device comes from.
    enum Source {
        /// The simulated world.
        case world(PlannedPart)
        /// A controller, by its place in `controllers`.
        case controller(Int, PlannedPart)
    }

    /// A device.
    struct Device {
        var name: String
        var place: String
        var provision: Provision
        /// The name of its driver.
        var driver: String
        var source: Source
        var isOptional: Bool
        /// The trigger that gates it.
        var gate: String?
        /// What it really gives.
        var curve: PowerCurve?
        var values: [String: JSONValue]
    }

    let file: MicroscopeFile
    private(set) var name = ""
    private(set) var controllers: [Controller] = []
    private(set) var devices: [Device] = []
    private(set) var simulation: SimulatedSettings?
    private(set) var channels: [Channel] = []
    private(set) var objectives: [Objective] = []
    private(set) var objective: Objective?
    private var shared: [String: Int] = [:]
    /// What channels may name, also where something is wrong with it.
    private var named: [(provision: Provision, name: String, values: [String: JSONValue])] = []
    private let problems = Problems()

    /// Checks a file.
    /// - Throws: the `Failure` of the one thing that is wrong with it, or one that tells all of several.
    init(_ file: MicroscopeFile) throws {
        self.file = file
        let values = file.values
        problems.note(file.place) { try checkSections() }
        if case .string(let name)? = values["name"] { self.name = name }
        if name.isEmpty { name = "microscope" }
        problems.note(file.place) { try readObjectives() }
        for (name, keys) in members("controllers") { problems.note(file.place) { try addController(name, keys) } }
        for (section, provision) in [
            ("stage", Provision.stage), ("focus", .focus), ("focus_lock", .focusLock), ("camera", .camera),
        ] {
            guard let value = values[section], value != .null else { continue }
            problems.note(file.place) {
                try addDevice(section.replacing("_", with: " "), value, provision, "\(file.place): \(section)")
            }
        }
        for (section, provision) in [
            ("cameras", Provision.camera), ("lights", .light), ("wheels", .wheel), ("shutters", .shutter),
            ("triggers", .trigger), ("meters", .meter),
        ] {
            for (name, value) in members(section) {
                problems.note(file.place) {
                    try addDevice(name, value, provision, "\(file.place): \(section): \(name)")
                }
            }
        }
        problems.note(file.place) { try checkNames() }
        problems.note(file.place) { try readSimulation() }
        for (name, value) in members("channels") { problems.note(file.place) { try addChannel(name, value) } }
        try problems.finish { "\($0) things are wrong in \(file.place)" }
    }

    private func bad(_ message: String, _ remedy: String = "") -> Failure {
        Failure("\(file.place): \(message)", remedy: remedy, code: "bad-description")
    }

    private mutating func checkSections() throws {
        let known = MicroscopeFile.sections
        for key in file.values.keys.sorted() where !known.contains(key) {
            let guess = nearestName(to: key, in: known + SimulatedSettings.keys).map { "did you mean '\($0)'?" }
            throw Failure(
                "\(file.place): there is no key '\(key)'",
                remedy: guess ?? "the keys are \(known.joined(separator: ", "))", code: "unknown-key")
        }
    }

    /// The members of a section, in the order of their names.
    private mutating func members(_ section: String) -> [(name: String, value: JSONValue)] {
        guard let value = file.values[section], value != .null else { return [] }
        guard case .object(let members) = value else {
            problems.add(bad("\(section) is not an object", "write { \"name\": ... }"))
            return []
        }
        return members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func keys(_ value: JSONValue, _ place: String) throws -> [String: JSONValue] {
        guard case .object(let keys) = value else {
            throw Failure("\(place) is not an object", remedy: "write { ... }", code: "bad-description")
        }
        return keys
    }

    private func isOptional(_ keys: [String: JSONValue], _ place: String) throws -> Bool {
        switch keys["optional"] {
        case nil, .null?: return false
        case .boolean(let isOptional)?: return isOptional
        default: throw Failure("\(place): optional is not true or false", code: "bad-description")
        }
    }

    private mutating func addController(_ name: String, _ value: JSONValue) throws {
        let place = "\(file.place): controllers: \(name)"
        let keys = try keys(value, place)
        guard case .string(let driver)? = keys["driver"] else {
            throw Failure(
                "\(place): the driver is missing", remedy: "give \"driver\": NAME", code: "bad-description")
        }
        shared[name] = -1
        let found = try DriverList.driver(driver, place: place)
        let planned = try found.plan(controller: found.resolving(keys, in: file.folder), place: place)
        if case .world = planned.way { throw planned.noController(place) }
        shared[name] = controllers.count
        controllers.append(
            Controller(
                name: name, place: place, planned: planned, isShared: true, isOptional: try isOptional(keys, place)))
    }

    private mutating func addDevice(
        _ device: String, _ value: JSONValue, _ provision: Provision, _ place: String
    ) throws {
        var keys = try keys(value, place)
        if provision == .camera { try addPixel(to: &keys, place) }
        named.append((provision, device, keys))
        let isOptional = try isOptional(keys, place)
        let driver: Driver
        let source: Source
        switch (keys["driver"], keys["from"]) {
        case (.string(let name)?, nil):
            driver = try DriverList.driver(name, place: place)
            let planned = try driver.plan(
                device: driver.resolving(keys, in: file.folder), as: provision, place: place)
            if case .world = planned.controller.way {
                source = .world(planned.part)
            } else {
                source = .controller(controllers.count, planned.part)
                controllers.append(
                    Controller(
                        name: device, place: place, planned: planned.controller, isShared: false,
                        isOptional: isOptional))
            }
        case (nil, .string(let controller)?):
            guard let index = shared[controller] else {
                let guess = nearestName(to: controller, in: shared.keys.sorted()).map { "did you mean '\($0)'?" }
                throw Failure(
                    "\(place): there is no controller '\(controller)'",
                    remedy: guess ?? "put it under controllers", code: "bad-description")
            }
            // A controller that is wrong has been told of.
            guard index >= 0 else { return }
            driver = controllers[index].planned.driver
            source = .controller(
                index, try driver.plan(part: driver.resolving(keys, in: file.folder), as: provision, place: place))
        default:
            throw Failure(
                "\(place) says neither 'driver' nor 'from'",
                remedy: "give a driver with its port, \"from\": CONTROLLER, or \"driver\": \"simulated\"",
                code: "bad-description")
        }
        var device = Device(
            name: device, place: place, provision: provision, driver: driver.name, source: source,
            isOptional: isOptional, values: keys)
        if case .string(let gate)? = keys["gated_by"] { device.gate = gate }
        try checkGate(device)
        if provision == .light, case .string(let path)? = keys["calibration"],
            case .number(let wavelength_nm)? = keys["wavelength_nm"]
        {
            device.curve = try PowerCurve(
                file: path.hasPrefix("/") ? path : "\(file.folder)/\(path)", light: device.name,
                wavelength_nm: wavelength_nm)
        }
        if provision == .camera {
            for key in ["calibration", "em_calibration"] {
                guard case .string(let path)? = keys[key] else { continue }
                _ = try CameraCalibration(file: path.hasPrefix("/") ? path : "\(file.folder)/\(path)")
            }
        }
        devices.append(device)
    }

    /// A camera has pixels as the objective in use shows them.
    private func addPixel(to keys: inout [String: JSONValue], _ place: String) throws {
        guard let objective else { return }
        if case .number(let pixel_nm)? = keys["pixel_nm"], abs(pixel_nm / objective.pixel_nm - 1) > 0.001 {
            throw Failure(
                "\(place): pixel_nm is \(pixel_nm), but \(objective.pixel_nm) with the objective '\(objective.name)'",
                remedy: "leave it out", code: "bad-description")
        }
        keys["pixel_nm"] = .number(objective.pixel_nm)
    }

    /// A light is gated only where it heeds what the trigger says.
    private func checkGate(_ device: Device) throws {
        guard device.gate != nil, case .controller(let index, _) = device.source,
            let part = controllers[index].planned.driver.parts.first(where: { $0.provision == .light }),
            part.settings.contains(where: { $0.name == "modulated" }), device.values["modulated"] != .boolean(true)
        else { return }
        throw Failure(
            "\(device.place): gated_by has no effect without \"modulated\": true", remedy: "add it",
            code: "bad-description")
    }

    /// The devices of one kind have names of their own, and what gates a light is there.
    private mutating func checkNames() throws {
        let cameras = devices.filter { $0.provision == .camera }.map(\.name)
        if let twice = cameras.first(where: { name in cameras.count { $0 == name } > 1 }) {
            throw bad("there are two cameras '\(twice)'", "call the one under cameras something else")
        }
        let triggers = devices.filter { $0.provision == .trigger }.map(\.name)
        for device in devices {
            guard let gate = device.gate, !triggers.contains(gate) else { continue }
            let guess = nearestName(to: gate, in: triggers).map { "did you mean '\($0)'?" }
            throw Failure(
                "\(device.place): there is no trigger '\(gate)' to gate it",
                remedy: guess ?? "put it under triggers", code: "bad-description")
        }
    }

    private mutating func readObjectives() throws {
        guard let value = file.values["objectives"], value != .null else { return }
        var reader = try DescriptionReader(.object(["objectives": value]), place: file.place)
        for (name, member) in try reader.members("objectives") ?? [] {
            var part = member
            guard part.has("pixel_nm") else {
                throw Failure("\(part.place): pixel_nm is missing", remedy: "give 1 to 100000", code: "bad-description")
            }
            let pixel_nm = try part.number("pixel_nm", 0, 1...100_000)
            let matrix = try part.matrix("matrix_um", folder: file.folder)
            try part.finish()
            if let matrix {
                let scale_nm = abs(matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0]).squareRoot() * 1000
                guard abs(scale_nm / pixel_nm - 1) <= 0.25 else {
                    throw Failure(
                        "\(part.place): matrix_um is for pixels of \(Int(scale_nm.rounded())) nm, not of \(pixel_nm) nm",
                        remedy: "measure it again", code: "bad-description")
                }
            }
            objectives.append(Objective(name: name, pixel_nm: pixel_nm, matrix_um: matrix))
        }
        guard case .string(let name)? = file.values["objective"] else {
            if let other = file.values["objective"], other != .null { throw bad("objective is not a name") }
            if objectives.count == 1 { objective = objectives[0] }
            return
        }
        guard let used = objectives.first(where: { $0.name == name }) else {
            let guess = nearestName(to: name, in: objectives.map(\.name)).map { "did you mean '\($0)'?" }
            throw bad("there is no objective '\(name)'", guess ?? "put it under objectives")
        }
        objective = used
    }

    private mutating func readSimulation() throws {
        var parts = SimulatedParts(place: file.simulationPlace)
        parts.simulation = try keys(file.values["simulation"] ?? .object([:]), "\(file.place): simulation")
        var isNeeded = false
        for device in devices {
            guard case .world = device.source else { continue }
            isNeeded = true
            let entry = SimulatedParts.Entry(name: device.name, values: device.values)
            switch device.provision {
            case .stage: parts.stage = entry
            case .focus: parts.focus = entry
            case .camera: parts.cameras.append(entry)
            case .light: parts.lights.append(entry)
            default: parts.wheels.append(entry)
            }
        }
        guard isNeeded || !parts.simulation.isEmpty else { return }
        let settings = try SimulatedSettings(parts, folder: file.folder)
        if isNeeded { simulation = settings }
    }

    /// The greatest power of a light of which the file says none.
    private func standardMaximum_mw(_ keys: [String: JSONValue]) -> Double? {
        guard case .string(let name)? = keys["driver"] else { return nil }
        let light = DriverList.all.first { $0.name == name }?.parts.first { $0.provision == .light }
        return light?.settings.first { $0.name == "maximum_mw" }?.standard.flatMap { Double($0) }
    }

    private mutating func addChannel(_ name: String, _ value: JSONValue) throws {
        let place = "\(file.place): channels: \(name)"
        let lights = named.filter { $0.provision == .light }.map { device -> ChannelReading.Light in
            // What is no power is told where the light's own keys are checked.
            if case .number(let maximum)? = device.values["maximum_mw"], maximum > 0, maximum.isFinite {
                let curve = devices.first { $0.provision == .light && $0.name == device.name }?.curve
                return (device.name, curve.map { $0.highest(settingUpTo: maximum) } ?? maximum)
            }
            return (device.name, standardMaximum_mw(device.values) ?? 100_000)
        }
        let wheels = named.filter { $0.provision == .wheel }.map { device -> ChannelReading.Wheel in
            switch device.values["positions"] {
            case .array(let list)?:
                (device.name, list.compactMap { if case .string(let position) = $0 { position } else { nil } })
            case .object(let positions)?: (device.name, positions.keys.sorted())
            default: (device.name, nil)
            }
        }
        let reading = ChannelReading(lights: lights, wheels: wheels)
        do { channels.append(try reading.channel(name, value, place: place)) } catch {
            // Of the usual channels a microscope has those that it can have.
            if !file.hasUsualChannels { throw error }
        }
    }
}
