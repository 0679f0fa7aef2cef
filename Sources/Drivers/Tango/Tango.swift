import Instruments
import Synchronization
import Transports
import Work

/// A Maerzhaeuser TANGO. What it is told has no reply; its error is asked for behind it.
final class Tango: AxisController {
    let name: String
    private let device: DeviceLine
    private var line: Line { device.line }
    /// The axes that need not have been calibrated since the controller was switched on.
    private let trusted = Mutex<Set<String>>([])

    /// What the microscope file says of a stage or a focus drive.
    struct Axes: Sendable {
        var x = "x"
        var y = "y"
        var z = "z"
        var home = false
        var isTrusted = false
    }

    /// The declaration.
    static let driver = Driver(
        "tango", help: "Maerzhaeuser TANGO",
        framing: Framing(
            baud: 57600, lineEnd: "\r", replyEnd: .text("\r"),
            // A half command is carried out by what clears it; it is aborted at once.
            poison: "\r!a", refusals: ["ERR"], setUp: ["!autostatus 0"]),
        identity: Identity("?version", expects: "TANGO"), defaults: (), settings: [],
        connect: { name, _, device in Tango(name, device) },
        parts: [
            Part(
                .stage, defaults: Axes(),
                settings: [
                    .choice("x_axis", \.x, of: axes, "its axis along x"),
                    .choice("y_axis", \.y, of: axes, "its axis along y"), home, trust,
                ],
                make: { name, axes, controller in
                    try controller.take([axes.x, axes.y], axes, for: name)
                    return try AxisStage(name, x: axes.x, y: axes.y, on: controller)
                }),
            Part(
                .focus, defaults: Axes(), settings: [.choice("axis", \.z, of: axes, "its axis"), home, trust],
                make: { name, axes, controller in
                    try controller.take([axes.z], axes, for: name)
                    return try AxisFocus(name, z: axes.z, on: controller)
                }),
        ])

    private static var home: Setting<Axes> {
        .flag("home", \.home, "whether it may drive to its limit switches when it is opened and has not been there")
    }

    private static var trust: Setting<Axes> {
        .flag("uncalibrated", \.isTrusted, "whether its place is believed though it has not been calibrated")
    }

    /// The axes in the order of its answers.
    static let axes = ["x", "y", "z", "a"]

    init(_ name: String, _ device: DeviceLine) {
        self.name = name
        self.device = device
    }

    /// Takes axes into use; they must know where they are, be believed, or be allowed to drive home.
    func take(_ axes: [String], _ settings: Axes, for device: String) throws {
        for (axis, state) in zip(axes, try states(axes)) where state == "-" {
            throw Failure(
                "\(device): \(name) has no axis \(axis), or it is switched off",
                remedy: "switch it on, or name another",
                code: "bad-description")
        }
        if settings.isTrusted { trusted.withLock { $0.formUnion(axes) } }
        let lost = try axes.filter { try !isHomed($0) }
        if settings.home, !lost.isEmpty { try home(lost) }
    }

    /// Whether an axis knows where it is.
    func isHomed(_ axis: String) throws -> Bool { try signs("?statuslimit", of: [axis]) == ["A"] }

    /// Drives axes to both of their limit switches, which gives them their zero and their range; 3 minutes at most.
    func home(_ axes: [String]) throws {
        try homing { pause in
            for word in ["!cal", "!rm"] {
                for axis in axes { try line.tell("\(word) \(axis)") }
                repeat { try pause(0.05) } while try states(axes).contains { $0 == "M" }
            }
        }
        for axis in axes where try !isHomed(axis) { throw notHomed(axis) }
    }

