import CTIFF
import Work

/// A TIFF file being written through libtiff.
final class TIFFOutput {
    private let path: String
    private var tif: OpaquePointer?
    private let messages: UnsafeMutablePointer<ctiff_messages>

    /// Creates `temporary`; errors name `path`, the name that the user knows.
    init(_ temporary: String, for path: String, isBig: Bool) throws {
        self.path = path
        messages = .allocate(capacity: 1)
        messages.initialize(to: ctiff_messages())
        tif = ctiff_open(temporary, isBig ? "w8" : "w", messages, 4 << 30)
        guard tif != nil else { throw failure() }
    }

    deinit {
        if let tif { TIFFClose(tif) }
        messages.deallocate()
    }

    func set(_ tag: Int32, _ value: UInt32) throws {
        guard ctiff_set_integer(tif, UInt32(tag), value) == 1 else { throw failure() }
    }

    func setReal(_ tag: Int32, _ value: Double) throws {
        guard ctiff_set_real(tif, UInt32(tag), value) == 1 else { throw failure() }
    }

    func setDescription(_ text: String) throws {
        guard ctiff_set_string(tif, UInt32(TIFFTAG_IMAGEDESCRIPTION), text) == 1 else { throw failure() }
    }

    /// The resolution as ImageJ has it: pixels per unit of its description.
    func setUnitless(_ pixelSize_um: Double?) throws {
        try set(TIFFTAG_RESOLUTIONUNIT, UInt32(RESUNIT_NONE))
        guard let size = pixelSize_um, size > 0, size.isFinite else { return }
        try setReal(TIFFTAG_XRESOLUTION, 1 / size)
        try setReal(TIFFTAG_YRESOLUTION, 1 / size)
    }

    func setTags(
        width: Int, height: Int, samples: Int, type: PixelType, compression: TIFFCompression, pixelSize_um: Double?
    ) throws {
        try set(TIFFTAG_IMAGEWIDTH, UInt32(width))
        try set(TIFFTAG_IMAGELENGTH, UInt32(height))
        try set(TIFFTAG_SAMPLESPERPIXEL, UInt32(samples))
        try set(TIFFTAG_BITSPERSAMPLE, UInt32(type.bytes * 8))
        let format =
            switch type {
            case .uint8, .uint16, .uint32: SAMPLEFORMAT_UINT
            case .int8, .int16, .int32: SAMPLEFORMAT_INT
            case .float32, .float64: SAMPLEFORMAT_IEEEFP
            }
        try set(TIFFTAG_SAMPLEFORMAT, UInt32(format))
        try set(TIFFTAG_PLANARCONFIG, UInt32(PLANARCONFIG_CONTIG))
        try set(TIFFTAG_PHOTOMETRIC, UInt32(samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK))
        if samples == 4 {
            var alpha = UInt16(EXTRASAMPLE_UNASSALPHA)
            guard ctiff_set_extra_samples(tif, 1, &alpha) == 1 else { throw failure() }
        }
        try set(TIFFTAG_COMPRESSION, compression.tag)
        if compression == .lzw {
            // ImageJ (1.53t) undoes no other predictor than this one, only with LZW, and not in colours of 16 bits.
            let isDifferenced = format != SAMPLEFORMAT_IEEEFP && (samples == 1 || type.bytes == 1)
            try set(TIFFTAG_PREDICTOR, UInt32(isDifferenced ? PREDICTOR_HORIZONTAL : PREDICTOR_NONE))
        }
        guard ctiff_set_string(tif, UInt32(TIFFTAG_SOFTWARE), "Stormbench") == 1 else { throw failure() }
        if let size = pixelSize_um, size > 0, size.isFinite {
            try set(TIFFTAG_RESOLUTIONUNIT, UInt32(RESUNIT_CENTIMETER))
            try setReal(TIFFTAG_XRESOLUTION, 10_000 / size)
            try setReal(TIFFTAG_YRESOLUTION, 10_000 / size)
        }
    }

    func writeStrip(_ index: Int, _ bytes: [UInt8]) throws {
        var bytes = bytes
        try bytes.withUnsafeMutableBytes { try writeStrip(index, $0) }
    }

    /// Writes a strip; its bytes are used as working memory.
    func writeStrip(_ index: Int, _ bytes: UnsafeMutableRawBufferPointer) throws {
        guard TIFFWriteEncodedStrip(tif, UInt32(index), bytes.baseAddress, tmsize_t(bytes.count)) >= 0 else {
            throw failure()
        }
    }

    /// Writes a tile; its bytes are used as working memory.
    func writeTile(_ index: Int, _ bytes: UnsafeMutableRawBufferPointer) throws {
        guard TIFFWriteEncodedTile(tif, UInt32(index), bytes.baseAddress, tmsize_t(bytes.count)) >= 0 else {
            throw failure()
        }
    }

    func finishPage() throws {
        guard TIFFWriteDirectory(tif) == 1 else { throw failure() }
    }

    func close() throws {
        if let tif { TIFFClose(tif) }
        tif = nil
        guard messages.pointee.errors == 0 else { throw failure() }
    }

    private func failure() -> Failure {
        let reason = withUnsafeBytes(of: &messages.pointee.error) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return Failure(
            "cannot write \(path): \(reason.replacing("\n", with: " "))",
            remedy: "check that the folder is yours and has space", code: "file-unwritable")
    }
}
