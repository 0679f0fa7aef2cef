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

/// Writes an image as TIFF in strips, in BigTIFF form where it needs it.
///
/// Three channels of 8 or 16 bits are written as colours; any other number of channels as an ImageJ stack with a page for
/// each. The pixel size goes into the resolution tags. Every form but samples of 64 bits and BigTIFF is one that ImageJ opens
/// by itself.
/// - Throws: a `Failure` when the file cannot be written.
public func writeTIFF(_ image: Image, to path: String, compression: TIFFCompression = .deflate) throws {
    let isColour = image.channels == 3 && (image.pixelType == .uint8 || image.pixelType == .uint16)
    let pages = isColour ? 1 : image.channels
    let bytes = image.width * image.height * image.channels * image.pixelType.bytes
    if pages > 1, compression == .none { return try writePlainStack(image, to: path, isBig: bytes > 4_000_000_000) }
    try writeWhole(to: path) { temporary in
        let file = try TIFFOutput(temporary, for: path, isBig: bytes > 4_000_000_000)
        let description = imageJDescription(of: image, isColour: isColour)
        for page in 0..<pages {
            try file.setTags(
                width: image.width, height: image.height, samples: isColour ? 3 : 1, type: image.pixelType,
                compression: compression, pixelSize_um: image.pixelSize_um)
            let rows = max(1, min(image.height, (1 << 20) / max(1, image.width * image.pixelType.bytes)))
            try file.set(TIFFTAG_ROWSPERSTRIP, UInt32(rows))
            if page == 0, let description {
                try file.setDescription(description)
                try file.setUnitless(image.pixelSize_um)
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
