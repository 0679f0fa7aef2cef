import Foundation
import Localization
import Work

/// A Fourier ring correlation and the resolution read from it.
public struct RingCorrelation: Sendable, Equatable, Codable {
    /// Spatial frequencies in 1/nm.
    public var frequency_per_nm: [Double]
    /// The correlation of each ring, all splits together.
    public var correlation: [Double]
    /// The same smoothed.
    public var smoothed: [Double]
    /// The criterion by which the resolution is read, and its level at each ring.
    public var criterion: ResolutionCriterion
    /// The level of the criterion at each ring.
    public var level: [Double]
    /// What the curve says of the resolution.
    public var finding: Finding
    /// By how many standard deviations of noise the halves correlate over the rings up to the resolution, or over all
    /// where there is none.
    public var evidence: Double
    /// The inverse of the frequency at which the smoothed curve first falls below the level; nil where the halves do
    /// not correlate or the curve never falls below it.
    public var resolution_nm: Double?
    /// The same from the curve without smoothing.
    public var rawResolution_nm: Double?
    /// The standard error, from the spread over the splits or the counting statistics of the ring, whichever is
    /// larger; nil where there is no resolution.
    public var uncertainty_nm: Double?
    /// What the other criteria read from the smoothed curve, by their names.
    public var readings_nm: [String: Double]
    /// The curve without what repeated localizations of single molecules add to it; nil where the error of the
    /// localizations is not known, and for the storm-analysis estimator.
    public var corrected: RepeatCorrection?
    /// Signs of a periodic structure, which the number alone does not tell.
    public var periodicity: PeriodicSigns
    /// The side of a pixel in nm.
    public var pixel_nm: Double
    /// The number of localizations.
    public var localizations: Int

    /// What a curve says of the resolution.
    public enum Finding: String, Sendable, Codable {
        /// The curve falls below the level.
        case resolved
        /// The halves correlate no more than chance lets them.
        case uncorrelated
        /// They correlate, but by less than the level, or only in the shape of the field.
        case weak
        /// The curve is above the level up to the finest frequency of the pixels.
        case unlimited
    }
}

/// The Fourier ring correlation of a localization table.
///
/// Each half is drawn as a histogram, its margins tapered, and transformed; fields larger than 2048 pixels are cut into
/// tiles whose ring sums add up. What the pixels take from the signal is given back, and the curve is smoothed over a
/// span fixed in 1/nm, so that the result depends on neither pixel nor field. The resolution is read where the smoothed
/// curve first falls below the level; uncertainty after Nieuwenhuizen et al., Nat. Methods 10, 557 (2013). It is read
/// only where the rings up to there correlate by more than five standard deviations of noise.
/// - Throws: a `Failure` for fewer than 50 localizations, a single frame, localizations at one place within their error,
///   or a field that is too large; `Interrupted`.
public func ringCorrelation(
    _ table: LocalizationTable, _ settings: RingCorrelationSettings = RingCorrelationSettings()
) throws -> RingCorrelation {
    let (table, extent) = try checked(table, settings)
    var pixel = settings.pixel_nm ?? max(2, min(10, typicalUncertainty(table) / 2))
    // Look with one split which pixel the resolution needs.
    if settings.pixel_nm == nil, settings.estimator == .ringSum {
        var scout = settings
        scout.repeats = 1
        let finest = max(0.25, max(extent.width_nm, extent.height_nm) / 5e6)
        for _ in 0..<3 {
            let found = try curve(table, extent, pixel, scout)
            // What has nothing in common in coarse pixels has nothing in fine ones.
            if found.finding == .weak { return found }
            if found.finding == .uncorrelated {
                if found.evidence < CorrelationEvidence.hint { return found }
                break
            }
            let wanted = max(finest, (found.resolution_nm ?? 2 * pixel) / 5)
            let isFine = wanted >= 0.8 * pixel
            pixel = wanted
            if isFine { break }
        }
    }
    return try curve(table, extent, pixel, settings, isShown: true)
}

