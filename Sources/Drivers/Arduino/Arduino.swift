import Instruments
import Transports
import Work

/// An Arduino with Micro-Manager's firmware AOTFcontroller: six outputs at the pins 8 to 13, gated by the camera at pin 2.
///
/// Opening its port restarts most boards; the lights are put off anew until it answers, some two seconds later.
enum Arduino: BoardWords {
    /// 9 stops sequences, 21 blanking, 1 sets the outputs. Zeros complete whatever half command stands in the line, and
    /// are no command.
    static let framing = Framing.binary(baud: 57600, poison: [0, 0, 0, 0])
    static let identity = Identity(bytes: [30], answer: Array("MM-Ard\r\n".utf8), within_ms: 1000)
    static let off = OffRecipe(
        off: [[9, 21, 1, 0]], proofs: [.init([2], [2, 0])], questions: [[2], [30], [31]])

    /// The declaration.
    static let driver = TriggerBoard<Self>.driver("arduino", help: "Arduino with the firmware AOTFcontroller")

    static let count = 6

    static func set(_ mask: UInt32, follows: Bool, on line: Line) throws {
        let pattern = UInt8(truncatingIfNeeded: mask)
        // 22 1: the outputs are low while the camera's line is low; 20: blanking on.
        let command: [UInt8] = (follows ? [22, 1, 20] : [21]) + [1, pattern]
        let expected: [UInt8] = follows ? [22, 20, 1] : [21, 1]
        let reply = try line.ask(bytes: command, repeats: .once, end: .size(expected.count))
        guard reply.bytes == expected else {
            throw line.garbled("\(command)", reply, expected: "\(expected)")
        }
        let pins = try pins(line)
        guard follows ? pins & ~pattern == 0 : pins == pattern else {
            throw Failure(
                "\(line.name) was told to switch the outputs \(pattern) but says \(pins)",
                remedy: "check the board", code: "not-confirmed")
        }
    }

    static func lower(_ outputs: UInt32, rest: UInt32) -> [(bytes: [UInt8], end: ReplyEnd, proof: [UInt8])] {
        [rest == 0 ? ([9, 21, 1, 0], .size(4), [21, 1]) : ([1, UInt8(truncatingIfNeeded: rest)], .size(1), [1])]
    }

    /// While the camera does not expose, the pins of a gating board are low; what is armed is known from what it was
    /// told. Other pins that are high are told all the same.
    static func state(told mask: UInt32, on line: Line) throws -> UInt32 { mask | UInt32(try pins(line)) }

    private static func pins(_ line: Line) throws -> UInt8 {
        let reply = try line.ask(bytes: [2], repeats: .once, end: .size(2))
        guard reply.bytes[0] == 2 else { throw line.garbled("2", reply, expected: "2 and the outputs") }
        return reply.bytes[1]
    }
}
