import Foundation
import Imaging
import Work

/// Gain and offset from an ordinary movie, without dark or flat frames.
///
/// Photon noise is white, whereas an image cannot be finer than the optics: a filter that only passes the finest detail leaves
/// the noise (the idea of Heintzmann et al., PLoS One 2018). Its variance over the mean of tiles is a line; the slope is the
/// gain, and it meets zero at the offset less the read noise.
public struct GainEstimate: Sendable {
    /// Counts for one electron, and its standard error.
    public let gain_counts: Double, gainError_counts: Double
    /// The count at which the variance vanishes, and its standard error: offset - read variance / gain.
    public let offset_counts: Double, offsetError_counts: Double
    /// The number of tiles.
    public let tiles: Int

    /// Estimates from a movie.
    /// - Parameters:
    ///   - frames: as many frames are used at most, spread over the movie.
    ///   - offset_counts: the offset, where it is known; then the line goes through it.
    ///   - hasMultiplier: whether electrons were multiplied, which doubles the variance.
    /// - Throws: a `Failure` when the brightness of the movie varies too little for a slope; `Interrupted`.
    public init(_ movie: any Movie, frames: Int = 100, offset_counts known: Double? = nil, hasMultiplier: Bool = false)
        throws
    {
        let side = 16
        let smallest = side + 6
        guard movie.width >= smallest, movie.height >= smallest else {
            throw Failure(
                "\(movie.path): frames below \(smallest) pixels are too small for the gain", code: "parameter")
        }
        let used = min(max(1, frames), movie.frameCount)
        let progress = Progress("gain", total: used, unit: "frames")
        defer { progress.finish() }
        let points = try concurrentMap(used) { index -> [(mean: Double, variance: Double)] in
            try Interruption.check()
            defer { progress.advance() }
            return noisePoints(try movie.frame(index * movie.frameCount / used), side: side)
        }
        // Ten parts of the movie, each left out in turn, give the errors (jackknife).
        let parts = min(10, used)
        let whole = try GainEstimate.line(points.joined(), known, movie.path)
        var (gains, offsets): ([Double], [Double]) = ([], [])
        for part in 0..<parts where parts > 1 {
            let rest = points.enumerated().filter { $0.offset % parts != part }.map(\.element)
            let line = try GainEstimate.line(rest.joined(), known, movie.path)
            gains.append(line.slope)
            offsets.append(line.zero)
        }
        func error(_ values: [Double]) -> Double {
            guard values.count > 1 else { return .nan }
            let mean = values.reduce(0, +) / Double(values.count)
            let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (square * Double(values.count - 1) / Double(values.count)).squareRoot()
        }
        let excess = hasMultiplier ? 2.0 : 1
        gain_counts = whole.slope / excess
        gainError_counts = error(gains) / excess
        offset_counts = whole.zero
        offsetError_counts = error(offsets)
        tiles = points.reduce(0) { $0 + $1.count }
        // One part gives no error: such a gain is not known either.
        guard gain_counts > 0, gain_counts.isFinite, gainError_counts < gain_counts / 3 else {
            throw Failure(
                "\(movie.path): the brightness varies too little to tell the gain",
                remedy: "use a movie of several frames with brighter and darker parts, or give the offset",
                code: "no-light")
        }
    }

    /// The line through points, by their precision; through a known offset where there is one.
    private static func line(
        _ points: some Collection<(mean: Double, variance: Double)>, _ known: Double?, _ path: String
    ) throws -> (slope: Double, zero: Double) {
        // A variance is as uncertain as it is large. Two rounds: weights from the first line.
        var (slope, zero) = (0.0, 0.0)
        for round in 0..<3 {
            var (w, x, y, xx, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for point in points {
                let expected = round == 0 ? 1 : max(slope * (point.mean - zero), 1e-9)
                let weight = 1 / (expected * expected)
                let mean = point.mean - (known ?? 0)
                w += weight
                x += weight * mean
                y += weight * point.variance
                xx += weight * mean * mean
                xy += weight * mean * point.variance
            }
            if let known {
                slope = xy / xx
                zero = known
            } else {
                let determinant = w * xx - x * x
                guard determinant > 1e-12 * w * xx else { break }
                slope = (w * xy - x * y) / determinant
                zero = (x - y / slope) / w
            }
            guard slope > 0, slope.isFinite else {
                throw Failure(
                    "\(path): the noise does not grow with the brightness", remedy: "give the offset of the camera",
                    code: "no-light")
            }
        }
        return (slope, zero)
    }
}

/// The mean and the variance of the noise in tiles of a frame. The filter is the sixth difference along both axes, whose
/// response to a spot is a hundredth of its height at a standard deviation of one pixel and a five-hundredth at 1.3.
private func noisePoints(_ frame: Plane<Float>, side: Int) -> [(mean: Double, variance: Double)] {
    let taps: [Double] = [1, -6, 15, -20, 15, -6, 1]
    let reach = taps.count / 2
    let power = pow(taps.reduce(0) { $0 + $1 * $1 }, 2)
    let width = frame.width
    var across = [Double](repeating: 0, count: frame.samples.count)
    for row in 0..<frame.height {
        for column in reach..<width - reach {
            let at = row * width + column - reach
            across[at + reach] = taps.indices.reduce(0) { $0 + taps[$1] * Double(frame.samples[at + $1]) }
        }
    }
    var points: [(mean: Double, variance: Double)] = []
    for top in stride(from: reach, through: frame.height - reach - side, by: side) {
        for left in stride(from: reach, through: width - reach - side, by: side) {
            var (mean, variance) = (0.0, 0.0)
            for row in top..<top + side {
                for column in left..<left + side {
                    let at = row * width + column
                    let fine = taps.indices.reduce(0.0) { $0 + taps[$1] * across[at + ($1 - reach) * width] }
                    mean += Double(frame.samples[at])
                    variance += fine * fine / power
                }
            }
            let count = Double(side * side)
            points.append((mean / count, variance / count))
        }
    }
    return points
}
