import Work

/// Where the directories of a TIFF file lie: the chain of offsets, walked once.
///
/// libtiff walks the chain anew for every page it is asked for, which a movie of tens of thousands of pages
/// does not stand.
struct TIFFChain: Sendable {
    /// The offsets of the directories in the order of the pages.
    private(set) var offsets: [UInt64] = []
    /// The columns and rows of each page as its directory says; 0 where it does not.
    private(set) var sizes: [(width: UInt32, height: UInt32)] = []
    /// Whether the chain goes on where the file has ended.
    private(set) var isCutOff = false
    /// Whether multi-byte numbers are stored with the most significant byte first.
    let isBigEndian: Bool
    /// Whether offsets have 64 bits.
    let isBig: Bool

    /// Walks the chain until its end, the end of the file or a loop.
    /// - Throws: a `Failure` when the file is not a TIFF.
    init(_ file: RandomAccessFile) throws {
        let header = file.bytes(at: 0, count: 16)
        guard header.count >= 8, let order = TIFFChain.byteOrder(header) else {
            throw Failure("\(file.path) is not a TIFF file", code: "not-a-tiff")
        }
        isBigEndian = order
        let reader = ByteReader(isBigEndian: order)
        let version = reader.integer(header, at: 2, bytes: 2)
        isBig = version == 43
        guard version == 42 || (isBig && header.count == 16) else {
            throw Failure("\(file.path) is not a TIFF file", code: "not-a-tiff")
        }
        let length = file.length
        let (countBytes, entryBytes, offsetBytes) = isBig ? (8, 20, 8) : (2, 12, 4)
        var offset = reader.integer(header, at: isBig ? 8 : 4, bytes: offsetBytes)
        var seen: Set<UInt64> = []
        while offset != 0, offset < length, seen.insert(offset).inserted {
            if offsets.count % 4096 == 0 { try Interruption.check() }
            let head = file.bytes(at: offset, count: 320)
            guard head.count >= countBytes else {
                isCutOff = true
                break
            }
            let entries = reader.integer(head, at: 0, bytes: countBytes)
            guard entries > 0, entries <= 65_536 else { break }
            let end = countBytes + Int(entries) * entryBytes
            // A directory that the end of the file cuts off is kept, so that reading it reports the damage.
            offsets.append(offset)
            sizes.append(reader.size(head, firstEntry: countBytes, entryBytes: entryBytes, entries: Int(entries)))
            if end + offsetBytes <= head.count {
                offset = reader.integer(head, at: end, bytes: offsetBytes)
            } else {
                let next = file.bytes(at: offset + UInt64(end), count: offsetBytes)
                guard next.count == offsetBytes else {
                    isCutOff = true
                    break
                }
                offset = reader.integer(next, at: 0, bytes: offsetBytes)
            }
        }
        if offset >= length { isCutOff = true }
        guard !offsets.isEmpty else {
            throw Failure(
                "\(file.path) holds no page", remedy: "the file is damaged or was cut off", code: "tiff-damaged")
        }
    }

    /// Whether the first two bytes say big-endian; nil where they are not a TIFF's.
    private static func byteOrder(_ header: [UInt8]) -> Bool? {
        switch (header[0], header[1]) {
        case (0x49, 0x49): false
        case (0x4D, 0x4D): true
        default: nil
        }
    }
}

/// Reads whole numbers of a file's byte order.
struct ByteReader {
    let isBigEndian: Bool

    /// The columns and rows that the entries of a directory name, as far as they are among the bytes.
    func size(_ data: [UInt8], firstEntry: Int, entryBytes: Int, entries: Int) -> (width: UInt32, height: UInt32) {
        var size: (width: UInt32, height: UInt32) = (0, 0)
        let fits = (data.count - firstEntry) / entryBytes
        for entry in 0..<min(entries, fits) {
            let place = firstEntry + entry * entryBytes
            let tag = integer(data, at: place, bytes: 2)
            guard tag == 256 || tag == 257 else { continue }
            // A short stands in the first two bytes of the value.
            let bytes = integer(data, at: place + 2, bytes: 2) == 3 ? 2 : 4
            let value = UInt32(truncatingIfNeeded: integer(data, at: place + (entryBytes == 20 ? 12 : 8), bytes: bytes))
            if tag == 256 { size.width = value } else { size.height = value }
        }
        return size
    }

    /// The unsigned number in `bytes` bytes at `index`.
    func integer(_ data: [UInt8], at index: Int, bytes: Int) -> UInt64 {
        var value: UInt64 = 0
        for step in 0..<bytes {
            value = value << 8 | UInt64(data[index + (isBigEndian ? step : bytes - 1 - step)])
        }
        return value
    }
}
