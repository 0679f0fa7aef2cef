import CPNG
import Foundation
import Work

/// Reads a PNG file: 8 or 16 bits, grey, grey with alpha, RGB or RGB with alpha as 1 to 4 channels.
/// - Parameter indices: whether a palette image comes as its indices rather than its colours.
/// - Throws: a `Failure` when it is damaged or larger than 16 GB.
public func readPNG(_ path: String, indices: Bool = false) throws -> Image {
    try readPNGWithPalette(path, indices: indices).image
}

/// Reads a PNG file with the grey values of its palette; nil where it has none or one with colours.
func readPNGWithPalette(_ path: String, indices: Bool) throws -> (image: Image, greys: [UInt8]?) {
    var png = cpng_image()
    guard cpng_read(path, indices ? 1 : 0, 16 << 30, &png) == 1, let bytes = png.samples else {
        throw Failure("\(path) cannot be read: \(text(&png))", remedy: "the file is damaged", code: "png-damaged")
    }
    defer { free(bytes) }
    let (width, height, channels) = (Int(png.width), Int(png.height), Int(png.channels))
    let type: PixelType = png.bits == 16 ? .uint16 : .uint8
    let decoder = RowDecoder(encoding: .plain(type), interleaved: channels)
    let samples = try Samples.make(type, count: width * height * channels) { output in
        for row in 0..<height {
            decoder.decode(
                bytes + row * width * channels * type.bytes, columns: 0..<width,
                into: output + row * width * type.bytes, planeStride: width * height)
        }
    }
    let size_um = png.pixels_per_m > 0 ? 1e6 / png.pixels_per_m : 0
    let image = Image(
        width: width, height: height, channels: channels, samples: samples,
        pixelSize_um: size_um > 0 && size_um <= 20 ? size_um : nil)
    let greys = withUnsafeBytes(of: &png.grey) { Array($0.prefix(Int(png.greys))) }
    return (image, greys.isEmpty ? nil : greys)
}

/// Writes an image of 1 to 4 channels (grey, grey and alpha, RGB, RGB and alpha) with 8 or 16 bits as PNG.
/// - Throws: a `Failure` for other images and for files that cannot be written.
public func writePNG(_ image: Image, to path: String) throws {
    guard (1...4) ~= image.channels, image.pixelType == .uint8 || image.pixelType == .uint16, image.width > 0,
        image.height > 0
    else {
        throw Failure(
            "\(path): a PNG holds 1 to 4 channels of uint8 or uint16, not \(image.channels) of \(image.pixelType.rawValue)",
            remedy: "render the image first or save it as TIFF", code: "not-supported")
    }
    var bytes = image.interleavedBytes()
    try writeWhole(to: path) { temporary in
        let written = bytes.withUnsafeMutableBufferPointer { buffer in
            var png = cpng_image()
            png.width = UInt32(image.width)
            png.height = UInt32(image.height)
            png.channels = Int32(image.channels)
            png.bits = image.pixelType == .uint16 ? 16 : 8
            png.pixels_per_m = image.pixelSize_um.map { 1e6 / $0 } ?? 0
            png.samples = buffer.baseAddress
            return cpng_write(temporary, &png) == 1 ? nil : text(&png)
        }
        if let written { throw Failure("cannot write \(path): \(written)", code: "file-unwritable") }
    }
}

/// Writes a plane of grey values as PNG.
public func writePNG(_ plane: Plane<UInt8>, to path: String) throws { try writePNG(Image(plane), to: path) }

private func text(_ png: inout cpng_image) -> String {
    withUnsafeBytes(of: &png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

extension Image {
    /// The samples with the channels of a pixel side by side, in the machine's byte order.
    func interleavedBytes(rows: Range<Int>? = nil) -> [UInt8] {
        let rows = rows ?? 0..<height
        let size = pixelType.bytes
        return samples.withUnsafeBytes { source in
            [UInt8](unsafeUninitializedCapacity: width * rows.count * channels * size) { target, count in
                count = width * rows.count * channels * size
                guard let from = source.baseAddress, let base = target.baseAddress else { return }
                let to = UnsafeMutableRawPointer(base)
                let (pixels, start, planeSize) = (width * rows.count, rows.lowerBound * width, width * height)
                if channels == 1 { return to.copyMemory(from: from + start * size, byteCount: pixels * size) }
                for channel in 0..<channels {
                    let plane = from + (channel * planeSize + start) * size
                    switch size {
                    case 1: spread(UInt8.self, plane, to, pixels, channel)
                    case 2: spread(UInt16.self, plane, to, pixels, channel)
                    case 4: spread(UInt32.self, plane, to, pixels, channel)
                    default: spread(UInt64.self, plane, to, pixels, channel)
                    }
                }
            }
        }
    }

    private func spread<Sample>(
        _: Sample.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int, _ channel: Int
    ) {
        let from = source.assumingMemoryBound(to: Sample.self)
        let to = target.assumingMemoryBound(to: Sample.self) + channel
        for pixel in 0..<count { to[pixel * channels] = from[pixel] }
    }
}
