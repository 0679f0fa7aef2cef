import Instruments
import Transports
import Work

/// What a device does.
public enum Provision: String, Sendable, CaseIterable {
    case light, stage, focus, wheel, shutter, trigger
}

/// One driver: everything that the program knows of a kind of device, declared in one place. From it come the keys of
/// the microscope file with their checks, the help, and what the keeper does when the program dies.
public struct Driver: Sendable {
    /// What the microscope file calls it.
    public let name: String
    /// The device in one line.
    public let help: String
    /// What it does.
    public let provides: [Provision]
    /// How commands and replies stand in its line.
    public let framing: Framing
    /// The question that only this device answers; it switches nothing.
    public let identity: Identity
    /// How its light is put off, for devices with light.
    public let off: OffRecipe?
    /// Its settings, in the order of the help.
    public let settings: [SettingHelp]
    private let opening:
        @Sendable (String, [String: JSONValue], String) throws -> @Sendable (DeviceLine) throws -> any Device

    /// Declares a driver.
    /// - Parameters:
    ///   - defaults: the settings where nothing else is said.
    ///   - settings: the keys of the microscope file that the driver has beside `driver` and `port`.
    ///   - open: makes the device on a line on which it has answered; its light is off then.
    public init<Settings: Sendable>(
        _ name: String, help: String, provides: [Provision], framing: Framing, identity: Identity,
        off: OffRecipe? = nil,
        defaults: Settings, settings: [Setting<Settings>],
        open: @escaping @Sendable (_ name: String, _ settings: Settings, _ line: DeviceLine) throws -> any Device
    ) {
        self.name = name
        self.help = help
        self.provides = provides
        self.framing = framing
        self.identity = identity
        self.off = off
        self.settings = settings.map { $0.help(defaults: defaults) }
        opening = { device, values, place in
            var chosen = defaults
            try readSettings(settings, from: values, place: place, into: &chosen)
            let ready = chosen
            return { line in try open(device, ready, line) }
        }
    }

    /// Checks the keys of a device in a microscope file without touching the device.
    /// - Parameters:
    ///   - device: the name of the device, such as `405`.
    ///   - values: its keys, `driver` and `port` among them.
    ///   - place: where they stand, for messages: `rig.lua: lights: 405`.
    /// - Throws: `Failure` that tells all problems at once, with the nearest names.
    public func check(_ device: String, _ values: [String: JSONValue], place: String) throws {
        _ = try opening(device, values, place)
    }

    /// Opens a device: its light is off and it has said who it is.
    /// - Parameters:
    ///   - device: its name.
    ///   - values: its keys in the microscope file.
    ///   - place: where they stand, for messages.
    ///   - keeper: has the port of a device with light, and is needed for one.
    /// - Throws: `Failure` of `check`, of the port, or of the device.
    public func open(_ device: String, _ values: [String: JSONValue], place: String, keeper: Keeper?) throws
        -> any Device
    {
        let make = try opening(device, values, place)
        guard case .string(let port)? = values["port"] else { throw Failure("\(place): the key 'port' is missing") }
        let path = try PortName.resolve(port)
        let line: DeviceLine
        if let off {
            guard let keeper else {
                throw Failure("\(place): a light is opened only with a keeper", code: "keeper-missing")
            }
            let bytes = try keeper.openLine(name: device, path: path, framing: framing, recipe: off)
            line = DeviceLine(
                line: Line(bytes, name: device, framing: framing, identity: identity), kept: (keeper, bytes))
        } else {
            let bytes = try SerialPort(path, baud: framing.baud)
            line = DeviceLine(line: Line(bytes, name: device, framing: framing, identity: identity), kept: nil)
        }
        do {
            try line.line.resynchronise()
            return try make(line)
        } catch {
            line.line.close()
            throw error
        }
    }
}

/// The line of an open device, with the keeper where that has its port.
public struct DeviceLine: Sendable {
    /// For requests.
    public let line: Line
    let kept: (keeper: Keeper, bytes: KeeperLine)?

    /// Puts light off without waiting for whatever the line is doing: by a command where the line is free and answers,
    /// else through the keeper. It cannot fail; whether the light is off is asked afterwards.
    public func putOff(_ command: String) {
        if (try? line.askIfFree(command, within_ms: 200)) != nil { return }
        if let kept, kept.keeper.off(kept.bytes) != nil { return }
        _ = try? line.ask(command, within_ms: 200, repeats: .once)
    }

    /// How the light on this line is guarded.
    public var guardText: String { kept.map { $0.keeper.describe($0.bytes) } ?? "nothing guards \(line.name)" }
}
