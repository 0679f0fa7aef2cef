import Imaging
import Work

/// The rows of a TIFF file, read as they are needed.
struct TIFFRows: ImageRows {
    private let reader: TIFFReader
    private let planes: ChosenPlanes
    /// What is taken of the file in words; empty where it holds nothing else.
    var plane: String { planes.inWords }
    /// How to choose another plane where one was taken unasked.
    var note: String? { planes.note }
    let width: Int
    let height: Int
    let channels: Int
    let pixelSize_um: Double?
    /// Whether the last of two or four channels may be an alpha channel rather than intensities.
    let mayHaveAlpha: Bool

    /// - Parameters:
    ///   - choice: which planes of a stack are meant.
    ///   - isSquare: refuse pixels that are not as high as wide.
    /// - Throws: a `Failure` when the file cannot be read or its pixels are not intensities.
    init(_ path: String, choice: PlaneChoice = PlaneChoice(), isSquare: Bool = false) throws {
        reader = try TIFFReader(path)
        // ImageJ keeps intensities and only shows them in the colours of a palette.
        guard !reader.first.isPalette || reader.metadata.flavour == .imageJ else {
            throw Failure(
                "\(path) is a palette image: its values are numbers of colours, not intensities",
                remedy: "convert it to grey or colour, for instance with ImageJ", code: "pixel-type-mismatch")
        }
        if isSquare { try checkSquarePixels(reader) }
        planes = try ChosenPlanes(choice, of: reader)
        width = reader.width
        height = reader.height
        channels = planes.channels
        pixelSize_um = reader.pixelSize_um
        let type = reader.first.pixelType
        mayHaveAlpha =
            choice.channel == nil && planes.pages.count == 1 && (channels == 2 || channels == 4)
            && (type == .uint8 || type == .uint16)
        for page in planes.pages.joined().dropFirst().prefix(64) {
            let other = try reader.page(page)
            guard other.width == width, other.height == height, other.pixelType == reader.first.pixelType,
                other.channels == reader.first.channels
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
        return try reader.read(planes, region: region)
    }
}

/// Rows whose three channels are the same everywhere: grey that was stored as colour.
struct GreyRows: ImageRows {
    let source: any ImageRows
    let path: String
    var width: Int { source.width }
    var height: Int { source.height }
    var channels: Int { 1 }
    var pixelSize_um: Double? { source.pixelSize_um }
    var blockRows: Int { source.blockRows }

    func rows(_ range: Range<Int>) throws -> Image {
        let image = try source.rows(range)
        guard image.hasEqualChannels else {
            throw Failure(
                "\(path) is grey at first, but has colours in rows \(range.lowerBound) to \(range.upperBound - 1)",
                remedy: "choose a channel with --channel 1 to \(image.channels)", code: "channel-mismatch")
        }
        return image.firstChannel
    }

    /// Whether evenly spread rows of an image of three channels are grey.
    static func fits(_ source: any ImageRows) throws -> Bool {
        guard source.channels == 3 else { return false }
        let strips = max(1, min(16, source.height / 16))
        for index in 0..<strips {
            let first = (source.height - min(16, source.height)) * index / max(1, strips - 1)
            let rows = first..<min(source.height, first + 16)
            // A cut-off file is told of when it is read as a whole.
            guard let image = try? source.rows(rows) else { continue }
            if !image.hasEqualChannels { return false }
        }
        return true
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
