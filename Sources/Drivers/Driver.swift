import Foundation
import Instruments
import Transports
import Work

/// What a device does.
public enum Provision: String, Sendable, CaseIterable {
    case light, stage, focus, focusLock = "focus lock", wheel, shutter, trigger, meter, camera
}

/// One driver: everything that the program knows of a kind of controller, declared in one place. From it come the keys
/// of the microscope file with their checks, the help, and what the keeper does when the program dies.
public struct Driver: Sendable {
    /// One of the devices that a controller offers.
    public struct Provided: Sendable {
        /// What it does.
        public let provision: Provision
        /// The device in one line; empty where the driver's says it all.
        public let help: String
        /// Its keys in the microscope file, those that all devices of its kind have behind its own.
        public let settings: [SettingHelp]
        let read: @Sendable (inout Keys) -> PlannedPart
    }

    /// What the microscope file calls it.
    public let name: String
    /// The controller in one line.
    public let help: String
    /// How it is spoken to on a line; nil for what is reached by a library, a process or a name on the network.
    public let wire: Wire?
    /// The settings of the controller, in the order of the help.
    public let settings: [SettingHelp]
    /// The devices that it offers, at most one of each kind.
    public let parts: [Provided]
    private let read: @Sendable (inout Keys) -> PlannedController.Way

    /// How a controller is spoken to on a line.
    public struct Wire: Sendable {
        /// How commands and replies stand in it.
        public let framing: Framing
        /// The question that only this controller answers; it switches nothing.
        public let identity: Identity
        /// How its light is put off, for controllers with light.
        public let off: OffRecipe?
    }

    /// What it does.
    public var provides: [Provision] { parts.map(\.provision) }
    /// How its light is put off by the keeper, for controllers with light on a line.
    public var off: OffRecipe? { wire?.off }

    /// Declares a driver.
    /// - Parameters:
    ///   - defaults: the settings of the controller where nothing else is said.
    ///   - settings: the keys that the controller has beside `driver` and `port`.
    ///   - connect: makes the controller on a line on which it has answered; its light is off then.
    ///   - parts: the devices that it offers.
    public init<Settings: Sendable, Controller: Sendable>(
        _ name: String, help: String, framing: Framing, identity: Identity, off: OffRecipe? = nil,
        defaults: Settings, settings: [Setting<Settings>],
        connect: @escaping @Sendable (_ name: String, _ settings: Settings, _ line: DeviceLine) throws -> Controller,
        parts: [Part<Controller>]
    ) {
        self.name = name
        self.help = help
        wire = Wire(framing: framing, identity: identity, off: off)
        self.settings = settings.map { $0.help(defaults: defaults) }
        self.parts = parts.map(\.provided)
        read = { keys in
            let ready = keys.read(settings, defaults: defaults)
            return .line { name, line in try connect(name, ready, line) }
        }
    }

    /// Declares a driver without a port: its controller is reached by a library, a process or a name on the network.
    /// - Parameters:
    ///   - defaults: the settings of the controller where nothing else is said.
    ///   - settings: the keys that the controller has beside `driver`.
    ///   - ask: what is there, as it says of itself; nothing is set and nothing is switched. Throws a `Failure` where it
    ///     is not there.
    ///   - connect: makes the controller.
    ///   - close: gives it back, after its devices were closed. Repeated calls do nothing.
    ///   - parts: the devices that it offers.
    public init<Settings: Sendable, Controller: Sendable>(
        _ name: String, help: String, defaults: Settings, settings: [Setting<Settings>],
        ask: @escaping @Sendable (_ settings: Settings) throws -> String,
        connect: @escaping @Sendable (_ name: String, _ settings: Settings) throws -> Controller,
        close: @escaping @Sendable (Controller) -> Void, parts: [Part<Controller>]
    ) {
        self.name = name
        self.help = help
        wire = nil
        self.settings = settings.map { $0.help(defaults: defaults) }
        self.parts = parts.map(\.provided)
        read = { keys in
            let ready = keys.read(settings, defaults: defaults)
            return .own(
                ask: { try ask(ready) },
                connect: { name in
                    let controller = try connect(name, ready)
                    return (controller, { close(controller) })
                })
        }
    }

    /// Declares devices of the simulated world, which is made when all others are open.
    init(world name: String, help: String, parts: [Part<SimulatedWorld>]) {
        self.name = name
        self.help = help
        wire = nil
        settings = []
        self.parts = parts.map(\.provided)
        read = { _ in .world }
    }

    /// Declares a driver whose controller is nothing but its line.
    public init(
        _ name: String, help: String, framing: Framing, identity: Identity, off: OffRecipe? = nil,
        parts: [Part<DeviceLine>]
    ) {
        self.init(
            name, help: help, framing: framing, identity: identity, off: off, defaults: (), settings: [],
            connect: { _, _, line in line }, parts: parts)
    }

    /// Checks the keys of a controller in a microscope file without touching it.
    /// - Parameters:
    ///   - values: its keys, `driver` and `port` among them.
    ///   - place: where they stand, for messages: `rig.lua: controllers: tiger`.
    /// - Returns: what opens it.
    /// - Throws: `Failure` that tells all problems at once, with the nearest names.
    public func plan(controller values: [String: JSONValue], place: String) throws -> PlannedController {
        var keys = Keys(values, common: common)
        let planned = controller(&keys)
        try keys.finish(place: place)
        return planned
    }

