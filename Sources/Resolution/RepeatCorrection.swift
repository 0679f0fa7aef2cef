import Foundation
import Localization

/// The curve without what repeated localizations of single molecules add to it.
///
/// A molecule that blinks k times is in both halves, and its own blinks correlate down to their error of localization
/// without any structure being resolved. Their power is Q H(q) a localization, with H the transform of the distribution
/// of distances between blinks. It is taken out of the products and added to the noise, as if each molecule had been
/// put into one half as a whole (Nieuwenhuizen et al., Nat. Methods 10, 557 (2013), supplementary note). There Q is the
/// least of the products over H; since the power of filaments falls only with 1/q, such a part is fitted beside it
/// here. Structure that falls more slowly than that is taken for repeats, which errs to the worse resolution.
public struct RepeatCorrection: Sendable, Equatable, Codable {
    /// The smoothed correlation of each ring without the repeats.
    public var smoothed: [Double]
    /// The resolution read from it; nil where nothing but repeats correlates.
    public var resolution_nm: Double?
    /// The standard error, that of the correction included.
    public var uncertainty_nm: Double?
    /// How often a localization's molecule was localized besides: the mean of k (k - 1) over that of k.
    public var repeats: Double
    /// The standard error of the repeats.
    public var repeatsError: Double
    init(
        _ sums: RingSums, precision: Precision, tiling: RingTiling, smoothing: RingSmoothing,
        errors: CrossingError, noise: CorrelationEvidence, crossing: Double?, isCorrelated: Bool, level: (Int) -> Double
    ) {
        let count = tiling.rings
        let decay = (0..<count).map { precision.decay(frequency: Double($0) * tiling.frequencyStep) }
        // Products over the decay and their variance, pixel by pixel.
        var values = [Double](repeating: 0, count: count)
        var weights = values
        for ring in 1..<count where sums.pixels[ring] > 0 && decay[ring] > 1e-4 {
            values[ring] = sums.sharpened[ring] / sums.pixels[ring] / decay[ring]
            let independent = 2 * Double.pi * Double(ring) * tiling.independentShare
            let deviation = sums.power(ring) / sums.pixels[ring] / decay[ring] / independent.squareRoot()
            if deviation > 0 { weights[ring] = 1 / (deviation * deviation) }
        }
        // Power of repeats and of lines, c + b / q, by least squares; neither is below 0.
        let first = max(4, Int(0.3 * (crossing ?? 0)))
        var (w, wx, wxx, wy, wxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for ring in first..<count {
            let x = Double(first) / Double(ring)
            w += weights[ring]
            wx += weights[ring] * x
            wxx += weights[ring] * x * x
            wy += weights[ring] * values[ring]
            wxy += weights[ring] * x * values[ring]
        }
        let determinant = w * wxx - wx * wx
        var best = (mean: 0.0, error: 0.0)
        if determinant > 1e-12 * w * wxx {
            best = ((wy * wxx - wx * wxy) / determinant, (wxx / determinant).squareRoot())
            if w * wxy < wx * wy { best = (wy / w, 1 / w.squareRoot()) }
        }
        func rings(_ plateau: Double) -> [Double] {
            sums.correlation(.ringSum, without: decay.map { max(0, plateau) * $0 })
        }
        func corrected(_ plateau: Double) -> [Double] { smoothing(rings(plateau)) }
        func length(_ ring: Double?) -> Double? { ring.map { 1 / ($0 * tiling.frequencyStep) } }
        smoothed = corrected(best.mean)
        // What is left has to stand out of the noise and of the error of what was taken out.
        let found = isCorrelated ? fallingCrossing(smoothed, first: smoothing.firstRing, level) : nil
        let left = noise.score(rings(best.mean), to: found, less: rings(best.mean + best.error))
        let crossing = left >= CorrelationEvidence.least ? found : nil
        resolution_nm = length(crossing)
        if let crossing, let resolution_nm {
            let worse =
                length(fallingCrossing(corrected(best.mean + best.error), first: smoothing.firstRing, level))
                ?? resolution_nm
            let better =
                length(fallingCrossing(corrected(best.mean - best.error), first: smoothing.firstRing, level))
                ?? resolution_nm
            uncertainty_nm = hypot(errors.error_nm(smoothed, at: crossing), abs(worse - better) / 2)
        }
        // Of the pairs of one molecule's localizations half lie in both halves of a split: n Q / 4.
        let unit = tiling.noisePower / 4 / Double(tiling.tileCount)
        repeats = max(0, best.mean) / unit
        repeatsError = best.error / unit
    }
}

/// The errors of the localizations, for the decay of what repeats of a molecule have in common.
struct Precision: Sendable {
    /// Errors that stand for equally many localizations each.
    private let sigmas_nm: [Double]

    /// Nil where nothing is known.
    init?(_ table: LocalizationTable, _ settings: RingCorrelationSettings) {
        if let precision = settings.precision_nm {
            sigmas_nm = [precision]
            return
        }
        let known = (table["uncertainty_nm"] ?? []).filter { $0 > 0 && $0.isFinite }.sorted()
        guard known.count * 2 >= table.count else { return nil }
        let count = min(64, known.count)
        sigmas_nm = (0..<count).map { known[(2 * $0 + 1) * known.count / (2 * count)] }
    }

    /// The mean of exp(-2 pi^2 (s^2 + t^2) q^2) over pairs of localizations with the errors s and t.
    func decay(frequency: Double) -> Double {
        let factor = -2 * Double.pi * Double.pi * frequency * frequency
        let mean = sigmas_nm.reduce(0) { $0 + exp(factor * $1 * $1) } / Double(sigmas_nm.count)
        return mean * mean
    }
}
