/// How the counts of a frame lie in the memory of a camera, by the names of the Pixel Format Naming Convention.
public enum PixelLayout: String, CaseIterable, Sendable {
    case mono8 = "Mono8"
    case mono10 = "Mono10"
    case mono10Packed = "Mono10Packed"
    case mono10p = "Mono10p"
    case mono12 = "Mono12"
    case mono12Packed = "Mono12Packed"
    case mono12p = "Mono12p"
    case mono14 = "Mono14"
    case mono16 = "Mono16"

    /// The significant bits of a count.
    public var bits: Int {
        switch self {
        case .mono8: 8
        case .mono10, .mono10Packed, .mono10p: 10
        case .mono12, .mono12Packed, .mono12p: 12
        case .mono14: 14
        case .mono16: 16
        }
    }

    /// The one with the most bits of those that a camera has; of equal ones that without packing.
    public static func best(of names: [String]) -> PixelLayout? {
        let order: [PixelLayout] = [
            .mono16, .mono14, .mono12, .mono12p, .mono12Packed, .mono10, .mono10p, .mono10Packed, .mono8,
        ]
        return order.first { names.contains($0.rawValue) }
    }

    /// The bytes of a frame.
    public func bytes(of count: Int) -> Int {
        switch self {
        case .mono8: count
        case .mono10, .mono12, .mono14, .mono16: 2 * count
        case .mono12p, .mono12Packed: (3 * count + 1) / 2
        case .mono10p: (5 * count + 3) / 4
        case .mono10Packed: (3 * count + 1) / 2
        }
    }

    /// Takes the counts out of a frame. `bytes` holds at least `bytes(of:)`.
    public func unpack(_ bytes: UnsafeRawBufferPointer, into counts: UnsafeMutableBufferPointer<UInt16>) {
        switch self {
        case .mono8: for index in counts.indices { counts[index] = UInt16(bytes[index]) }
        case .mono10, .mono12, .mono14, .mono16:
            UnsafeMutableRawBufferPointer(counts).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<(2 * counts.count)]))
        case .mono12p:
            // Two counts in three bytes, the lowest bits first.
            for index in counts.indices {
                let place = 3 * (index / 2)
                counts[index] =
                    index % 2 == 0
                    ? UInt16(bytes[place]) | UInt16(bytes[place + 1] & 0x0f) << 8
                    : UInt16(bytes[place + 1] >> 4) | UInt16(bytes[place + 2]) << 4
            }
        case .mono10p:
            // Four counts in five bytes, the lowest bits first.
            for index in counts.indices {
                let bit = 10 * index
                let low = UInt16(bytes[bit / 8]) >> UInt16(bit % 8)
                let high = UInt16(bytes[bit / 8 + 1]) << UInt16(8 - bit % 8)
                counts[index] = (low | high) & 0x3ff
            }
        case .mono12Packed, .mono10Packed:
            // GigE Vision: the highest bits of two counts in the first and the third byte, their lowest in the second.
            let shift = UInt16(bits - 8)
            let mask = UInt16(1) << shift - 1
            for index in counts.indices {
                let place = 3 * (index / 2)
                let rest = UInt16(bytes[place + 1]) >> (index % 2 == 0 ? 0 : 4)
                counts[index] = UInt16(bytes[place + (index % 2 == 0 ? 0 : 2)]) << shift | rest & mask
            }
        }
    }
}
