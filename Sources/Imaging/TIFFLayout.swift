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

    /// Where the count of the first page's description stands; its offset follows.
    var descriptionPlace: UInt64 {
        // The first directory begins at 16 (the header of 8 bytes ends on a multiple of 8 in classic files, too).
        let start: UInt64 = isBig ? 16 : 8
        let index = UInt64(TIFFLayout.descriptionIndex)
        return start + (isBig ? 8 + 20 * index + 4 : 2 + 12 * index + 4)
    }

    private static let descriptionIndex = 5

    /// Where a directory's link to the next one stands, counted from its start.
    func nextPlace(isFirst: Bool) -> UInt64 {
        let entries = UInt64(isFirst ? 15 : 14)
        return isBig ? 8 + 20 * entries : 2 + 12 * entries
    }

    /// One page's directory with the values it points to; the pixels follow directly. Tags in ascending order.
    func directory(
        at start: UInt64, width: Int, height: Int, type: PixelType, pixelBytes: UInt64, pixelSize_um: Double?,
        isFirst: Bool
    ) -> [UInt8] {
        let entriesEnd = Int(nextPlace(isFirst: isFirst)) + (isBig ? 8 : 4)
        // Behind the entries: X resolution, Y resolution (8 bytes each), software, padding to a multiple of 16.
        let valuesStart = start + UInt64(entriesEnd)
        let softwareStart = valuesStart + 16
        let total = (entriesEnd + 16 + TIFFLayout.software.count + 15) / 16 * 16
        let pixels = start + UInt64(total)
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
        bytes += isBig ? rational(282, pixelSize_um) : entry(282, TIFFLayout.rationalType, 1, valuesStart)
        bytes += isBig ? rational(283, pixelSize_um) : entry(283, TIFFLayout.rationalType, 1, valuesStart + 8)
        bytes += entry(296, TIFFLayout.shortType, 1, pixelSize_um == nil ? 1 : 3)
        bytes += entry(305, TIFFLayout.asciiType, UInt64(TIFFLayout.software.count), softwareStart)
        bytes += entry(339, TIFFLayout.shortType, 1, format)
        bytes += offset(0)
        bytes += ratio(pixelSize_um) + ratio(pixelSize_um) + TIFFLayout.software
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

    private func rational(_ tag: UInt16, _ pixelSize_um: Double?) -> [UInt8] {
        number(UInt64(tag), bytes: 2) + number(UInt64(TIFFLayout.rationalType), bytes: 2) + offset(1)
            + ratio(pixelSize_um)
    }

    /// Pixels per centimetre as a ratio of 32-bit numbers; 1/1 where the size is not known.
    private func ratio(_ pixelSize_um: Double?) -> [UInt8] {
        guard let size = pixelSize_um, size > 0, size.isFinite else { return number(1, bytes: 4) + number(1, bytes: 4) }
        let perCentimetre = 10_000 / size
        let denominator = perCentimetre < 4_000 ? 1_000_000.0 : perCentimetre < 4_000_000 ? 1_000 : 1
        let numerator = min(4_294_967_295, max(1, (perCentimetre * denominator).rounded()))
        return number(UInt64(numerator), bytes: 4) + number(UInt64(denominator), bytes: 4)
    }
}
