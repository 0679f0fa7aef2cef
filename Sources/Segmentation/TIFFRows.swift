import Imaging
import Work

/// The rows of a TIFF file, read as they are needed.
struct TIFFRows: ImageRows {
    private let reader: TIFFReader
    private let pages: [Int]
    let width: Int
    let height: Int
    let channels: Int
    let pixelSize_um: Double?
    /// Whether the last of two or four channels may be an alpha channel rather than intensities.
    let mayHaveAlpha: Bool

    /// - Throws: a `Failure` when the file cannot be read or its pixels are not intensities.
    init(_ path: String) throws {
        reader = try TIFFReader(path)
        guard !reader.first.isPalette else {
            throw Failure(
                "\(path) is a palette image: its values are numbers of colours, not intensities",
                remedy: "convert it to grey or colour, for instance with ImageJ", code: "pixel-type-mismatch")
        }
        let planes = reader.metadata.sizeC
        let isStack = planes > 1 && reader.first.channels == 1 && reader.pageCount > 1
        pages = isStack ? try (0..<planes).map { [reader] in try reader.page(channel: $0) } : [0]
        width = reader.width
        height = reader.height
        channels = isStack ? planes : reader.first.channels
        pixelSize_um = reader.pixelSize_um
        let type = reader.first.pixelType
        mayHaveAlpha = !isStack && (channels == 2 || channels == 4) && (type == .uint8 || type == .uint16)
        for page in pages.dropFirst() {
            let other = try reader.page(page)
            guard other.width == width, other.height == height, other.pixelType == reader.first.pixelType,
                other.channels == 1
            else {
                throw Failure(
                    "\(path) has channels of \(width)x\(height) \(reader.first.pixelType.rawValue) and "
                        + "\(other.width)x\(other.height) \(other.pixelType.rawValue)",
                    remedy: "save them with one size and type", code: "size-mismatch")
            }
        }
    }

    /// Whole rows of tiles, as long as they are not too many for the memory.
    var blockRows: Int {
        let rowBytes = max(1, width * channels * reader.first.pixelType.bytes)
        let block = reader.first.isTiled ? reader.first.blockHeight : 64
        return max(16, min(block, (128 << 20) / rowBytes))
    }

    func rows(_ range: Range<Int>) throws -> Image {
        let region = Region(column: 0, row: range.lowerBound, width: width, height: range.count)
        guard pages.count > 1 else { return try reader.read(page: pages[0], region: region) }
        let images = try pages.map { try reader.read(page: $0, region: region) }
        let samples = images.flatMap { $0.plane().samples }
        return Image(width: width, height: range.count, channels: channels, samples: .float32(samples))
    }
}

/// Rows of 8 or 16 bits without their last channel, which must be opaque everywhere.
struct OpaqueRows: ImageRows {
    let source: any ImageRows
    let path: String
    var width: Int { source.width }
    var height: Int { source.height }
    var channels: Int { source.channels - 1 }
    var pixelSize_um: Double? { source.pixelSize_um }
    var blockRows: Int { source.blockRows }

    func rows(_ range: Range<Int>) throws -> Image {
        let image = try source.rows(range)
        let colours = image.width * image.height * channels
        func opaque<Sample: FixedWidthInteger>(_ values: [Sample]) throws -> [Sample] {
            guard values[colours...].allSatisfy({ $0 == .max }) else {
                throw Failure(
                    "\(path) is not opaque in rows \(range.lowerBound) to \(range.upperBound - 1)",
                    remedy: "save it without its alpha channel", code: "channel-mismatch")
            }
            return Array(values[..<colours])
        }
        let samples: Samples
        switch image.samples {
        case .uint8(let values): samples = .uint8(try opaque(values))
        case .uint16(let values): samples = .uint16(try opaque(values))
        default: throw Failure("\(path) has no alpha channel", code: "channel-mismatch")
        }
        return Image(
            width: image.width, height: image.height, channels: channels, samples: samples,
            pixelSize_um: image.pixelSize_um)
    }
}

/// Rows whose pixel size is known from elsewhere.
struct CalibratedRows: ImageRows {
    let source: any ImageRows
    let pixelSize_um: Double?
    var width: Int { source.width }
    var height: Int { source.height }
    var channels: Int { source.channels }
    var blockRows: Int { source.blockRows }
    func rows(_ range: Range<Int>) throws -> Image { try source.rows(range) }
}
