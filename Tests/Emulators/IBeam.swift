import Foundation

/// A TOPTICA iBeam smart of 120 mW with two channels.
final class EmulatedIBeam: EmulatedDevice {
    private var isOn = false
    private var isEnabled = [false, false]
    private var power_uW = [0, 20_000]
    private var echoes = true
    private var prompts = true
    private let maximum_uW = 120_000

    let lineEnds: Set<UInt8> = [13, 10]
    let banner = "\r\niBEAM-SMART booting\r\nCMD> "

    func reset() {
        isOn = false
        isEnabled = [false, false]
        power_uW = [0, 20_000]
        echoes = true
        prompts = true
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "echo": echoes = value == "on"
        case "prompt": prompts = value == "on"
        case "light":
            isOn = value == "on"
            isEnabled = [isOn, isOn]
        default: return false
        }
        return true
    }

    private var emitted_uW: Int {
        isOn ? zip(isEnabled, power_uW).reduce(0) { $0 + ($1.0 ? $1.1 : 0) } : 0
    }

    var light: String { isOn && isEnabled.contains(true) ? "on \(emitted_uW) uW" : "off" }

    func execute(_ command: String, isRefused: Bool) -> String {
        let hadEcho = echoes
        let lines =
            isRefused
            ? ["%SYS-E-047, refused"]
            : answer(command.lowercased().split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init))
        return (hadEcho ? command : "") + "\r\n" + lines.map { $0 + "\r\n" }.joined() + (prompts ? "CMD> " : "[OK]\r\n")
    }

    /// The long form of words that may be shortened.
    private static let words = [
        "la": "laser", "sta": "status", "sh": "show", "ch": "channel", "en": "enable", "di": "disable", "pow": "power",
        "mic": "micro", "ver": "version", "sat": "satellite", "sys": "system", "temp": "temperature", "cur": "current",
    ]

    private static let unknown = ["%SYS-E-010, unknown command"]
    private static let range = ["%SYS-E-020, parameter out of range"]

    private func answer(_ typed: [String]) -> [String] {
        let words = typed.map { Self.words[$0] ?? $0 }
        switch words.first {
        case nil: return []
        case "laser":
            guard words.count == 2, ["on", "off"].contains(words[1]) else { return Self.unknown }
            isOn = words[1] == "on"
            return []
        case "enable", "disable":
            guard words.count == 2 else { return Self.unknown }
            if words[1] == "ext" { return [] }
            guard let channel = Int(words[1]), (0...2).contains(channel) else { return Self.range }
            for index in isEnabled.indices where channel == 0 || channel == index + 1 {
                isEnabled[index] = words[0] == "enable"
            }
            return []
        case "channel": return setPower(words)
        case "status": return status(Array(words.dropFirst()))
        case "show": return show(Array(words.dropFirst()))
        case "echo", "prompt":
            guard words.count == 2, ["on", "off"].contains(words[1]) else { return Self.unknown }
            if words[0] == "echo" { echoes = words[1] == "on" } else { prompts = words[1] == "on" }
            return []
        case "talk": return words.count == 2 ? [] : Self.unknown
        case "id": return ["iBEAM smart"]
        case "version": return ["iBPs-001A01-05"]
        default: return Self.unknown
        }
    }

    /// `channel N power V [micro]`: mW without `micro`, uW with it.
    private func setPower(_ words: [String]) -> [String] {
        guard words.count == 4 || (words.count == 5 && words[4] == "micro"), words[2] == "power",
            let channel = Int(words[1]), let value = Double(words[3])
        else { return Self.unknown }
        let power = words.count == 5 ? value : value * 1000
        guard (1...2).contains(channel), (0...Double(maximum_uW)).contains(power) else { return Self.range }
        power_uW[channel - 1] = Int(power.rounded())
        return []
    }

    private func status(_ words: [String]) -> [String] {
        switch words.first {
        case "laser": return [isOn ? "ON" : "OFF"]
        case "channel":
            guard words.count == 2, let channel = Int(words[1]), (1...2).contains(channel) else { return Self.range }
            return [isEnabled[channel - 1] ? "ON" : "OFF"]
        case "uptime": return ["PowerUp: 12 h + 345 s", "LaserOn: 3 h + 45 s"]
        case "clip": return ["PASS"]
        default: return Self.unknown
        }
    }

    private func show(_ words: [String]) -> [String] {
        switch words.first {
        case "level":
            return power_uW.enumerated().map { String(format: "CH%d, PWR: %.3f mW", $0 + 1, Double($1) / 1000) }
        case "power": return [String(format: "PIC  = %06d uW  ", emitted_uW)]
        case "current": return [String(format: "LDC  = %.1f mA", isOn ? 45.3 : 0)]
        case "temperature": return ["TEMP = 025.0  C  "]
        case "serial": return ["SN: iBEAM-SMART-640-S-EMULATED"]
        case "limit": return ["Maximum: 220 mA", "Clip: 210 mA"]
        case "satellite": return ["--- satellite ---", " Pmax: 120 mW", " CH2 setp: 20 mW"]
        case "data": return ["laser: \(isOn ? "on" : "off")", "pulse board: no"]
        default: return Self.unknown
        }
    }
}
