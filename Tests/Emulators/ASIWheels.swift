import PosixShim

/// Two filter wheels of ASI with eight positions each: a card of a Tiger, or an FW-1000. What is said goes to the wheel that
/// was chosen last; a turn takes 40 ms a position.
final class EmulatedASIWheels: EmulatedDevice {
    private var chosen = 0
    private var positions = [0, 0]
    private var aims = [0, 0]
    private var ends_us: [Int64] = [0, 0]
    private var speed = 5
    private var spins = [false, false]
    /// How it answers: 6 without prompts.
    private var verbosity = 0

    let lineEnds: Set<UInt8> = [13]
    let banner = ""
    let light = ""

    func reset() {
        chosen = 0
        (positions, aims, ends_us) = ([0, 0], [0, 0], [0, 0])
        (speed, spins, verbosity) = (5, [false, false], 0)
    }

    func set(_ name: String, _ value: String) -> Bool {
        guard name == "spin" else { return false }
        spins[chosen] = value == "on"
        return true
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        answer(command.uppercased(), isRefused: isRefused) ?? (command.isEmpty ? "" : "\(command) ERR\n\r")
    }

    private var isTurning: Bool { ends_us.contains { $0 > px_now_us() } || spins.contains(true) }

    /// The answer to a command of the wheels, with its end; nil for what is none.
    func answer(_ typed: String, isRefused: Bool) -> String? {
        let word = String(typed.prefix(2))
        let value = Int(typed.dropFirst(2).drop { $0 == " " })
        if typed == "?" { return isRefused ? "ERR" : isTurning ? "3" : "0" }
        let isKnown = ["FW", "MP", "NF", "VN", "SF", "SV", "HO"].contains(word) || word == "VB" && value != nil
        guard isKnown else { return nil }
        for wheel in 0...1 where ends_us[wheel] <= px_now_us() { positions[wheel] = aims[wheel] }
        let said: String? = isRefused ? nil : carryOut(word, value)
        let prompt = verbosity == 6 ? "" : "\(chosen)>"
        return "\(word) \(said ?? "ERR")\n\r" + prompt
    }

    private func carryOut(_ word: String, _ value: Int?) -> String? {
        switch word {
        case "FW":
            if let value {
                guard (0...1).contains(value) else { return nil }
                chosen = value
            }
            return String(chosen)
        case "MP":
            guard let value else { return String(positions[chosen]) }
            guard (0...7).contains(value), !spins[chosen] else { return nil }
            ends_us[chosen] = px_now_us() + Int64(abs(value - aims[chosen])) * 40_000
            aims[chosen] = value
            return String(value)
        case "NF": return "8"
        case "VN": return "Version: v2.8"
        case "SF":
            if let value { spins[chosen] = value == 1 }
            return spins[chosen] ? "1" : "0"
        case "SV":
            if let value, (0...9).contains(value) { speed = value }
            return String(speed)
        case "VB":
            verbosity = value ?? verbosity
            return String(verbosity)
        default:
            aims[chosen] = 0
            return ""
        }
    }
}
