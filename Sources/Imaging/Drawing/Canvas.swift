import CCairo
import Foundation
import Work

/// A picture with drawings on it: opaque sRGB pixels that behave as a value.
///
/// What is drawn on a canvas is given in the coordinates of the image that it shows: `x` to the right and `y` down in
/// pixels of that image, with the top left corner of the first pixel at (0, 0). The canvas itself may be smaller or
/// larger by the factor `scale`.
public struct Canvas: Sendable, Equatable {
    /// The number of columns of the canvas.
    public let width: Int
    /// The number of rows of the canvas.
    public let height: Int
    /// Canvas pixels per image pixel.
    public let scale: Double
    /// The side of an image pixel at the specimen in um, where it is known: scale bars need it.
    public var pixelSize_um: Double?
    /// The size of text in canvas pixels.
    public var textSize: Double
    /// The pixels, row by row, as 0x00RRGGBB.
    var pixels: [UInt32]

    /// The longest side that a canvas can have, in pixels.
    public static let maximalSide = 16384

    /// An empty canvas. A side below 1 becomes 1, one above `maximalSide` becomes that.
    /// - Parameter scale: canvas pixels per unit of the drawing coordinates.
    public init(width: Int, height: Int, background: Colour = .white, scale: Double = 1) {
        self.width = min(Canvas.maximalSide, max(1, width))
        self.height = min(Canvas.maximalSide, max(1, height))
        self.scale = scale > 0 && scale.isFinite ? scale : 1
        textSize = max(13, Double(max(self.width, self.height)) / 60)
        pixels = Array(repeating: Canvas.packed(background), count: self.width * self.height)
    }

    /// The colour of a pixel of the canvas.
    public subscript(row: Int, column: Int) -> Colour {
        get { Colour(hex: pixels[row * width + column]) }
        set { pixels[row * width + column] = Canvas.packed(newValue) }
    }

    /// The canvas as an image of three 8-bit channels: red, green, blue.
    public var image: Image {
        var samples = [UInt8](repeating: 0, count: 3 * pixels.count)
        for (index, pixel) in pixels.enumerated() {
            samples[index] = UInt8(pixel >> 16 & 255)
            samples[pixels.count + index] = UInt8(pixel >> 8 & 255)
            samples[2 * pixels.count + index] = UInt8(pixel & 255)
        }
        return Image(
            width: width, height: height, channels: 3, samples: .uint8(samples),
            pixelSize_um: pixelSize_um.map { $0 / scale })
    }

    /// The canvas as the bytes of a PNG file.
    public func png() -> Data {
        withSurface { surface in
            let data = NSMutableData()
            let status = cairo_surface_write_to_png_stream(
                surface,
                { closure, bytes, length in
                    guard let closure, let bytes else { return CAIRO_STATUS_WRITE_ERROR }
                    Unmanaged<NSMutableData>.fromOpaque(closure).takeUnretainedValue()
                        .append(bytes, length: Int(length))
                    return CAIRO_STATUS_SUCCESS
                }, Unmanaged.passUnretained(data).toOpaque())
            return status == CAIRO_STATUS_SUCCESS ? data as Data : Data()
        }
    }

    /// Writes the canvas as a PNG file.
    /// - Throws: a `Failure` naming the file when it can't be written.
    public func writePNG(to path: String) throws { try writeWhole(png(), to: path) }

    static func packed(_ colour: Colour) -> UInt32 {
        let (red, green, blue) = colour.bytes
        return UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
    }

    /// Paints shapes in image coordinates.
    mutating func paint(_ shapes: [Shape]) {
        let scale = scale
        withContext { context in
            cairo_scale(context, scale, scale)
            Painter(context: context).paint(shapes)
        }
    }

    /// Paints shapes in canvas coordinates.
    mutating func paintUnscaled(_ shapes: [Shape]) { withContext { Painter(context: $0).paint(shapes) } }

    /// Lends a cairo context that draws on the pixels, in canvas coordinates.
    mutating func withContext(_ body: (OpaquePointer) -> Void) {
        let (width, height) = (Int32(width), Int32(height))
        pixels.withUnsafeMutableBytes { bytes in
            let memory = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard
                let surface = cairo_image_surface_create_for_data(
                    memory, CAIRO_FORMAT_RGB24, width, height, width * 4)
            else { return }
            if let context = cairo_create(surface) {
                body(context)
                cairo_destroy(context)
            }
            cairo_surface_flush(surface)
            cairo_surface_destroy(surface)
        }
    }

    /// Lends the pixels as a cairo surface that is only read.
    func withSurface<Result>(_ body: (OpaquePointer?) -> Result) -> Result {
        pixels.withUnsafeBytes { bytes in
            let memory = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: UInt8.self)
            let surface = cairo_image_surface_create_for_data(
                memory, CAIRO_FORMAT_RGB24, Int32(width), Int32(height), Int32(width * 4))
            defer { cairo_surface_destroy(surface) }
            return body(surface)
        }
    }
}