    /// The keys of every entry that names this driver.
    private var common: [String] { ["driver", "optional"] + (wire == nil ? [] : ["port"]) }

    private func controller(_ keys: inout Keys) -> PlannedController {
        let port = wire == nil ? nil : keys.port()
        let baud = wire.map { keys.baud($0.framing.baud) }
        return PlannedController(driver: self, port: port, baud: baud ?? 0, way: read(&keys))
    }

    /// The values with the files that they name made absolute.
    /// - Parameter folder: where relative paths start.
    func resolving(_ values: [String: JSONValue], in folder: String) -> [String: JSONValue] {
        let names = (settings + parts.flatMap(\.settings)).filter(\.isPath).map(\.name)
        return values.reduce(into: values) { result, entry in
            guard names.contains(entry.key), case .string(let path) = entry.value, !path.isEmpty, !path.hasPrefix("/"),
                // A path of another computer.
                !path.dropFirst().hasPrefix(":")
            else { return }
            result[entry.key] = .string(URL(fileURLWithPath: folder).appendingPathComponent(path).path)
        }
    }

    /// Checks the keys of a device that stands on a controller of the file without touching it.
    /// - Parameters:
    ///   - values: its keys, `from` among them.
    ///   - provision: what it is to do.
    ///   - place: where they stand, for messages.
    /// - Returns: what makes it from the open controller.
    /// - Throws: as `plan(controller:place:)`, also where the controller offers no such device.
    public func plan(part values: [String: JSONValue], as provision: Provision, place: String) throws -> PlannedPart {
        var keys = Keys(values, common: ["from", "optional"])
        let make = try part(provision, place: place).read(&keys)
        try keys.finish(place: place)
        return make
    }

    /// Checks the keys of a device with a line of its own: those of the controller and of the device together.
    /// - Throws: as `plan(controller:place:)`, also where the driver offers no such device.
    public func plan(device values: [String: JSONValue], as provision: Provision, place: String) throws
        -> (controller: PlannedController, part: PlannedPart)
    {
        var keys = Keys(values, common: common)
        let planned = controller(&keys)
        let make = try part(provision, place: place).read(&keys)
        try keys.finish(place: place)
        return (planned, make)
    }

    /// As `plan(device:as:place:)` for the first device that the driver offers.
    public func check(_ device: String, _ values: [String: JSONValue], place: String) throws {
        _ = try plan(device: values, as: parts[0].provision, place: place)
    }

    /// Opens a device with a line of its own: its light is off and it has said who it is.
    /// - Parameters:
    ///   - device: its name.
    ///   - values: its keys in the microscope file.
    ///   - provision: what it is to do; the first that the driver offers unless given.
    ///   - place: where the keys stand, for messages.
    ///   - keeper: has the port of a controller with light, and is needed for one.
    /// - Throws: `Failure` of the check, of the port, or of the device.
    public func open(
        _ device: String, _ values: [String: JSONValue], as provision: Provision? = nil, place: String, keeper: Keeper?
    ) throws -> any Device {
        let (controller, part) = try plan(device: values, as: provision ?? parts[0].provision, place: place)
        let open = try controller.open(device, isShared: false, place: place, keeper: keeper)
        do { return try open.make(device, part) } catch {
            open.close()
            throw error
        }
    }

    private func part(_ provision: Provision, place: String) throws -> Provided {
        if let part = parts.first(where: { $0.provision == provision }) { return part }
        throw Failure(
            "\(place): the driver '\(name)' offers no \(provision.rawValue)",
            remedy: "it offers \(provides.map(\.rawValue).joined(separator: ", "))", code: "bad-description")
    }
}

/// Makes a device of a name from its open controller.
public typealias PlannedPart = @Sendable (_ name: String, _ controller: any Sendable) throws -> any Device

/// One of the devices that a controller offers, as a driver declares it.
public struct Part<Controller: Sendable>: Sendable {
    let provided: Driver.Provided

    /// Declares a device.
    /// - Parameters:
    ///   - provision: what it does. A stage is given as a `StageDrive`, a focus drive as a `FocusDrive`: their limits
    ///     and their settling are seen to elsewhere.
    ///   - help: the device in one line; empty where the driver's help says it all.
    ///   - defaults: its settings where nothing else is said.
    ///   - settings: the keys of the microscope file that belong to it alone.
    ///   - left: the keys of all devices of its kind that it has not, or has as its own.
    ///   - make: makes it; its light is off then and nothing moves.
    public init<Settings: Sendable>(
        _ provision: Provision, help: String = "", defaults: Settings, settings: [Setting<Settings>],
        without left: Set<String> = [],
        make: @escaping @Sendable (_ name: String, _ settings: Settings, _ controller: Controller) throws -> any Device
    ) {
        let common = CommonSettings.settings(provision).filter { !left.contains($0.name) }
        provided = Driver.Provided(
            provision: provision, help: help,
            settings: settings.map { $0.help(defaults: defaults) } + common.map { $0.help(defaults: CommonSettings()) },
            read: { keys in
                let own = keys.read(settings, defaults: defaults)
                let shared = keys.read(common, defaults: CommonSettings())
                return { name, controller in
                    guard let controller = controller as? Controller else {
                        throw Failure("\(name) does not stand on this controller", code: "bad-description")
                    }
                    return try shared.applied(to: try make(name, own, controller), as: provision)
                }
            })
    }
}
