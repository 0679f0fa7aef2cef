import Foundation
import Imaging
import Kernels
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

    /// Settings; window and exponent are the published program's, and so is the mean: sources whose light does not change
    /// from frame to frame as the statistic wants, which the others lose, are in it.
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
        let count = movie.width * movie.height * magnification * magnification
        guard count <= 250_000_000 else {
            throw Failure(
                "\(movie.path): an image of \(movie.width * magnification)x\(movie.height * magnification) points is too large",
                remedy: "choose a smaller magnification", code: "image-too-large")
        }
        try MemoryLimit.check(count, bytesEach: 28, for: "\(movie.path) at magnification \(magnification)")
        let stencil = Stencil(magnification: magnification, radius: radius)
        var sums = [Double](repeating: 0, count: count)
        var products = sums
        var (first, previous, current) = ([Float](), [Float](), [Float](repeating: 0, count: count))
        let progress = Progress("fluctuations", total: frames.count, unit: "frames")
        defer { progress.finish() }
        for index in frames {
            try Interruption.check()
            convergence(of: try movie.frame(index), stencil, into: &current)
            // The covariance is that with the frame before, the variance that with the frame itself.
            let partner = statistic == .covariance ? previous : statistic == .variance ? current : []
            accumulate(current, partner, into: &sums, &products)
            if statistic == .covariance {
                if first.isEmpty { first = current }
                swap(&previous, &current)
                if current.isEmpty { current = previous }
            }
            progress.advance()
        }
        let number = Double(frames.count)
        let samples = sums.indices.map { pixel -> Float in
            let mean = sums[pixel] / number
            switch statistic {
            case .mean: return Float(mean)
            case .variance: return Float(max(0, products[pixel] / number - mean * mean))
            case .covariance:
                // The sum of (a - m)(b - m) over the pairs of following frames.
                let edges = 2 * sums[pixel] - Double(first[pixel]) - Double(previous[pixel])
                return Float(max(0, (products[pixel] - mean * edges) / (number - 1) + mean * mean))
            }
        }
        return Plane(width: movie.width * magnification, height: movie.height * magnification, samples: samples)
    }

    /// Adds a frame to the sums, and its products with a partner where there is one.
    private func accumulate(_ frame: [Float], _ partner: [Float], into sums: inout [Double], _ products: inout [Double])
    {
        sums.withUnsafeMutableBufferPointer { sums in
            products.withUnsafeMutableBufferPointer { products in
                guard let sum = sums.baseAddress, let product = products.baseAddress else { return }
                let (sums, products) = (SharedPointer(sum), SharedPointer(product))
                let hasPartner = !partner.isEmpty
                concurrentRanges(frame.count, minimum: 1 << 14) { range in
                    for pixel in range { sums[pixel] += Double(frame[pixel]) }
                    if hasPartner { for pixel in range { products[pixel] += Double(frame[pixel] * partner[pixel]) } }
                }
            }
        }
    }

    /// The convergence of one frame's gradients, weighted by its light above the median; shape as `image`.
    public func convergence(of frame: Plane<Float>) -> Plane<Float> {
        var samples = [Float](repeating: 0, count: frame.samples.count * magnification * magnification)
        convergence(of: frame, Stencil(magnification: magnification, radius: radius), into: &samples)
        return Plane(width: frame.width * magnification, height: frame.height * magnification, samples: samples)
    }

    private func convergence(of frame: Plane<Float>, _ stencil: Stencil, into output: inout [Float]) {
        let field = GradientField(frame, margin: stencil.reach + 1)
        let phases = stencil.phases.map { field.points($0) }
        let (fine, exponent, width) = (magnification, Float(sensitivity), frame.width)
        output.withUnsafeMutableBufferPointer { output in
            guard let base = output.baseAddress else { return }
            let shared = SharedPointer(base)
            concurrentRanges(frame.height) { rows in
                var line = [Float](repeating: 0, count: width)
                for row in rows {
                    for (phase, points) in phases.enumerated() {
                        let (v, u) = (phase / fine, phase % fine)
                        field.gather(points, row: row, u: u, v: v, fine: fine, exponent: exponent, into: &line)
                        let target = (row * fine + v) * width * fine + u
                        for column in 0..<width { shared[target + column * fine] = line[column] }
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

/// The directions of a frame's gradients at the corners between its pixels, with a margin of zeros, and its light above the
/// median of the frame, with its edge once more around it.
private struct GradientField: Sendable {
    private let stride: Int
    private let margin: Int
    private let width: Int
    private var x: [Float], y: [Float]
    private var light: [Float]

    init(_ frame: Plane<Float>, margin: Int) {
        self.margin = margin
        width = frame.width
        stride = frame.width + 2 * margin + 2
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
        // A sample of the pixels tells the median well enough.
        let step = max(1, frame.samples.count / 4096)
        let sample = Swift.stride(from: 0, to: frame.samples.count, by: step).map { frame.samples[$0] }.sorted()
        let ground = sample.isEmpty ? 0 : sample[sample.count / 2]
        light = (-1...frame.height).flatMap { row in
            (-1...frame.width).map { column in
                frame[max(0, min(frame.height - 1, row)), max(0, min(frame.width - 1, column))] - ground
            }
        }
    }

    /// The points of a stencil with their places in the arrays.
    func points(_ points: [Stencil.Point]) -> [radial_point] {
        points.map {
            radial_point(offset: $0.row * stride + $0.column, x: $0.x, y: $0.y, weight: $0.weight)
        }
    }

    /// The convergence at one point of each pixel of a row, 1 where all gradients point to it, times the light there.
    func gather(
        _ points: [radial_point], row: Int, u: Int, v: Int, fine: Int, exponent: Float, into line: inout [Float]
    ) {
        // The point's place from the centre of the pixel before, in whole pixels and the rest.
        let (right, down) = ((Float(u) + 0.5) / Float(fine) + 0.5, (Float(v) + 0.5) / Float(fine) + 0.5)
        let (column, top) = (Int(right), row + Int(down))
        let (a, b) = (right - Float(column), down - Float(Int(down)))
        let taps = [(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b]
        let corner = (row + margin) * stride + margin
        x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
                light.withUnsafeBufferPointer { light in
                    guard let x = x.baseAddress, let y = y.baseAddress, let light = light.baseAddress else { return }
                    radial_convergence(
                        x + corner, y + corner, points, Int32(points.count), light + top * (width + 2) + column,
                        width + 2, taps, exponent, &line, Int32(width))
                }
            }
        }
    }
}
