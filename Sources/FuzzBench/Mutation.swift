import Foundation
import Randomness

/// Changes files as damage, other programs and ill will do: bits, numbers, lengths, lines, pieces.
struct Mutation {
    private var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    /// Numbers at the ends of what types and readers hold.
    private static let odd: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x1_0000_0000,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0x4000_0000, 0x0100_0000,
        0x7FF0_0000_0000_0000,
        0x7FF8_0000_0000_0000,
    ]
    private static let words = [
        "", "0", "-1", "1e308", "-1e308", "1e-308", "nan", "inf", "2147483648", "4294967296", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "1073741824", "65536", "0.0000001", "null", "true", "\"x\"",
        "[]", "{}",
        "1,5", "1.2.3", "99999999999999999999999", "\u{0}", "é", "µm", "px",
    ]

    /// One to four changes, now and then many.
    mutating func change(_ bytes: [UInt8], other: [UInt8], isText: Bool) -> [UInt8] {
        var changed = bytes
        let count = random.chance(0.1) ? 5 + random.integer(below: 40) : 1 + random.integer(below: 4)
        for _ in 0..<count {
            if isText, random.chance(0.6) { text(&changed) } else { binary(&changed, other) }
        }
        return changed
    }

    /// A place; in half of the cases in the head, where the lengths are.
    private mutating func place(_ bytes: [UInt8]) -> Int {
        random.integer(below: max(1, random.chance(0.5) ? min(bytes.count, 1024) : bytes.count))
    }

    private mutating func binary(_ bytes: inout [UInt8], _ other: [UInt8]) {
        guard !bytes.isEmpty else { return bytes = Array(other.prefix(1 + random.integer(below: 64))) }
        let at = place(bytes)
        let length = 1 + random.integer(below: random.chance(0.8) ? 16 : max(16, bytes.count / 2))
        switch random.integer(below: 10) {
        case 0, 1: bytes[at] ^= 1 << UInt8(random.integer(below: 8))
        case 2: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 3, 4, 5:
            let value = Self.odd[random.integer(below: Self.odd.count)]
            let width = 1 << random.integer(below: 4)
            let isBig = random.chance(0.3)
            for step in 0..<width where at + step < bytes.count {
                let shift = UInt64(8 * (isBig ? width - 1 - step : step))
                bytes[at + step] = UInt8(truncatingIfNeeded: value >> shift)
            }
        case 6: bytes.removeSubrange(at..<min(bytes.count, at + length))
        case 7: if bytes.count < 1 << 20 { bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + length)], at: at) }
        case 8: bytes.removeLast(random.integer(below: bytes.count))
        default:
            guard !other.isEmpty else { return }
            let from = random.integer(below: other.count)
            let piece = other[from..<min(other.count, from + length)]
            bytes.replaceSubrange(at..<min(bytes.count, at + piece.count), with: piece)
        }
    }

    private mutating func text(_ bytes: inout [UInt8]) {
        let at = place(bytes)
        func isNumber(_ byte: UInt8) -> Bool { (48...57).contains(byte) || byte == 46 || byte == 45 }
        switch random.integer(below: 6) {
        case 0, 1, 2:
            guard let start = bytes[min(at, bytes.count)...].firstIndex(where: isNumber) else { return }
            let end = bytes[start...].firstIndex { !isNumber($0) } ?? bytes.count
            bytes.replaceSubrange(start..<end, with: Array(Self.words[random.integer(below: Self.words.count)].utf8))
        case 3:
            guard let start = bytes[min(at, bytes.count)...].firstIndex(of: 10) else { return }
            let end = bytes[(start + 1)...].firstIndex(of: 10) ?? bytes.count
            let line = Array(bytes[start..<end])
            if random.chance(0.5) {
                bytes.removeSubrange(start..<end)
            } else if bytes.count < 1 << 20 {
                bytes.insert(contentsOf: line, at: random.chance(0.5) ? start : bytes.count)
            }
        case 4:
            let marks: [UInt8] = [44, 59, 9, 10, 13, 34, 58, 91, 93, 123, 125, 35, 0, 32]
            bytes.insert(marks[random.integer(below: marks.count)], at: min(at, bytes.count))
        default:
            guard at < bytes.count else { return }
            bytes[at] = UInt8(truncatingIfNeeded: random.next())
        }
    }

    /// A PNG file with the checksums of its chunks made right.
    static func repairedPNG(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var place = 8
        while place + 12 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[place + $1]) }
            guard length <= bytes.count - place - 12 else { break }
            var sum: UInt32 = 0xFFFF_FFFF
            for byte in bytes[place + 4..<place + 8 + length] {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
            }
            for step in 0..<4 {
                bytes[place + 8 + length + step] = UInt8(truncatingIfNeeded: ~sum >> UInt32(24 - 8 * step))
            }
            place += 12 + length
        }
        return bytes
    }
}
