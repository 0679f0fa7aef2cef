/// The bytes of little-endian TIFF structures, classic or BigTIFF.
struct TIFFLayout {
    let isBig: Bool

    private static let shortType: UInt16 = 3, longType: UInt16 = 4, long8Type: UInt16 = 16, rationalType: UInt16 = 5
    private static let asciiType: UInt16 = 2
    private static let software = Array("Stormbench\0".utf8)

    /// The file's header without a first directory.
    var header: [UInt8] {
        [0x49, 0x49] + (isBig ? [43, 0, 8, 0, 0, 0] : [42, 0]) + offset(0)
    }

    /// Where the offset of the first directory stands.
    var firstOffsetPlace: UInt64 { isBig ? 8 : 4 }

    /// Where the count of the first page's description stands, counted from the start of its directory; its offset follows.
    var descriptionPlace: UInt64 {
        let index = UInt64(TIFFLayout.descriptionIndex)
        return isBig ? 8 + 20 * index + 4 : 2 + 12 * index + 4
    }

    /// The length of a directory with the values it points to.
    func directoryBytes(isFirst: Bool) -> UInt64 {
        (nextPlace(isFirst: isFirst) + (isBig ? 8 : 4) + 16 + UInt64(TIFFLayout.software.count) + 15) / 16 * 16
    }

    private static let descriptionIndex = 5

    /// Where a directory's link to the next one stands, counted from its start.
    func nextPlace(isFirst: Bool) -> UInt64 {
        let entries = UInt64(isFirst ? 15 : 14)
        return isBig ? 8 + 20 * entries : 2 + 12 * entries
    }

    /// How the resolution tags are meant.
    enum ResolutionUnit {
        case centimetre
        /// The unit is in ImageJ's description.
        case micrometreByDescription
    }

    /// One page's directory with the values it points to. Tags in ascending order.
    /// - Parameter pixels: where the pixels are; directly behind the directory unless given.
    func directory(
        at start: UInt64, pixels: UInt64? = nil, width: Int, height: Int, type: PixelType, pixelBytes: UInt64,
        pixelSize_um: Double?, unit: ResolutionUnit = .centimetre, isFirst: Bool
    ) -> [UInt8] {
        let entriesEnd = Int(nextPlace(isFirst: isFirst)) + (isBig ? 8 : 4)
        // Behind the entries: X resolution, Y resolution (8 bytes each), software, padding to a multiple of 16.
        let valuesStart = start + UInt64(entriesEnd)
        let softwareStart = valuesStart + 16
        let total = Int(directoryBytes(isFirst: isFirst))
        let pixels = pixels ?? start + UInt64(total)
        let perUnit = pixelSize_um.map { (unit == .centimetre ? 10_000 : 1) / $0 }
        let format: UInt64 =
            switch type {
            case .uint8, .uint16, .uint32: 1
            case .int8, .int16, .int32: 2
            case .float32, .float64: 3
            }
        let big = isBig ? TIFFLayout.long8Type : TIFFLayout.longType
        var bytes = number(UInt64(isFirst ? 15 : 14), bytes: isBig ? 8 : 2)
        bytes += entry(256, TIFFLayout.longType, 1, UInt64(width))
        bytes += entry(257, TIFFLayout.longType, 1, UInt64(height))
        bytes += entry(258, TIFFLayout.shortType, 1, UInt64(type.bytes * 8))
        bytes += entry(259, TIFFLayout.shortType, 1, 1)
        bytes += entry(262, TIFFLayout.shortType, 1, 1)
        // The description is put in when the file is finished; until then it is an empty text.
        if isFirst { bytes += entry(270, TIFFLayout.asciiType, 1, 0) }
        bytes += entry(273, big, 1, pixels)
        bytes += entry(277, TIFFLayout.shortType, 1, 1)
        bytes += entry(278, TIFFLayout.longType, 1, UInt64(height))
        bytes += entry(279, big, 1, pixelBytes)
        bytes += isBig ? rational(282, perUnit) : entry(282, TIFFLayout.rationalType, 1, valuesStart)
        bytes += isBig ? rational(283, perUnit) : entry(283, TIFFLayout.rationalType, 1, valuesStart + 8)
        bytes += entry(296, TIFFLayout.shortType, 1, pixelSize_um != nil && unit == .centimetre ? 3 : 1)
        bytes += entry(305, TIFFLayout.asciiType, UInt64(TIFFLayout.software.count), softwareStart)
        bytes += entry(339, TIFFLayout.shortType, 1, format)
        bytes += offset(0)
        bytes += ratio(perUnit) + ratio(perUnit) + TIFFLayout.software
        return bytes + [UInt8](repeating: 0, count: total - bytes.count)
    }

    /// An offset in the width of the format.
    func offset(_ value: UInt64) -> [UInt8] { number(value, bytes: isBig ? 8 : 4) }

    /// A number of 8 bytes where `wide`, of 4 otherwise.
    func number(_ value: UInt64, wide: Bool) -> [UInt8] { number(value, bytes: wide ? 8 : 4) }

    private func number(_ value: UInt64, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private func entry(_ tag: UInt16, _ type: UInt16, _ count: UInt64, _ value: UInt64) -> [UInt8] {
        number(UInt64(tag), bytes: 2) + number(UInt64(type), bytes: 2) + offset(count) + offset(value)
    }

    private func rational(_ tag: UInt16, _ perUnit: Double?) -> [UInt8] {
        number(UInt64(tag), bytes: 2) + number(UInt64(TIFFLayout.rationalType), bytes: 2) + offset(1)
            + ratio(perUnit)
    }

    /// Pixels per unit as a ratio of 32-bit numbers; 1/1 where the size is not known.
    private func ratio(_ perUnit: Double?) -> [UInt8] {
        guard let perUnit, perUnit > 0, perUnit.isFinite else { return number(1, bytes: 4) + number(1, bytes: 4) }
        let denominator = perUnit < 4_000 ? 1_000_000.0 : perUnit < 4_000_000 ? 1_000 : 1
        let numerator = min(4_294_967_295, max(1, (perUnit * denominator).rounded()))
        return number(UInt64(numerator), bytes: 4) + number(UInt64(denominator), bytes: 4)
    }
}
