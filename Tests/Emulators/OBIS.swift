import Foundation

/// A Coherent OBIS laser of 100 mW at 488 nm. Short and long forms of its words mean the same.
final class EmulatedOBIS: EmulatedDevice {
    private var isOn = false
    private var power_W = 0.02
    private var mode = "CWP"
    private var handshakes = true
    private var prompts = false
    private var delays = false
    private var starts = false
    private var cools = true
    private var fault = 0
    private var lock = "ON"
    private var errors: [Int] = []
    private let limits_W = 0.001...0.1

    let lineEnds: Set<UInt8> = [13, 10]
    let banner = ""

    func reset() {
        isOn = false
        power_W = 0.02
        mode = "CWP"
        handshakes = true
        prompts = false
        errors = []
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "light": isOn = value == "on"
        case "handshake": handshakes = value == "on"
        case "prompt": prompts = value == "on"
        case "fault": fault = Int(value, radix: 16) ?? 0
        case "interlock": lock = value == "open" ? "OFF" : "ON"
        case "cdrh": delays = value == "on"
        case "autostart": starts = value == "on"
        default: return false
        }
        if fault != 0 || lock == "OFF" { isOn = false }
        return true
    }

    var light: String { isOn ? "on \(Int((power_W * 1e6).rounded())) uW" : "off" }

    func execute(_ command: String, isRefused: Bool) -> String {
        let line = command.trimmingCharacters(in: .whitespaces)
        var value: String?
        var error = 0
        if isRefused {
            error = -221
        } else if !line.isEmpty {
            switch answer(line) {
            case .value(let text): value = text
            case .done: break
            case .refused(let code): error = code
            }
        }
        if error != 0 { errors.append(error) }
        var reply = ""
        if let value { reply += value + "\r\n" }
        if line.isEmpty {
        } else if error != 0 {
            reply += handshakes ? "ERR\(error)\r\n" : ""
        } else {
            reply += handshakes ? "OK\r\n" : ""
        }
        return reply + (prompts ? "OBIS> " : "")
    }

    private enum Answer {
        case value(String)
        case done
        case refused(Int)
    }

    /// The words as short forms: what they begin with in capitals.
    private static let words: [(long: String, short: String)] = [
        ("SYSTEM", "SYST"), ("SOURCE", "SOUR"), ("INFORMATION", "INF"), ("MODEL", "MOD"), ("SNUMBER", "SNUM"),
        ("WAVELENGTH", "WAV"), ("POWER", "POW"), ("LEVEL", "LEV"), ("IMMEDIATE", "IMM"), ("AMPLITUDE", "AMPL"),
        ("LIMIT", "LIM"), ("STATE", "STAT"), ("STATUS", "STAT"), ("FAULT", "FAUL"), ("COMMUNICATE", "COMM"),
        ("HANDSHAKING", "HAND"), ("PROMPT", "PROM"), ("AUTOSTART", "AUT"), ("HOURS", "HOUR"), ("EXTERNAL", "EXT"),
        ("INTERNAL", "INT"), ("TEMPERATURE", "TEMP"), ("APROBE", "APR"), ("BASEPLATE", "BAS"), ("DIGITAL", "DIG"),
        ("ANALOG", "ANAL"), ("ERROR", "ERR"), ("CLEAR", "CLE"), ("COUNT", "COUN"), ("NEXT", "NEX"),
    ]

    private static func short(_ word: Substring) -> String {
        let upper = word.uppercased()
        let text = upper.hasSuffix("1") ? String(upper.dropLast()) : upper
        return words.first { $0.long == text }?.short ?? text
    }

    private func answer(_ line: String) -> Answer {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        let isQuery = parts[0].hasSuffix("?")
        let path = (isQuery ? String(parts[0].dropLast()) : parts[0]).split(separator: ":").map(Self.short)
            .joined(separator: ":")
        if isQuery {
            guard parts.count == 1 else { return .refused(-102) }
            return query(path).map { .value($0) } ?? .refused(-100)
        }
        let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces).uppercased() : ""
        return command(path, value)
    }

    private func query(_ path: String) -> String? {
        switch path {
        case "*IDN": "Coherent, Inc - OBIS 488nm LX 100mW - V1.0.1 - Dec 14 2010"
        case "*TST": "0"
        case "SYST:INF:MOD": "OBIS 488nm LX 100mW"
        case "SYST:INF:SNUM": "EMULATED-488"
        case "SYST:INF:WAV": "488"
        case "SYST:CDRH": delays ? "ON" : "OFF"
        case "SYST:AUT": starts ? "ON" : "OFF"
        case "SYST:COMM:HAND": handshakes ? "ON" : "OFF"
        case "SYST:COMM:PROM": prompts ? "ON" : "OFF"
        case "SYST:STAT": status
        case "SYST:FAUL": String(format: "%08X", fault)
        case "SYST:HOUR": "123.45"
        case "SYST:LOCK": lock
        case "SYST:ERR:COUN": String(errors.count)
        case "SOUR:TEMP:APR": cools ? "ON" : "OFF"
        case "SOUR:TEMP:BAS": "25.1C"
        case "SOUR:AM:STAT": isOn ? "ON" : "OFF"
        case "SOUR:AM:SOUR": mode
        case "SOUR:POW:LEV": String(format: "%.5f", isOn ? power_W : 0)
        case "SOUR:POW:LEV:IMM:AMPL": String(format: "%.5f", power_W)
        case "SOUR:POW:LIM:LOW": String(format: "%.5f", limits_W.lowerBound)
        case "SOUR:POW:LIM:HIGH": String(format: "%.5f", limits_W.upperBound)
        case "SOUR:POW:NOM": String(format: "%.5f", limits_W.upperBound)
        default: nil
        }
    }

    /// Bit 0 fault, 1 emission, 3 standby, 10 external mode.
    private var status: String {
        let bits = (fault != 0 ? 1 : 0) | (isOn ? 2 : 8) | (mode.hasPrefix("CW") ? 0 : 0x400)
        return String(format: "%08X", 0xC800_1000 | bits)
    }

    private func command(_ path: String, _ value: String) -> Answer {
        let flag: Bool? = value == "ON" ? true : value == "OFF" ? false : nil
        func flagged(_ change: (Bool) -> Void) -> Answer {
            guard let flag else { return .refused(value.isEmpty ? -109 : -220) }
            change(flag)
            return .done
        }
        switch path {
        case "SOUR:AM:STAT":
            if flag == true, fault != 0 || lock == "OFF" { return .refused(-221) }
            return flagged { isOn = $0 }
        case "SOUR:POW:LEV:IMM:AMPL":
            guard !value.isEmpty else { return .refused(-109) }
            guard let power = Double(value), limits_W.contains(power) else { return .refused(-220) }
            power_W = (power * 1e5).rounded() / 1e5
            return .done
        case "SOUR:AM:INT":
            guard ["CWP", "CWC"].contains(value) else { return .refused(-220) }
            guard !isOn else { return .refused(-221) }
            mode = value
            return .done
        case "SOUR:AM:EXT":
            guard ["DIG", "ANAL", "MIX", "DIGITAL", "ANALOG", "MIXED"].contains(value) else { return .refused(-220) }
            guard !isOn else { return .refused(-221) }
            mode = value.hasPrefix("DIG") ? "DIGITAL" : value.hasPrefix("ANAL") ? "ANALOG" : "MIXED"
            return .done
        case "SYST:COMM:HAND": return flagged { handshakes = $0 }
        case "SYST:COMM:PROM": return flagged { prompts = $0 }
        case "SYST:CDRH": return flagged { delays = $0 }
        case "SYST:AUT": return flagged { starts = $0 }
        case "SOUR:TEMP:APR":
            return flagged {
                cools = $0
                if !$0 { isOn = false }
            }
        case "SYST:ERR:CLE":
            errors = []
            return .done
        default: return .refused(-100)
        }
    }
}
