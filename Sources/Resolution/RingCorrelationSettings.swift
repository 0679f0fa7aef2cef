/// How localizations are divided into two independent halves.
public enum HalfSplit: String, Sendable, Codable, CaseIterable {
    /// Blocks of time, a random half of them in each image (Nieuwenhuizen et al., Nat. Methods 10, 2013). The
    /// localizations of one blink stay together, but a molecule that blinks again later is in both halves.
    case blocks
    /// Odd and even frames. A blink that is longer than a frame is in both halves, which flatters the result.
    case frames
    /// Odd and even tracks, from the column `track` (or `emitter`); localizations are linked where there is none. With
    /// tracks that hold all blinks of a molecule nothing is in both halves.
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

/// The level at which a resolution is read.
public enum ResolutionCriterion: String, Sendable, Codable, CaseIterable {
    /// One value for all rings: 1/7 unless another is given.
    case fixed
    /// Three standard deviations of the correlation of noise: 3 / sqrt(n / 2) for the n pixels of a ring (van Heel and
    /// Schatz, J. Struct. Biol. 151, 2005).
    case threeSigma = "3-sigma"
    /// Half a bit of information a pixel: (0.2071 + 1.9102 / sqrt n) / (1.2071 + 0.9102 / sqrt n) (the same).
    case halfBit = "half-bit"

    /// The level for a ring of `pixels` independent values, mirror images counted.
    func level(pixels: Double, fixed: Double) -> Double {
        let root = max(1, pixels).squareRoot()
        switch self {
        case .fixed: return fixed
        case .threeSigma: return min(1, 3 * 2.0.squareRoot() / root)
        case .halfBit: return (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)
        }
    }
}

/// What a Fourier ring correlation is computed with.
public struct RingCorrelationSettings: Sendable, Codable, Equatable {
    /// How the halves are made.
    public var split = HalfSplit.blocks
    /// The number of time blocks, up to `mostBlocks`.
    public var blocks = 50
    /// The largest number of time blocks.
    public static let mostBlocks = 1_000_000
    /// How many splits are averaged; splits without chance are made once.
    public var repeats = 20
    /// The average over a ring.
    public var estimator = RingEstimator.ringSum
    /// The level at which the resolution is read.
    public var criterion = ResolutionCriterion.fixed
    /// The level of the fixed criterion; nil takes 1/7, for the storm-analysis estimator 0.17 as its scripts do.
    public var threshold: Double?
    /// The side of a pixel in nm; nil chooses about a fifth of the resolution.
    public var pixel_nm: Double?
    /// The span of the smoothing in 1/nm, independent of field and pixel; nil takes 0.002, narrower where the
    /// resolution is so coarse that this would blur the fall, and none for the storm-analysis estimator.
    public var smoothing_per_nm: Double?
    /// Whether the field is the whole movie, where the table knows it, instead of the part with localizations; nil does
    /// so for the storm-analysis estimator, as that program does.
    public var wholeField: Bool?
    /// The greatest distance within a track, where a split by tracks has to link; nil takes three times the median
    /// uncertainty.
    public var link_nm: Double?
    /// The error of a localization for the correction of repeats; nil takes the column `uncertainty_nm`.
    public var precision_nm: Double?
    /// The seed of the random splits.
    public var seed: UInt64 = 1

    /// The default settings.
    public init() {}

    var level: Double { threshold ?? (estimator == .stormAnalysis ? 0.17 : 1.0 / 7) }
    var showsMovie: Bool { wholeField ?? (estimator == .stormAnalysis) }
    var splits: Int { split == .blocks || split == .localizations ? max(1, repeats) : 1 }
}
