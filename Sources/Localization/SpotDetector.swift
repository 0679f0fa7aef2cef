import Foundation
import Imaging
import Kernels
import Optics

/// A place where the filtered frame stands out of the noise.
public struct SpotCandidate: Sendable, Equatable {
    /// The pixel of the local maximum.
    public var column: Int, row: Int
    /// The background there in photons per pixel.
    public var background: Float
    /// The filtered value in standard deviations of the filtered noise.
    public var significance: Float

    /// A candidate at a pixel.
    public init(column: Int, row: Int, background: Float, significance: Float = 0) {
        self.column = column
        self.row = row
        self.background = background
        self.significance = significance
    }
}

/// Finds spots in a frame of photons: band-pass filter, local maxima, threshold in units of the noise at each place.
///
/// The noise is not taken from the filtered image, whose spread the spots themselves enlarge, but follows from the
/// local background and the camera: a filter with coefficients h turns pixels of variance v into sqrt(v sum h^2).
/// Dim spots in crowded frames are kept therefore. One detector serves one thread.
public final class SpotDetector {
    private let width: Int
    private let height: Int
    private let threshold: Float
    private let excess: Float
    /// The read noise in the filtered frame, as a variance at each pixel; one for all where the pixels are equal.
    private var filteredVariance: [Float]
    private let leastVariance: Float
    private let first: [Float]
    private let second: [Float]
    private let secondStep: Int
    /// The square root of the filter's sum of squares.
    private let noiseGain: Float
    private var narrow: [Float]
    private var wide: [Float]
    private var scratch: [Float]
    private var padded: [Float]
    private(set) var background: BackgroundMap

    /// A detector for frames of one size.
    /// - Throws: a `Failure` when the camera's maps have another size.
    public convenience init(
        width: Int, height: Int, camera: CameraCalibration, settings: LocalizationSettings
    ) throws {
        self.init(
            try PixelCalibration(camera, width: width, height: height), camera: camera, settings: settings)
    }

    init(_ pixels: PixelCalibration, camera: CameraCalibration, settings: LocalizationSettings) {
        width = pixels.width
        height = pixels.height
        threshold = Float(settings.threshold)
        excess = Float(camera.excessNoise)
        let sigma = settings.sigma_nm / camera.pixel_nm
        switch settings.filter {
        case .wavelet:
            first = [3.0 / 8, 1.0 / 4, 1.0 / 16]
            second = first
            secondStep = 2
        case .gaussians:
            first = Self.gaussian(sigma)
            second = Self.gaussian(1.5 * sigma)
            secondStep = 1
        }
        let a = Self.spread(first, 1, over: first.count - 1 + (second.count - 1) * secondStep)
        let b = Self.convolved(a, Self.spread(second, secondStep, over: a.count / 2))
        noiseGain = Self.noiseGain(a, b)
        narrow = Array(repeating: 0, count: width * height)
        wide = narrow
        scratch = narrow
        padded = Array(repeating: 0, count: width + 2 * max(first.count, second.count * secondStep))
        background = BackgroundMap(
            width: width, height: height, tile: max(16, Int((10 * sigma).rounded())), excess: excess,
            readVariance: pixels.medianVariance)
        filteredVariance = [noiseGain * noiseGain * pixels.medianVariance]
        if let variance = pixels.detectionVariance {
            filteredVariance = Self.filtered(variance, width, height, a, b)
        }
        leastVariance = filteredVariance.min() ?? 0
    }

