import Foundation
import Instruments
import Transports
import Work

/// An ASI stage controller: a Tiger or an MS-2000. Its unit is a tenth of a micron.
final class ASI: AxisController {
    let name: String
    private let device: DeviceLine
    private var line: Line { device.line }
    private let isTiger: Bool
    /// The axes with the addresses of their cards; an MS-2000 has none.
    private let cards: [String: String]
    /// Its filter wheels, which speak a language of their own.
    private let wheels: ASIWheels

    /// The letters of the axes in use.
    struct Axes: Sendable {
        var x = "X"
        var y = "Y"
        var z = "Z"
    }

    /// The declaration of a Tiger.
    static let driver = declared("asi", "ASI Tiger, or MS-2000 at 115200 baud", baud: 115200)
    /// The declaration of an MS-2000 as it is delivered.
    static let ms2000Driver = declared("ms2000", "ASI MS-2000", baud: 9600)

    private static func declared(_ name: String, _ help: String, baud: Int) -> Driver {
        Driver(
            name, help: help,
            framing: Framing(
                baud: baud, lineEnd: "\r", replyEnd: .text("\r\n"),
                // Delete throws away what stands in the controller's input.
                poison: "\u{7F}", refusals: [":N"]),
            identity: Identity("BU X", expects: "Motor Axes:"), defaults: (), settings: [],
            connect: { name, _, device in try ASI(name, device) },
            parts: [
                Part(
                    .stage, defaults: Axes(),
                    settings: [
                        .text("x_axis", \.x, "the letter of its axis along x"),
                        .text("y_axis", \.y, "the letter of its axis along y"),
                    ],
                    make: { name, axes, controller in
                        for axis in [axes.x, axes.y] { try controller.take(axis, for: name) }
                        return try AxisStage(name, x: axes.x, y: axes.y, on: controller)
                    }),
                Part(
                    .focus, defaults: Axes(), settings: [.text("axis", \.z, "the letter of its axis")],
                    make: { name, axes, controller in
                        try controller.take(axes.z, for: name)
                        return try AxisFocus(name, z: axes.z, on: controller)
                    }),
                Part(
                    .wheel, help: "a filter wheel of it: a card of a Tiger, or an FW-1000 on the same line",
                    defaults: ASIWheels.defaults, settings: ASIWheels.settings,
                    make: { name, settings, controller in try controller.wheels.wheel(name, settings) }),
            ])
    }

    init(_ name: String, _ device: DeviceLine) throws {
        self.name = name
        self.device = device
        wheels = ASIWheels(device)
        let line = device.line
        let build = try line.ask("BU X", repeats: .once)
        func words(_ title: String) -> [String] {
            let found = build.lines.first { $0.hasPrefix(title) } ?? title
            return found.dropFirst(title.count).split(separator: " ").map(String.init)
        }
        let letters = words("Motor Axes:").map { $0.uppercased() }
        guard !letters.isEmpty else { throw line.garbled("BU X", build, expected: "the letters of its axes") }
        isTiger = build.text.hasPrefix("TIGER")
        let addresses = words("Axis Addr:")
        var cards: [String: String] = [:]
        for (index, letter) in letters.enumerated() {
            cards[letter] = isTiger && addresses.indices.contains(index) ? addresses[index] : ""
        }
        self.cards = cards
        // Positions with a decimal; a matter of the card.
        if isTiger {
            for card in Set(cards.values).sorted() { _ = try unlessRefused { try ask("\(card)VB Z=1") } }
        }
    }

    /// Checks that an axis is there and counts tenths of a micron.
    func take(_ axis: String, for device: String) throws {
        guard cards[axis] != nil else {
            throw Failure(
                "\(device): \(name) has no axis \(axis)",
                remedy: "its axes are \(cards.keys.sorted().joined(separator: ", "))", code: "bad-description")
        }
        let question = "UM \(axis)?"
        // What does not know the question counts so.
        guard let reply = try unlessRefused({ try ask(question) }) else { return }
        guard let units = value(of: axis, in: reply) else {
            throw line.garbled(question, reply, expected: "units per mm")
        }
        // Other programs turn an axis round by a negative number.
        if units == -10_000 {
            try ask("UM \(axis)=10000")
        } else if units != 10_000 {
            throw Failure(
                "\(device): axis \(axis) of \(name) counts \(units) units per mm, not 10000",
                remedy: "set it with UM \(axis)=10000, or name another axis", code: "bad-description")
        }
    }

