import Instruments
import Transports
import Work

/// A TriggerScope with Micro-Manager's firmware: sixteen outputs in two groups, gated by the camera at input 1.
///
/// It takes all that has come in up to a line feed for one command and looks at its beginning alone: commands in one
/// write are lost, so off is sent command by command. What follows a number is ignored, so only more digits spoil a half
/// command: they make every number too great.
enum TriggerScope: BoardWords {
    static let framing = Framing(
        baud: 115200, lineEnd: "\n", replyEnd: .text("\r\n"), poison: "99999", refusals: ["!ERROR", "ERROR"])
    static let identity = Identity("*", expects: "ARC TRIGGERSCOPE", within_ms: 1000)
    static let off = OffRecipe(
        // The outputs first; sequences that another program left running would raise them again.
        off: ["SDO0-0", "SDO1-0", "PDS0-0-0", "PDS1-0-0"], proofs: [.init("STAT?", allLow)],
        questions: ["STAT?", "*", "PDN0", "PDN1"], gap_ms: 15)
    private static let allLow = "TTL: " + (1...16).map { "\($0)=0," }.joined()

    /// The declaration.
    static let driver = TriggerBoard<Self>.driver("triggerscope", help: "TriggerScope with Micro-Manager's firmware")

    static let count = 16

    static func set(_ mask: UInt32, follows: Bool, on line: Line) throws {
        for group in 0..<2 {
            try ask("BDO\(group)-\(follows ? 1 : 0)-0", line)
            try ask("SDO\(group)-\(mask >> UInt32(8 * group) & 255)", line)
        }
    }

    /// It answers a command with the command.
    private static func ask(_ command: String, _ line: Line) throws {
        let reply = try line.ask(command, repeats: .once)
        guard reply.text == "!" + command else { throw line.garbled(command, reply, expected: "'!\(command)'") }
    }

    static func lower(_ outputs: UInt32, rest: UInt32) -> [(bytes: [UInt8], end: ReplyEnd, proof: [UInt8])] {
        (0..<2).filter { outputs >> UInt32(8 * $0) & 255 != 0 }.map { group in
            (Array("SDO\(group)-\(rest >> UInt32(8 * group) & 255)".utf8), .text("\r\n"), [])
        }
    }

    /// While the camera does not expose, the outputs of a gating board are low; what is armed is known from what it was
    /// told.
    static func state(told mask: UInt32, on line: Line) throws -> UInt32 {
        let reply = try line.ask("STAT?", within_ms: 1000, repeats: .once, end: .text("\r\n\r\n"))
        guard let text = reply.lines.first(where: { $0.hasPrefix("TTL: ") }) else {
            throw line.garbled("STAT?", reply, expected: "the state of the outputs")
        }
        var state = mask
        for entry in text.dropFirst(5).split(separator: ",") {
            let numbers = entry.split(separator: "=").compactMap { Int($0) }
            guard numbers.count == 2, (1...16).contains(numbers[0]) else {
                throw line.garbled("STAT?", reply, expected: "the state of the outputs")
            }
            if numbers[1] == 1 { state |= 1 << UInt32(numbers[0] - 1) }
        }
        return state
    }
}
