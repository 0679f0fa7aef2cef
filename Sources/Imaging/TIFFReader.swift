import CTIFF
import Foundation
import Synchronization
import Work

/// A TIFF file open for reading: classic TIFF and BigTIFF, OME-TIFF, ImageJ stacks of any length.
///
/// Samples come as they are stored: palette images as indices, colours as channels, whole numbers of unusual widths
/// (1, 2, 4, 12 bits, ...) in the next larger type without scaling. Only white-is-zero images are inverted, so that larger
/// is brighter. Pages count from 0. A reader may be used by several threads; they take turns.
public final class TIFFReader: Sendable {
    /// The path as it was given.
    public let path: String
    /// The number of pages.
    public let pageCount: Int
    /// The layout of the first page.
    public let first: TIFFPage
    /// What the file says about its pages as a whole.
    public let metadata: TIFFMetadata

    let file: RandomAccessFile
    let chain: TIFFChain
    /// Where the frames of an ImageJ stack with a single directory begin; nil for files with a directory per page.
    private let contiguousFrames: UInt64?
    private let decoder: Mutex<TIFFDecoder>

    /// Whether the file ends before its list of pages does, so that pages behind the last are lost.
    public let isCutOff: Bool
    /// The columns and rows of the first page.
    public var width: Int { first.width }
    /// The rows of the first page.
    public var height: Int { first.height }
    /// The side of a pixel at the specimen in um, where the file says.
    public var pixelSize_um: Double? { metadata.pixelSizeX_um }

    /// Opens a file and finds its pages.
    /// - Throws: a `Failure` for files that are missing, not TIFF, damaged or `not supported: ...`.
    public init(_ path: String) throws {
        self.path = path
        file = try RandomAccessFile(path)
        chain = try TIFFChain(file)
        var decoder = try TIFFDecoder(path, offsets: chain.offsets)
        let layout = try decoder.page(0)
        first = layout.page
        var metadata = TIFFMetadata(
            description: layout.description, page: layout.page, fileName: URL(fileURLWithPath: path).lastPathComponent)
        metadata.settleRenamed(pageCount: chain.offsets.count)
        self.metadata = metadata
        let frames = try TIFFReader.contiguousFrames(first, metadata, &decoder, chain, length: file.length)
        contiguousFrames = frames?.offset
        pageCount = frames?.count ?? chain.offsets.count
        isCutOff = chain.isCutOff || frames?.isCutOff == true
        self.decoder = Mutex(decoder)
    }

    /// ImageJ writes stacks over 4 GB with the first frame's directory alone; the frames lie one after another.
    private static func contiguousFrames(
        _ page: TIFFPage, _ metadata: TIFFMetadata, _ decoder: inout TIFFDecoder, _ chain: TIFFChain, length: UInt64
    ) throws -> (offset: UInt64, count: Int, isCutOff: Bool)? {
        guard metadata.flavour == .imageJ, chain.offsets.count == 1, !page.isCompressed, !page.isTiled, !page.isSeparate
        else { return nil }
        let images = metadata.planeCount
        let frameBytes = page.storedRowBytes.multipliedReportingOverflow(by: page.height)
        guard images > 1, !frameBytes.overflow, frameBytes.partialValue > 0 else { return nil }
        let offset = try decoder.firstBlockOffset()
        // The description may name any number; what the file holds counts.
        let whole = offset < length ? Int(clamping: (length - offset) / UInt64(frameBytes.partialValue)) : 0
        guard whole > 0 else { return nil }
        return (offset, min(images, whole), whole < images)
    }

    /// The layout of a page.
    public func page(_ index: Int) throws -> TIFFPage {
        try check(index)
        if contiguousFrames != nil { return first }
        return try decoder.withLock { try $0.page(index).page }
    }

    /// The columns and rows of a page as the list of pages has them, without a look at the page itself.
    /// - Throws: a `Failure` when there is no such page.
    public func size(ofPage index: Int) throws -> (width: Int, height: Int) {
        try check(index)
        if contiguousFrames != nil { return (first.width, first.height) }
        let size = chain.sizes[index]
        guard size.width > 0, size.height > 0 else {
            let page = try page(index)
            return (page.width, page.height)
        }
        return (Int(size.width), Int(size.height))
    }

    /// The page that holds a plane of an ImageJ or OME stack.
    /// - Throws: a `Failure` when the plane does not exist or lies in another file.
    public func page(channel: Int, z: Int = 0, time: Int = 0) throws -> Int {
        let location = try location(channel: channel, z: z, time: time)
        if let name = location.file {
            throw notSupported(path, "channel \(channel), slice \(z), time \(time) in another file, \(name)")
        }
        return location.page
    }

    /// Where a plane of an ImageJ or OME stack is: a page of this file, or of another of the set.
    /// - Throws: a `Failure` when the plane does not exist.
    public func location(channel: Int, z: Int = 0, time: Int = 0) throws -> TIFFPlaneLocation {
        guard (0..<max(1, metadata.sizeC)) ~= channel, (0..<metadata.sizeZ) ~= z, (0..<metadata.sizeT) ~= time else {
            throw Failure(
                "\(path) has no channel \(channel), slice \(z), time \(time)",
                remedy: "it has \(metadata.sizeC) channels, \(metadata.sizeZ) slices and \(metadata.sizeT) times",
                code: "plane-missing")
        }
        let number = metadata.planeNumber(channel: channel, z: z, time: time)
        return metadata.planes[number] ?? TIFFPlaneLocation(page: number)
    }

