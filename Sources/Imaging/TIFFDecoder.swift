import CTIFF
import Work

/// libtiff's handle on an open file, and what is known of the page it stands on. Not for two threads at once.
struct TIFFDecoder: ~Copyable {
    /// The layout of a page and its description.
    struct Layout {
        let page: TIFFPage
        let description: String
    }

    private let path: String
    private let offsets: [UInt64]
    private let tif: OpaquePointer
    private let messages: UnsafeMutablePointer<ctiff_messages>
    private var current: (index: Int, layout: Layout)?
    /// The row that `TIFFReadScanline` delivers next in each plane without starting a strip again.
    private var nextRow = 0

    init(_ path: String, offsets: [UInt64]) throws {
        self.path = path
        self.offsets = offsets
        messages = .allocate(capacity: 1)
        messages.initialize(to: ctiff_messages())
        // h: the directories are read one by one below; m: no memory map, for files that still grow or shrink.
        guard let tif = ctiff_open(path, "rhm", messages, 1 << 30) else {
            let reason = TIFFDecoder.text(messages)
            messages.deallocate()
            throw Failure("\(path) cannot be opened: \(reason)", remedy: "the file is damaged", code: "tiff-damaged")
        }
        self.tif = tif
    }

    deinit {
        TIFFClose(tif)
        messages.deallocate()
    }

    /// Goes to a page and reads its tags.
    mutating func page(_ index: Int) throws -> Layout {
        if let current, current.index == index { return current.layout }
        current = nil
        messages.pointee = ctiff_messages()
        guard TIFFSetSubDirectory(tif, offsets[index]) == 1 else {
            let reason = TIFFDecoder.text(messages).replacing("\(path): ", with: "")
            guard reason.hasPrefix("Cannot handle") || reason.hasPrefix("Bad value") else {
                throw damaged("page \(index) cannot be read")
            }
            throw notSupported(path, "tags that libtiff refuses (\(reason))")
        }
        let description = ctiff_string(tif, UInt32(TIFFTAG_IMAGEDESCRIPTION)).map { TIFFDecoder.decoded($0) } ?? ""
        let layout = Layout(page: try TIFFPage(tif, path: path), description: description)
        let compression = Int32(ctiff_u16(tif, UInt32(TIFFTAG_COMPRESSION), 1))
        if compression == COMPRESSION_JPEG, !layout.page.isSeparate {
            _ = ctiff_set_integer(tif, UInt32(TIFFTAG_JPEGCOLORMODE), UInt32(JPEGCOLORMODE_RGB))
        }
        nextRow = 0
        current = (index, layout)
        return layout
    }

    /// A text in UTF-8, or in Latin-1 where it is not valid UTF-8, as older programs wrote it.
    private static func decoded(_ text: UnsafePointer<CChar>) -> String {
        if let valid = String(validatingCString: text) { return valid }
        var result = ""
        var place = text
        while place.pointee != 0 {
            result.unicodeScalars.append(Unicode.Scalar(UInt8(bitPattern: place.pointee)))
            place += 1
        }
        return result
    }

    /// The place of the first strip or tile of the current page.
    mutating func firstBlockOffset() throws -> UInt64 {
        let offset = TIFFGetStrileOffset(tif, 0)
        guard offset > 0 else { throw damaged("the first page has no data") }
        return offset
    }

    /// Reads a region that lies within the page.
    mutating func read(_ index: Int, _ page: TIFFPage, _ region: Region) throws -> Samples {
        _ = try self.page(index)
        messages.pointee = ctiff_messages()
        let count = region.width * region.height * page.channels
        if page.needsColourConversion { return try readColours(index, page, region) }
        return try Samples.make(page.pixelType, count: count) { output in
            if page.isTiled {
                try readTiles(index, page, region, output)
            } else {
                try readRows(index, page, region, output)
            }
        }
    }

    private mutating func readRows(
        _ index: Int, _ page: TIFFPage, _ region: Region, _ output: UnsafeMutableRawPointer
    ) throws {
        let rowBytes = Int(TIFFScanlineSize64(tif))
        guard rowBytes >= page.storedRowBytes, rowBytes <= 1 << 30 else {
            throw damaged("page \(index) has rows of \(rowBytes) bytes")
        }
        let row = UnsafeMutableRawPointer.allocate(byteCount: rowBytes, alignment: 16)
        defer { row.deallocate() }
        let rowDecoder = RowDecoder(encoding: page.encoding, interleaved: page.isSeparate ? 1 : page.channels)
        let planeSamples = region.width * region.height
        for plane in 0..<(page.isSeparate ? page.channels : 1) {
            // A strip can only be decoded from its start: rows before the region are read and dropped.
            let strip = region.row / page.blockHeight * page.blockHeight
            var position = page.isCompressed ? strip : region.row
            if !page.isSeparate, position < nextRow, nextRow <= region.row { position = nextRow }
            nextRow = 0
            while position < region.row + region.height {
                if position % 256 == 0 { try Interruption.check() }
                guard TIFFReadScanline(tif, row, UInt32(position), UInt16(plane)) == 1 else {
                    throw damaged("row \(position) of page \(index) cannot be decoded")
                }
                if position >= region.row {
                    let place = plane * planeSamples + (position - region.row) * region.width
                    rowDecoder.decode(
                        row, columns: region.column..<region.column + region.width,
                        into: output + place * page.pixelType.bytes, planeStride: planeSamples)
                }
                position += 1
            }
            nextRow = page.isSeparate ? 0 : position
        }
    }

