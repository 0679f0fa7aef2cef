import Foundation

/// A Prior ProScan with stage, focus drive and a wheel of six filters. It counts microns in tenths.
final class EmulatedPrior: EmulatedDevice {
    private var axes: [String: EmulatedAxis] = [:]
    private var isCompatible = false
    /// Whether `R` comes when a move has ended, not when it begins; models differ.
    private var answersLate = false
    private var owed = 0
    private var latch = 0
    private var filter = 1
    private var settings: [String: Int] = [:]
    private var resolution = ["X": 0.1, "Y": 0.1, "Z": 0.1]

    let lineEnds: Set<UInt8> = [13]
    let banner = ""
    let light = ""

    init() { reset() }

    func reset() {
        axes = [
            "X": EmulatedAxis(-54_000...54_000), "Y": EmulatedAxis(-35_500...35_500), "Z": EmulatedAxis(-5_000...5_000),
        ]
        isCompatible = false
        (owed, latch, filter) = (0, 0, 1)
        settings = ["SMS": 100, "SAS": 100, "SCS": 100, "SMZ": 100, "SAZ": 100, "SCZ": 100]
        resolution = ["X": 0.1, "Y": 0.1, "Z": 0.1]
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "compatible": isCompatible = value == "on"
        case "late-r": answersLate = value == "on"
        default: return axes.set(name, value)
        }
        return true
    }

    /// The `R` of moves that have ended.
    func said() -> String {
        watch()
        guard owed > 0, !axes.values.contains(where: { $0.isMoving }) else { return "" }
        defer { owed = 0 }
        return String(repeating: "R\r", count: owed)
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        watch()
        if isRefused { return "E,4\r" }
        let words = command.split { ", ;:\t".contains($0) }.map { $0.uppercased() }
        return answer(words).map { $0 + "\r" }.joined()
    }

    private func watch() {
        for (bit, name) in ["X", "Y", "Z"].enumerated() {
            guard let axis = axes[name] else { continue }
            if axis.isAtUpper { latch |= 1 << (2 * bit) }
            if axis.isAtLower { latch |= 2 << (2 * bit) }
        }
    }

    private func steps(_ name: String) -> Int { Int((axes[name]!.position / resolution[name]!).rounded()) }

    private var isMoving: Bool { axes.values.contains { $0.isMoving } }

    private func answer(_ words: [String]) -> [String] {
        let numbers = words.dropFirst().map { Int($0) }
        func first() -> Int? { numbers.first ?? nil }
        switch words.first {
        case nil, "P":
            return [numbers.isEmpty ? ["X", "Y", "Z"].map { String(steps($0)) }.joined(separator: ",") : "0"]
        case "?":
            return [
                "PROSCAN INFORMATION", "DSP_1 IS 3-AXIS STEPPER VERSION 1.0", "STAGE = H101/2", "FOCUS = NORMAL", "END",
            ]
        case "VERSION": return ["116"]
        case "SERIAL": return ["123456"]
        case "COMP":
            guard let mode = first() else { return [isCompatible ? "1" : "0"] }
            isCompatible = mode == 1
            return ["0"]
        case "PX", "PY", "PZ":
            let name = String(words[0].suffix(1))
            guard let place = first() else { return [String(steps(name))] }
            if isMoving { return ["E,2"] }
            axes[name]!.call(Double(place) * resolution[name]!)
            return ["0"]
        case "PS":
            guard numbers.count == 2, let x = numbers[0], let y = numbers[1] else {
                return numbers.isEmpty ? ["\(steps("X")),\(steps("Y"))"] : ["E,4"]
            }
            if isMoving { return ["E,2"] }
            axes["X"]!.call(Double(x) * resolution["X"]!)
            axes["Y"]!.call(Double(y) * resolution["Y"]!)
            return ["0"]
        case "Z":
            for axis in axes.values { axis.call(0) }
            return ["0"]
        case "G": return move(["X", "Y", "Z"], numbers, isRelative: false)
        case "GR": return move(["X", "Y", "Z"], numbers, isRelative: true)
        case "GX", "GY", "GZ": return move([String(words[0].suffix(1))], numbers, isRelative: false)
        case "V": return move(["Z"], numbers, isRelative: false)
        case "U": return move(["Z"], numbers, isRelative: true)
        case "D": return move(["Z"], numbers.map { $0.map { -$0 } }, isRelative: true)
        case "I", "K":
            for axis in axes.values { axis.hold() }
            return ["R"]
        case "$":
            var bits = 0
            for (bit, name) in ["X", "Y", "Z"].enumerated() where axes[name]!.isMoving { bits |= 1 << bit }
            return [String(bits)]
        case "=":
            defer { latch = 0 }
            return [String(latch)]
        case "LMT":
            var bits = 0
            for (bit, name) in ["X", "Y", "Z"].enumerated() {
                bits |= axes[name]!.isAtUpper ? 1 << (2 * bit) : axes[name]!.isAtLower ? 2 << (2 * bit) : 0
            }
            return [String(format: "%02X", bits)]
        case "RES":
            guard words.count >= 2, let name = ["S": "X", "X": "X", "Y": "Y", "Z": "Z"][words[1]] else {
                return ["E,4"]
            }
            guard words.count == 3 else { return [String(resolution[name]!)] }
            guard let value = Double(words[2]), value > 0 else { return ["E,8"] }
            for name in words[1] == "S" ? ["X", "Y"] : [name] { resolution[name] = value }
            return ["0"]
        case "SIS":
            for name in ["X", "Y"] {
                axes[name]!.stand(at: axes[name]!.switches.lowerBound)
                axes[name]!.call(0)
            }
            return ["R"]
        case "7": return wheel(words)
        case "FPW": return first() == 1 ? ["6"] : ["E,17"]
        case "FILTER":
            return first() == 1
                ? ["FILTER_1 = HF110-10", "TYPE = 6", "END"] : ["FILTER_\(words.last ?? "") = NONE", "END"]
        case "STAGE": return ["STAGE = H101/2", "TYPE = 1", "SIZE_X = 108 MM", "SIZE_Y = 71 MM", "END"]
        case "FOCUS": return ["FOCUS = NORMAL", "TYPE = 0", "MICRONS/REV = 100", "END"]
        case let word?:
            guard settings[word] != nil else { return ["E,5"] }
            guard let value = first() else { return [String(settings[word]!)] }
            guard (1...1000).contains(value) else { return ["E,10"] }
            settings[word] = value
            return ["0"]
        }
    }

    private func move(_ names: [String], _ numbers: [Int?], isRelative: Bool) -> [String] {
        guard !numbers.isEmpty, numbers.count <= names.count, !numbers.contains(nil) else { return ["E,4"] }
        for (name, number) in zip(names, numbers) {
            let place = Double(number!) * resolution[name]!
            axes[name]!.move(to: isRelative ? axes[name]!.position + place : place)
        }
        if answersLate || isCompatible {
            owed += 1
            return []
        }
        return ["R"]
    }

    private func wheel(_ words: [String]) -> [String] {
        guard words.count == 3, words[1] == "1" else { return ["E,17"] }
        switch words[2] {
        case "F": return [String(filter)]
        case "H":
            filter = 1
            return ["R"]
        default:
            guard let number = Int(words[2]), (1...6).contains(number) else { return ["E,10"] }
            filter = number
            return ["R"]
        }
    }
}
