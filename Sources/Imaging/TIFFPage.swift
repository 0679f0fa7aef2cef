import CTIFF
import Work

/// How the samples of one page of a TIFF file are stored.
public struct TIFFPage: Sendable, Equatable {
    /// The number of columns.
    public let width: Int
    /// The number of rows.
    public let height: Int
    /// The number of samples of a pixel.
    public let channels: Int
    /// The type that `read` delivers.
    public let pixelType: PixelType
    /// The bits of a stored sample.
    public let bitsPerSample: Int
    /// Whether the page is stored in tiles rather than strips.
    public let isTiled: Bool
    /// The size of a tile, or the whole width and the rows of a strip: reading in multiples of it is fastest.
    public let blockWidth: Int, blockHeight: Int
    /// Whether the samples are indices into a palette.
    public let isPalette: Bool
    /// The side of a pixel in um from the resolution tags; nil where they are missing or no microscope's.
    let tagPixelSize_um: Double?
    /// The height of a pixel in um from the resolution tags, likewise.
    let tagPixelHeight_um: Double?
    /// The resolution tags in pixels per unit.
    let resolution: Double?, resolutionY: Double?
    /// The grey values of a palette; nil where there is none or it has colours.
    let paletteGreys: [UInt8]?

    let encoding: SampleEncoding
    let isSeparate: Bool
    let isInverted: Bool
    let isCompressed: Bool
    let needsColourConversion: Bool

    /// The bytes of one row of one plane as libtiff delivers it.
    var storedRowBytes: Int { (width * (isSeparate ? 1 : channels) * bitsPerSample + 7) / 8 }

    /// Reads the tags of the current directory.
    /// - Throws: a `Failure` starting with `not supported:` for what cannot be decoded.
    init(_ tif: OpaquePointer, path: String) throws {
        let columns = ctiff_u32(tif, UInt32(TIFFTAG_IMAGEWIDTH), 0)
        let rows = ctiff_u32(tif, UInt32(TIFFTAG_IMAGELENGTH), 0)
        let samples = Int(ctiff_u16(tif, UInt32(TIFFTAG_SAMPLESPERPIXEL), 1))
        let bits = Int(ctiff_u16(tif, UInt32(TIFFTAG_BITSPERSAMPLE), 1))
        let format = Int32(ctiff_u16(tif, UInt32(TIFFTAG_SAMPLEFORMAT), UInt16(SAMPLEFORMAT_UINT)))
        let compression = Int32(ctiff_u16(tif, UInt32(TIFFTAG_COMPRESSION), UInt16(COMPRESSION_NONE)))
        let photometric = Int32(ctiff_u16(tif, UInt32(TIFFTAG_PHOTOMETRIC), UInt16(PHOTOMETRIC_MINISBLACK)))
        guard columns > 0, rows > 0, samples > 0, bits > 0 else {
            throw Failure("\(path) has a page without pixels", remedy: "the file is damaged", code: "tiff-damaged")
        }
        guard columns <= 1 << 30, rows <= 1 << 30, samples <= 4096 else {
            throw Failure(
                "\(path) claims \(columns)x\(rows) pixels of \(samples) samples", remedy: "the file is damaged",
                code: "tiff-damaged")
        }
        width = Int(columns)
        height = Int(rows)
        channels = samples
        isTiled = TIFFIsTiled(tif) != 0
        isSeparate =
            samples > 1
            && Int32(ctiff_u16(tif, UInt32(TIFFTAG_PLANARCONFIG), UInt16(PLANARCONFIG_CONTIG))) == PLANARCONFIG_SEPARATE
        isCompressed = compression != COMPRESSION_NONE
        isPalette = photometric == PHOTOMETRIC_PALETTE
        guard TIFFIsCODECConfigured(UInt16(compression)) != 0 else {
            throw notSupported(path, "compression \(compression)")
        }
        guard compression != COMPRESSION_SGILOG, compression != COMPRESSION_SGILOG24,
            photometric != PHOTOMETRIC_LOGL, photometric != PHOTOMETRIC_LOGLUV
        else { throw notSupported(path, "LogLuv pixels") }

        let isJPEG = compression == COMPRESSION_JPEG
        needsColourConversion = photometric == PHOTOMETRIC_YCBCR && !(isJPEG && !isSeparate)
        guard !needsColourConversion || (samples == 3 && bits == 8) else {
            throw notSupported(path, "YCbCr with \(samples) samples of \(bits) bits")
        }
        let isIndexed = isPalette || photometric == PHOTOMETRIC_MASK
        guard let encoding = SampleEncoding(bits: bits, format: isIndexed ? SAMPLEFORMAT_UINT : format) else {
            throw notSupported(path, "samples of \(bits) bits with sample format \(format)")
        }
        self.encoding = encoding
        bitsPerSample = bits
        pixelType = encoding.pixelType
        isInverted = photometric == PHOTOMETRIC_MINISWHITE && encoding.isUnsigned

        if isTiled {
            blockWidth = Int(ctiff_u32(tif, UInt32(TIFFTAG_TILEWIDTH), 0))
            blockHeight = Int(ctiff_u32(tif, UInt32(TIFFTAG_TILELENGTH), 0))
        } else {
            blockWidth = width
            blockHeight = min(height, Int(ctiff_u32(tif, UInt32(TIFFTAG_ROWSPERSTRIP), .max)))
        }
        guard blockWidth > 0, blockHeight > 0 else {
            throw Failure("\(path) has tiles without pixels", remedy: "the file is damaged", code: "tiff-damaged")
        }

        let density = Double(ctiff_float(tif, UInt32(TIFFTAG_XRESOLUTION), 0))
        resolution = density.isFinite && density > 0 ? density : nil
        let unit_um: Double? =
            switch Int32(ctiff_u16(tif, UInt32(TIFFTAG_RESOLUTIONUNIT), UInt16(RESUNIT_INCH))) {
            case RESUNIT_INCH: 25_400
            case RESUNIT_CENTIMETER: 10_000
            default: nil
            }
        // Coarser than 20 um is the printing resolution of a drawing program, not the pixel of a microscope.
        func size(_ resolution: Double?) -> Double? {
            resolution.flatMap { density in unit_um.map { $0 / density } }.flatMap { $0 <= 20 ? $0 : nil }
        }
        let densityY = Double(ctiff_float(tif, UInt32(TIFFTAG_YRESOLUTION), 0))
        resolutionY = densityY.isFinite && densityY > 0 ? densityY : nil
        tagPixelSize_um = size(resolution)
        tagPixelHeight_um = size(resolutionY)
        var greys = [UInt8](repeating: 0, count: 256)
        let isGrey = isPalette && bits <= 8 && ctiff_palette_greys(tif, Int32(1 << bits), &greys) == 1
        paletteGreys = isGrey ? Array(greys[..<(1 << bits)]) : nil
    }
}

