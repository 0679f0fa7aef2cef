import Foundation

/// The distances of pairs of localizations along the axis of axons, correlated with sums of normal distributions at
/// multiples of a period: the estimator of the automated spectrin analysis that this program measures itself against.
public struct PairwiseDistances: Sendable, Equatable {
    /// The lower edge of each bin in nm, with the end of the last bin.
    public let edges_nm: [Double]
    /// The number of pairs in each bin, summed over axons.
    public let pairs: [Double]
    /// Trial periods in nm.
    public let trial_nm: [Double]
    /// The correlation coefficient of the histogram with the sum of normal distributions at each trial period.
    public let correlation: [Double]
    /// The trial period of highest correlation, refined by a parabola; nil where it lies at the border of the range.
    public let period_nm: Double?

    /// The width of a bin.
    static let bin_nm = 5.0
    /// Standard deviation of the normal distributions.
    static let deviation_nm = 30.0
    /// Multiples of the period.
    static let multiples = 4

    /// Gathers the distances of all axons and correlates.
    /// - Returns: nil where there are no pairs.
    public init?(_ profiles: [AxonProfile], _ search: PeriodSearch) {
        let bin = PairwiseDistances.bin_nm
        let bins = Int((Double(PairwiseDistances.multiples) + 0.5) * search.longest_nm / bin)
        let limit = Double(bins) * bin
        var counts = [Int](repeating: 0, count: bins)
        for profile in profiles {
            profile.localizations_nm.withUnsafeBufferPointer { places in
                counts.withUnsafeMutableBufferPointer { counts in
                    for first in places.indices {
                        var second = first + 1
                        while second < places.count {
                            let distance = places[second] - places[first]
                            guard distance < limit else { break }
                            counts[Int(distance / bin)] += 1
                            second += 1
                        }
                    }
                }
            }
        }
        guard counts.contains(where: { $0 > 0 }) else { return nil }
        edges_nm = (0...bins).map { Double($0) * bin }
        pairs = counts.map(Double.init)
        let step = 0.5
        trial_nm = Array(stride(from: search.shortest_nm, through: search.longest_nm, by: step))
        let pairs = self.pairs
        correlation = trial_nm.map { PairwiseDistances.correlation(pairs, period_nm: $0) }
        let curve = correlation
        let peak = curve.indices.max { curve[$0] < curve[$1] }!
        if peak > 0, peak < curve.count - 1 {
            let curvature = curve[peak - 1] - 2 * curve[peak] + curve[peak + 1]
            period_nm =
                trial_nm[peak] + (curvature < 0 ? 0.5 * step * (curve[peak - 1] - curve[peak + 1]) / curvature : 0)
        } else {
            period_nm = nil
        }
    }

    /// The correlation of the histogram, without its straight trend, with normal distributions at multiples of a period,
    /// over half a period to half a period beyond the last multiple.
    private static func correlation(_ pairs: [Double], period_nm: Double) -> Double {
        let first = Int(0.5 * period_nm / bin_nm)
        let last = min(pairs.count, Int((Double(multiples) + 0.5) * period_nm / bin_nm))
        let places = (first..<last).map { (Double($0) + 0.5) * bin_nm }
        let template = places.map { place -> Double in
            let phase = place / period_nm - (place / period_nm).rounded()
            let distance = phase * period_nm / deviation_nm
            return exp(-0.5 * distance * distance)
        }
        let data = withoutTrend(Array(pairs[first..<last]))
        let model = withoutTrend(template)
        let product = zip(data, model).reduce(0) { $0 + $1.0 * $1.1 }
        let squares = data.reduce(0) { $0 + $1 * $1 } * model.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? product / squares.squareRoot() : 0
    }

    /// Values less the straight line of least squares through them.
    private static func withoutTrend(_ values: [Double]) -> [Double] {
        let middle = Double(values.count - 1) / 2
        let mean = values.reduce(0, +) / Double(values.count)
        var (xy, xx) = (0.0, 0.0)
        for (index, value) in values.enumerated() {
            let x = Double(index) - middle
            xy += x * value
            xx += x * x
        }
        let slope = xx > 0 ? xy / xx : 0
        return values.enumerated().map { $0.element - mean - slope * (Double($0.offset) - middle) }
    }
}