    func start(_ targets: [AxisTarget]) throws {
        for target in targets where try !isKnown(target.axis) { throw notHomed(target.axis) }
        try line.tell("!err")
        // Its unit is said every time: a restart forgets it.
        for target in targets { try line.tell("!dim \(target.axis) 1") }
        let places = targets.map { fixed($0.place_um, decimals: 3) }
        if targets.map(\.axis) == ["x", "y"] {
            try line.tell("!moa \(places[0]) \(places[1])")
        } else {
            for (target, place) in zip(targets, places) { try line.tell("!moa \(target.axis) \(place)") }
        }
        let reply = try ask("?err")
        guard let code = Int(reply.text) else { throw line.garbled("?err", reply, expected: "a number") }
        guard code == 0 else {
            throw Failure(
                "\(name) refused to move to \(places.joined(separator: ", ")) um: error \(code)"
                    + (Self.meanings[code].map { ", that is, \($0)" } ?? ""),
                code: [12, 32].contains(code) ? "limit-hit" : "device-refused")
        }
    }

    func isMoving(_ axes: [String]) throws -> Bool {
        let states = try states(axes)
        if states.contains("M") { return true }
        for (axis, state) in zip(axes, states) {
            switch state {
            case "S":
                throw Failure(
                    "\(name): axis \(axis) stands at a limit switch",
                    remedy: "move it away with the joystick and check the travel in the microscope file",
                    code: "limit-hit")
            case "E", "T", "-":
                let what = state == "-" ? "is switched off" : "could not be calibrated"
                throw Failure(
                    "\(name): axis \(axis) \(what)", remedy: "switch it on and off again, then calibrate it",
                    code: "axis-fault")
            default: break
            }
        }
        return false
    }

    func position_um(_ axis: String) throws -> Double {
        guard try isKnown(axis) else { throw notHomed(axis) }
        try line.tell("!dim \(axis) 1")
        let question = "?pos \(axis)"
        let reply = try ask(question)
        guard reply.lines.count == 1, let place = Double(reply.text) else {
            throw line.garbled(question, reply, expected: "a position")
        }
        return place
    }

    func properties(of axes: [String]) -> [DeviceProperty] {
        [.state("is_homed", "whether it knows where it is") { [self] in try axes.allSatisfy { try isHomed($0) } }]
    }

    func halt() { line.halt("!a", end: ReplyEnd.none) }
    var haltCount: Int { line.haltCount }
    var interruptionCount: Int { line.orderCount }
    func close() { device.close() }

    private func isKnown(_ axis: String) throws -> Bool {
        if trusted.withLock({ $0.contains(axis) }) { return true }
        return try isHomed(axis)
    }

    private func states(_ axes: [String]) throws -> [Character] { try signs("?statusaxis", of: axes) }

    /// The characters of axes in an answer that has one for each axis.
    private func signs(_ question: String, of axes: [String]) throws -> [Character] {
        let reply = try ask(question)
        let all = Array(reply.text)
        let places = axes.map { Self.axes.firstIndex(of: $0) ?? 0 }
        guard reply.lines.count == 1, places.allSatisfy({ all.indices.contains($0) && "@MJCSAEDUT-".contains(all[$0]) })
        else { throw line.garbled(question, reply, expected: "the states of its axes") }
        return places.map { all[$0] }
    }

    private func ask(_ question: String) throws -> Reply {
        do { return try line.ask(question, repeats: .once) } catch let failure as Failure {
            throw explained(failure, Dictionary(uniqueKeysWithValues: Self.meanings.map { ("ERR \($0)", $1) }))
        }
    }

    private func notHomed(_ axis: String) -> Failure {
        Failure(
            "\(name): axis \(axis) has not been calibrated since it was switched on, so where it is is not known",
            remedy: "make its way free, then open the microscope with \"home\": true", code: "not-homed")
    }

    private static let meanings = [
        1: "no valid axis", 2: "no executable instruction", 4: "an invalid instruction",
        5: "the place lies outside its limits", 6: "a wrong number of parameters",
        10: "a function that it does not have",
        11: "its joystick is in use", 12: "a limit switch is closed", 14: "a limit switch was not released",
        21: "it is being set up", 22: "moves are not allowed now, such as with an open door",
        27: "its emergency stop is pressed", 29: "its amplifiers are switched off", 30: "its safety circuit is open",
        32: "the place lies outside its limits", 89: "it is in standby", 90: "it is too hot",
        91: "its encoder is wrong",
    ]
}
