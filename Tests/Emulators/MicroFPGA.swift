import Foundation
import PosixShim

/// A MicroFPGA of version 3 on an Au board: registers of 32 bits, of which eight say what the lasers do. What stops in
/// the middle is forgotten after 150 ms.
final class EmulatedMicroFPGA: EmulatedBinaryDevice {
    private var registers = [UInt32](repeating: 0, count: 46)
    private var isExposing = false
    private var heard = 0
    private var heard_us: Int64 = 0

    let banner = ""

    func reset() { registers = [UInt32](repeating: 0, count: 46) }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "camera": isExposing = value == "on"
        // All lasers in one mode: 0 off, 1 on, 4 with the camera.
        case "outputs": for index in 0..<8 { registers[index] = UInt32(value) ?? 0 }
        default: return false
        }
        return true
    }

    /// The lasers, then the four free outputs as 9 to 12.
    var light: String {
        var mask: UInt32 = 0
        for index in 0..<8 {
            // The camera's exposure is listened to where the board is passive; the sequence allows every frame or none.
            let follows = registers[index] == 4 && isExposing && registers[40] == 0 && registers[16 + index] == 0xFFFF
            if registers[index] == 1 || follows { mask |= 1 << UInt32(index) }
        }
        for index in 0..<4 where registers[24 + index] & 1 == 1 { mask |= 1 << UInt32(8 + index) }
        return highOutputs(mask)
    }

    func next(_ input: inout [UInt8]) -> [UInt8]? {
        let now = px_now_us()
        if heard > 0, input.count >= heard, now - heard_us > 150_000 { input.removeFirst(heard) }
        defer {
            heard = input.count
            heard_us = now
        }
        guard let first = input.first else { return nil }
        let size = first & 0x80 != 0 ? 9 : 5
        guard input.count >= size else { return nil }
        defer { input.removeFirst(size) }
        heard = 0
        return Array(input.prefix(size))
    }

    private func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }

    func execute(_ command: [UInt8], isRefused: Bool) -> [UInt8] {
        let address = Int(word(command[1..<5]))
        if command.count == 9 {
            let bits = [0..<8: 7, 8..<16: 0xF_FFFF, 16..<24: 0xFFFF, 24..<28: 1, 28..<35: 0xFFFF, 35..<40: 255]
            let mask = bits.first { $0.key.contains(address) }?.value ?? 0xF_FFFF
            if !isRefused, address < 46 { registers[address] = word(command[5..<9]) & UInt32(mask) }
            return []
        }
        let value: UInt32 =
            isRefused
            ? 11_206_655 : address == 200 ? 3 : address == 201 ? 79 : address < 46 ? registers[address] : 11_206_655
        return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
}
