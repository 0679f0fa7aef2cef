import Work

/// A reader came to the end of its bytes before it had all it needs.
struct BytesEnd: Error {}

/// Reads bytes from the first to the last, numbers with the lowest byte first.
struct ByteReader {
    private let all: [UInt8]
    /// How many bytes are behind.
    private(set) var place = 0

    init(_ bytes: [UInt8]) { all = bytes }

    /// How many bytes are left.
    var left: Int { all.count - place }

    /// The next `count` bytes.
    /// - Throws: `BytesEnd` when there are fewer.
    mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= left else { throw BytesEnd() }
        defer { place += count }
        return all[place..<place + count]
    }

    /// Passes over `count` bytes.
    mutating func skip(_ count: Int) throws { _ = try bytes(count) }

    /// The next whole number.
    mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        let slice = try bytes(MemoryLayout<Number>.size)
        return slice.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
    }

    /// The number that bytes begin with; nil where there are too few.
    static func first<Number: FixedWidthInteger>(_ type: Number.Type, of bytes: [UInt8]) -> Number? {
        var reader = ByteReader(bytes)
        return try? reader.integer(type)
    }

    /// The text up to the next line feed, which is passed over.
    mutating func line() throws -> String {
        guard let end = all[place...].firstIndex(of: 0x0A) else { throw BytesEnd() }
        defer { place = end + 1 }
        return String(decoding: all[place..<end], as: UTF8.self)
    }
}

/// What is said of a file that is not what it should be.
func damagedFile(_ path: String, _ what: String) -> Failure {
    Failure("\(path) is damaged: \(what)", remedy: "copy or download it again", code: "file-damaged")
}
