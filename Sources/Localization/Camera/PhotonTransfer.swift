import Foundation
import Imaging
import Optics
import Work

/// What dark and flat movies say of a camera: offset, read noise and gain of every pixel by photon transfer (Janesick 2007;
/// for sCMOS Huang et al., Nat. Methods 10, 2013).
public struct PhotonTransfer: Sendable {
    /// The mean count without light of each pixel.
    public let offset: Plane<Float>
    /// The variance without light in counts^2.
    public let variance: Plane<Float>
    /// Counts for one electron (times the mean electron multiplication).
    public let gain: Plane<Float>
    /// The median over the pixels: counts, counts^2, counts per electron.
    public let offset_counts: Double, variance_counts2: Double, gain_counts: Double
    /// The expected standard deviation of a pixel's gain as a share of it, from the number of frames.
    public let gainUncertainty: Double
    /// The share of pixels whose gain or read noise lies far from the others' or that light does not reach; the maps hold the
    /// median gain there.
    public let oddShare: Double
    /// The mean above the offset and the variance above the dark one for each light level: the points of the photon transfer
    /// curve, medians over the pixels.
    public let levels: [(mean: Double, variance: Double)]

    /// Measures a camera.
    ///
    /// The gain of a pixel is the slope of variance over mean through the light levels, each weighted by its precision. An
    /// electron multiplier adds noise of its own: with it the variance is twice the mean times the gain.
    /// - Parameters:
    ///   - dark: frames without light.
    ///   - flats: movies of even light, each at a level of its own; one suffices, three or more show a bend of the curve.
    ///   - hasMultiplier: whether electrons were multiplied.
    /// - Throws: a `Failure` for movies of different sizes or without light; `Interrupted`.
    public init(dark: any Movie, flats: [any Movie], hasMultiplier: Bool = false) throws {
        guard !flats.isEmpty else {
            throw Failure("the gain needs flat movies", remedy: "give one or more of even light", code: "parameter")
        }
        if let other = flats.first(where: { $0.width != dark.width || $0.height != dark.height }) {
            throw Failure(
                "\(other.path) has \(other.width)x\(other.height) pixels, \(dark.path) \(dark.width)x\(dark.height)",
                remedy: "record all with the same region", code: "size-mismatch")
        }
        let ground = try PixelStatistics(dark, title: "dark")
        let (offset, variance) = (ground.mean, ground.variance)
        let count = offset.samples.count
        var products = [Double](repeating: 0, count: count)
        var weights = products
        var levels: [(mean: Double, variance: Double)] = []
        var (frames, hasLight) = (0, false)
        for flat in flats {
            let light = try PixelStatistics(flat, offset: offset, title: "flat")
            frames += light.frames
            let (means, variances) = (light.mean, light.variance)
            let above = (0..<count).map { Double(means.samples[$0] - offset.samples[$0]) }
            let noise = (0..<count).map { Double(variances.samples[$0] - variance.samples[$0]) }
            let mean = median(above)
            // The least light that stands out: a count's error of the mean over frames and pixels, five times.
            let scatter = median((0..<count).map { Double(variances.samples[$0] + variance.samples[$0]) })
            let error = (max(scatter, 0) / Double(min(light.frames, ground.frames)) / Double(count)).squareRoot()
            guard mean > 5 * error, mean > 0 else {
                throw Failure(
                    "\(flat.path) is not brighter than \(dark.path)", remedy: "record it with light on",
                    code: "no-light")
            }
            levels.append((mean, median(noise)))
            // Frames are scaled by their means, whose error scales the dark noise too.
            let share =
                max(0, median(noise)) / max(median(noise) + median(ground.variance.samples.map(Double.init)), 1e-9)
            let unsure = 2 * (max(scatter, 0) / Double(count)).squareRoot() / mean
            let spread = (2 / Double(max(1, light.frames - 1)) / Double(count)).squareRoot()
            hasLight = hasLight || share > 10 * 1.3 * spread + 5 * unsure
            // The variance of a variance grows with its square: the weight of v/m is the number of frames.
            for pixel in 0..<count where above[pixel] > 0.05 * mean {
                products[pixel] += Double(light.frames) * noise[pixel] / above[pixel]
                weights[pixel] += Double(light.frames)
            }
        }
        let excess = hasMultiplier ? 2.0 : 1
        var gains = (0..<count).map { weights[$0] > 0 ? products[$0] / weights[$0] / excess : .nan }
        let middle = median(gains.filter(\.isFinite))
        guard middle > 0, middle.isFinite, hasLight else {
            throw Failure(
                "the flat movies vary no more than the dark one",
                remedy: "record light of a few hundred electrons", code: "no-light")
        }
        let uncertainty = (2 / Double(max(1, frames - flats.count))).squareRoot()
        let limit = max(0.3, 6 * uncertainty) * middle
        let typical = median(variance.samples.map(Double.init))
        var odd = 0
        for pixel in 0..<count {
            let isFar = !gains[pixel].isFinite || abs(gains[pixel] - middle) > limit
            if isFar { gains[pixel] = middle }
            if isFar || Double(variance.samples[pixel]) > 25 * max(typical, 1e-9) { odd += 1 }
        }
        self.offset = offset
        self.variance = variance
        gainUncertainty = uncertainty
        gain = Plane(width: offset.width, height: offset.height, samples: gains.map(Float.init))
        oddShare = Double(odd) / Double(count)
        offset_counts = median(offset.samples.map(Double.init))
        variance_counts2 = typical
        gain_counts = middle
        self.levels = levels
    }

