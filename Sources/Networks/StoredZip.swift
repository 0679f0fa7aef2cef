import Work

/// A zip archive whose entries are stored without compression, as `torch.save` writes them.
///
/// Format: PKWARE's APPNOTE.TXT, 4.3 and 4.5.3 (ZIP64). Entries are found by the central directory at the end of the file.
struct StoredZip {
    /// Where the bytes of an entry lie in the file.
    struct Entry {
        let offset: UInt64
        let count: UInt64
    }

    private let file: RandomAccessFile
    private let length: UInt64
    private var entries: [String: Entry] = [:]

    private static let directoryLimit: UInt64 = 64 << 20
    private static let endLength = 22
    private static let localHeaderLength = 30

    /// Reads the directory of an archive.
    /// - Throws: a `Failure` that names the file when it is damaged or its entries are compressed or encrypted.
    init(_ file: RandomAccessFile) throws {
        self.file = file
        length = file.length
        do { try readDirectory() } catch is BytesEnd {
            throw damagedFile(file.path, "the zip directory ends too early")
        }
    }

    /// The names of the entries.
    var names: Dictionary<String, Entry>.Keys { entries.keys }

    /// The entry of a name, nil where there is none.
    subscript(name: String) -> Entry? { entries[name] }

    private mutating func readDirectory() throws {
        let tail = Int(min(length, UInt64(Self.endLength + Int(UInt16.max))))
        let tailStart = length - UInt64(tail)
        let bytes = file.bytes(at: tailStart, count: tail)
        let signature: [UInt8] = [0x50, 0x4B, 5, 6]
        guard bytes.count == tail, tail >= Self.endLength,
            let end = (0...tail - Self.endLength).last(where: { bytes[$0..<$0 + 4].elementsEqual(signature) })
        else { throw damagedFile(file.path, "the zip directory is missing, so it was cut off or is no zip file") }
        var reader = ByteReader(Array(bytes[(end + 10)...]))
        var count = UInt64(try reader.integer(UInt16.self))
        var size = UInt64(try reader.integer(UInt32.self))
        var start = UInt64(try reader.integer(UInt32.self))
        if count == UInt64(UInt16.max) || size == UInt64(UInt32.max) || start == UInt64(UInt32.max) {
            (count, size, start) = try readLargeEnd(before: tailStart + UInt64(end))
        }
        guard size <= Self.directoryLimit, start <= length, size <= length - start else {
            throw damagedFile(file.path, "its zip directory of \(size) bytes does not fit the file")
        }
        var directory = ByteReader(file.bytes(at: start, count: Int(size)))
        for _ in 0..<count { try readEntry(&directory) }
    }

    /// The entry count, size and start of the directory from the ZIP64 record whose locator lies before `end`.
    private func readLargeEnd(before end: UInt64) throws -> (count: UInt64, size: UInt64, start: UInt64) {
        guard end >= 20 else { throw BytesEnd() }
        var locator = ByteReader(file.bytes(at: end - 20, count: 20))
        guard try locator.integer(UInt32.self) == 0x0706_4B50 else { throw BytesEnd() }
        try locator.skip(4)
        var record = ByteReader(file.bytes(at: try locator.integer(UInt64.self), count: 56))
        guard try record.integer(UInt32.self) == 0x0606_4B50 else { throw BytesEnd() }
        try record.skip(28)
        return (
            try record.integer(UInt64.self), try record.integer(UInt64.self), try record.integer(UInt64.self)
        )
    }

    private mutating func readEntry(_ directory: inout ByteReader) throws {
        guard try directory.integer(UInt32.self) == 0x0201_4B50 else {
            throw damagedFile(file.path, "its zip directory holds something else than entries")
        }
        try directory.skip(4)
        let flags = try directory.integer(UInt16.self)
        let method = try directory.integer(UInt16.self)
        try directory.skip(8)
        var stored = UInt64(try directory.integer(UInt32.self))
        var count = UInt64(try directory.integer(UInt32.self))
        let nameLength = Int(try directory.integer(UInt16.self))
        let extraLength = Int(try directory.integer(UInt16.self))
        let commentLength = Int(try directory.integer(UInt16.self))
        try directory.skip(8)
        var header = UInt64(try directory.integer(UInt32.self))
        let name = String(decoding: try directory.bytes(nameLength), as: UTF8.self)
        var extra = ByteReader(Array(try directory.bytes(extraLength)))
        try directory.skip(commentLength)
        while extra.left >= 4 {
            let kind = try extra.integer(UInt16.self)
            var field = ByteReader(Array(try extra.bytes(Int(try extra.integer(UInt16.self)))))
            guard kind == 1 else { continue }
            if count == UInt64(UInt32.max) { count = try field.integer(UInt64.self) }
            if stored == UInt64(UInt32.max) { stored = try field.integer(UInt64.self) }
            if header == UInt64(UInt32.max) { header = try field.integer(UInt64.self) }
        }
        guard method == 0, flags & 1 == 0, stored == count else {
            throw Failure(
                "\(file.path): the entry \(name) is compressed or encrypted", remedy: "write the file with torch.save",
                code: "not-supported")
        }
        guard header <= length, count <= length else {
            throw damagedFile(file.path, "the entry \(name) lies outside of it")
        }
        var local = ByteReader(file.bytes(at: header, count: Self.localHeaderLength))
        guard try local.integer(UInt32.self) == 0x0403_4B50 else {
            throw damagedFile(file.path, "the entry \(name) is not where the zip directory says")
        }
        try local.skip(22)
        let between = UInt64(try local.integer(UInt16.self)) + UInt64(try local.integer(UInt16.self))
        let offset = header + UInt64(Self.localHeaderLength) + between
        guard offset <= length, count <= length - offset else {
            throw damagedFile(file.path, "the entry \(name) lies outside of it")
        }
        entries[name] = Entry(offset: offset, count: count)
    }
}
