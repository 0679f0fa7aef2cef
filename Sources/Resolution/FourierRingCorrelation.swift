import Foundation
import Localization
import Randomness
import Work

/// How localizations are divided into two independent halves.
public enum HalfSplit: String, Sendable, Codable, CaseIterable {
    /// Blocks of time, a random half of them in each image (Nieuwenhuizen et al., Nat. Methods 10, 2013). The blinks
    /// of one event stay together.
    case blocks
    /// Odd and even frames. A molecule that is lit longer than a frame is in both halves, which flatters the result.
    case frames
    /// Odd and even tracks, from the column `track` (or `emitter`).
    case tracks
    /// Each localization at random. Flatters the result as `frames` does.
    case localizations
}

/// Which average over a ring is called its correlation.
public enum RingEstimator: String, Sendable, Codable, CaseIterable {
    /// The sum of products over the root of the product of the sums of squares (Saxton and Baumeister 1982).
    case ringSum = "ring-sum"
    /// The mean of the products normalised pixel by pixel, without taper, as storm-analysis computes it. A ring-sum
    /// correlation r appears as (pi/4) r 2F1(1/2, 1/2; 2; r^2): 1/7 there is 0.18 here.
    case stormAnalysis = "storm-analysis"
}

/// What a Fourier ring correlation is computed with.
public struct RingCorrelationSettings: Sendable, Codable, Equatable {
    /// How the halves are made.
    public var split = HalfSplit.blocks
    /// The number of time blocks.
    public var blocks = 50
    /// How many splits are averaged; splits without chance are made once.
    public var repeats = 20
    /// The average over a ring.
    public var estimator = RingEstimator.ringSum
    /// The side of a pixel in nm; nil chooses a tenth of the resolution or less.
    public var pixel_nm: Double?
    /// The span of the smoothing in 1/nm, independent of field and pixel.
    public var smoothing_per_nm = 0.002
    /// The correlation at which the resolution is read.
    public var threshold = 1.0 / 7
    /// The seed of the random splits.
    public var seed: UInt64 = 1

    /// The default settings.
    public init() {}
}

/// A Fourier ring correlation and the resolution read from it.
public struct RingCorrelation: Sendable, Equatable, Codable {
    /// Spatial frequencies in 1/nm.
    public var frequency_per_nm: [Double]
    /// The correlation of each ring, averaged over the splits.
    public var correlation: [Double]
    /// The same smoothed.
    public var smoothed: [Double]
    /// The correlation at which the resolution is read.
    public var threshold: Double
    /// The inverse of the frequency at which the smoothed curve first falls below the threshold; nil if it never does.
    public var resolution_nm: Double?
    /// The same from the curve without smoothing.
    public var rawResolution_nm: Double?
    /// The standard error: the larger of the spread over the splits and the counting statistics of the ring.
    public var uncertainty_nm: Double?
    /// The side of a pixel in nm.
    public var pixel_nm: Double
    /// The number of localizations.
    public var localizations: Int
}

/// The Fourier ring correlation of a localization table.
///
/// Each half is drawn as a histogram, its margins tapered, and transformed; fields larger than a tile are cut into
/// tiles whose ring sums add up. Curves are smoothed by local lines over a span fixed in 1/nm, since a span in rings,
/// as usual, makes the result depend on the size of field and pixel. The resolution is read where the smoothed curve
/// first falls below the threshold; uncertainty after Nieuwenhuizen et al. 2013.
/// - Throws: a `Failure` for fewer than 50 localizations, a single frame, or localizations at one place; `Interrupted`.
public func ringCorrelation(
    _ table: LocalizationTable, _ settings: RingCorrelationSettings = RingCorrelationSettings()
) throws -> RingCorrelation {
    let rows = (0..<table.count).filter { table.x_nm[$0].isFinite && table.y_nm[$0].isFinite }
    let table = rows.count == table.count ? table : table.rows(rows)
    guard table.count >= 50 else {
        throw Failure(
            "\(table.count) localizations are too few for a resolution", remedy: "give at least 50", code: "too-few")
    }
    guard settings.threshold > 0, settings.threshold < 1, settings.smoothing_per_nm >= 0, settings.blocks >= 2,
        settings.pixel_nm.map({ $0 > 0 && $0.isFinite }) ?? true
    else {
        throw Failure(
            "FRC needs a threshold between 0 and 1, 2 blocks or more and a pixel above 0", code: "parameter")
    }
    guard let extent = Field(of: table, step_nm: 1e-3), max(extent.width_nm, extent.height_nm) > 10 else {
        throw Failure(
            "all localizations lie at one place", remedy: "a resolution needs a structure", code: "no-structure")
    }
    let uncertainty = (table["uncertainty_nm"] ?? []).filter { $0 > 0 && $0.isFinite }.sorted()
    let typical = uncertainty.isEmpty ? 10 : uncertainty[uncertainty.count / 2]
    var pixel = settings.pixel_nm ?? max(2, min(10, typical / 2))
    var result = try curve(table, extent, pixel, settings)
    // A coarse pixel lowers the curve: go finer until the resolution is ten pixels.
    for _ in 0..<3 where settings.pixel_nm == nil {
        let wanted = (result.resolution_nm ?? 4 * pixel) / 10
        guard wanted < 0.95 * pixel, pixel > 0.25 else { break }
        pixel = max(0.25, wanted)
        result = try curve(table, extent, pixel, settings)
    }
    return result
}

