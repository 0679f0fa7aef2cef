import Foundation

/// A Cobolt 06-MLD laser of 60 mW at 561 nm, an OEM one: light may be switched by command. With autostart it lights by
/// itself after a reset, and `l1` is not allowed.
final class EmulatedCobolt: EmulatedDevice {
    private var isOn = false
    private var power_W = 0.01
    private var modulation_mW = 10.0
    private var isModulated = false
    private var followsDigital = false
    private var starts = false
    private var isOpen = false
    private var fault = 0
    private var hasKey = true
    private let maximum_W = 0.06

    let lineEnds: Set<UInt8> = [13]
    let banner = ""

    func reset() {
        isOn = starts && fault == 0 && !isOpen && hasKey
        isModulated = false
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "light": isOn = value == "on"
        case "interlock": isOpen = value == "open"
        case "fault": fault = Int(value) ?? 0
        case "autostart": starts = value == "on"
        case "key": hasKey = value == "on"
        default: return false
        }
        if isOpen, fault == 0 { fault = 3 }
        if fault != 0 || !hasKey { isOn = false }
        return true
    }

    private var emitted_W: Double { isOn ? (isModulated ? modulation_mW / 1000 : power_W) : 0 }

    var light: String { isOn ? "on \(Int((emitted_W * 1e6).rounded())) uW" : "off" }

    private static let unknown = "Syntax error: illegal command"
    private static let wrong = "Syntax error: illegal value"

    func execute(_ command: String, isRefused: Bool) -> String {
        let text = command.filter { $0 != "\n" }
        return (isRefused ? Self.unknown : answer(text)) + "\r\n"
    }

    private func answer(_ text: String) -> String {
        let words = text.split(separator: " ").map(String.init)
        guard let word = words.first else { return Self.unknown }
        if words.count == 1, let value = value(word) { return value }
        if words.count == 1 { return switched(word) }
        guard words.count == 2, let number = Double(words[1]) else { return Self.wrong }
        switch word {
        case "p", "@cobasp":
            guard (0...maximum_W).contains(number) else { return Self.wrong }
            power_W = number
        case "slmp":
            guard (0...maximum_W * 1000).contains(number) else { return Self.wrong }
            modulation_mW = number
        case "sdmes": followsDigital = number == 1
        case "@cobas": starts = number == 1
        case "@cobasdr", "sames": break
        default: return Self.unknown
        }
        return "OK"
    }

    /// The answer to a question.
    private func value(_ word: String) -> String? {
        switch word {
        case "?": "OK"
        case "l?": isOn ? "1" : "0"
        case "p?": String(format: "%.4f", power_W)
        case "pa?": String(format: "%.4f", emitted_W)
        case "glmp?": String(format: "%.1f", modulation_mW)
        case "gdmes?": followsDigital ? "1" : "0"
        case "gmlp?": String(format: "%.1f", maximum_W * 1000)
        case "ilk?": isOpen ? "1" : "0"
        case "f?": String(fault)
        case "gom?": isModulated ? "4" : isOn ? "2" : fault != 0 ? "5" : "0"
        case "sn?", "gsn?": "12345"
        case "glm?": "0561-06-01-0060-300"
        case "gfv?", "ver?": "8.4.1"
        case "hrs?": "123.45"
        case "i?": isOn ? "210.4" : "0.0"
        case "@cobas?": starts ? "1" : "0"
        case "@cobasks?": hasKey ? "1" : "0"
        default: nil
        }
    }

    private func switched(_ word: String) -> String {
        switch word {
        case "l1":
            if starts { return Self.unknown }
            isOn = fault == 0 && hasKey
        case "l0", "@cob0": isOn = false
        case "@cob1": isOn = fault == 0 && hasKey
        case "cp", "ci": isModulated = false
        case "em": isModulated = true
        case "cf": fault = isOpen ? 3 : 0
        default: return Self.unknown
        }
        return "OK"
    }
}
