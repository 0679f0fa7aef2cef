import CTIFF
import Work

/// Writes an image larger than memory as TIFF, band by band from the top. The file appears when it is finished.
///
/// Images of up to 2 GB are written in strips, which every program opens; larger ones in tiles, for which ImageJ needs the
/// Bio-Formats plugin. It is used by one thread at a time.
public final class BandTIFFWriter: @unchecked Sendable {
    /// The path of the finished file.
    public let path: String
    /// The size of the whole image.
    public let width: Int, height: Int
    /// The number of rows written so far.
    public private(set) var rows = 0

    private let channels: Int
    private let pixelType: PixelType
    /// The size of the pieces that the file is written in: tiles, or strips of the image's width.
    private let pieceWidth: Int, pieceRows: Int
    private let isTiled: Bool
    private let file: TIFFOutput
    private let pending: PendingFile
    /// Rows that wait for a full row of pieces, channels interleaved.
    private var waiting: [UInt8] = []
    private let block: UnsafeMutableRawBufferPointer
    private var pieceRow = 0
    private var isFinished = false

    /// Creates the temporary file.
    /// - Parameters:
    ///   - channels: 1, or 3 or 4 for colours.
    ///   - tile: the side of a tile, a multiple of 16; chosen by the size of the image unless given.
    /// - Throws: a `Failure` when the file cannot be created.
    public init(
        _ path: String, width: Int, height: Int, channels: Int = 1, pixelType: PixelType, pixelSize_um: Double? = nil,
        tile: Int? = nil, compression: TIFFCompression = .deflate
    ) throws {
        let bytes = Double(width) * Double(height) * Double(channels * pixelType.bytes)
        let side = tile ?? 512
        guard (1...1 << 30) ~= width, (1...1 << 30) ~= height, [1, 3, 4].contains(channels), side % 16 == 0,
            (16...8192) ~= side
        else {
            throw Failure(
                "\(path): an image of \(width)x\(height) pixels and \(channels) channels in tiles of \(side) cannot be written",
                code: "size-mismatch")
        }
        self.path = path
        self.width = width
        self.height = height
        self.channels = channels
        self.pixelType = pixelType
        isTiled = tile != nil || bytes > 2_147_483_647
        let rowBytes = width * channels * pixelType.bytes
        pieceWidth = isTiled ? side : width
        pieceRows = isTiled ? side : max(1, min(height, (1 << 20) / rowBytes))
        block = .allocate(byteCount: pieceWidth * pieceRows * channels * pixelType.bytes, alignment: 16)
        pending = try PendingFile(for: path)
        file = try TIFFOutput(pending.temporaryPath, for: path, isBig: bytes > 4e9)
        try file.setTags(
            width: width, height: height, samples: channels, type: pixelType, compression: compression,
            pixelSize_um: pixelSize_um)
        if isTiled {
            try file.set(TIFFTAG_TILEWIDTH, UInt32(side))
            try file.set(TIFFTAG_TILELENGTH, UInt32(side))
        } else {
            try file.set(TIFFTAG_ROWSPERSTRIP, UInt32(pieceRows))
        }
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
        if channels == 1, waiting.isEmpty, rows == height || band.height % pieceRows == 0 {
            try band.samples.withUnsafeBytes { try writeRows($0, rowBytes) }
            return
        }
        waiting += band.interleavedBytes()
        let whole = rows == height ? waiting.count : waiting.count / rowBytes / pieceRows * pieceRows * rowBytes
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

    /// Writes whole rows of pieces; the last may be lower.
    private func writeRows(_ bytes: UnsafeRawBufferPointer, _ rowBytes: Int) throws {
        guard let base = bytes.baseAddress, let block = block.baseAddress else { return }
        for first in stride(from: 0, to: bytes.count / rowBytes, by: pieceRows) {
            let rows = min(pieceRows, bytes.count / rowBytes - first)
            try Interruption.check()
            if isTiled {
                try writeTiles(from: base + first * rowBytes, rows: rows, rowBytes)
            } else {
                block.copyMemory(from: base + first * rowBytes, byteCount: rows * rowBytes)
                try file.writeStrip(
                    pieceRow, UnsafeMutableRawBufferPointer(rebasing: self.block[..<(rows * rowBytes)]))
            }
            pieceRow += 1
        }
    }

    private func writeTiles(from base: UnsafeRawPointer, rows: Int, _ rowBytes: Int) throws {
        guard let block = block.baseAddress else { return }
        let (tile, pixelBytes) = (pieceWidth, channels * pixelType.bytes)
        for (column, left) in stride(from: 0, to: width, by: tile).enumerated() {
            try Interruption.check()
            let columns = min(tile, width - left) * pixelBytes
            if rows < tile || columns < tile * pixelBytes {
                block.initializeMemory(as: UInt8.self, repeating: 0, count: self.block.count)
            }
            for row in 0..<rows {
                (block + row * tile * pixelBytes).copyMemory(
                    from: base + row * rowBytes + left * pixelBytes, byteCount: columns)
            }
            try file.writeTile(pieceRow * ((width + tile - 1) / tile) + column, self.block)
        }
    }
}
