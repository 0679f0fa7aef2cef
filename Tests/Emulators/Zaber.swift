import Foundation

/// A Zaber chain that speaks ASCII: device 1 with two axes of a stage, device 2 with one of a focus drive.
final class EmulatedZaber: EmulatedDevice {
    /// One axis with what its firmware knows of it, in microsteps.
    private final class Unit {
        /// 0.1 um a microstep; 0 is the home switch.
        let axis = EmulatedAxis(0...100_000)
        var isHomed = true
        var limits = 0...1_000_000
        var warnings: Set<String> = []
        var wasMoving = false
        var isHoming = false
        var settings = ["maxspeed": 153_600, "accel": 205]
    }

    private let devices: [Int: [Unit]]
    private var alerts = false
    private var checksums = false

    let lineEnds: Set<UInt8> = [10, 13]
    let banner = ""
    let light = ""

    init() {
        devices = [1: [Unit(), Unit()], 2: [Unit()]]
        for unit in devices.values.joined() { unit.axis.stand(at: 50_000) }
    }

    private var units: [Unit] { devices.keys.sorted().flatMap { devices[$0]! } }
    private var axes: [String: EmulatedAxis] {
        ["X": devices[1]![0].axis, "Y": devices[1]![1].axis, "Z": devices[2]![0].axis]
    }

