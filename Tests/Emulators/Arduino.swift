import Foundation
import PosixShim

/// An Arduino with the firmware AOTFcontroller 5: six outputs, and an input at which the camera says that it exposes.
/// A command whose bytes stop coming is forgotten after a second.
final class EmulatedArduino: EmulatedBinaryDevice {
    private var pins: UInt8 = 0
    private var pattern: UInt8 = 0
    private var isBlanking = false
    private var blanksOnHigh = false
    private var isExposing = false
    private var triggers: UInt8 = 0
    private var waking_us: Int64 = 0
    private var boot_ms: Int64 = 0
    private var heard_us: Int64 = 0
    private var heard = 0

    let banner = ""

    func reset() {
        (pins, pattern, isBlanking, blanksOnHigh) = (0, 0, false, false)
        waking_us = px_now_us() + boot_ms * 1000
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "camera": isExposing = value == "on"
        case "outputs":
            pattern = UInt8(value) ?? 0
            if !isBlanking { pins = pattern }
        // The first byte after the order starts the board anew, as the opening of the port does; it takes so long.
        case "boots":
            boot_ms = Int64(value) ?? 0
            waking_us = -1
        default: return false
        }
        follow()
        return true
    }

    private func follow() {
        if isBlanking { pins = isExposing != blanksOnHigh ? pattern : 0 }
    }

    var light: String { highOutputs(UInt32(pins)) }

    func next(_ input: inout [UInt8]) -> [UInt8]? {
        let now = px_now_us()
        if waking_us < 0, !input.isEmpty { reset() }
        if now < waking_us { input = [] }
        if heard > 0, input.count >= heard, now - heard_us > 1_000_000 { input.removeFirst(heard) }
        defer {
            heard = input.count
            heard_us = now
        }
        guard let first = input.first else { return nil }
        let size: Int
        switch first {
        case 1, 6, 7, 11, 22, 41: size = 2
        case 5, 42: size = 3
        case 3, 10: size = 4
        case 33:
            guard input.count >= 3 else { return nil }
            size = 3 + Int(input[1]) << 8 + Int(input[2])
        default: size = 1
        }
        guard input.count >= size else { return nil }
        defer { input.removeFirst(size) }
        heard = 0
        return Array(input.prefix(size))
    }

    func execute(_ command: [UInt8], isRefused: Bool) -> [UInt8] {
        if isRefused { return [] }
        defer { follow() }
        switch command[0] {
        case 1:
            pattern = command[1] & 63
            if !isBlanking { pins = pattern }
            return [1]
        case 2: return [2, pins]
        case 3, 5, 6, 7, 11: return command
        case 9:
            pins = 0
            return [9, triggers]
        case 20, 21:
            isBlanking = command[0] == 20
            return [command[0]]
        case 22:
            blanksOnHigh = command[1] == 0
            return [22]
        case 30: return Array("MM-Ard\r\n".utf8)
        case 31: return Array("5\r\n".utf8)
        case 32: return [32, 1, 0]
        case 33: return Array(command.prefix(3))
        case 34: return [34, 0]
        case 35: return [35, 6]
        default: return []
        }
    }
}

/// The outputs that are high, counted from 1, as the log has them.
func highOutputs(_ mask: UInt32) -> String {
    let list = (0..<32).filter { mask & (1 << UInt32($0)) != 0 }.map { String($0 + 1) }
    return list.isEmpty ? "off" : "on " + list.joined(separator: ",")
}
