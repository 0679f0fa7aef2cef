import Foundation
import Imaging
import Localization
import Work

/// The resolution of one image by decorrelation analysis (Descloux, Grussmayer and Radenovic, Nat. Methods 16, 918,
/// 2019), without a second image and without a threshold.
///
/// The image is correlated with itself after all amplitudes of its spectrum were made equal and only the frequencies
/// below a radius were kept. Where the radius leaves what is correlated and enters noise, that correlation has its
/// maximum. High-pass filters bring the maxima of finer structure to light; the resolution is the finest of them.
public struct Decorrelation: Sendable, Equatable, Codable {
    /// The cut-off in units of the Nyquist frequency.
    public var cutoff: Double
    /// The height of the first maximum without high-pass, a measure of the signal to noise.
    public var amplitude: Double
    /// Two pixels over the cut-off; nil where no maximum was found.
    public var resolution_nm: Double?
    /// The radii in units of the Nyquist frequency at which the unfiltered curve is known.
    public var radii: [Double]
    /// The unfiltered curve.
    public var curve: [Double]
    /// The maximum of every high-pass, in the order of the filters, radius and height.
    public var maxima: [[Double]]
    /// The side of a pixel in nm.
    public var pixel_nm: Double
}

/// Analyses an image of one channel. The limit of an incoherent optic, towards which its transfer fades, reads 10 to 15 %
/// too coarse.
/// - Parameters:
///   - plane: the image, at least 64 pixels a side. Localizations must be rendered as Gaussians of their errors: points
///     have no cut-off.
///   - pixel_nm: the side of a pixel.
/// - Throws: a `Failure` for an image that is too small or without contrast; `Interrupted`.
public func decorrelation(of plane: Plane<Float>, pixel_nm: Double) throws -> Decorrelation {
    guard plane.width >= 64, plane.height >= 64 else {
        throw Failure(
            "an image of \(plane.width)x\(plane.height) pixels is too small for decorrelation analysis",
            remedy: "give at least 64x64", code: "image-too-small")
    }
    guard pixel_nm > 0, pixel_nm.isFinite else {
        throw Failure("pixels of \(pixel_nm) nm have no resolution", remedy: "give a size above 0", code: "parameter")
    }
    let range = plane.finiteRange
    guard range.upperBound > range.lowerBound, plane.samples.allSatisfy(\.isFinite) else {
        throw Failure("the image has no contrast, or values that are not numbers", code: "no-structure")
    }
    let spectrum = RadialSpectrum(plane)
    try Interruption.check()
    let count = 50, filters = 10
    func grid(_ low: Double, _ high: Double) -> [Double] {
        (0..<count).map { low + (high - low) * Double($0) / Double(count - 1) }
    }
    var radii = grid(0, 1)
    let curve = spectrum.correlation(radii, filter: nil)
    let start = curve.localMaximum
    let first = (radius: radii[start], height: curve.heights[start])
    // From a filter that passes nearly all to one that passes the finest only, in equal ratios.
    let widest = first.radius > 0 ? 2 / first.radius : Double(max(plane.width, plane.height)) / 2
    var widths = [Double(plane.height) / 4] + ratios(widest, 0.15, filters)
    var maxima: [(radius: Double, height: Double)] = [first]
    for round in 0..<2 {
        var found: [(radius: Double, height: Double)] = []
        for width in widths {
            let filtered = spectrum.correlation(radii, filter: width)
            let place = filtered.localMaximum
            found.append((radii[place], filtered.heights[place]))
        }
        maxima += found
        guard round == 0 else { break }
        // Again between the neighbours of the filter whose maximum lies farthest out, on a finer grid around it.
        let best = maxima.indices.max { (maxima[$0].radius, $0) < (maxima[$1].radius, $1) } ?? 0
        let spacing = radii[1] - radii[0]
        let low = max(0, maxima[best].radius - spacing)
        radii = grid(low, min(1, maxima[best].radius + 0.4))
        // maxima[0] is the unfiltered one, so that maxima[i] belongs to widths[i - 1].
        let upper = best == 0 ? Double(plane.height) : widths[max(0, min(best, widths.count - 1) - 1)]
        widths = ratios(upper, widths[min(best, widths.count - 1)], filters)
    }
    let significant = maxima.filter { $0.height >= 0.05 && $0.radius > 0 }
    let cutoff = significant.map(\.radius).max() ?? 0
    return Decorrelation(
        cutoff: cutoff, amplitude: first.height, resolution_nm: cutoff > 0 ? 2 * pixel_nm / cutoff : nil,
        radii: grid(0, 1), curve: curve.heights, maxima: maxima.map { [$0.radius, $0.height] }, pixel_nm: pixel_nm)
}

/// Numbers in equal ratios from the first to the last.
private func ratios(_ first: Double, _ last: Double, _ count: Int) -> [Double] {
    (0..<count).map { first * pow(last / first, Double($0) / Double(count - 1)) }
}

/// The correlation of an image with its phases below each radius.
private struct DecorrelationCurve {
    /// The correlation at each radius.
    var heights: [Double] = []
    /// The share of the power below each radius.
    var shares: [Double] = []
    /// The pixels of the spectrum below each radius.
    var counts: [Double] = []