    /// A restart loses the reference; the count begins at 0 where the axis stands.
    func reset() {
        for unit in units {
            unit.axis.call(0)
            unit.isHomed = false
            unit.warnings = []
        }
        checksums = false
        alerts = false
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "checksums": checksums = value == "on"
        case "alerts": alerts = value == "on"
        case "unhome": reset()
        case "warn": for unit in units { unit.warnings.insert(value) }
        case "push":
            // The knob at the device: manual control.
            if let place = axes.first(where: { value.hasPrefix($0.key) })?.value {
                units.first { $0.axis === place }?.warnings.insert("NC")
            }
            return axes.set(name, value)
        default: return axes.set(name, value)
        }
        return true
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        // A slash begins a command anew.
        guard let slash = command.lastIndex(of: "/") else { return "" }
        var text = String(command[command.index(after: slash)...])
        var replies = ""
        if let colon = text.lastIndex(of: ":") {
            let sum = text[..<colon].utf8.reduce(0) { ($0 + Int($1)) & 255 }
            guard Int(text[text.index(after: colon)...], radix: 16) == (256 - sum) & 255 else { return "" }
            text = String(text[..<colon])
        }
        var words = text.split(separator: " ").map(String.init)
        func number() -> Int? {
            guard let first = words.first, let value = Int(first) else { return nil }
            words.removeFirst()
            return value
        }
        let device = number() ?? 0
        let axis = number() ?? 0
        let id = number()
        for (address, own) in devices.sorted(by: { $0.key < $1.key }) where device == 0 || device == address {
            guard axis <= own.count else {
                replies += reply(address, axis, id, "RJ", own, "BADAXIS")
                continue
            }
            let chosen = axis == 0 ? own : [own[axis - 1]]
            let (flag, data) =
                isRefused ? ("RJ", "BADDATA") : carryOut(words, chosen, isWhole: axis == 0, count: own.count, address)
            replies += reply(address, axis, id, flag, chosen, data)
        }
        let alert = alerts ? "!01 1 IDLE --\r\n" : ""
        return alert + replies
    }

    private func reply(_ device: Int, _ axis: Int, _ id: Int?, _ flag: String, _ units: [Unit], _ data: String)
        -> String
    {
        for unit in units { watch(unit) }
        let isBusy = units.contains { $0.axis.isMoving }
        let order = ["FS", "FE", "FQ", "WL", "WR", "WH", "NC", "NI"]
        let warning = order.first { code in units.contains { warnings(of: $0).contains(code) } } ?? "--"
        let numbers = String(format: "%02d %d", device, axis) + (id.map { String(format: " %02d", $0) } ?? "")
        let text = "\(numbers) \(flag) \(isBusy ? "BUSY" : "IDLE") \(warning) \(data)"
        let sum = text.utf8.reduce(0) { ($0 + Int($1)) & 255 }
        return "@\(text)\(checksums ? String(format: ":%02X", (256 - sum) & 255) : "")\r\n"
    }

    private func warnings(of unit: Unit) -> Set<String> { unit.warnings.union(unit.isHomed ? [] : ["WR"]) }

    /// What happens when a motion ends.
    private func watch(_ unit: Unit) {
        if unit.wasMoving, !unit.axis.isMoving {
            unit.wasMoving = false
            if unit.axis.wall != nil, unit.axis.isAtUpper || unit.axis.isAtLower {
                unit.warnings.insert("FS")
            } else if unit.isHoming {
                unit.isHomed = true
                unit.axis.call(0)
            }
            unit.isHoming = false
        }
    }

    private func carryOut(_ words: [String], _ units: [Unit], isWhole: Bool, count: Int, _ address: Int) -> (
        String, String
    ) {
        for unit in units { watch(unit) }
        switch words.first {
        case nil: return ("OK", "0")
        case "stop", "estop":
            for unit in units {
                if unit.axis.isMoving { unit.warnings.insert("NI") }
                unit.axis.hold()
                unit.isHoming = false
            }
            return ("OK", "0")
        case "home":
            for unit in units {
                unit.warnings = []
                unit.isHoming = true
                unit.wasMoving = true
                unit.axis.move(to: unit.axis.switches.lowerBound)
            }
            return ("OK", "0")
        case "move": return move(Array(words.dropFirst()), units)
        case "warnings":
            let codes = units.reduce(into: Set<String>()) { $0.formUnion(warnings(of: $1)) }.sorted()
            if words.last == "clear" { for unit in units { unit.warnings = [] } }
            return ("OK", ([String(format: "%02d", codes.count)] + codes).joined(separator: " "))
        case "get": return get(Array(words.dropFirst()), units, isWhole: isWhole, count: count, address)
        case "set":
            guard words.count == 3, let value = Double(words[2]) else { return ("RJ", "BADDATA") }
            if words[1] == "comm.checksum" { checksums = value == 1 }
            if words[1] == "comm.alert" { alerts = value == 1 }
            for unit in units where unit.settings[words[1]] != nil { unit.settings[words[1]] = Int(value) }
            return ("OK", "0")
        default: return ("RJ", "BADCOMMAND")
        }
    }

    private func move(_ words: [String], _ units: [Unit]) -> (String, String) {
        guard let kind = words.first else { return ("RJ", "BADCOMMAND") }
        for unit in units {
            let now = Int((unit.axis.position * 10).rounded())
            let target: Int
            switch (kind, words.dropFirst().first.flatMap { Int($0) }) {
            case ("abs", let value?): target = value
            case ("rel", let value?): target = now + value
            case ("min", _): target = unit.limits.lowerBound
            case ("max", _): target = unit.limits.upperBound
            default: return ("RJ", "BADDATA")
            }
            if !unit.isHomed, kind != "rel" { return ("RJ", "BADDATA") }
            guard unit.limits.contains(target) else { return ("RJ", "BADDATA") }
        }
        for unit in units {
            let now = Int((unit.axis.position * 10).rounded())
            let value = words.dropFirst().first.flatMap { Int($0) } ?? 0
            if unit.axis.isMoving { unit.warnings.insert("NI") } else { unit.warnings = [] }
            let targets = [
                "abs": value, "rel": now + value, "min": unit.limits.lowerBound, "max": unit.limits.upperBound,
            ]
            unit.axis.move(to: Double(targets[kind]!) / 10)
            unit.wasMoving = true
        }
        return ("OK", "0")
    }

    private func get(_ words: [String], _ units: [Unit], isWhole: Bool, count: Int, _ address: Int) -> (
        String, String
    ) {
        guard let name = words.first else { return ("RJ", "BADCOMMAND") }
        func each(_ value: (Unit) -> String) -> (String, String) {
            ("OK", units.map(value).joined(separator: " "))
        }
        switch name {
        case "pos", "encoder.pos": return each { String(Int(($0.axis.position * 10).rounded())) }
        case "limit.min": return each { String($0.limits.lowerBound) }
        case "limit.max": return each { String($0.limits.upperBound) }
        case "limit.home.triggered": return each { $0.isHomed ? "1" : "0" }
        case "maxspeed", "accel": return each { String($0.settings[name]!) }
        case "device.id", "deviceid": return ("OK", address == 1 ? "50419" : "50341")
        case "version": return ("OK", "7.38")
        case "system.axiscount": return ("OK", String(count))
        case "system.serial": return ("OK", String(97_000 + address))
        case "system.access": return ("OK", "1")
        case "comm.address": return ("OK", String(address))
        case "comm.alert": return ("OK", alerts ? "1" : "0")
        case "comm.checksum": return ("OK", checksums ? "1" : "0")
        case "peripheral.id", "peripheralid": return each { _ in "70221" }
        case "motion.index.num": return each { _ in "0" }
        case "resolution": return each { _ in "64" }
        default: return ("RJ", "BADCOMMAND")
        }
    }
}
