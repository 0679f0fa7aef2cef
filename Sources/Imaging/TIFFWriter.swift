import CTIFF
import Work

/// How the samples of a written TIFF file are compressed.
public enum TIFFCompression: String, Sendable, CaseIterable {
    case none, lzw, deflate

    var tag: UInt32 {
        switch self {
        case .none: UInt32(COMPRESSION_NONE)
        case .lzw: UInt32(COMPRESSION_LZW)
        case .deflate: UInt32(COMPRESSION_ADOBE_DEFLATE)
        }
    }
}

/// Writes an image as TIFF, in BigTIFF form where it needs it.
///
/// Three or four channels of 8 or 16 bits are written as colours; any other number of channels as an ImageJ stack with a
/// page for each. The pixel size goes into the resolution tags.
/// - Throws: a `Failure` when the file cannot be written.
public func writeTIFF(_ image: Image, to path: String, compression: TIFFCompression = .deflate) throws {
    let isColour =
        (3...4) ~= image.channels && (image.pixelType == .uint8 || image.pixelType == .uint16)
    let pages = isColour ? 1 : image.channels
    let bytes = image.width * image.height * image.channels * image.pixelType.bytes
    try writeWhole(to: path) { temporary in
        let file = try TIFFOutput(temporary, for: path, isBig: bytes > 4_000_000_000)
        for page in 0..<pages {
            try file.setTags(
                width: image.width, height: image.height, samples: isColour ? image.channels : 1, type: image.pixelType,
                compression: compression, pixelSize_um: image.pixelSize_um)
            let rows = max(1, min(image.height, (1 << 20) / max(1, image.width * image.pixelType.bytes)))
            try file.set(TIFFTAG_ROWSPERSTRIP, UInt32(rows))
            if pages > 1, page == 0 {
                let unit = image.pixelSize_um == nil ? "" : "unit=micron\n"
                try file.setDescription(
                    "ImageJ=1.53k\nimages=\(pages)\nchannels=\(pages)\nhyperstack=true\nmode=grayscale\n\(unit)")
                if let size = image.pixelSize_um {
                    try file.set(TIFFTAG_RESOLUTIONUNIT, UInt32(RESUNIT_NONE))
                    try file.setReal(TIFFTAG_XRESOLUTION, 1 / size)
                    try file.setReal(TIFFTAG_YRESOLUTION, 1 / size)
                }
            }
            for (strip, top) in stride(from: 0, to: image.height, by: rows).enumerated() {
                try Interruption.check()
                let band = top..<min(top + rows, image.height)
                if isColour {
                    try file.writeStrip(strip, image.interleavedBytes(rows: band))
                } else {
                    let rowBytes = image.width * image.pixelType.bytes
                    let start = (page * image.height + top) * rowBytes
                    try file.writeStrip(
                        strip, image.samples.withUnsafeBytes { [UInt8]($0[start..<start + band.count * rowBytes]) })
                }
            }
            try file.finishPage()
        }
        try file.close()
    }
}

/// Writes an image larger than memory as a tiled TIFF, band by band from the top. The file appears when it is finished.
/// It is used by one thread at a time.
public final class TiledTIFFWriter: @unchecked Sendable {
    /// The path of the finished file.
    public let path: String
    /// The size of the whole image.
    public let width: Int, height: Int
    /// The number of rows written so far.
    public private(set) var rows = 0

    private let channels: Int
    private let pixelType: PixelType
    private let tile: Int
    private let file: TIFFOutput
    private let pending: PendingFile
    /// Rows that wait for a full row of tiles, channels interleaved.
    private var waiting: [UInt8] = []
    private let block: UnsafeMutableRawBufferPointer
    private var tileRow = 0
    private var isFinished = false

