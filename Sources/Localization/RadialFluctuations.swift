import Foundation
import Imaging
import Work

/// Super-resolution from the fluctuations of a movie without finding molecules: in each frame the convergence of the intensity
/// gradients on every point of a finer grid, then a statistic over time (radial gradient convergence of Laine et al., eSRRF,
/// Nat. Methods 20, 2023). Faster than localization on dense movies and of lower resolution.
public struct RadialFluctuations: Sendable {
    /// The statistic over time.
    public enum Statistic: String, Sendable, Codable, CaseIterable {
        /// The mean.
        case mean
        /// The variance.
        case variance
        /// The covariance of following frames, which noise does not contribute to.
        case covariance
    }

    /// Points of the finer grid along the side of a camera pixel.
    public var magnification: Int
    /// The full width at half maximum, in camera pixels, of the window in which gradients count.
    public var radius: Double
    /// The exponent of the convergence: higher is sharper and noisier.
    public var sensitivity: Double
    /// The statistic over time.
    public var statistic: Statistic

    /// Settings with the defaults of the published program.
    public init(
        magnification: Int = 5, radius: Double = 1.5, sensitivity: Double = 1, statistic: Statistic = .mean
    ) {
        self.magnification = magnification
        self.radius = radius
        self.sensitivity = sensitivity
        self.statistic = statistic
    }

    /// The image of a movie, shape [height x magnification, width x magnification].
    /// - Parameter frames: the frames to use, from 0; all by default.
    /// - Throws: a `Failure` for settings or frames that are not possible or a frame that cannot be read; `Interrupted`.
    public func image(of movie: any Movie, frames: Range<Int>? = nil) throws -> Plane<Float> {
        let frames = frames ?? 0..<movie.frameCount
        guard frames.lowerBound >= 0, frames.upperBound <= movie.frameCount, !frames.isEmpty else {
            throw Failure(
                "frames \(frames.lowerBound + 1) to \(frames.upperBound) of \(movie.path), which has \(movie.frameCount)",
                remedy: "choose frames that exist", code: "frame-missing")
        }
        guard (1...16).contains(magnification), (0.5...10).contains(radius), (0.1...10).contains(sensitivity) else {
            throw Failure(
                "magnification \(magnification), radius \(radius), sensitivity \(sensitivity)",
                remedy: "choose 1 to 16, 0.5 to 10 pixels and 0.1 to 10", code: "parameter")
        }
        guard statistic == .mean || frames.count >= 3 else {
            throw Failure("a \(statistic.rawValue) needs 3 frames or more", code: "too-few")
        }
        let (width, height) = (movie.width * magnification, movie.height * magnification)
        let stencil = Stencil(magnification: magnification, radius: radius)
        var sums = [Double](repeating: 0, count: width * height)
        var products = sums
        var previous = [Float](), first = [Float](), current = [Float](repeating: 0, count: width * height)
        let progress = Progress("fluctuations", total: frames.count, unit: "frames")
        defer { progress.finish() }
        for index in frames {
            try Interruption.check()
            convergence(of: try movie.frame(index), stencil, into: &current)
            for pixel in current.indices { sums[pixel] += Double(current[pixel]) }
            switch statistic {
            case .mean: break
            case .variance: for pixel in current.indices { products[pixel] += Double(current[pixel] * current[pixel]) }
            case .covariance:
                if previous.isEmpty {
                    first = current
                } else {
                    for pixel in current.indices { products[pixel] += Double(current[pixel] * previous[pixel]) }
                }
                previous = current
            }
            progress.advance()
        }
        let count = Double(frames.count)
        let samples = sums.indices.map { pixel -> Float in
            let mean = sums[pixel] / count
            switch statistic {
            case .mean: return Float(mean)
            case .variance: return Float(max(0, products[pixel] / count - mean * mean))
            case .covariance:
                // The sum of (a - m)(b - m) over the pairs of following frames.
                let edges = 2 * sums[pixel] - Double(first[pixel]) - Double(previous[pixel])
                return Float(max(0, (products[pixel] - mean * edges) / (count - 1) + mean * mean))
            }
        }
        return Plane(width: width, height: height, samples: samples)
    }

    /// The convergence of one frame's gradients, weighted by its intensity; shape as `image`.
    public func convergence(of frame: Plane<Float>) -> Plane<Float> {
        var samples = [Float](repeating: 0, count: frame.samples.count * magnification * magnification)
        convergence(of: frame, Stencil(magnification: magnification, radius: radius), into: &samples)
        return Plane(width: frame.width * magnification, height: frame.height * magnification, samples: samples)
    }

    private func convergence(of frame: Plane<Float>, _ stencil: Stencil, into output: inout [Float]) {
        let gradients = GradientField(frame, margin: stencil.reach + 1)
        let (fine, exponent) = (magnification, Float(sensitivity))
        let outputWidth = frame.width * fine
        output.withUnsafeMutableBufferPointer { output in
            guard let base = output.baseAddress else { return }
            let shared = SharedPointer(base)
            concurrentRanges(frame.height) { rows in
                var line = [Float](repeating: 0, count: gradients.stride)
                for row in rows {
                    for (phase, points) in stencil.phases.enumerated() {
                        gradients.gather(points, row: row, into: &line)
                        let (v, u) = (phase / fine, phase % fine)
                        let y = Float(row) + (Float(v) + 0.5) / Float(fine) - 0.5
                        let target = (row * fine + v) * outputWidth + u
                        for column in 0..<frame.width {
                            let x = Float(column) + (Float(u) + 0.5) / Float(fine) - 0.5
                            let strength = exponent == 1 ? line[column] : pow(line[column], exponent)
                            shared[target + column * fine] = strength * max(0, frame.interpolated(x, y))
                        }
                    }
                }
            }
        }
    }
}