    private mutating func readTiles(
        _ index: Int, _ page: TIFFPage, _ region: Region, _ output: UnsafeMutableRawPointer
    ) throws {
        let tileBytes = TIFFTileSize64(tif)
        let rowBytes = (page.blockWidth * (page.isSeparate ? 1 : page.channels) * page.bitsPerSample + 7) / 8
        let needed = UInt64(rowBytes).multipliedReportingOverflow(by: UInt64(page.blockHeight))
        guard tileBytes > 0, tileBytes <= 1 << 30, !needed.overflow, needed.partialValue <= tileBytes else {
            throw damaged("page \(index) has tiles of \(tileBytes) bytes")
        }
        let tile = UnsafeMutableRawPointer.allocate(byteCount: Int(tileBytes), alignment: 16)
        defer { tile.deallocate() }
        let rowDecoder = RowDecoder(encoding: page.encoding, interleaved: page.isSeparate ? 1 : page.channels)
        let planeSamples = region.width * region.height
        let (right, bottom) = (region.column + region.width, region.row + region.height)
        for plane in 0..<(page.isSeparate ? page.channels : 1) {
            for top in stride(from: region.row / page.blockHeight * page.blockHeight, to: bottom, by: page.blockHeight)
            {
                for left in stride(
                    from: region.column / page.blockWidth * page.blockWidth, to: right, by: page.blockWidth)
                {
                    try Interruption.check()
                    guard TIFFReadTile(tif, tile, UInt32(left), UInt32(top), 0, UInt16(plane)) > 0 else {
                        throw damaged("the tile at column \(left), row \(top) of page \(index) cannot be decoded")
                    }
                    let columns = max(left, region.column)..<min(left + page.blockWidth, right)
                    for row in max(top, region.row)..<min(top + page.blockHeight, bottom) {
                        let place = plane * planeSamples + (row - region.row) * region.width
                        rowDecoder.decode(
                            tile + (row - top) * rowBytes,
                            columns: columns.lowerBound - left..<columns.upperBound - left,
                            into: output + (place + columns.lowerBound - region.column) * page.pixelType.bytes,
                            planeStride: planeSamples)
                    }
                }
            }
        }
    }

    /// YCbCr pixels that no codec converts, by libtiff's RGBA interface: three channels of 8 bits.
    private mutating func readColours(_ index: Int, _ page: TIFFPage, _ region: Region) throws -> Samples {
        guard page.width * page.height <= 1 << 28 else { throw notSupported(path, "YCbCr with more than 2^28 pixels") }
        let raster = UnsafeMutablePointer<UInt32>.allocate(capacity: page.width * page.height)
        defer { raster.deallocate() }
        guard
            TIFFReadRGBAImageOriented(
                tif, UInt32(page.width), UInt32(page.height), raster, ORIENTATION_TOPLEFT, 1) == 1
        else { throw notSupported(path, "YCbCr that libtiff cannot convert (\(TIFFDecoder.text(messages)))") }
        var samples = [UInt8](repeating: 0, count: region.width * region.height * 3)
        for channel in 0..<3 {
            for row in 0..<region.height {
                for column in 0..<region.width {
                    let pixel = raster[(row + region.row) * page.width + column + region.column]
                    samples[(channel * region.height + row) * region.width + column] =
                        UInt8(truncatingIfNeeded: pixel >> UInt32(8 * channel))
                }
            }
        }
        return .uint8(samples)
    }

    private func damaged(_ what: String) -> Failure {
        let reason = TIFFDecoder.text(messages)
        return Failure(
            "\(path): \(what)\(reason.isEmpty ? "" : " (\(reason))")", remedy: "the file is damaged or was cut off",
            code: "tiff-damaged")
    }

    private static func text(_ messages: UnsafeMutablePointer<ctiff_messages>) -> String {
        withUnsafeBytes(of: &messages.pointee.error) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }.replacing("\n", with: " ")
    }
}