    /// The calibration of the camera as a whole.
    /// - Parameter em_gain: the mean multiplication, 1 without one.
    public func calibration(
        pixel_nm: Double, em_gain: Double = 1, quantum_efficiency: Double = 1
    ) -> CameraCalibration {
        let perCount = em_gain / gain_counts
        return CameraCalibration(
            pixel_nm: pixel_nm, offset_counts: offset_counts, electrons_per_count: perCount, em_gain: em_gain,
            quantum_efficiency: quantum_efficiency, read_noise_electrons: variance_counts2.squareRoot() * perCount)
    }

    /// Writes the camera file and beside it the maps: a TIFF of float pages with offset (counts), variance (counts^2) and gain
    /// (counts per electron).
    /// - Returns: the path of the maps.
    /// - Throws: a `Failure` that names the file.
    @discardableResult
    public func write(_ path: String, calibration: CameraCalibration) throws -> String {
        let url = URL(fileURLWithPath: path)
        let name = "\(url.deletingPathExtension().lastPathComponent).maps.tif"
        let maps = url.deletingLastPathComponent().appendingPathComponent(name).path
        let pages = offset.samples + variance.samples + gain.samples
        try writeTIFF(
            Image(width: offset.width, height: offset.height, channels: 3, samples: .float32(pages)), to: maps)
        guard case .object(var fields) = try JSONValue(encoding: calibration) else { return maps }
        fields["maps"] = .string(name)
        try writeWhole(Data(JSONValue.object(fields).text(pretty: true).utf8), to: path)
        return maps
    }

    /// The photon transfer curve: variance over mean of the light levels with the line of the gain.
    public func plot() -> Plot {
        var plot = Plot(
            title: "Photon transfer", x: Plot.Axis("mean above offset (counts)"), y: Plot.Axis("variance (counts²)"))
        let points = [(mean: 0.0, variance: 0.0)] + levels.sorted { $0.mean < $1.mean }
        let slope = levels.reduce(0) { $0 + $1.variance / $1.mean } / Double(levels.count)
        plot.series.append(.line(x: points.map(\.mean), y: points.map { $0.mean * slope }, label: "gain"))
        plot.series.append(.points(x: points.map(\.mean), y: points.map(\.variance), label: "measured"))
        return plot
    }
}

/// The middle of some numbers; not a number where there are none.
func median(_ values: [Double]) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}