    /// Creates the temporary file.
    /// - Parameters:
    ///   - channels: 1, or 3 or 4 for colours.
    ///   - tile: the side of a tile, a multiple of 16.
    /// - Throws: a `Failure` when the file cannot be created.
    public init(
        _ path: String, width: Int, height: Int, channels: Int = 1, pixelType: PixelType, pixelSize_um: Double? = nil,
        tile: Int = 512, compression: TIFFCompression = .deflate
    ) throws {
        guard (1...1 << 30) ~= width, (1...1 << 30) ~= height, [1, 3, 4].contains(channels), tile >= 16, tile % 16 == 0,
            tile <= 8192
        else {
            throw Failure(
                "\(path): an image of \(width)x\(height) pixels and \(channels) channels in tiles of \(tile) cannot be written",
                code: "size-mismatch")
        }
        self.path = path
        self.width = width
        self.height = height
        self.channels = channels
        self.pixelType = pixelType
        self.tile = tile
        block = .allocate(byteCount: tile * tile * channels * pixelType.bytes, alignment: 16)
        pending = try PendingFile(for: path)
        let bytes = Double(width) * Double(height) * Double(channels * pixelType.bytes)
        file = try TIFFOutput(pending.temporaryPath, for: path, isBig: bytes > 4e9)
        try file.setTags(
            width: width, height: height, samples: channels, type: pixelType, compression: compression,
            pixelSize_um: pixelSize_um)
        try file.set(TIFFTAG_TILEWIDTH, UInt32(tile))
        try file.set(TIFFTAG_TILELENGTH, UInt32(tile))
    }

    deinit {
        block.deallocate()
        if !isFinished { pending.discard() }
    }

    /// Appends the next rows: an image of the full width and any height.
    /// - Throws: a `Failure` when the band does not fit or the disk is full.
    public func append(_ band: Image) throws {
        guard band.width == width, band.channels == channels, band.pixelType == pixelType,
            rows + band.height <= height, !isFinished
        else {
            throw Failure(
                "a band of \(band.width)x\(band.height) \(band.pixelType.rawValue) does not fit \(path) of \(width)x\(height) "
                    + "\(pixelType.rawValue) after row \(rows)", code: "size-mismatch")
        }
        rows += band.height
        let rowBytes = width * channels * pixelType.bytes
        if channels == 1, waiting.isEmpty, rows == height || band.height % tile == 0 {
            try band.samples.withUnsafeBytes { try writeRows($0, rowBytes) }
            return
        }
        waiting += band.interleavedBytes()
        let whole = rows == height ? waiting.count : waiting.count / rowBytes / tile * tile * rowBytes
        guard whole > 0 else { return }
        try waiting.withUnsafeBytes { try writeRows(UnsafeRawBufferPointer(rebasing: $0[..<whole]), rowBytes) }
        waiting.removeFirst(whole)
    }

    /// Completes the file and gives it its name.
    /// - Throws: a `Failure` when rows are missing or the disk is full.
    public func finish() throws {
        guard rows == height else {
            throw Failure("\(path) got \(rows) of \(height) rows", code: "size-mismatch")
        }
        try file.finishPage()
        try file.close()
        try pending.finish()
        isFinished = true
    }

    /// Writes whole rows of tiles; the last may be lower.
    private func writeRows(_ bytes: UnsafeRawBufferPointer, _ rowBytes: Int) throws {
        guard let base = bytes.baseAddress, let block = block.baseAddress else { return }
        let pixelBytes = channels * pixelType.bytes
        for first in stride(from: 0, to: bytes.count / rowBytes, by: tile) {
            let rows = min(tile, bytes.count / rowBytes - first)
            for (column, left) in stride(from: 0, to: width, by: tile).enumerated() {
                try Interruption.check()
                let columns = min(tile, width - left) * pixelBytes
                if rows < tile || columns < tile * pixelBytes {
                    block.initializeMemory(as: UInt8.self, repeating: 0, count: self.block.count)
                }
                for row in 0..<rows {
                    (block + row * tile * pixelBytes).copyMemory(
                        from: base + (first + row) * rowBytes + left * pixelBytes, byteCount: columns)
                }
                try file.writeTile(tileRow * ((width + tile - 1) / tile) + column, self.block)
            }
            tileRow += 1
        }
    }
}
