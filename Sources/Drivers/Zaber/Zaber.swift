import Instruments
import Synchronization
import Transports
import Work

/// A chain of Zaber devices that speak the ASCII protocol. An axis is called by its device and its number there: `1.2`.
/// Its unit is a microstep, whose size the microscope file says.
final class Zaber: AxisController {
    let name: String
    private let device: DeviceLine
    private var line: Line { device.line }
    /// The size of a microstep of each axis in use.
    private let sizes_um = Mutex<[String: Double]>([:])
    private let number = Atomic<Int>(0)

    /// What the microscope file says of a stage or a focus drive.
    struct Axes: Sendable {
        var x = "1.1"
        var y = "1.2"
        var z = "2.1"
        var um_per_step = 0.0
        var home = false
    }

    /// The declaration.
    static let driver = Driver(
        "zaber", help: "Zaber devices that speak ASCII",
        framing: Framing(
            baud: 115200, lineEnd: "\n", replyEnd: .text("\r\n"),
            // It begins a command anew, whatever stood before it.
            poison: "/", unasked: ["!", "#"]),
        identity: Identity("/1", expects: "@01 0 OK"), defaults: (), settings: [],
        connect: { name, _, device in Zaber(name, device) },
        parts: [
            Part(
                .stage, defaults: Axes(),
                settings: [
                    .text("x_axis", \.x, "its axis along x: the number of the device and of the axis there"),
                    .text("y_axis", \.y, "its axis along y"), size, home,
                ],
                make: { name, axes, controller in
                    try controller.take([axes.x, axes.y], axes, for: name)
                    return try AxisStage(name, x: axes.x, y: axes.y, on: controller)
                }),
            Part(
                .focus, defaults: Axes(), settings: [.text("axis", \.z, "its axis"), size, home],
                make: { name, axes, controller in
                    try controller.take([axes.z], axes, for: name)
                    return try AxisFocus(name, z: axes.z, on: controller)
                }),
        ])

    private static var size: Setting<Axes> {
        .number(
            "um_per_step", \.um_per_step, 1e-6...100, isRequired: true, "the size of a microstep, from its data sheet")
    }

    private static var home: Setting<Axes> {
        .flag("home", \.home, "whether it may drive to its home switches when it is opened and has not been there")
    }

    /// One answer: `@01 1 07 OK IDLE -- 5000`.
    private struct Answer {
        var isBusy: Bool
        var warning: String
        var data: [Substring]
    }

    init(_ name: String, _ device: DeviceLine) {
        self.name = name
        self.device = device
    }

    /// Takes axes into use; they must know where they are, or be allowed to drive home.
    func take(_ axes: [String], _ settings: Axes, for device: String) throws {
        for axis in axes {
            guard address(axis) != nil else {
                throw Failure(
                    "\(device): '\(axis)' is no axis", remedy: "give the device and its axis as \"1.2\"",
                    code: "bad-description")
            }
            sizes_um.withLock { $0[axis] = settings.um_per_step }
            do { _ = try ask(axis, "get pos") } catch let failure as Failure where failure.code == "device-refused" {
                throw Failure(
                    "\(device): \(failure.message)", remedy: "check the numbers of the device and of its axis",
                    code: "bad-description")
            }
        }
        let lost = try axes.filter { try !isHomed($0) }
        if settings.home, !lost.isEmpty { try home(lost) }
    }

    /// Whether an axis knows where it is.
    func isHomed(_ axis: String) throws -> Bool {
        try ask(axis, "warnings").data.allSatisfy { $0 != "WR" && $0 != "WH" }
    }

    /// Drives axes to their home switches and waits until they have arrived, 3 minutes at most.
    func home(_ axes: [String]) throws {
        for axis in axes { _ = try ask(axis, "home") }
        try homing { pause in while try isMoving(axes, needsHome: false) { try pause(0.02) } }
        for axis in axes where try !isHomed(axis) { throw notHomed(axis) }
    }

    func start(_ targets: [AxisTarget]) throws {
        for target in targets where try !isHomed(target.axis) { throw notHomed(target.axis) }
        for target in targets {
            let steps = (target.place_um / size_um(target.axis)).rounded()
            _ = try ask(target.axis, "move abs \(Int(steps))")
        }
    }

    func isMoving(_ axes: [String]) throws -> Bool { try isMoving(axes, needsHome: true) }

    private func isMoving(_ axes: [String], needsHome: Bool) throws -> Bool {
        let answers = try axes.map { (axis: $0, answer: try ask($0, "")) }
        if answers.contains(where: { $0.answer.isBusy }) { return true }
        for (axis, answer) in answers {
            if needsHome, ["WR", "WH"].contains(answer.warning) { throw notHomed(axis) }
            if let meaning = Self.faults[answer.warning] {
                throw Failure(
                    "\(name): axis \(axis) has stopped: \(meaning) (\(answer.warning))",
                    remedy: "look for an obstacle; the next move clears it",
                    code: ["FE", "WL"].contains(answer.warning) ? "limit-hit" : "axis-fault")
            }
        }
        return false
    }