    /// By how much the curve must fall at least behind a maximum, and by how many standard deviations of what it falls by
    /// chance.
    private static let (leastFall, deviations) = (0.0005, 5.0)

    /// The index of the highest maximum that is not at the end and from which the curve falls by more than it does by
    /// chance; 0 if the curve has none.
    var localMaximum: Int {
        var end = heights.count
        while end > 1 {
            let top = heights[..<end].indices.max { heights[$0] < heights[$1] } ?? 0
            if top == 0 { return 0 }
            if (top + 1..<max(end, top + 1)).contains(where: { falls(from: top, to: $0) }) { return top }
            end -= 1
        }
        return 0
    }

    /// Amplitudes of noise follow Rayleigh's distribution: their variance is 1 - pi / 4 of their power, and each stands for
    /// two pixels.
    private func falls(from top: Int, to place: Int) -> Bool {
        let fall = heights[top] - heights[place]
        let variance = 2 * (1 - Double.pi / 4) * (shares[place] - shares[top]) / max(1, counts[place])
        return fall >= Self.leastFall && fall * fall >= Self.deviations * Self.deviations * variance
    }
}

/// The amplitudes of a spectrum gathered in narrow rings, in units of the Nyquist frequency along each axis.
private struct RadialSpectrum {
    private static let bins = 4096
    private var amplitude = [Double](repeating: 0, count: bins)
    private var power = [Double](repeating: 0, count: bins)
    private var pixels = [Double](repeating: 0, count: bins)

    /// The spectrum of the image with its outer 20 pixels faded into the mean.
    init(_ plane: Plane<Float>) {
        let (width, height) = (plane.width - plane.width % 2, plane.height)
        let mean = plane.samples.reduce(0.0) { $0 + Double($1) } / Double(plane.samples.count)
        func fade(_ index: Int, _ length: Int) -> Float {
            let edge = min(20, length / 4)
            let distance = min(index, length - 1 - index)
            return distance >= edge ? 1 : Float(0.5 - 0.5 * cos(Double.pi * (Double(distance) + 0.5) / Double(edge)))
        }
        let columns = (0..<width).map { fade($0, width) }
        var samples: [Float] = []
        samples.reserveCapacity(width * height)
        for row in 0..<height {
            let factor = fade(row, height)
            for column in 0..<width {
                samples.append((plane[row, column] - Float(mean)) * factor * columns[column])
            }
        }
        let transform = FourierTransform(width: width, height: height)
        let spectrum = transform.forward(samples)
        for row in 0..<height {
            let y = 2 * Double(row <= height / 2 ? row : row - height) / Double(height)
            for column in 0...width / 2 where row > 0 || column > 0 {
                let x = 2 * Double(column) / Double(width)
                let radius = (x * x + y * y).squareRoot()
                guard radius < 1 else { continue }
                let bin = min(Self.bins - 1, Int(radius * Double(Self.bins)))
                let value = spectrum[row * transform.spectrumWidth + column]
                let square = Double(value.real * value.real + value.imaginary * value.imaginary)
                // Columns within the half spectrum stand for their mirror images too.
                let weight: Double = column == 0 || column == width / 2 ? 1 : 2
                amplitude[bin] += weight * square.squareRoot()
                power[bin] += weight * square
                pixels[bin] += weight
            }
        }
    }

    /// The correlation of the high-passed image with its phases below each radius. The filter lets 1 - exp(-2 g^2 r^2)
    /// of each amplitude pass.
    func correlation(_ radii: [Double], filter: Double?) -> DecorrelationCurve {
        var sums: [Double] = [0], counts: [Double] = [0], powers: [Double] = [0]
        for bin in 0..<Self.bins {
            let radius = (Double(bin) + 0.5) / Double(Self.bins)
            let passed = filter.map { 1 - exp(-2 * $0 * $0 * radius * radius) } ?? 1
            sums.append(sums[bin] + amplitude[bin] * passed)
            counts.append(counts[bin] + pixels[bin])
            powers.append(powers[bin] + power[bin] * passed * passed)
        }
        let total = powers[Self.bins]
        var curve = DecorrelationCurve()
        for radius in radii {
            let bin = min(Self.bins, Int((radius * Double(Self.bins)).rounded()))
            let norm = (total * counts[bin]).squareRoot()
            curve.heights.append(norm > 0 ? sums[bin] / norm : 0)
            curve.shares.append(total > 0 ? powers[bin] / total : 0)
            curve.counts.append(counts[bin])
        }
        return curve
    }
}

extension Decorrelation {
    /// The curve with its maximum and those of the high-passed images.
    public func plot() -> Plot {
        var plot = Plot(
            title: "Decorrelation analysis", x: Plot.Axis("spatial frequency (Nyquist)", range: 0...1),
            y: Plot.Axis("correlation"))
        let shown = maxima.dropFirst().filter { $0[0] > 0 }
        plot.series = [
            .line(x: radii, y: curve, label: "image"),
            .points(x: shown.map { $0[0] }, y: shown.map { $0[1] }, label: "maxima of high-passes"),
        ]
        if let resolution_nm {
            plot.marks = [.vertical(at: cutoff, label: String(format: "%.1f nm", resolution_nm))]
        }
        return plot
    }
}
