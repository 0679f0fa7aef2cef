import Foundation
import Localization
import Work

/// Which estimator's period is reported.
public enum PeriodMethod: String, Sendable, Codable, CaseIterable {
    /// The frequency scan refined by the likelihood of a jittered comb plus background.
    case likelihood
    /// Distances of pairs along the axis, correlated with sums of normal distributions.
    case pairwise
    /// The highest maximum of the autocorrelation of the profiles.
    case autocorrelation
}

/// How the period of a table is measured.
public struct PeriodicitySettings: Sendable, Codable, Equatable {
    /// The estimator that is reported; all three are computed.
    public var method = PeriodMethod.likelihood
    /// The range of periods and the test.
    public var search = PeriodSearch()
    /// How axons are found.
    public var tracing = TracingSettings()

    /// The default settings.
    public init() {}
}

/// The result for one axon.
public struct AxonResult: Sendable, Equatable {
    /// The p-value of the axon alone; 1 where it has too few molecules.
    public var pValue = 1.0
    /// Its period by the likelihood; nil where the axon alone has no clear one.
    public var likelihood: AxonPeriod?
    /// Its period by pairs of localizations.
    public var pairwise_nm: Double?
    /// Its period by autocorrelation.
    public var autocorrelation_nm: Double?
}

/// The period of the membrane skeleton over all axons together, by three estimators.
public struct PeriodicityMeasurement: Sendable, Equatable {
    /// The settings.
    public let settings: PeriodicitySettings
    /// The profiles.
    public let profiles: [AxonProfile]
    /// The periodogram; nil where there are too few molecules along axons.
    public let scan: FrequencyScan?
    /// The fitted comb; nil where there is none.
    public let fit: CombFit?
    /// Pairwise distances.
    public let pairs: PairwiseDistances?
    /// The autocorrelation.
    public let autocorrelation: ProfileAutocorrelation?
    /// The axons one by one.
    public let axons: [AxonResult]

    /// Measures axons together and one by one.
    /// - Throws: `Interrupted`.
    public init(_ profiles: [AxonProfile], _ settings: PeriodicitySettings) throws {
        self.settings = settings
        self.profiles = profiles
        let search = settings.search
        let scan = try FrequencyScan(profiles, search)
        self.scan = scan
        let fit = try scan.flatMap { scan in try scan.period_nm.flatMap { try CombFit(profiles, near: $0) } }
        self.fit = fit
        pairs = PairwiseDistances(profiles, search)
        autocorrelation = ProfileAutocorrelation(profiles, search)
        // Many axons share the work of the surrogates; each needs enough for its own verdict.
        var alone = search
        alone.surrogates = min(search.surrogates, profiles.count > 100 ? 199 : search.surrogates)
        let single = alone
        axons = try concurrentMap(profiles.count) { index in
            AxonResult(
                pValue: try FrequencyScan([profiles[index]], single)?.pValue ?? 1, likelihood: fit?.axons[index],
                pairwise_nm: PairwiseDistances([profiles[index]], search)?.period_nm,
                autocorrelation_nm: ProfileAutocorrelation([profiles[index]], search)?.period_nm)
        }
    }

    /// The p-value of the frequency scan; 1 where there is too little to scan.
    public var pValue: Double { scan?.pValue ?? 1 }

    /// The log likelihood by which a comb must exceed clusters without a period: at one frequency chance exceeds x with
    /// probability exp(-x) at most, so log(frequencies / significance) holds for all independent ones together.
    var leastEvidence: Double {
        let longest = min(FrequencyScan.stretch_nm, profiles.map(\.length_nm).max() ?? 0)
        let frequencies = longest * (1 / settings.search.shortest_nm - 1 / settings.search.longest_nm)
        return log(max(1, frequencies) / settings.search.significance)
    }

    /// Why no period is reported; nil where one is.
    public var refusal: String? {
        let limit = settings.search.significance
        guard let scan else { return "the axons hold too few molecules" }
        guard scan.pValue <= limit else { return String(format: "p = %.3g is above %.3g", scan.pValue, limit) }
        guard scan.period_nm != nil else { return "the highest power lies at the border of the range of periods" }
        guard let fit, fit.evidence >= leastEvidence else {
            return "a comb does not explain the molecules better than clusters without a period"
        }
        return period_nm == nil ? "the \(settings.method.rawValue) has no maximum in the range of periods" : nil
    }

    private var estimate_nm: Double? {
        switch settings.method {
        case .likelihood: fit?.comb.period_nm
        case .pairwise: pairs?.period_nm
        case .autocorrelation: autocorrelation?.period_nm
        }
    }

    /// The period by the chosen estimator, significant or not.
    private var period_nm: Double? {
        estimate_nm.flatMap { (settings.search.shortest_nm...settings.search.longest_nm).contains($0) ? $0 : nil }
    }

    /// The period by the chosen estimator in nm; nil where it is refused.
    public var reported_nm: Double? { refusal == nil ? period_nm : nil }

    /// The 95 % interval of the reported period in nm: by profile likelihood, and for the other estimators from the
    /// spread over the axons; nil where there is no period, or fewer than three axons have one.
    public var interval_nm: ClosedRange<Double>? {
        guard let reported_nm else { return nil }
        if settings.method == .likelihood { return fit?.interval_nm }
        let each = axons.compactMap { settings.method == .pairwise ? $0.pairwise_nm : $0.autocorrelation_nm }
        guard each.count >= 3 else { return nil }
        let count = Double(each.count)
        let mean = each.reduce(0, +) / count
        let variance = each.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        let reach = 1.96 * (variance / count).squareRoot()
        return reported_nm - reach...reported_nm + reach
    }
}