/// How a stored sample becomes a sample of an image.
enum SampleEncoding: Sendable, Equatable {
    /// Stored as it is delivered.
    case plain(PixelType)
    /// A whole number of `bits` bits, packed from the most significant bit on; rows begin at a byte.
    case packed(bits: Int)
    /// A whole number of 24 bits in the machine's byte order.
    case integer24
    /// A float of 16 bits.
    case half
    /// A whole number of 64 bits, delivered as a double.
    case integer64(signed: Bool)

    init?(bits: Int, format: Int32) {
        switch (format, bits) {
        case (SAMPLEFORMAT_UINT, 8), (SAMPLEFORMAT_VOID, 8): self = .plain(.uint8)
        case (SAMPLEFORMAT_UINT, 16), (SAMPLEFORMAT_VOID, 16): self = .plain(.uint16)
        case (SAMPLEFORMAT_UINT, 32), (SAMPLEFORMAT_VOID, 32): self = .plain(.uint32)
        case (SAMPLEFORMAT_UINT, 64): self = .integer64(signed: false)
        case (SAMPLEFORMAT_UINT, 24): self = .integer24
        case (SAMPLEFORMAT_UINT, 1..<32), (SAMPLEFORMAT_VOID, 1..<8): self = .packed(bits: bits)
        case (SAMPLEFORMAT_INT, 8): self = .plain(.int8)
        case (SAMPLEFORMAT_INT, 16): self = .plain(.int16)
        case (SAMPLEFORMAT_INT, 32): self = .plain(.int32)
        case (SAMPLEFORMAT_INT, 64): self = .integer64(signed: true)
        case (SAMPLEFORMAT_IEEEFP, 16): self = .half
        case (SAMPLEFORMAT_IEEEFP, 32): self = .plain(.float32)
        case (SAMPLEFORMAT_IEEEFP, 64): self = .plain(.float64)
        default: return nil
        }
    }

    /// The type of the delivered samples.
    var pixelType: PixelType {
        switch self {
        case .plain(let type): type
        case .packed(let bits): bits <= 8 ? .uint8 : bits <= 16 ? .uint16 : .uint32
        case .integer24: .uint32
        case .half: .float32
        case .integer64: .float64
        }
    }

    var isUnsigned: Bool {
        switch self {
        case .plain(let type): type == .uint8 || type == .uint16 || type == .uint32
        case .packed, .integer24: true
        case .half, .integer64: false
        }
    }
}

func notSupported(_ path: String, _ what: String) -> Failure {
    Failure(
        "not supported: \(path) has \(what)", remedy: "convert it, for instance with ImageJ", code: "not-supported")
}
