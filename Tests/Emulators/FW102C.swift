import Foundation

/// A Thorlabs FW102C: six positions, about half a second from one to the next.
final class EmulatedFW102C: EmulatedDevice {
    private var position = 1
    private var settings = ["speed": 1, "trig": 0, "sensors": 1]

    let lineEnds: Set<UInt8> = [13]
    let banner = "\r> "
    let light = ""

    func reset() {
        position = 1
        settings = ["speed": 1, "trig": 0, "sensors": 1]
    }

    func set(_ name: String, _ value: String) -> Bool {
        guard name == "turn", let number = Int(value) else { return false }
        position = number
        return true
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        let lines = isRefused ? ["Command error CMD_NOT_DEFINED"] : answer(command)
        return command + "\r" + lines.map { $0 + "\r" }.joined() + "> "
    }

    private func answer(_ command: String) -> [String] {
        if command.isEmpty { return [] }
        if command.hasSuffix("?") {
            let name = String(command.dropLast())
            switch name {
            case "*idn": return ["THORLABS FW102C/FW212C Filter Wheel version 1.07"]
            case "pos": return [String(position)]
            case "pcount": return ["6"]
            default: return settings[name].map { [String($0)] } ?? ["Command error CMD_NOT_DEFINED"]
            }
        }
        let parts = command.split(separator: "=").map(String.init)
        guard parts.count == 2, let value = Int(parts[1]) else {
            return command == "save" ? [] : ["Command error CMD_NOT_DEFINED"]
        }
        if parts[0] == "pos" {
            guard (1...6).contains(value) else { return ["Command error CMD_ARG_INVALID"] }
            position = value
            return []
        }
        guard settings[parts[0]] != nil else { return ["Command error CMD_NOT_DEFINED"] }
        guard (0...1).contains(value) else { return ["Command error CMD_ARG_INVALID"] }
        settings[parts[0]] = value
        return []
    }
}