    func position_um(_ axis: String) throws -> Double {
        let answer = try ask(axis, "get pos")
        if ["WR", "WH"].contains(answer.warning) { throw notHomed(axis) }
        guard answer.data.count == 1, let steps = Double(answer.data[0]) else {
            throw Failure(
                "\(name): axis \(axis) gave '\(answer.data.joined(separator: " "))' instead of a position",
                remedy: "name one axis of the device, as \"1.2\"", code: "device-garbled")
        }
        return steps * size_um(axis)
    }

    func properties(of axes: [String]) -> [DeviceProperty] {
        // The firmware counts microsteps in a time of its own.
        let factor = size_um(axes[0]) / 1.6384 / 1000
        return [
            .number(
                "speed_mm_per_s", 0.0001...1000, "its greatest speed",
                get: { [self] in
                    let answer = try ask(axes[0], "get maxspeed")
                    guard let speed = answer.data.first.flatMap({ Double($0) }) else {
                        throw Failure("\(name) does not tell its speed", code: "device-garbled")
                    }
                    return speed * factor
                },
                set: { [self] speed in
                    for axis in axes { _ = try ask(axis, "set maxspeed \(Int((speed / factor).rounded()))") }
                }),
            .state("is_homed", "whether it knows where it is") { [self] in try axes.allSatisfy { try isHomed($0) } },
        ]
    }

    /// To all devices of the chain; each answers.
    func halt() { line.halt(Self.summed("/stop"), end: .quiet(ms: 20)) }
    var haltCount: Int { line.haltCount }
    func close() { device.close() }

    private func size_um(_ axis: String) -> Double { sizes_um.withLock { $0[axis] ?? .nan } }

    private func address(_ axis: String) -> (device: Int, axis: Int)? {
        let parts = axis.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let device = parts[0], let number = parts[1], (1...99).contains(device),
            (1...9).contains(number)
        else { return nil }
        return (device, number)
    }

    private func notHomed(_ axis: String) -> Failure {
        Failure(
            "\(name): axis \(axis) has not been homed, so where it is is not known",
            remedy: "make its way free, then open the microscope with \"home\": true", code: "not-homed")
    }

    /// Asks one axis. The question has a number that the answer must have too, and a checksum, so that the device
    /// ignores what is not whole. All that is asked may be asked twice.
    private func ask(_ axis: String, _ command: String) throws -> Answer {
        guard let address = address(axis) else { throw Failure("'\(axis)' is no axis", code: "bad-description") }
        let id = number.add(1, ordering: .relaxed).newValue % 100
        let head = String(format: "/%d %d %02d", address.device, address.axis, id)
        let question = Self.summed(command.isEmpty ? head : "\(head) \(command)")
        let reply = try line.ask(question, repeats: .once)
        let expected = String(format: "@%02d %d %02d", address.device, address.axis, id)
        var text = reply.text
        if let colon = text.lastIndex(of: ":") {
            guard Self.summed(String(text[..<colon])) == text else {
                throw line.garbled(question, reply, expected: "the right checksum")
            }
            text = String(text[..<colon])
        }
        let words = text.split(separator: " ")
        guard text.hasPrefix(expected + " "), words.count >= 6, ["OK", "RJ"].contains(words[3]),
            ["BUSY", "IDLE"].contains(words[4])
        else { throw line.garbled(question, reply, expected: "'\(expected) OK'") }
        let data = Array(words[6...])
        guard words[3] == "OK" else {
            let reason = data.first.map(String.init) ?? ""
            throw Failure(
                "\(name) refused '\(command)' for axis \(axis): \(reason)"
                    + (Self.refusals[reason].map { ", that is, \($0)" } ?? ""), code: "device-refused")
        }
        return Answer(isBusy: words[4] == "BUSY", warning: String(words[5]), data: data)
    }

    /// A line with its checksum: the negative sum of all bytes but the first.
    private static func summed(_ text: String) -> String {
        let sum = text.utf8.dropFirst().reduce(0) { ($0 + Int($1)) & 255 }
        return text + String(format: ":%02X", (256 - sum) & 255)
    }

    private static let refusals = [
        "BADDATA": "the place lies outside its limits, or it has not been homed",
        "BADCOMMAND": "it does not know the command",
        "BADAXIS": "it has no such axis", "AGAIN": "it is not ready", "PARKED": "it is parked",
        "DRIVERDISABLED": "its motor is switched off", "STATUSBUSY": "it moves",
        "DEVICEONLY": "it is no matter of an axis",
        "INACTIVE": "nothing is connected there", "FULL": "its queue is full", "NOACCESS": "it may not be set",
    ]

    private static let faults = [
        "FF": "a critical error", "FN": "what is connected is not supported", "FZ": "what is connected is not active",
        "FD": "its motor is switched off", "FQ": "its encoder is wrong", "FI": "its index is wrong",
        "FS": "it stalled", "FT": "it was twisted", "FB": "its stream left the bounds", "FP": "it left its path",
        "FE": "it ran against its limit", "WL": "a limit switch closed unexpectedly", "WM": "it was displaced",
    ]
}
