import Foundation

/// A TriggerScope 4 with Micro-Manager's firmware: sixteen outputs in two groups. As the real one it takes all that has
/// come in up to a line feed for one command: what stands behind the first line of a write is lost.
final class EmulatedTriggerScope: EmulatedBinaryDevice {
    private var states = [0, 0]
    private var isBlanking = [false, false]
    private var onHigh = [true, true]
    private var isSequencing = [false, false]
    private var isExposing = false

    let banner = "ARC TRIGGERSCOPE 16 R3C Board 4 v.613-MM\r\n"

    func reset() {
        states = [0, 0]
        isBlanking = [false, false]
        isSequencing = [false, false]
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "camera": isExposing = value == "on"
        case "outputs": states[0] = Int(value) ?? 0
        default: return false
        }
        return true
    }

    private func pins(_ group: Int) -> Int {
        isBlanking[group] && isExposing != onHigh[group] ? 0 : states[group]
    }

    var light: String { highOutputs(UInt32(pins(0) | pins(1) << 8)) }

    func next(_ input: inout [UInt8]) -> [UInt8]? {
        guard input.contains(10) else { return nil }
        defer { input = [] }
        return input
    }

    func text(of command: [UInt8]) -> String {
        String(decoding: command, as: UTF8.self).dropLast().replacingOccurrences(of: "\n", with: "\\n")
    }

    /// The number at the beginning of a text, 0 where there is none.
    private func number(_ text: Substring) -> Int { Int(text.prefix { $0.isNumber }) ?? 0 }

    func execute(_ command: [UInt8], isRefused: Bool) -> [UInt8] {
        Array(((isRefused ? "ERROR_UNKNOWN_COMMAND" : answer(String(decoding: command, as: UTF8.self))) + "\r\n").utf8)
    }

    private func answer(_ line: String) -> String {
        let word = line.prefix(3)
        let group = number(line.dropFirst(3)) & 255
        switch word {
        case "*\n": return String(banner.dropLast())
        case "SDO":
            let value = number(line.dropFirst(5))
            guard group < 2, (0...255).contains(value) else { return "!ERROR_SDO: Format: SDOn-s" }
            states[group] = value
            return "!SDO\(group)-\(value)"
        case "BDO", "PDS":
            // These look at their whole length, line feed included.
            let digits = line.compactMap { $0.wholeNumberValue }
            guard line.count == 9, digits.count == 3, digits[0] < 2, digits[1] < 2, digits[2] < 2 else {
                return "!ERROR_\(word): Format: \(word)n-s-t"
            }
            if word == "BDO" {
                isBlanking[digits[0]] = digits[1] == 1
                onHigh[digits[0]] = digits[2] == 0
            } else {
                isSequencing[digits[0]] = digits[1] == 1
            }
            return "!\(word)\(digits[0])-\(digits[1])-\(digits[2])"
        case "PDN": return "!PDN\(group)-1200"
        default: return line == "STAT?\n" ? status : "ERROR_UNKNOWN_COMMAND"
        }
    }

    private var status: String {
        let mask = pins(0) | pins(1) << 8
        let pins = (0..<16).map { "\($0 + 1)=\(mask >> $0 & 1)," }.joined()
        let voltages = (0..<16).map { "\($0 + 1)=0," }.joined()
        return "Input Trigger = \(isExposing ? 1 : 0)\r\nTTL: \(pins)\r\nDAC:\(voltages)\r\nDigital output buffers:\r\n"
            + "Pins 1-8 buffer size 1-8: 0\r\nPins 9-16 buffer size: 0\r\nDAC buffers:\r\n"
            + String(repeating: "DAC buffer size: 0\r\n", count: 16)
    }
}
