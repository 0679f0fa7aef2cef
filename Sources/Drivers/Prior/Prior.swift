import Instruments
import Synchronization
import Transports
import Work

/// A Prior ProScan. Its unit is a step, whose size it says itself.
///
/// Models differ in when they answer a move with `R`: at once or when it has ended. Both are taken; whether the stage has
/// arrived is never told by it.
final class Prior: AxisController {
    let name: String
    private let device: DeviceLine
    private var line: Line { device.line }
    private let sizes_um = Mutex<[String: Double]>([:])

    /// What the microscope file says of a stage.
    struct Settings: Sendable {
        var home = false
    }

    /// The declaration.
    static let driver = Driver(
        "prior", help: "Prior ProScan",
        framing: Framing(
            baud: 9600, lineEnd: "\r", replyEnd: .text("\r"),
            // A half command is carried out by what clears it; it is stopped at once.
            poison: "\rI", refusals: ["E,"], unasked: ["R"],
            // The standard mode, in which it takes further commands while it moves.
            setUp: ["COMP 0"]),
        identity: Identity("?", expects: "SCAN INFORMATION", end: .text("\rEND\r")), defaults: (), settings: [],
        connect: { name, _, device in Prior(name, device) },
        parts: [
            Part(
                .stage, defaults: Settings(),
                settings: [
                    .flag("home", \.home, "whether it drives into its corner and calls that zero whenever it is opened")
                ],
                make: { name, settings, controller in
                    for axis in ["X", "Y"] { try controller.take(axis, for: name) }
                    if settings.home { try controller.home() }
                    return try AxisStage(name, x: "X", y: "Y", on: controller)
                }),
            Part(
                .focus, defaults: (), settings: [],
                make: { name, _, controller in
                    try controller.take("Z", for: name)
                    return try AxisFocus(name, z: "Z", on: controller)
                }),
            Part(
                .wheel, help: "a filter wheel of it", defaults: WheelSettings(),
                settings: WheelSettings.settings(12) + [
                    .number("wheel", \.number, 1...3, "which of its wheels it is; 3 is the one at its fourth axis")
                ],
                make: { name, settings, controller in
                    let wheel = PriorWheel(number: settings.number, controller: controller)
                    try settings.check(name, has: try wheel.count())
                    return NumberedWheel(name, settings, wheel)
                }),
        ])

    /// The axes in the order of its bits.
    static let axes = ["X", "Y", "Z"]

    init(_ name: String, _ device: DeviceLine) {
        self.name = name
        self.device = device
    }

    /// Takes an axis into use with the size of its steps.
    func take(_ axis: String, for device: String) throws {
        let question = "RES,\(axis == "Z" ? "Z" : "s")"
        let reply = try ask(question)
        guard let size_um = Double(reply.text) else { throw line.garbled(question, reply, expected: "a size") }
        guard size_um > 0 else {
            throw Failure(
                "\(device): \(name) does not say how large the steps of \(axis) are",
                remedy: "set them with \(question),0.1 and save them", code: "bad-description")
        }
        sizes_um.withLock { $0[axis] = size_um }
    }

    /// Drives the stage into its corner and calls that zero; 3 minutes at most.
    func home() throws {
        try homing { pause in
            _ = try start("SIS")
            var still = 0
            while still < 5 {
                try pause(0.1)
                still = try moving() & 3 == 0 ? still + 1 : 0
            }
        }
    }

    func start(_ targets: [AxisTarget]) throws {
        let steps = targets.map { Int(($0.place_um / size_um($0.axis)).rounded()) }
        let commands =
            targets.map(\.axis) == ["X", "Y"]
            ? ["G,\(steps[0]),\(steps[1])"]
            : zip(targets, steps).map { $0.axis == "Z" ? "V,\($1)" : "G\($0.axis),\($1)" }
        for command in commands where try !start(command) {
            // It answers at the end of the move, or it has not heard it.
            if try moving() != 0 { continue }
            for (target, steps) in zip(targets, steps) where try self.steps(target.axis) != steps {
                throw Failure(
                    "\(name) did not answer '\(command)' and does not move",
                    remedy: "check that it is switched on and the cable is in", code: "device-silent")
            }
        }
    }