private func curve(
    _ table: LocalizationTable, _ extent: Field, _ pixel: Double, _ settings: RingCorrelationSettings
) throws -> RingCorrelation {
    let tiling = try RingTiling(table, extent, pixel_nm: pixel, tapers: settings.estimator == .ringSum)
    let isRandom = settings.split == .blocks || settings.split == .localizations
    let repeats = isRandom ? max(1, settings.repeats) : 1
    let random = RandomSource(seed: settings.seed)
    let progress = Progress("FRC", total: repeats, unit: "splits")
    defer { progress.finish() }
    let halves = try (0..<repeats).map { try half(of: table, settings, random.split($0)) }
    let sums = try concurrentMap(repeats) { index in
        let sums = try tiling.sums(halves[index], settings.estimator)
        progress.advance()
        return sums
    }
    let spacing = tiling.frequencyStep
    let rings = tiling.rings
    let frequency = (0..<rings).map { Double($0) * spacing }
    let span = max(5, settings.smoothing_per_nm / spacing)
    let curves = sums.map { $0.correlation(settings.estimator) }
    let smoothedCurves = curves.map { smoothed($0, span: settings.smoothing_per_nm == 0 ? 0 : span) }
    func mean(_ curves: [[Double]]) -> [Double] {
        (0..<rings).map { ring in curves.reduce(0) { $0 + $1[ring] } / Double(curves.count) }
    }
    let average = mean(curves)
    let smooth = mean(smoothedCurves)
    let crossing = fallingCrossing(smooth, settings.threshold)
    let each = smoothedCurves.compactMap { fallingCrossing($0, settings.threshold) }.map { 1 / ($0 * spacing) }
    var spread = 0.0
    if each.count > 1 {
        let centre = each.reduce(0, +) / Double(each.count)
        spread = (each.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(each.count - 1)).squareRoot()
    }
    let uncertainty = crossing.map { ring in
        max(spread, countingError(smooth, ring, span, tiling.independentShare) / (ring * ring * spacing))
    }
    return RingCorrelation(
        frequency_per_nm: frequency, correlation: average, smoothed: smooth, threshold: settings.threshold,
        resolution_nm: crossing.map { 1 / ($0 * spacing) },
        rawResolution_nm: fallingCrossing(average, settings.threshold).map { 1 / ($0 * spacing) },
        uncertainty_nm: uncertainty, pixel_nm: pixel, localizations: table.count)
}

/// The error of the crossing in rings: var F = (1 + 2F - F^2)(1 - F)^2 / n over the slope, with the n independent pixels
/// of the rings under the smoothing span.
private func countingError(_ curve: [Double], _ ring: Double, _ span: Double, _ independent: Double) -> Double {
    let index = min(max(1, Int(ring)), curve.count - 2)
    let value = max(0, min(0.99, curve[index]))
    let pixels = max(1, Double.pi * ring * max(1, span / 2) * independent)
    let deviation = ((1 + 2 * value - value * value) * (1 - value) * (1 - value) / pixels).squareRoot()
    let reach = max(1, Int(span / 2))
    let low = max(0, index - reach)
    let high = min(curve.count - 1, index + reach)
    let slope = abs(curve[high] - curve[low]) / Double(high - low)
    return slope > 0 ? deviation / slope : 0
}

/// Which half each row is in.
private func half(
    of table: LocalizationTable, _ settings: RingCorrelationSettings, _ stream: RandomSource
) throws -> [Bool] {
    var random = stream
    switch settings.split {
    case .localizations: return (0..<table.count).map { _ in random.chance(0.5) }
    case .tracks:
        guard let track = table["track"] ?? table["emitter"] else {
            throw Failure(
                "the table has no column track", remedy: "link the localizations, or split by blocks",
                code: "column-missing")
        }
        return track.map { $0.truncatingRemainder(dividingBy: 2) != 0 }
    case .frames, .blocks:
        guard let first = table.frame.min(), let last = table.frame.max(), last > first else {
            throw Failure(
                "all localizations are in one frame", remedy: "a split in time needs several; split by localizations",
                code: "one-frame")
        }
        if settings.split == .frames { return table.frame.map { $0 % 2 != 0 } }
        let frames = Int(last) - Int(first) + 1
        let blocks = min(settings.blocks, frames)
        var isSecond = (0..<blocks).map { $0 % 2 != 0 }
        isSecond.shuffle(using: &random)
        return table.frame.map { isSecond[(Int($0) - Int(first)) * blocks / frames] }
    }
}

/// The curve smoothed by local lines with tricube weights over `span` rings.
func smoothed(_ curve: [Double], span: Double) -> [Double] {
    guard span >= 2 else { return curve }
    let reach = span / 2
    return curve.indices.map { centre in
        var (w, wx, wxx, wy, wxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for index in max(0, Int(Double(centre) - reach))...min(curve.count - 1, Int(Double(centre) + reach)) {
            let x = Double(index - centre)
            let near = abs(x) / (reach + 1)
            let weight = near < 1 ? pow(1 - near * near * near, 3) : 0
            w += weight
            wx += weight * x
            wxx += weight * x * x
            wy += weight * curve[index]
            wxy += weight * x * curve[index]
        }
        let determinant = w * wxx - wx * wx
        return determinant > 1e-12 ? (wy * wxx - wx * wxy) / determinant : wy / w
    }
}

/// The fractional ring at which the curve first falls below the threshold after having been above it.
func fallingCrossing(_ curve: [Double], _ threshold: Double) -> Double? {
    guard curve.count > 2 else { return nil }
    for ring in 1..<curve.count - 1 where curve[ring] >= threshold && curve[ring + 1] < threshold {
        return Double(ring) + (curve[ring] - threshold) / (curve[ring] - curve[ring + 1])
    }
    return nil
}
