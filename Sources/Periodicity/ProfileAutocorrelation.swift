import Foundation

/// The autocorrelation of the density of localizations along axons, the usual way to read the period of the membrane
/// skeleton (Zhong et al., eLife 3, e04581, 2014).
public struct ProfileAutocorrelation: Sendable, Equatable {
    /// Distances in nm.
    public let lag_nm: [Double]
    /// The mean over the axons, 1 at distance 0.
    public let correlation: [Double]
    /// The distance of the highest maximum in the range of periods; nil where the curve has none.
    public let period_nm: Double?

    /// The side of a profile's pixel.
    static let pixel_nm = 10.0

    /// Correlates each axon's profile with itself and averages.
    /// - Returns: nil where no axon is longer than two periods.
    public init?(_ profiles: [AxonProfile], _ search: PeriodSearch) {
        let pixel = ProfileAutocorrelation.pixel_nm
        let lags = Int(4 * search.longest_nm / pixel)
        var sum = [Double](repeating: 0, count: lags)
        var used = 0.0
        for profile in profiles where profile.length_nm > 2 * search.longest_nm {
            guard let own = ProfileAutocorrelation.curve(profile, lags: lags) else { continue }
            for lag in 0..<lags { sum[lag] += own[lag] }
            used += 1
        }
        guard used > 0 else { return nil }
        lag_nm = (0..<lags).map { Double($0) * pixel }
        let curve = sum.map { $0 / used }
        correlation = curve
        let range =
            max(1, Int(search.shortest_nm / pixel))...min(lags - 2, Int((search.longest_nm / pixel).rounded(.up)))
        let maxima = range.filter { curve[$0] >= curve[$0 - 1] && curve[$0] > curve[$0 + 1] }
        period_nm = maxima.max { curve[$0] < curve[$1] }.map { peak in
            let curvature = curve[peak - 1] - 2 * curve[peak] + curve[peak + 1]
            return (Double(peak) + (curvature < 0 ? 0.5 * (curve[peak - 1] - curve[peak + 1]) / curvature : 0)) * pixel
        }
    }

    /// The normalised autocorrelation of one axon over distances in pixels; nil for an empty or even profile.
    private static func curve(_ profile: AxonProfile, lags: Int) -> [Double]? {
        guard let first = profile.localizations_nm.first, let last = profile.localizations_nm.last else { return nil }
        let count = Int((last - first) / pixel_nm) + 1
        guard count > 2 else { return nil }
        var density = [Double](repeating: 0, count: count)
        for place in profile.localizations_nm { density[min(count - 1, Int((place - first) / pixel_nm))] += 1 }
        let mean = density.reduce(0, +) / Double(count)
        for index in density.indices { density[index] -= mean }
        let variance = density.reduce(0) { $0 + $1 * $1 } / Double(count)
        guard variance > 0 else { return nil }
        return (0..<lags).map { lag in
            guard lag < count / 2 else { return 0 }
            var product = 0.0
            for index in 0..<count - lag { product += density[index] * density[index + lag] }
            return product / (Double(count - lag) * variance)
        }
    }
}
