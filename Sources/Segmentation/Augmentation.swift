import Foundation
import Imaging
import Randomness

/// How strongly training crops are varied. Every value 0 (or 1 for factors) switches that variation off.
public struct Augmentation: Sendable, Codable, Equatable {
    /// Whether crops are mirrored.
    public var flips = true
    /// The largest rotation either way in degrees.
    public var rotation_degrees = 180.0
    /// The largest magnification; the smallest is its inverse. Where the images differ more, as the sizes of their objects
    /// tell, training takes that.
    public var scale = 1.3
    /// The deviation of the elastic displacement in pixels.
    public var elastic_px = 2.0
    /// The distance between the control points of the elastic displacement in pixels.
    public var elasticSpacing_px = 32.0
    /// The largest factor on the contrast; the smallest is its inverse.
    public var contrast = 2.0
    /// The deviation of the offset that is added, on the scale where objects are about 1.
    public var brightness = 0.05
    /// The largest exponent on positive intensities; the smallest is its inverse.
    public var gamma = 1.25
    /// The largest deviation of added noise.
    public var noise = 0.06
    /// The largest deviation of a Gaussian blur in pixels.
    public var blur_px = 1.2
    /// The share of the crops of which a part is darkened; nil, as in models made before there was such, is none.
    public var shadows: Double? = 0.3
    /// The share of the crops into which annotated objects are pasted where up to 3 are annotated; of n objects it is
    /// 3 / n of this, for many objects show themselves what their crowds look like.
    public var pasting = 0.5
    /// The most objects that are pasted into a crop.
    public var pasted = 6
    /// The largest factor on the intensities of a pasted object; the smallest is its inverse.
    public var pastedContrast = 2.5

    /// The usual strengths.
    public init() {}

    private enum CodingKeys: String, CodingKey {
        case flips, scale, shadows, contrast, brightness, gamma, noise, pasting, pasted, pastedContrast
        case rotation_degrees = "rotationDegrees"
        case elastic_px = "elasticPx"
        case elasticSpacing_px = "elasticSpacingPx"
        case blur_px = "blurPx"
    }

    /// No variation at all.
    public static var none: Augmentation {
        var settings = Augmentation()
        settings.flips = false
        settings.rotation_degrees = 0
        settings.scale = 1
        settings.elastic_px = 0
        settings.contrast = 1
        settings.brightness = 0
        settings.gamma = 1
        settings.noise = 0
        settings.blur_px = 0
        settings.shadows = 0
        settings.pasting = 0
        return settings
    }
}

/// A way from the pixels of a crop to places in an image: rotation, magnification, mirroring and an elastic
/// displacement given by a cubic B-spline on a grid of random control points.
struct Deformation {
    private let side: Int
    private let matrix: (xx: Double, xy: Double, yx: Double, yy: Double)
    private let centre: (x: Double, y: Double)
    private let gridSide: Int
    private let spacing: Double
    private let controlX: [Float]
    private let controlY: [Float]

    /// Draws a deformation.
    /// - Parameters:
    ///   - side: the side of the crop in pixels.
    ///   - x: the column of the image that the crop's middle shows, and `y` the row.
    init(side: Int, x: Double, y: Double, settings: Augmentation, random: inout RandomSource) {
        self.side = side
        centre = (x, y)
        let angle = random.uniform(in: -1...1) * settings.rotation_degrees * .pi / 180
        let magnification = exp(random.uniform(in: -1...1) * log(max(settings.scale, 1)))
        let mirrored = settings.flips && random.chance(0.5) ? -1.0 : 1.0
        let cosine = cos(angle) / magnification
        let sine = sin(angle) / magnification
        matrix = (cosine * mirrored, -sine, sine * mirrored, cosine)
        spacing = max(4, settings.elasticSpacing_px)
        gridSide = Int((Double(side) / spacing).rounded(.up)) + 3
        let deviation = settings.elastic_px
        let count = deviation > 0 ? gridSide * gridSide : 0
        // The spline averages its control points: a factor of 2 gives the displacement the wanted deviation.
        controlX = (0..<count).map { _ in Float(random.normal(deviation: 2 * deviation)) }
        controlY = (0..<count).map { _ in Float(random.normal(deviation: 2 * deviation)) }
    }

    /// The places in the image of every pixel of the crop, in pixels with whole numbers at pixel centres.
    func places() -> (x: [Float], y: [Float]) {
        var xs = displacements(controlX)
        var ys = displacements(controlY)
        let middle = Double(side - 1) / 2
        for row in 0..<side {
            for column in 0..<side {
                let index = row * side + column
                let u = Double(column) - middle + Double(xs[index])
                let v = Double(row) - middle + Double(ys[index])
                xs[index] = Float(centre.x + matrix.xx * u + matrix.xy * v)
                ys[index] = Float(centre.y + matrix.yx * u + matrix.yy * v)
            }
        }
        return (xs, ys)
    }

    /// The spline over control points at every pixel, first along the grid's columns, then along the rows.
    private func displacements(_ control: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: side * side)
        guard !control.isEmpty else { return result }
        let weights = (0..<side).map { Self.spline(Double($0) / spacing) }
        var line = [Float](repeating: 0, count: gridSide)
        for row in 0..<side {
            let (firstRow, rowWeights) = weights[row]
            for place in 0..<gridSide {
                line[place] = 0
                for i in 0..<4 { line[place] += rowWeights[i] * control[(firstRow + i) * gridSide + place] }
            }
            for column in 0..<side {
                let (first, columnWeights) = weights[column]
                let part = SIMD4(line[first], line[first + 1], line[first + 2], line[first + 3]) * columnWeights
                result[row * side + column] = part.sum()
            }
        }
        return result
    }

    /// The first of the four control points that act at a place, and their cubic B-spline weights.
    private static func spline(_ place: Double) -> (first: Int, weights: SIMD4<Float>) {
        let first = Int(place)
        let t = Float(place - Double(first))
        let s = 1 - t
        return (
            first,
            SIMD4(
                s * s * s / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * s * s * s - 6 * s * s + 4) / 6, t * t * t / 6)
        )
    }
}
