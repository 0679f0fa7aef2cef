import Foundation

/// An ASI controller with X, Y and Z: a Tiger with cards 1 (X and Y) and 2 (Z), or an MS-2000.
final class EmulatedASI: EmulatedDevice {
    private let isTiger: Bool
    private var axes: [String: EmulatedAxis] = [:]
    private var speeds_mm_s: [String: Double] = [:]
    private var lower_mm: [String: Double] = [:]
    private var upper_mm: [String: Double] = [:]
    private var decimals = 0
    /// Units per mm; a negative number turns the axis round.
    private var units: [String: Double] = [:]
    /// What other settings hold, such as `PC X`.
    private var held: [String: Double] = [:]
    /// Its filter wheels.
    private let wheels = EmulatedASIWheels()

    let lineEnds: Set<UInt8> = [13]
    let light = ""
    var banner: String { isTiger ? "" : "ASI MS-2000\r\n" }

    init(isTiger: Bool) {
        self.isTiger = isTiger
        reset()
    }

    func reset() {
        for name in ["X", "Y", "Z"] {
            let half = name == "Z" ? 5_000.0 : 55_000.0
            axes[name] = EmulatedAxis(-half...half)
            speeds_mm_s[name] = 20
            (lower_mm[name], upper_mm[name]) = (-half / 1000, half / 1000)
            units[name] = 10_000
        }
        decimals = 0
        held = [:]
        wheels.reset()
    }

    func set(_ name: String, _ value: String) -> Bool {
        // What another program has left behind.
        if name == "units", let value = Double(value) {
            for axis in axes.keys { units[axis] = value }
            return true
        }
        return axes.set(name, value)
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        // Delete and backspace throw away what has come in.
        let typed = command.split(omittingEmptySubsequences: false) { "\u{7F}\u{8}".contains($0) }.last ?? ""
        if typed.allSatisfy(\.isWhitespace) { return "" }
        if let answer = wheels.answer(typed.uppercased(), isRefused: isRefused) { return answer }
        let reply = isRefused ? ":N-5" : answer(typed.uppercased())
        let isShort = !isTiger && (reply == ":A" || reply.hasPrefix(":A ") && !reply.hasSuffix(" "))
        return reply + (isShort ? " " : "") + "\r\n"
    }

    private static let words = [
        "WHERE": "W", "MOVE": "M", "MOVREL": "R", "HALT": "\\", "HERE": "H", "HOME": "!", "RDSTAT": "RS", "STATUS": "/",
        "SPEED": "S", "INFO": "I", "VERSION": "V", "BUILD": "BU", "CDATE": "CD", "SETLOW": "SL", "SETUP": "SU",
        "UNITS": "UM", "VB": "VB", "SPIN": "@", "ZERO": "Z", "MOTCTRL": "MC", "WHO": "N",
    ]

    private func answer(_ typed: String) -> String {
        var text = typed[...]
        var card: Character?
        if isTiger, let first = text.first, first.isNumber {
            card = first
            text = text.dropFirst().drop { $0 == " " }
            guard "012".contains(first) else { return ":N-7" }
        }
        let head = text.hasPrefix("Z2B") ? "Z2B" : text.prefix { $0.isLetter || "\\/!@".contains($0) }
        let word = Self.words[String(head)] ?? String(head)
        let parts = text.dropFirst(head.count).split(separator: " ").map(String.init)
        switch word {
        case "/": return axes.values.contains { $0.isMoving } ? "B" : "N"
        case "\\":
            let halted = axes.filter { isOn(card, $0.key) }.values
            let moved = halted.contains { $0.isMoving }
            for axis in halted { axis.hold() }
            return moved ? ":N-21" : ":A"
        case "BU": return build(card, parts)
        case "CD": return "Nov 29 2026:10:00:00"
        case "V": return isTiger ? ":A v3.31" : ":A Version: USB-9.2n"
        case "N": return "At 31: 1:XY v3.31 STD_XY Nov 29 2026\rAt 32: 2:Z v3.31 STD_Z Nov 29 2026"
        case "VB":
            if let value = parts.first.flatMap({ setting($0) })?.value { decimals = Int(value) }
            return ":A"
        case "Z":
            for axis in axes.values { axis.call(0) }
            return ":A"
        case "I": return info(parts.first ?? "")
        case "W", "RS", "M", "R", "H", "S", "SL", "SU", "UM", "!", "@", "MC": return perAxis(word, parts)
        case "PC", "B", "E", "AC", "WT", "MA", "JS", "CCA", "OS", "VE", "UL", "Z2B", "KP", "KI", "KD", "AA", "AZ", "RM",
            "TTL", "SS":
            return hold(word, parts)
        default: return ":N-1"
        }
    }