/// The rows with a place and their field, or the reason why there is no resolution.
func checked(_ table: LocalizationTable, _ settings: RingCorrelationSettings) throws -> (LocalizationTable, Field) {
    let rows = (0..<table.count).filter { table.x_nm[$0].isFinite && table.y_nm[$0].isFinite }
    let table = rows.count == table.count ? table : table.rows(rows)
    func requireEnough(_ count: Int, _ place: String = "") throws {
        guard count < 50 else { return }
        throw Failure(
            "\(count) localizations\(place) are too few for a resolution", remedy: "give at least 50", code: "too-few")
    }
    try requireEnough(table.count)
    guard settings.level > 0, settings.level < 1, settings.smoothing_per_nm ?? 0 >= 0,
        (2...RingCorrelationSettings.mostBlocks).contains(settings.blocks),
        [settings.pixel_nm, settings.link_nm, settings.precision_nm].allSatisfy({
            $0.map { $0 > 0 && $0.isFinite } ?? true
        })
    else {
        throw Failure(
            "FRC needs a threshold between 0 and 1, 2 to \(RingCorrelationSettings.mostBlocks) blocks and lengths above 0",
            code: "parameter")
    }
    guard let extent = Field(of: table, step_nm: 1e-3), max(extent.width_nm, extent.height_nm) > 10 else {
        throw Failure(
            "all localizations lie at one place", remedy: "a resolution needs a structure", code: "no-structure")
    }
    try extent.requireMeasurable()
    if let uncertainties = table["uncertainty_nm"]?.filter({ $0 > 0 && $0.isFinite }).sorted(), !uncertainties.isEmpty {
        let error = uncertainties[uncertainties.count / 2]
        guard max(deviation(table.x_nm), deviation(table.y_nm)) > 1.5 * error else {
            throw Failure(
                String(format: "all localizations lie at one place within their error of %.1f nm", error),
                remedy: "a resolution needs a structure", code: "no-structure")
        }
    }
    guard settings.showsMovie, let movie = table.movie else { return (table, extent) }
    let field = Field(
        width_nm: Double(movie.width) * movie.pixel_nm, height_nm: Double(movie.height) * movie.pixel_nm)
    let inside = (0..<table.count).filter {
        table.x_nm[$0] >= 0 && table.y_nm[$0] >= 0 && table.x_nm[$0] < field.width_nm
            && table.y_nm[$0] < field.height_nm
    }
    try requireEnough(inside.count, " inside the movie's field")
    try field.requireMeasurable()
    return (inside.count == table.count ? table : table.rows(inside), field)
}

