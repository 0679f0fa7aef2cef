import Foundation

/// A Maerzhaeuser TANGO with X, Y and Z, in um.
final class EmulatedTango: EmulatedDevice {
    private var axes: [String: EmulatedAxis] = [:]
    private var isCalibrated: [String: Bool] = [:]
    private var isMeasured: [String: Bool] = [:]
    private var units: [String: Int] = [:]
    private var autostatus = 1
    private var error = 0
    private var wasMoving = false
    private var ends: [String: () -> Void] = [:]

    let lineEnds: Set<UInt8> = [13]
    let banner = ""
    let light = ""

    init() {
        reset()
        for name in Self.names { (isCalibrated[name], isMeasured[name]) = (true, true) }
    }

    private static let names = ["x", "y", "z"]

    func reset() {
        for name in Self.names {
            axes[name] = EmulatedAxis(name == "z" ? -5_000...5_000 : -50_000...50_000)
            (isCalibrated[name], isMeasured[name], units[name]) = (false, false, 1)
        }
        (autostatus, error, wasMoving, ends) = (1, 0, false, [:])
    }

    func set(_ name: String, _ value: String) -> Bool {
        if name == "unhome" {
            for name in Self.names { (isCalibrated[name], isMeasured[name]) = (false, false) }
            return true
        }
        return axes.set(name, value.lowercased())
    }

    /// The state of all axes when a move has ended, unless it was told to keep it to itself.
    func said() -> String {
        watch()
        let moves = axes.values.contains { $0.isMoving }
        defer { wasMoving = moves }
        return autostatus > 0 && wasMoving && !moves ? status + "\r" : ""
    }

    /// What was to happen when an axis has arrived.
    private func watch() {
        for (name, end) in ends where axes[name]?.isMoving == false {
            ends[name] = nil
            end()
        }
    }

    private func sign(_ name: String) -> String {
        guard let axis = axes[name] else { return "-" }
        if axis.isMoving { return "M" }
        return axis.isAtLower || axis.isAtUpper ? "S" : "@"
    }

    private var status: String { (Self.names + ["a"]).map(sign).joined() + "." }

    func execute(_ command: String, isRefused: Bool) -> String {
        watch()
        // Ctrl-C aborts at once, wherever it stands.
        if command.contains("\u{3}") { abort(Self.names) }
        let text = command.split(separator: "\u{3}").last.map(String.init) ?? ""
        if isRefused, !text.hasPrefix("?err") {
            error = 5
            return text.hasPrefix("?") ? "ERR 5\r" : ""
        }
        let words = text.lowercased().split(separator: " ").map(String.init)
        guard let word = words.first else { return "" }
        if word.hasPrefix("?") { return ask(String(word.dropFirst()), Array(words.dropFirst())) + "\r" }
        tell(word.hasPrefix("!") ? String(word.dropFirst()) : word, Array(words.dropFirst()))
        return ""
    }

    private func ask(_ word: String, _ words: [String]) -> String {
        let named = words.first.map { [$0] } ?? Self.names
        if let name = words.first, axes[name] == nil {
            error = 1
            return "ERR 1"
        }
        func each(_ value: (String) -> String) -> String { named.map(value).joined(separator: " ") }
        switch word {
        case "version", "ver": return "TANGO-DT-S, Version 1.73, Nov 29 2026, 10:00:00"
        case "det": return "48"
        case "err":
            defer { error = 0 }
            return String(error)
        case "status": return error == 0 ? "OK..." : "ERR \(error)"
        case "statusaxis": return words.isEmpty ? status : sign(words[0])
        case "statuslimit":
            let cal = (Self.names + ["a"]).map { isCalibrated[$0] == true ? "A" : "-" }.joined()
            return cal + (Self.names + ["a"]).map { isMeasured[$0] == true ? "D" : "-" }.joined() + "--------"
        case "calst": return each { String((isCalibrated[$0]! ? 1 : 0) + (isMeasured[$0]! ? 2 : 0)) }
        case "pos": return each { String(format: "%.4f", axes[$0]!.position / factor($0)) }
        case "dim": return each { String(units[$0]!) }
        case "lim":
            return each {
                String(
                    format: "%.4f %.4f", axes[$0]!.switches.lowerBound / factor($0),
                    axes[$0]!.switches.upperBound / factor($0))
            }
        case "vel": return each { _ in "20.000000" }
        case "accel": return each { _ in "0.50" }
        case "pitch": return each { _ in "1.000000" }
        case "backlash": return each { _ in "0.000000" }
        case "autostatus": return String(autostatus)
        case "joy": return "0"
        default:
            error = 4
            return "ERR 4"
        }
    }

    /// um per unit: 0 steps of 0.02 um, 1 um, 2 mm, 9 mm with mm/s.
    private func factor(_ name: String) -> Double { [0: 0.02, 1: 1, 2: 1000, 9: 1000][units[name]!]! }

    private func tell(_ word: String, _ words: [String]) {
        var words = words
        var names = Self.names
        if let name = words.first, axes[name] != nil {
            names = [name]
            words.removeFirst()
        }
        let values = words.map { Double($0) }
        switch word {
        case "autostatus": autostatus = values.first.flatMap { $0 }.map { Int($0) } ?? 1
        case "dim":
            for (name, value) in zip(names, values) where [0, 1, 2, 9].contains(value) { units[name] = Int(value!) }
        case "moa", "mor":
            guard !values.isEmpty, values.count <= names.count, !values.contains(nil) else { return error = 6 }
            for (name, value) in zip(names, values) {
                let axis = axes[name]!
                let place = (word == "mor" ? axis.position : 0) + value! * factor(name)
                guard axis.switches.contains(place) else { return error = 5 }
                axis.move(to: place)
            }
        case "a": abort(names)
        case "err": error = 0
        case "pos":
            for (name, value) in zip(names, values) { axes[name]!.call((value ?? 0) * factor(name)) }
        case "cal", "rm":
            for name in names {
                let axis = axes[name]!
                axis.move(to: word == "cal" ? axis.switches.lowerBound : axis.switches.upperBound)
                ends[name] = { [unowned self] in
                    if word == "cal" {
                        axis.call(-0.5)
                        axis.stand(at: 0)
                        isCalibrated[name] = true
                    } else {
                        axis.stand(at: axis.position - 0.5)
                        isMeasured[name] = true
                    }
                }
            }
        case "vel", "accel", "backlash", "speed", "encpos", "axis", "joy": break
        default: error = 4
        }
    }

    private func abort(_ names: [String]) {
        for name in names { axes[name]?.hold() }
        ends = ends.filter { !names.contains($0.key) }
    }
}