    func isMoving(_ axes: [String]) throws -> Bool {
        let bits = try moving()
        let places = axes.map { Self.axes.firstIndex(of: $0) ?? 0 }
        if places.contains(where: { bits & 1 << $0 != 0 }) { return true }
        let reply = try ask("LMT")
        guard let closed = Int(reply.text, radix: 16) else { throw line.garbled("LMT", reply, expected: "two digits") }
        for (axis, place) in zip(axes, places) where closed >> (2 * place) & 3 != 0 {
            throw Failure(
                "\(name): axis \(axis) stands at its \(closed >> (2 * place) & 1 != 0 ? "upper" : "lower") limit switch",
                remedy: "move it away with the joystick and check the travel in the microscope file", code: "limit-hit")
        }
        return false
    }

    func position_um(_ axis: String) throws -> Double { Double(try steps(axis)) * size_um(axis) }

    func properties(of axes: [String]) -> [DeviceProperty] {
        let word = axes == ["Z"] ? "SMZ" : "SMS"
        return [
            .whole(
                "speed_percent", 1...100, "its greatest speed",
                get: { [self] in
                    let reply = try ask(word)
                    guard let percent = Int(reply.text) else { throw line.garbled(word, reply, expected: "a number") }
                    return percent
                }, set: { [self] percent in try ask("\(word),\(percent)") })
        ]
    }

    /// The stop that does not lose steps.
    func halt() { line.halt("I") }
    var haltCount: Int { line.haltCount }
    var interruptionCount: Int { line.orderCount }
    func close() { device.close() }

    private func size_um(_ axis: String) -> Double { sizes_um.withLock { $0[axis] ?? .nan } }

    /// The axes that move: 1 X, 2 Y, 4 Z.
    private func moving() throws -> Int {
        let reply = try ask("$")
        guard let bits = Int(reply.text) else { throw line.garbled("$", reply, expected: "a number") }
        return bits
    }

    @discardableResult
    private func ask(_ command: String) throws -> Reply {
        do { return try line.ask(command, repeats: .once) } catch let failure as Failure {
            throw explained(failure, Self.meanings)
        }
    }

    private func steps(_ axis: String) throws -> Int {
        try number("P\(axis)")
    }

    /// Sends a command that moves, once more where its answer cannot be understood.
    /// - Returns: whether it was answered; the others answer when the move has ended.
    @discardableResult
    private func start(_ command: String, within_ms: Int = 150) throws -> Bool {
        func once() throws -> Bool {
            guard let reply = try line.start(command, within_ms: within_ms) else { return false }
            guard reply.lines.isEmpty else { throw line.garbled(command, reply, expected: "R") }
            return true
        }
        do {
            do { return try once() } catch let failure as Failure where failure.code == "device-garbled" {
                return try once()
            }
        } catch let failure as Failure {
            throw explained(failure, Self.meanings)
        }
    }

    /// The number that answers a question about a wheel.
    fileprivate func number(_ question: String) throws -> Int {
        let reply = try ask(question)
        guard reply.lines.count == 1, let number = Int(reply.text) else {
            throw line.garbled(question, reply, expected: "a number")
        }
        return number
    }

    /// Turns a wheel. Models differ in whether they answer at the beginning or at the end.
    fileprivate func turn(_ wheel: Int, to position: Int) throws {
        let command = "7,\(wheel),\(position)"
        for _ in 0..<2 where try start(command, within_ms: 3000) { return }
        throw Failure(
            "\(name) did not answer '\(command)'", remedy: "check that it is switched on and the cable is in",
            code: "device-silent")
    }

    private static let meanings = [
        "E,1": "no stage is connected", "E,2": "it still moves", "E,3": "it has no drive for that",
        "E,4": "it does not understand the numbers", "E,5": "it does not know the command",
        "E,7": "no focus drive is connected", "E,17": "it has no such filter wheel",
        "E,8": "a number is outside its limits", "E,10": "a number is outside its limits",
        "E,11": "a number is outside its limits", "E,16": "it cannot do it now", "E,18": "its queue is full",
        "E,19": "it is in compatibility mode", "E,60": "its encoder is wrong", "E,61": "its encoder has run off",
    ]
}

/// A filter wheel of a Prior ProScan; its positions count from 1.
private struct PriorWheel: WheelDrive {
    let number: Int
    let controller: Prior

    func count() throws -> Int { try controller.number("FPW,\(number)") }

    func turn(to index: Int) throws { try controller.turn(number, to: index + 1) }

    func place() throws -> Int? { try controller.number("7,\(number),F") - 1 }

    func close() { controller.close() }
}