/// Where gradients lie around each point of the finer grid, and how much they count.
private struct Stencil: Sendable {
    struct Point: Sendable {
        /// The corner of the pixel grid relative to the pixel's own top left corner.
        var column: Int, row: Int
        /// The unit vector from there to the point.
        var x: Float, y: Float
        /// The weight; those of a point add up to 1.
        var weight: Float
    }

    let phases: [[Point]]
    /// The largest distance of a corner in pixels.
    let reach: Int

    init(magnification: Int, radius: Double) {
        let sigma = radius / (2 * (2 * log(2.0)).squareRoot())
        let limit = 2 * sigma + 1
        let reach = Int(limit) + 1
        self.reach = reach
        phases = (0..<magnification * magnification).map { phase in
            let x = (Double(phase % magnification) + 0.5) / Double(magnification)
            let y = (Double(phase / magnification) + 0.5) / Double(magnification)
            var points: [Point] = []
            for row in -reach...reach + 1 {
                for column in -reach...reach + 1 {
                    let (dx, dy) = (x - Double(column), y - Double(row))
                    let distance = hypot(dx, dy)
                    guard distance > 1e-6, distance <= limit else { continue }
                    let weight = pow(distance * exp(-distance * distance / (2 * sigma * sigma)), 4)
                    points.append(
                        Point(
                            column: column, row: row, x: Float(dx / distance), y: Float(dy / distance),
                            weight: Float(weight)))
                }
            }
            let total = points.reduce(0) { $0 + $1.weight }
            return points.map { point in
                var point = point
                point.weight /= total
                return point
            }
        }
    }
}

/// The directions of a frame's gradients at the corners between its pixels, with a margin of zeros.
private struct GradientField: Sendable {
    let stride: Int
    private let margin: Int
    private let width: Int
    private var x: [Float], y: [Float]

    init(_ frame: Plane<Float>, margin: Int) {
        self.margin = margin
        width = frame.width
        let lanes = SIMD8<Float>.scalarCount
        stride = (frame.width + lanes - 1) / lanes * lanes + 2 * margin + 2
        x = Array(repeating: 0, count: stride * (frame.height + 2 * margin + 2))
        y = x
        for row in 1..<max(1, frame.height) {
            for column in 1..<max(1, frame.width) {
                let (a, b) = (frame[row - 1, column - 1], frame[row - 1, column])
                let (c, d) = (frame[row, column - 1], frame[row, column])
                let (gx, gy) = (b - a + d - c, c - a + d - b)
                let length = (gx * gx + gy * gy).squareRoot()
                guard length > 0 else { continue }
                let at = (row + margin) * stride + column + margin
                x[at] = gx / length
                y[at] = gy / length
            }
        }
    }

    /// The convergence at one point of each pixel of a row: 1 where all gradients point to it.
    func gather(_ points: [Stencil.Point], row: Int, into line: inout [Float]) {
        x.withUnsafeBytes { x in
            y.withUnsafeBytes { y in
                line.withUnsafeMutableBytes { line in
                    for start in Swift.stride(from: 0, to: width, by: SIMD8<Float>.scalarCount) {
                        var sum = SIMD8<Float>.zero
                        for point in points {
                            let at = 4 * ((row + point.row + margin) * stride + start + point.column + margin)
                            let gx = x.loadUnaligned(fromByteOffset: at, as: SIMD8<Float>.self)
                            let gy = y.loadUnaligned(fromByteOffset: at, as: SIMD8<Float>.self)
                            let along = gx * point.x + gy * point.y
                            let across = gx * point.y - gy * point.x
                            let size = across.replacing(with: -across, where: across .< 0)
                            let share = (1 - size) * point.weight
                            sum += share.replacing(with: 0, where: along .<= 0)
                        }
                        line.storeBytes(of: sum, toByteOffset: 4 * start, as: SIMD8<Float>.self)
                    }
                }
            }
        }
    }
}

extension Plane<Float> {
    /// The value between four pixel centres, in pixels from the centre of the first; the edge goes on outside.
    fileprivate func interpolated(_ x: Float, _ y: Float) -> Float {
        let column = Swift.max(0, Swift.min(Float(width - 1), x)), row = Swift.max(0, Swift.min(Float(height - 1), y))
        let (left, top) = (Int(column), Int(row))
        let (right, bottom) = (Swift.min(width - 1, left + 1), Swift.min(height - 1, top + 1))
        let (u, v) = (column - Float(left), row - Float(top))
        return (1 - v) * ((1 - u) * self[top, left] + u * self[top, right])
            + v * ((1 - u) * self[bottom, left] + u * self[bottom, right])
    }
}
