import Foundation

/// Which values of an image become the darkest and the brightest colour.
public enum Contrast: Sendable, Equatable {
    /// The values below which the two fractions of the pixels lie, such as 0.01 and 0.998.
    case quantiles(Double, Double)
    /// Two values.
    case range(Double, Double)

    /// The values for a plane; the first is smaller than the second.
    public func limits(of plane: Plane<Float>) -> (dark: Double, bright: Double) {
        var dark = 0.0, bright = 1.0
        switch self {
        case .range(let low, let high):
            (dark, bright) = (low, high)
        case .quantiles(let low, let high):
            let values = plane.quantiles([min(1, max(0, low)), min(1, max(0, high))])
            guard values.count == 2 else { break }
            (dark, bright) = (Double(values[0]), Double(values[1]))
            // Few bright pixels on an even ground, as in rendered localizations: take the whole range.
            if bright <= dark {
                (dark, bright) = (Double(plane.finiteRange.lowerBound), Double(plane.finiteRange.upperBound))
            }
        }
        guard dark.isFinite, bright.isFinite else { return (0, 1) }
        return bright > dark ? (dark, bright) : (dark, dark + 1)
    }
}

extension Canvas {
    /// Shows a plane of grey values.
    ///
    /// An image with a longer side than `longestSide` is averaged down to that, one with a shorter side than
    /// `shortestSide` is shown with each pixel as a square of several.
    /// - Parameters:
    ///   - plane: the values; those that are not finite are shown as the darkest.
    ///   - contrast: the values of the darkest and the brightest colour.
    ///   - gamma: the exponent that is applied between them; below 1 faint things become brighter.
    ///   - pixelSize_um: the side of a pixel of the plane at the specimen, for scale bars.
    public init(
        _ plane: Plane<Float>, colourMap: ColourMap = .grey, contrast: Contrast = .quantiles(0.01, 0.998),
        gamma: Double = 1, pixelSize_um: Double? = nil, longestSide: Int = 1600, shortestSide: Int = 512
    ) {
        let fit = CanvasFit(width: plane.width, height: plane.height, longest: longestSide, shortest: shortestSide)
        let shown = fit.shown(plane)
        let (dark, bright) = contrast.limits(of: plane)
        let exponent = gamma > 0 && gamma.isFinite ? gamma : 1
        let table = colourMap.table.map(Canvas.packed)
        self.init(width: fit.width, height: fit.height, background: .black, scale: fit.scale)
        self.pixelSize_um = pixelSize_um
        guard shown.samples.count == pixels.count else { return }
        for (index, sample) in shown.samples.enumerated() {
            let value = (Double(sample) - dark) / (bright - dark)
            pixels[index] = table[value > 0 ? Int((pow(min(value, 1), exponent) * 255).rounded()) : 0]
        }
    }

    /// Shows an image: three or four 8-bit channels as the colours that they are, anything else by its first channel
    /// in grey.
    public init(
        _ image: Image, contrast: Contrast = .quantiles(0.01, 0.998), longestSide: Int = 1600, shortestSide: Int = 512
    ) {
        guard image.channels == 3 || image.channels == 4, image.pixelType == .uint8 else {
            self.init(
                image.plane(), contrast: contrast, pixelSize_um: image.pixelSize_um, longestSide: longestSide,
                shortestSide: shortestSide)
            return
        }
        let tints = [0xFF0000, 0x00FF00, 0x0000FF].map { ColourMap.tint(Colour(hex: $0)) }
        self.init(
            adding: (0..<3).map { (image.plane($0), tints[$0], Contrast.range(0, 255)) },
            pixelSize_um: image.pixelSize_um, longestSide: longestSide, shortestSide: shortestSide)
    }

    /// Shows several channels of one specimen at once: their colours are added.
    /// - Parameter channels: planes of the same size, each with its colours (see `ColourMap.tint`) and contrast; planes
    ///   of another size than the first are left out.
    public init(
        adding channels: [(plane: Plane<Float>, colourMap: ColourMap, contrast: Contrast)],
        pixelSize_um: Double? = nil, longestSide: Int = 1600, shortestSide: Int = 512
    ) {
        guard let first = channels.first else {
            self.init(width: 1, height: 1, background: .black)
            return
        }
        self.init(
            first.plane, colourMap: first.colourMap, contrast: first.contrast, pixelSize_um: pixelSize_um,
            longestSide: longestSide, shortestSide: shortestSide)
        for channel in channels.dropFirst()
        where channel.plane.width == first.plane.width && channel.plane.height == first.plane.height {
            let other = Canvas(
                channel.plane, colourMap: channel.colourMap, contrast: channel.contrast, longestSide: longestSide,
                shortestSide: shortestSide)
            for index in pixels.indices {
                var sum: UInt32 = 0
                for shift in [0, 8, 16] as [UInt32] {
                    sum |= min(255, (pixels[index] >> shift & 255) + (other.pixels[index] >> shift & 255)) << shift
                }
                pixels[index] = sum
            }
        }
    }
}

/// How an image is fitted to a canvas.
private struct CanvasFit {
    let width: Int
    let height: Int
    let scale: Double

    init(width: Int, height: Int, longest: Int, shortest: Int) {
        let longest = Double(min(Canvas.maximalSide, max(16, longest)))
        let side = Double(max(1, width, height))
        if side > longest {
            scale = longest / side
        } else {
            scale = max(1, (min(Double(shortest), longest) / side).rounded(.down))
        }
        self.width = max(1, Int((Double(width) * scale).rounded()))
        self.height = max(1, Int((Double(height) * scale).rounded()))
    }

    func shown(_ plane: Plane<Float>) -> Plane<Float> {
        scale > 1
            ? plane.resizedNearest(width: width, height: height) : plane.resized(width: width, height: height)
    }
}