    /// Reads a page.
    /// - Throws: a `Failure` when it is damaged, cut off or too large for one piece.
    public func read(page index: Int = 0) throws -> Image {
        let page = try self.page(index)
        return try read(page: index, region: Region(column: 0, row: 0, width: page.width, height: page.height))
    }

    /// Reads a part of a page; memory is needed for the part and one strip row or tile only.
    /// - Parameter asStored: whether white-is-zero samples come as they are stored.
    /// - Throws: a `Failure` when the region lies outside, or the page is damaged or cut off.
    public func read(page index: Int = 0, region: Region, asStored: Bool = false) throws -> Image {
        let page = try self.page(index)
        guard region.column >= 0, region.row >= 0, region.width > 0, region.height > 0, region.width <= page.width,
            region.height <= page.height, region.column <= page.width - region.width,
            region.row <= page.height - region.height
        else {
            throw Failure(
                "the region \(region.width)x\(region.height) at column \(region.column), row \(region.row) lies outside "
                    + "page \(index) of \(path) with \(page.width)x\(page.height) pixels", code: "region-outside")
        }
        try checkSize(page, region)
        var samples: Samples
        if let contiguousFrames {
            samples = try raw(page, region, frame: index, start: contiguousFrames)
        } else {
            samples = try decoder.withLock { try $0.read(index, page, region) }
        }
        if page.isInverted, !asStored { samples = samples.inverted(bits: page.bitsPerSample) }
        return Image(
            width: region.width, height: region.height, channels: page.channels, samples: samples,
            pixelSize_um: metadata.pixelSizeX_um)
    }

    private func check(_ index: Int) throws {
        guard (0..<pageCount) ~= index else {
            throw Failure("\(path) has no page \(index)", remedy: "it has \(pageCount) pages", code: "page-missing")
        }
    }

    /// Refuses what cannot be: sizes that no compression reaches from the length of the file, and single reads over 16 GB.
    private func checkSize(_ page: TIFFPage, _ region: Region) throws {
        let pixels = region.width.multipliedReportingOverflow(by: region.height)
        let bytes = pixels.partialValue.multipliedReportingOverflow(by: page.channels * page.pixelType.bytes)
        // Unpacked bits take at most eight times their room; a strip may hold less than its rows, as a file cut off does.
        let length = min(Int(clamping: file.length), 1 << 40)
        let largest = page.isCompressed ? max(256 << 20, length * 20_000) : max(1 << 20, length * 8)
        guard !pixels.overflow, !bytes.overflow, bytes.partialValue <= min(largest, 16 << 30) else {
            throw Failure(
                "\(path) claims \(page.width)x\(page.height) pixels of \(page.channels) samples",
                remedy: "read it by regions if that is true; otherwise the file is damaged", code: "image-too-large")
        }
        try MemoryLimit.check(
            bytes.partialValue, bytesEach: 1, for: "\(path), \(region.width)x\(region.height) pixels of it,")
    }

    /// Reads uncompressed rows of a frame straight from the file.
    private func raw(_ page: TIFFPage, _ region: Region, frame: Int, start: UInt64) throws -> Samples {
        let rowBytes = page.storedRowBytes  // frames of this size fit the file
        let frameBytes = UInt64(rowBytes) * UInt64(page.height)
        let begin = start + UInt64(frame) * frameBytes + UInt64(region.row) * UInt64(rowBytes)
        let end = start + UInt64(frame + 1) * frameBytes
        guard end <= file.length else {
            throw Failure(
                "\(path) is cut off: page \(index(frame)) ends at byte \(end), the file at \(file.length)",
                remedy: "copy it again", code: "tiff-damaged")
        }
        let rowDecoder = RowDecoder(encoding: page.encoding, interleaved: page.channels)
        let stored = page.bitsPerSample % 8 == 0 ? page.bitsPerSample / 8 : 1
        let bandRows = max(1, min(region.height, (4 << 20) / rowBytes))
        let band = UnsafeMutableRawBufferPointer.allocate(byteCount: bandRows * rowBytes, alignment: 16)
        defer { band.deallocate() }
        return try Samples.make(page.pixelType, count: region.width * region.height * page.channels) { output in
            var row = 0
            while row < region.height {
                let rows = min(bandRows, region.height - row)
                let piece = UnsafeMutableRawBufferPointer(rebasing: band[..<(rows * rowBytes)])
                guard file.read(piece, at: begin + UInt64(row * rowBytes)) == piece.count else {
                    throw Failure("\(path) cannot be read to its end", remedy: "copy it again", code: "tiff-damaged")
                }
                if chain.isBigEndian { swapBytes(piece, size: stored) }
                for step in 0..<rows {
                    rowDecoder.decode(
                        UnsafeRawPointer(piece.baseAddress! + step * rowBytes),
                        columns: region.column..<region.column + region.width,
                        into: output + (row + step) * region.width * page.pixelType.bytes,
                        planeStride: region.width * region.height)
                }
                row += rows
            }
        }
    }

    private func index(_ frame: Int) -> String { "\(frame) of \(pageCount)" }
}

/// Turns the byte order of all numbers of `size` bytes around.
func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, size: Int) {
    switch size {
    case 2: bytes.withMemoryRebound(to: UInt16.self) { for i in $0.indices { $0[i] = $0[i].byteSwapped } }
    case 4: bytes.withMemoryRebound(to: UInt32.self) { for i in $0.indices { $0[i] = $0[i].byteSwapped } }
    case 8: bytes.withMemoryRebound(to: UInt64.self) { for i in $0.indices { $0[i] = $0[i].byteSwapped } }
    default: break
    }
}