    func start(_ targets: [AxisTarget]) throws {
        let places = targets.map { "\($0.axis)=\(fixed($0.place_um * 10, decimals: 1))" }
        try ask("M " + places.joined(separator: " "))
    }

    func isMoving(_ axes: [String]) throws -> Bool {
        if isTiger {
            // More exact than its status byte, which does not count the end of a move.
            for axis in axes {
                let question = "RS \(axis)?"
                let reply = try ask(question)
                switch reply.text.split(separator: " ").last {
                case "B": return true
                case "N": break
                default: throw line.garbled(question, reply, expected: "B or N")
                }
            }
        }
        let states = try axes.map { (axis: $0, bits: try status($0)) }
        if states.contains(where: { $0.bits & 1 != 0 }) { return true }
        for (axis, bits) in states {
            if bits & 0xC0 != 0 {
                throw Failure(
                    "\(name): axis \(axis) stands at its \(bits & 0x40 != 0 ? "upper" : "lower") limit switch",
                    remedy: "move it away with the joystick and check the travel in the microscope file",
                    code: "limit-hit")
            }
            if bits & 2 == 0 {
                throw Failure(
                    "\(name): the motor of axis \(axis) is switched off", remedy: "switch it on with MC \(axis)+",
                    code: "axis-fault")
            }
        }
        return false
    }

    func position_um(_ axis: String) throws -> Double {
        let question = "W \(axis)"
        let reply = try ask(question)
        return try number(reply, to: question) / 10
    }

    func properties(of axes: [String]) -> [DeviceProperty] {
        [
            .number(
                "speed_mm_per_s", 0.001...100, "its greatest speed; it takes the nearest that it can run at",
                get: { [self] in
                    let question = "S \(axes[0])?"
                    let reply = try ask(question)
                    guard let speed = value(of: axes[0], in: reply) else {
                        throw line.garbled(question, reply, expected: "a speed")
                    }
                    return speed
                },
                set: { [self] speed in
                    try ask("S " + axes.map { "\($0)=\(fixed(speed, decimals: 4))" }.joined(separator: " "))
                })
        ]
    }

    func halt() { line.halt("\\") }
    var haltCount: Int { line.haltCount }
    func close() { device.close() }

    /// The status byte of an axis: 1 a commanded move is under way, 2 the motor is on, 64 and 128 the limit switches.
    private func status(_ axis: String) throws -> Int {
        let question = "RS \(axis)"
        let reply = try ask(question)
        let value = try number(reply, to: question)
        guard let bits = Int(exactly: value), (0...255).contains(bits) else {
            throw line.garbled(question, reply, expected: "a status of 0 to 255")
        }
        return bits
    }

    private func unlessRefused(_ body: () throws -> Reply) throws -> Reply? {
        do { return try body() } catch let failure as Failure where failure.code == "device-refused" { return nil }
    }

    /// The number in a reply such as `:A 1234.5`.
    private func number(_ reply: Reply, to question: String) throws -> Double {
        let words = reply.text.split(separator: " ")
        guard reply.lines.count == 1, words.count == 2, words[0] == ":A", let value = Double(words[1]) else {
            throw line.garbled(question, reply, expected: "a number")
        }
        return value
    }

    /// The number in a reply such as `:A X=10000`.
    private func value(of axis: String, in reply: Reply) -> Double? {
        let parts = reply.text.split(whereSeparator: { " =".contains($0) })
        guard let index = parts.firstIndex(where: { $0.hasSuffix(axis) }), parts.indices.contains(index + 1) else {
            return nil
        }
        return Double(parts[index + 1])
    }

    /// Asks, and says what a refusal means. All that is asked may be asked twice.
    @discardableResult
    private func ask(_ command: String) throws -> Reply {
        do { return try line.ask(command, repeats: .once) } catch let failure as Failure {
            throw explained(failure, Self.meanings)
        }
    }

    private static let meanings = [
        ":N-1": "it does not know the command", ":N-2": "it has no such axis", ":N-3": "a parameter is missing",
        ":N-4": "the place lies outside its limits", ":N-5": "it could not do it", ":N-6": "it is not defined",
        ":N-7": "there is no card of this address", ":N-21": "it was halted",
    ]
}

/// A refusal with the meaning of its code behind it; any other failure as it is.
func explained(_ failure: Failure, _ meanings: [String: String]) -> Failure {
    guard failure.code == "device-refused", let colon = failure.message.range(of: ": ", options: .backwards),
        let meaning = meanings[String(failure.message[colon.upperBound...])]
    else { return failure }
    return Failure("\(failure.message), that is, \(meaning)", remedy: failure.remedy, code: failure.code)
}
