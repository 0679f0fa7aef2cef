import Drivers
import Foundation
import Instruments
import Testing
import Transports
import Work

/// Micro-Manager's devices as `Tests/Files/micromanager/pymmcore.py` makes them up, behind the helper as it is.
final class MicroManagerRig {
    /// Whether this computer has a Python.
    static let hasPython =
        (try? ChildProcess.start("python3", ["-c", ""])).map { process, _ in
            process.end(within_s: 10)
            return true
        } ?? false

    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mm-\(UUID().uuidString)").path

    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    init() throws {
        for name in ["world", "adapters"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        // An adapter that nobody can load, so that its interface is not known.
        try write("adapters/libmmgr_dal_Fake.so.0", "")
        try write("rig.cfg", Self.configuration)
        try write(
            "python",
            "#!/bin/sh\nFAKE_WORLD='\(folder)/world' PYTHONPATH='\(Self.root)/Tests/Files/micromanager' "
                + "exec python3 -B \"$@\"\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/python")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    /// What a light really is, whatever any process thinks.
    func world(_ label: String) -> String {
        (try? String(contentsOfFile: "\(folder)/world/\(label)", encoding: .utf8)) ?? "never set"
    }

    func waits(_ limit_s: Double, until condition: () -> Bool) -> Bool {
        let end = DispatchTime.now() + limit_s
        while !condition() {
            guard .now() < end else { return false }
            usleep(5000)
        }
        return true
    }

    /// Writes a microscope file and opens it.
    func open(_ more: [String: JSONValue] = [:], controller: [String: JSONValue]? = nil) throws -> Microscope {
        try write("rig.json", JSONValue.object(description(controller).merging(more) { $1 }).text(pretty: true))
        return try openMicroscope("\(folder)/rig.json")
    }

    var local: [String: JSONValue] {
        [
            "driver": .string("micromanager"), "config": .string("rig.cfg"), "python": .string("\(folder)/python"),
            "adapters": .string("\(folder)/adapters"),
        ]
    }

    private func description(_ controller: [String: JSONValue]?) -> [String: JSONValue] {
        func device(_ label: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
            .object(["from": .string("mm"), "device": .string(label)].merging(more) { $1 })
        }
        let travel = JSONValue.array([.number(-1000), .number(1000)])
        return [
            "controllers": .object(["mm": .object(controller ?? local)]),
            "stage": device("XY", ["x_um": travel, "y_um": travel, "settle_ms": .number(0)]),
            "focus": device("Z", ["z_um": travel, "settle_ms": .number(0)]),
            "focus_lock": device("AF", ["search_s": .number(0.2)]),
            "camera": device("Cam", ["gain_property": .string("Gain")]),
            "lights": .object([
                "lamp": device("Lamp", ["wavelength_nm": .number(550), "maximum_mw": .number(5)]),
                "laser": device(
                    "Laser",
                    [
                        "wavelength_nm": .number(640), "maximum_mw": .number(50), "switch": .string("Power"),
                        "on": .string("1"), "off": .string("0"),
                    ]),
            ]),
            "wheels": .object([
                "filter": device("Filter"), "way": .object(["from": .string("mm"), "group": .string("Way")]),
            ]),
        ]
    }

    /// Started as on another computer: its process, its port and its token file.
    func listen() throws -> (process: ChildProcess, port: Int, token: String) {
        let log = "\(folder)/listen.log"
        let (process, _) = try ChildProcess.start(
            "\(folder)/python",
            [
                "\(Self.root)/scripts/micromanager", "--listen", "127.0.0.1", "--port", "0", "--token-file",
                "\(folder)/token", "--config", "\(folder)/rig.cfg", "--adapters", "\(folder)/adapters", "--log", log,
            ])
        var port: Int?
        _ = waits(20) {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            port = text.split(separator: "\n").first.flatMap { $0.split(separator: ":").last.flatMap { Int($0) } }
            return port != nil
        }
        return (process, try #require(port), "\(folder)/token")
    }

    /// The processes of the helper that this program has started, those with the devices first.
    func workers(of supervisor: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            let text = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
            let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && Int32(fields[1]) == supervisor
        }.sorted()
    }

    private static let configuration = """
        # A rig that there is not.
        Property,Core,Initialize,0
        Device,XY,Fake,XYStage
        Device,Z,Fake,ZStage
        Device,AF,Fake,AutoFocus
        Device,Cam,Fake,Camera
        Device,Lamp,Fake,Shutter
        Device,Laser,Fake,Laser
        Device,Filter,Fake,Wheel
        Property,Core,Initialize,1
        Property,Core,Shutter,Lamp
        FocusDirection,Z,-1
        Label,Filter,0,empty
        Label,Filter,1,red
        Label,Filter,2,far red
        ConfigGroup,Channel,Red,Filter,Label,red
        ConfigGroup,Channel,Red,Core,Shutter,Lamp
        ConfigGroup,Channel,Far,Filter,Label,far red
        ConfigGroup,Way,left,Filter,State,0
        ConfigGroup,Way,left,Laser,Power,30
        ConfigGroup,Way,right,Filter,State,2
        ConfigGroup,System,Startup,Lamp,State,1
        ConfigGroup,System,Startup,Core,ChannelGroup,Channel
        ConfigPixelSize,60x,Filter,Label,empty
        PixelSize_um,60x,0.108
        PixelSizeAffine,60x,1,0,0,0,1,0

        """
}