    private func isOn(_ card: Character?, _ axis: String) -> Bool {
        card == nil || card == "0" || (card == "2") == (axis == "Z")
    }

    private func setting(_ part: String) -> (name: String, value: Double)? {
        let halves = part.split(separator: "=").map(String.init)
        guard halves.count == 2, let value = Double(halves[1]) else { return nil }
        return (halves[0], value)
    }

    private func perAxis(_ word: String, _ parts: [String]) -> String {
        if parts.isEmpty { return ":N-3" }
        var said: [String] = []
        var deeds: [() -> Void] = []
        for part in parts {
            let name = String(part.prefix { $0.isLetter })
            guard let axis = axes[name] else { return ":N-2" }
            let rest = part.dropFirst(name.count)
            let value = setting(part)?.value
            switch (word, rest, value) {
            case ("W", "", _):
                said.append(String(format: "%.\(isTiger ? max(1, decimals) : 0)f", axis.position * units[name]! / 1000))
            case ("RS", "", _), ("RS", "?", _):
                let status =
                    (axis.isMoving ? 5 : 0) + 10 + (axis.isAtUpper ? 64 : 0) + (axis.isAtLower ? 128 : 0)
                if rest == "?", !isTiger { return ":N-4" }
                said.append(rest == "?" ? (axis.isMoving ? "B" : "N") : String(status))
            case ("M", _, let value?), ("R", _, let value?):
                let target = (word == "M" ? 0 : axis.position) + value * 1000 / units[name]!
                guard target >= lower_mm[name]! * 1000 - 0.1, target <= upper_mm[name]! * 1000 + 0.1 else {
                    return ":N-4"
                }
                deeds.append { axis.move(to: target) }
            case ("H", _, _):
                let units = units[name]!
                deeds.append { axis.call((value ?? 0) * 1000 / units) }
            case ("!", _, _), ("@", _, _):
                let target = word == "!" || (value ?? 0) > 0 ? axis.switches.upperBound : axis.switches.lowerBound
                deeds.append { axis.move(to: target) }
            case ("S", "?", _): said.append("\(name)=\(String(format: "%.6f", speeds_mm_s[name]!))")
            case ("S", _, let value?): setSpeed(name, min(max(value, 0.0003), 20))
            case ("SL", "?", _): said.append("\(name)=\(String(format: "%.6f", lower_mm[name]!))")
            case ("SU", "?", _): said.append("\(name)=\(String(format: "%.6f", upper_mm[name]!))")
            case ("SL", _, let value?): lower_mm[name] = value
            case ("SU", _, let value?): upper_mm[name] = value
            case ("UM", "?", _): said.append("\(name)=\(Int(units[name]!))")
            case ("UM", _, let value?): units[name] = value
            case ("MC", "?", _): said.append("1")
            case ("MC", "+", _), ("MC", "-", _): break
            default: return ":N-4"
            }
        }
        for deed in deeds { deed() }
        return said.isEmpty ? ":A" : ":A " + said.joined(separator: " ")
    }

    private func hold(_ word: String, _ parts: [String]) -> String {
        var said: [String] = []
        for part in parts {
            let name = part.prefix { $0.isLetter }
            if let (_, value) = setting(part) {
                held["\(word) \(name)"] = value
            } else {
                said.append("\(name)=\(String(format: "%.6f", held["\(word) \(name)"] ?? 0))")
            }
        }
        if said.isEmpty { return ":A" }
        // Some settings of an MS-2000 have a form of their own.
        return !isTiger && ["WT", "B", "AC", "E", "UM"].contains(word)
            ? ":\(said.joined(separator: " ")) A" : ":A " + said.joined(separator: " ")
    }

    private func setSpeed(_ name: String, _ speed: Double) {
        speeds_mm_s[name] = speed
        axes[name]?.speed = speed * 1000
    }

    private func build(_ card: Character?, _ parts: [String]) -> String {
        if parts.first != "X" { return isTiger ? "TIGER_COMM" : "STD_XYZ" }
        return isTiger
            ? "TIGER_COMM\rMotor Axes: X Y Z\rAxis Types: x x z\rAxis Addr: 1 1 2\rHex Addr: 31 31 32\rAxis Props: 0 0 0"
            : "STD_XYZ\rMotor Axes: X Y Z\rCMDS: XYZFTR\rBootLdr V:0\rHdwr REV.E"
    }

    private func info(_ name: String) -> String {
        guard let axis = axes[name] else { return ":N-2" }
        func column(_ text: String) -> String { text.padding(toLength: 33, withPad: " ", startingAt: 0) }
        return [
            column("Axis Name ChX: \(name)") + "Limits Status: f",
            column("Current pos  : \(String(format: "%.4f", axis.position / 1000)) mm") + "Max speed: 20 [S] mm/s",
        ].joined(separator: "\r")
    }
}
