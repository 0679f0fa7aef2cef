import Foundation
import Instruments
import Transports
import Work

/// The devices of Micro-Manager, through the helper that holds pymmcore: a process of this computer, or of the one to
/// which the devices are connected.
enum MicroManager {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var config = ""
        var copy = ""
        var adapters = ""
        var python = "python3"
        var host = ""
        var port = 4831
        var tokenFile = ""
    }

    /// The declaration.
    static let driver = Driver(
        "micromanager", help: "devices of Micro-Manager through its Python core, here or on another computer",
        defaults: Settings(),
        settings: [
            .path("config", \.config, "Micro-Manager's .cfg; with a host its whole path there"),
            .path("copy", \.copy, "with a host: a copy of its .cfg, for channels and pixel sizes"),
            .text("adapters", \.adapters, "the folder of Micro-Manager's device adapters; found unless given"),
            .text("python", \.python, "the Python that has pymmcore"),
            .text("host", \.host, "the computer on which the helper waits; this one unless given"),
            .number("port", \.port, 1...65_535, "the port on which the helper waits"),
            .path("token_file", \.tokenFile, "the file with the token of the helper"),
        ],
        ask: { settings in
            let helper = try connect("micromanager", settings)
            defer { helper.close() }
            let answer = try helper.call("ask", try paths(settings), within_ms: 20_000)
            return answer.plain ?? ""
        },
        connect: { name, settings in try MicroManagerDevices(try connect(name, settings), try paths(settings)) },
        close: { $0.helper.close() },
        parts: [
            Part(
                .camera, help: "a camera; always by sequences, which leave the light free to go off",
                defaults: MMCamera.Settings(),
                settings: [
                    .text("device", \.device, isRequired: true, "its label in the .cfg"),
                    .text("gain_property", \.gain, "the property that is its electron multiplying gain"),
                ], make: MMCamera.init),
            Part(.focus, defaults: MMLabel(), settings: [MMLabel.setting], make: MMFocus.init),
            Part(
                .focusLock, help: "an autofocus device that holds the focus by itself",
                defaults: MMFocusLock.Settings(),
                settings: [
                    .text("device", \.device, isRequired: true, "its label in the .cfg"),
                    .number("search_s", \.search_s, 0.1...600, "how long it may search before it counts as lost"),
                ], make: MMFocusLock.init),
            Part(
                .light, help: "a shutter, or a property that switches light", defaults: MMLight.Settings(),
                settings: MMLight.settings, make: MMLight.init),
            Part(.shutter, defaults: MMLabel(), settings: [MMLabel.setting], make: MMShutter.init),
            Part(.stage, defaults: MMLabel(), settings: [MMLabel.setting], make: MMStage.init),
            Part(
                .wheel, help: "a device with labelled states, or a group of the .cfg with its presets",
                defaults: MMWheel.Settings(), settings: MMWheel.settings, make: MMWheel.make),
        ])

    /// Starts the helper or connects to it.
    private static func connect(_ name: String, _ settings: Settings) throws -> Helper {
        guard settings.host.isEmpty else { return try connectFar(name, settings) }
        guard !settings.config.isEmpty else {
            throw Failure(
                "\(name): neither config nor host is given", remedy: "give \"config\": \"MMConfig.cfg\"",
                code: "bad-description")
        }
        guard let program = helperFolder else {
            throw Failure(
                "\(name): scripts/micromanager is missing beside the program", remedy: "install the program whole",
                code: "helper-missing")
        }
        let log = (Keeper.standardLog as NSString).deletingLastPathComponent + "/micromanager.log"
        try? FileManager.default.createDirectory(
            atPath: (log as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let (process, socket) = try ChildProcess.start(settings.python, [program, "--socket", "3", "--log", log])
        return try Helper(
            name, place: "this computer (process \(process.number))", socket: socket, process: process, token: nil)
    }

    /// A host that has just left gives its devices back first.
    private static func connectFar(_ name: String, _ settings: Settings) throws -> Helper {
        let token = try readToken(settings.tokenFile, name)
        let limit = DispatchTime.now() + 4
        while true {
            let socket = try StreamSocket(host: settings.host, port: settings.port)
            do {
                return try Helper(
                    name, place: "\(settings.host):\(settings.port)", socket: socket, process: nil, token: token)
            } catch let failure as Failure where failure.code == "in-use" && .now() < limit {
                usleep(200_000)
            } catch let failure as Failure where failure.code == "device-gone" {
                throw Failure(
                    "\(name): the helper on \(settings.host):\(settings.port) does not accept the token",
                    remedy: "copy its token file to \(settings.tokenFile)", code: "token-refused")
            }
        }
    }

    private static func readToken(_ path: String, _ name: String) throws -> String {
        guard !path.isEmpty else {
            throw Failure(
                "\(name): token_file is missing", remedy: "give the file that the helper on the host has made",
                code: "bad-description")
        }
        let token = String(decoding: try readFile(path), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard token.count == 64, token.allSatisfy(\.isHexDigit) else {
            throw Failure(
                "\(path) holds no token", remedy: "copy the file that the helper on the host has made",
                code: "bad-description")
        }
        return token
    }

    /// What `open` is told: the .cfg and the folder of the adapters.
    private static func paths(_ settings: Settings) throws -> [JSONValue] {
        [.string(settings.config), .string(settings.adapters)]
    }

    /// The folder of the helper's program: beside the scripts that come with this one.
    private static var helperFolder: String? {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let found = folder.appendingPathComponent("scripts/micromanager").path
            if FileManager.default.fileExists(atPath: found + "/__main__.py") { return found }
            folder.deleteLastPathComponent()
        }
        return nil
    }
}

/// What the helper has loaded.
final class MicroManagerDevices: Sendable {
    /// A device of the .cfg.
    struct Device: Sendable {
        var label: String
        var type: Int
        /// The names of its states.
        var labels: [String]
    }

    let helper: Helper
    let devices: [Device]
    /// The presets of each group, in the order of the .cfg.
    let groups: [String: [String]]
    /// The pixel size of the .cfg that holds as its devices stand; empty for none.
    let pixelSize: String
    /// The pixel sizes that the .cfg knows.
    let pixelSizes: [String]

    /// Loads the .cfg.
    init(_ helper: Helper, _ paths: [JSONValue]) throws {
        self.helper = helper
        do {
            let answer = try helper.call("open", paths, within_ms: 120_000)
            devices = answer["devices"].list.compactMap { device in
                guard let label = device["label"]?.plain, case .number(let type)? = device["type"] else { return nil }
                return Device(label: label, type: Int(type), labels: device["labels"].list.compactMap(\.plain))
            }
            groups = (answer["groups"] ?? .null).members.mapValues { $0.members.keys.sorted() }
            pixelSize = answer["pixel_size"]?.plain ?? ""
            pixelSizes = answer["pixel_sizes"].list.compactMap { $0["name"]?.plain }
        } catch {
            helper.close()
            throw error
        }
    }

    /// The pixel size that Micro-Manager has must not be another than that of the objective in use.
    /// - Throws: `Failure` with code `objective-other`.
    func check(_ objective: Objective?, _ place: String) throws {
        guard let objective, pixelSizes.contains(objective.name), !pixelSize.isEmpty, pixelSize != objective.name else {
            return
        }
        throw Failure(
            "\(place): the objective is '\(objective.name)', but as Micro-Manager's devices stand it is '\(pixelSize)'",
            remedy: "turn the turret, or correct 'objective'", code: "objective-other")
    }

    /// The device of a label, which must be of a kind.
    /// - Throws: `Failure` with code `bad-description` and the nearest label.
    @discardableResult
    func device(_ label: String, for name: String, kinds: [Int] = [], _ what: String = "") throws -> Device {
        guard let device = devices.first(where: { $0.label == label }) else {
            let fitting = devices.filter { kinds.isEmpty || kinds.contains($0.type) }.map(\.label)
            let guess = nearestName(to: label, in: fitting).map { "did you mean '\($0)'?" }
            throw Failure(
                "\(name): the .cfg has no device '\(label)'",
                remedy: guess ?? "choose one of \(fitting.joined(separator: ", "))", code: "bad-description")
        }
        guard kinds.isEmpty || kinds.contains(device.type) else {
            throw Failure("\(name): '\(label)' is no \(what)", remedy: "choose another device", code: "bad-description")
        }
        return device
    }
}

extension JSONValue? {
    /// The values of a list; none of anything else.
    var list: [JSONValue] {
        if case .array(let list)? = self { return list }
        return []
    }
}

/// The settings of a device that has nothing but its label.
struct MMLabel: Sendable {
    var device = ""

    static var setting: Setting<MMLabel> { .text("device", \.device, isRequired: true, "its label in the .cfg") }
}
