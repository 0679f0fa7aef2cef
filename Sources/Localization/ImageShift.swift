import Foundation
import Imaging
import Work

/// How far one image has moved against another, by phase correlation: the phases of their spectra are compared, low
/// frequencies more than high ones, and the shift stands out as a peak (Kuglin and Hines 1975).
public struct ImageShift: Sendable, Equatable {
    /// How far what is in the second image lies to the right of where it is in the first, in pixels.
    public var columns: Double
    /// How far it lies below.
    public var rows: Double
    /// The height of the peak in standard deviations of the rest of the correlation, where chance reaches `chance`.
    public var height: Double
    /// The height that noise alone exceeds in one of a thousand pairs of images.
    public var chance: Double

    /// Whether the images show the same thing: the peak is half as high again as what chance makes of noise.
    public var isEvident: Bool { height > 1.5 * chance }

    /// Measures the shift.
    /// - Throws: `Failure` with code `size-mismatch` for images of different sizes or of less than 16 pixels a side.
    public init(from first: Plane<Float>, to second: Plane<Float>) throws {
        guard first.width == second.width, first.height == second.height, min(first.width, first.height) >= 16 else {
            throw Failure(
                "a shift is measured between two images of one size of at least 16 x 16 pixels, not of "
                    + "\(first.width)x\(first.height) and \(second.width)x\(second.height)", code: "size-mismatch")
        }
        // The transform wants an even number of columns.
        let part = Region(column: 0, row: 0, width: first.width / 2 * 2, height: first.height)
        let (first, second) = (first.crop(part), second.crop(part))
        let (width, height) = (part.width, part.height)
        let transform = FourierTransform(width: width, height: height)
        var cross = transform.forward(Self.faded(first))
        let other = transform.forward(Self.faded(second))
        let half = width / 2 + 1
        for row in 0..<height {
            let v = Double(min(row, height - row)) / Double(height)
            for column in 0..<half {
                let u = Double(column) / Double(width)
                let index = row * half + column
                let (a, b) = (cross[index], other[index])
                let real = b.real * a.real + b.imaginary * a.imaginary
                let imaginary = b.imaginary * a.real - b.real * a.imaginary
                let size = (real * real + imaginary * imaginary).squareRoot()
                // A Gaussian of 2 pixels; the mean of the images says nothing.
                let weight = index == 0 || size == 0 ? 0 : Float(exp(-8 * .pi * .pi * (u * u + v * v))) / size
                cross[index] = Complex(real * weight, imaginary * weight)
            }
        }
        let correlation = transform.inverse(cross)
        self.init(correlation, width: width, height: height)
    }

    /// The peak of a correlation whose origin is the first sample.
    private init(_ correlation: [Float], width: Int, height: Int) {
        let peak = correlation.indices.max { correlation[$0] < correlation[$1] } ?? 0
        let (row, column) = (peak / width, peak % width)
        func value(_ dx: Int, _ dy: Int) -> Double {
            Double(correlation[(row + dy + height) % height * width + (column + dx + width) % width])
        }
        /// The centre of a Gaussian through three values.
        func centre(_ before: Double, _ at: Double, _ after: Double) -> Double {
            guard before > 0, at > 0, after > 0 else { return 0 }
            let (a, b, c) = (log(before), log(at), log(after))
            let curve = a - 2 * b + c
            return curve < 0 ? max(-0.5, min(0.5, (a - c) / (2 * curve))) : 0
        }
        let x = Double(column) + centre(value(-1, 0), value(0, 0), value(1, 0))
        let y = Double(row) + centre(value(0, -1), value(0, 0), value(0, 1))
        columns = x > Double(width) / 2 ? x - Double(width) : x
        rows = y > Double(height) / 2 ? y - Double(height) : y
        // The rest: what lies further than 8 pixels from the peak.
        var (count, sum, squares) = (0.0, 0.0, 0.0)
        for index in correlation.indices {
            let dx = abs(index % width - column)
            let dy = abs(index / width - row)
            guard min(dx, width - dx) > 8 || min(dy, height - dy) > 8 else { continue }
            let sample = Double(correlation[index])
            count += 1
            sum += sample
            squares += sample * sample
        }
        let mean = sum / max(1, count)
        let deviation = max(0, squares / max(1, count) - mean * mean).squareRoot()
        self.height = deviation > 0 ? (value(0, 0) - mean) / deviation : 0
        // The highest of n independent values of a Gaussian; the weight leaves about a value for 25 pixels.
        let independent = max(2, Double(width * height) / 25)
        chance = (2 * log(independent * 1000)).squareRoot()
    }

    /// The image without its mean, fading to nothing at its edges.
    private static func faded(_ plane: Plane<Float>) -> [Float] {
        let mean = plane.samples.reduce(0.0) { $0 + Double($1) } / Double(max(1, plane.samples.count))
        func window(_ count: Int) -> [Float] {
            (0..<count).map { Float(0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / Double(count))) }
        }
        let (across, down) = (window(plane.width), window(plane.height))
        return plane.samples.indices.map { index in
            (plane.samples[index] - Float(mean)) * across[index % plane.width] * down[index / plane.width]
        }
    }
}