    /// The candidates of one frame in photons, shape [height, width], row by row.
    public func candidates(_ photons: UnsafePointer<Float>) -> [SpotCandidate] {
        guard width >= 3, height >= 3 else { return [] }
        background.estimate(photons)
        let (w, h) = (Int32(width), Int32(height))
        filter_rows(photons, &scratch, w, h, first, Int32(first.count), 1, &padded)
        filter_columns(scratch, &narrow, w, h, first, Int32(first.count), 1)
        filter_rows(narrow, &scratch, w, h, second, Int32(second.count), Int32(secondStep), &padded)
        filter_columns(scratch, &wide, w, h, second, Int32(second.count), Int32(secondStep))
        var found: [SpotCandidate] = []
        narrow.withUnsafeMutableBufferPointer { band in
            wide.withUnsafeBufferPointer { wide in
                for pixel in 0..<band.count { band[pixel] -= wide[pixel] }
            }
            let square = noiseGain * noiseGain
            let lowest = threshold * (square * excess * background.lowest + leastVariance).squareRoot()
            let isUniform = filteredVariance.count == 1
            for row in 0..<height {
                for column in 0..<width where band[row * width + column] > lowest {
                    guard isMaximum(band, row, column) else { continue }
                    let local = background.value(row: row, column: column)
                    let read = filteredVariance[isUniform ? 0 : row * width + column]
                    let noise = (square * excess * local + read).squareRoot()
                    let significance = band[row * width + column] / noise
                    guard significance > threshold else { continue }
                    found.append(
                        SpotCandidate(column: column, row: row, background: local, significance: significance))
                }
            }
        }
        return found
    }

    /// Whether a pixel is above its eight neighbours; of equal ones the first in reading order counts.
    private func isMaximum(_ band: UnsafeMutableBufferPointer<Float>, _ row: Int, _ column: Int) -> Bool {
        let value = band[row * width + column]
        for y in max(0, row - 1)...min(height - 1, row + 1) {
            for x in max(0, column - 1)...min(width - 1, column + 1) {
                let other = band[y * width + x]
                if other > value || (other == value && (y < row || (y == row && x < column))) { return false }
            }
        }
        return true
    }

    /// Half of a normalised Gaussian kernel, centre first.
    private static func gaussian(_ sigma: Double) -> [Float] {
        let radius = max(1, Int((3 * sigma).rounded(.up)))
        let half = (0...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
        let sum = half[0] + 2 * half.dropFirst().reduce(0, +)
        return half.map { Float($0 / sum) }
    }

    /// The taps of a half kernel with a step, `radius` to each side.
    private static func spread(_ half: [Float], _ step: Int, over radius: Int) -> [Double] {
        var taps = [Double](repeating: 0, count: 2 * radius + 1)
        for (index, tap) in half.enumerated() where index * step <= radius {
            taps[radius + index * step] = Double(tap)
            taps[radius - index * step] = Double(tap)
        }
        return taps
    }

    private static func convolved(_ a: [Double], _ c: [Double]) -> [Double] {
        var b = [Double](repeating: 0, count: a.count)
        for (i, left) in a.enumerated() where left != 0 {
            for (j, right) in c.enumerated() {
                let k = i + j - a.count / 2
                if b.indices.contains(k) { b[k] += left * right }
            }
        }
        return b
    }

    /// The norm of the filter `a⊗a - b⊗b`.
    private static func noiseGain(_ a: [Double], _ b: [Double]) -> Float {
        func dot(_ u: [Double], _ v: [Double]) -> Double { zip(u, v).reduce(0) { $0 + $1.0 * $1.1 } }
        let square = dot(a, a) * dot(a, a) - 2 * dot(a, b) * dot(a, b) + dot(b, b) * dot(b, b)
        return Float(square.squareRoot())
    }

    /// The variance of each pixel after the filter `a⊗a - b⊗b`: the variances filtered by its squares, which are
    /// `aa⊗aa - 2 ab⊗ab + bb⊗bb`.
    private static func filtered(
        _ variance: [Float], _ width: Int, _ height: Int, _ a: [Double], _ b: [Double]
    ) -> [Float] {
        var sum = [Float](repeating: 0, count: variance.count)
        var rows = sum
        var both = sum
        var padded = [Float](repeating: 0, count: width + 2 * a.count)
        for (left, right, factor) in [(a, a, Float(1)), (a, b, -2), (b, b, 1)] {
            let half = (a.count / 2..<a.count).map { Float(left[$0] * right[$0]) }
            filter_rows(variance, &rows, Int32(width), Int32(height), half, Int32(half.count), 1, &padded)
            filter_columns(rows, &both, Int32(width), Int32(height), half, Int32(half.count), 1)
            for pixel in sum.indices { sum[pixel] += factor * both[pixel] }
        }
        return sum.map { max($0, 0) }
    }
}