private func curve(
    _ table: LocalizationTable, _ extent: Field, _ pixel: Double, _ settings: RingCorrelationSettings,
    isShown: Bool = false
) throws -> RingCorrelation {
    let estimator = settings.estimator
    let tiling = try RingTiling(
        table, extent, pixel_nm: pixel, sharpens: estimator == .ringSum,
        isGiven: settings.showsMovie && table.movie != nil)
    let splits = try halves(of: table, settings)
    let progress = isShown ? Progress("FRC", total: splits.count * tiling.tileCount, unit: "transforms") : nil
    let sums = try tiling.sums(splits, estimator, showing: progress)
    progress?.finish()
    var total = RingSums(rings: tiling.rings)
    for split in sums { total += split }
    let step = tiling.frequencyStep
    let raw = total.correlation(estimator)
    func pixels(_ ring: Int) -> Double { 2 * Double.pi * Double(max(1, ring)) * tiling.independentShare }
    func level(_ criterion: ResolutionCriterion) -> (Int) -> Double {
        { criterion.level(pixels: pixels($0), fixed: settings.level) }
    }
    func length(_ ring: Double?) -> Double? { ring.map { 1 / ($0 * step) } }
    let (smoothing, found) = smoothedCrossing(raw, step: step, settings, level(settings.criterion))
    let smooth = smoothing(raw)
    let noise = CorrelationEvidence(
        pixels: (0..<tiling.rings).map(pixels), splits: splits.count, first: smoothing.firstRing,
        bias: estimator == .stormAnalysis ? 4 * tiling.independentShare : 0)
    let evidence = noise.score(raw, to: found)
    let crossing = evidence >= CorrelationEvidence.least ? found : nil
    let last = tiling.rings - 2
    let isCorrelated = evidence >= CorrelationEvidence.least
    let finding: RingCorrelation.Finding =
        if crossing != nil { .resolved } else if !isCorrelated {
            .uncorrelated
        } else if smooth[last]
            >= level(settings.criterion)(last)
        { .unlimited } else { .weak }
    let each = sums.compactMap {
        length(
            fallingCrossing(smoothing($0.correlation(estimator)), first: smoothing.firstRing, level(settings.criterion))
        )
    }
    let reader = CrossingError(
        smoothingVariance: smoothing.variance, reach: smoothing.weights.count, share: tiling.independentShare,
        step: step, splits: splits.count)
    // The splits share their localizations: the noise that another split draws anew is as large as the noise that all
    // splits have in common, as long as the correlation is far below 1.
    let spreadShare = (1 + 1 / Double(splits.count)).squareRoot()
    var readings: [String: Double] = [:]
    for criterion in ResolutionCriterion.allCases where finding == .resolved || finding == .unlimited {
        readings[criterion.rawValue] = length(fallingCrossing(smooth, first: smoothing.firstRing, level(criterion)))
    }
    let frequency = (0..<tiling.rings).map { Double($0) * step }
    let precision = Precision(table, settings)
    return RingCorrelation(
        frequency_per_nm: frequency, correlation: raw, smoothed: smooth, criterion: settings.criterion,
        level: (0..<tiling.rings).map(level(settings.criterion)), finding: finding, evidence: evidence,
        resolution_nm: length(crossing),
        rawResolution_nm: finding == .resolved
            ? length(fallingCrossing(raw, first: smoothing.firstRing, level(settings.criterion))) : nil,
        uncertainty_nm: crossing.map { max(deviation(each) * spreadShare, reader.error_nm(smooth, at: $0)) },
        readings_nm: readings,
        corrected: estimator == .ringSum
            ? precision.map {
                RepeatCorrection(
                    total, precision: $0, tiling: tiling, smoothing: smoothing, errors: reader, noise: noise,
                    crossing: crossing, isCorrelated: finding != .uncorrelated, level: level(settings.criterion))
            } : nil,
        periodicity: finding == .uncorrelated || finding == .weak
            ? PeriodicSigns()
            : PeriodicSigns(
                total, smoothed: smooth, crossing: crossing, level: level(settings.criterion), tiling: tiling,
                smoothing: smoothing),
        pixel_nm: pixel, localizations: table.count)
}

private func deviation(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let centre = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(values.count - 1)).squareRoot()
}

/// The error of a crossing by the counting statistics of the rings.
struct CrossingError {
    let smoothingVariance: Double
    let reach: Int
    let share: Double
    let step: Double
    let splits: Int

    /// The standard error in nm of the resolution read at a fractional ring: the deviation of the curve over its slope.
    /// Half of the variance of one split's curve is the split's own and falls with their number.
    func error_nm(_ curve: [Double], at crossing: Double) -> Double {
        let ring = min(max(1, Int(crossing)), curve.count - 2)
        let deviation =
            countingDeviation(curve[ring], pixels: 2 * Double.pi * crossing * share)
            * (smoothingVariance * (1 + 1 / Double(splits)) / 2).squareRoot()
        // The slope by regression over a range so wide that noise does not make it.
        let range = max(reach, Int(0.15 * crossing))
        let rings = max(0, ring - range)...min(curve.count - 1, ring + range)
        let centre = Double(rings.lowerBound + rings.upperBound) / 2
        let (products, squares) = rings.reduce((0.0, 0.0)) { sums, ring in
            let x = Double(ring) - centre
            return (sums.0 + x * curve[ring], sums.1 + x * x)
        }
        let slope = abs(products / squares)
        return slope > 0 ? deviation / slope / (crossing * crossing * step) : 0
    }
}
