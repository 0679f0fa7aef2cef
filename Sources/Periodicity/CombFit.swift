import Foundation
import Work

/// The comb that makes the molecules of several axons most likely, with one period and one set of widths for all and a
/// phase of its own for each axon.
public struct CombFit: Sendable, Equatable {
    /// The most likely comb.
    public let comb: RingComb
    /// The periods whose profile likelihood is not significantly lower (95 %), in nm. Where the axons differ by more than
    /// their errors allow, it is wider by that factor.
    public let interval_nm: ClosedRange<Double>
    /// By how much the comb's log likelihood exceeds that of clusters without a period.
    public let evidence: Double
    /// The period of each axon alone with the widths of all; nil for axons without a clear one.
    public let axons: [AxonPeriod?]
    /// Standard deviation of the axons' true periods in nm beyond their errors; 0 where they agree.
    public let variation_nm: Double
}

/// The period of one axon.
public struct AxonPeriod: Sendable, Equatable, Codable {
    /// The most likely period in nm.
    public let period_nm: Double
    /// Its standard error in nm by the curvature of the log likelihood.
    public let error_nm: Double
}

extension CombFit {
    /// Longer axons are cut: over this length the count of rings is lost.
    static let stretch_nm = 10_000.0

    /// Fits the comb, from a first guess of the period.
    /// - Returns: nil where no axon has three windows with molecules, or the likelihood has no maximum near the guess.
    /// - Throws: `Interrupted`.
    public init?(_ profiles: [AxonProfile], near guess_nm: Double) throws {
        let stretches = profiles.enumerated().flatMap { number, profile in
            profile.stretches(limit_nm: CombFit.stretch_nm).compactMap {
                CombStretch($0, period_nm: guess_nm, axon: number)
            }
        }
        guard !stretches.isEmpty else { return nil }
        let search = CombSearch(stretches: stretches, guess_nm: guess_nm)
        guard let comb = try search.best(), let interval = try search.interval(comb, drop: 1.92) else { return nil }
        let axons = try search.axons(comb, count: profiles.count)
        let known = axons.compactMap { $0 }
        // The axons' spread about the common period against their errors (Birge, Phys. Rev. 40, 207, 1932).
        let chi2 = known.reduce(0.0) { sum, axon in
            let relative = (axon.period_nm - comb.period_nm) / axon.error_nm
            return sum + relative * relative
        }
        let freedom = Double(known.count - 1)
        let excess = freedom >= 2 ? max(1, chi2 / freedom) : 1
        let weights = known.map { 1 / ($0.error_nm * $0.error_nm) }
        let total = weights.reduce(0, +)
        // The moment estimate of DerSimonian and Laird, Control. Clin. Trials 7, 177 (1986).
        let scale = total - weights.reduce(0) { $0 + $1 * $1 } / max(total, .leastNonzeroMagnitude)
        variation_nm = freedom >= 2 && scale > 0 ? max(0, (chi2 - freedom) / scale).squareRoot() : 0
        self.comb = comb
        self.axons = axons
        if excess > 1, let wider = try search.interval(comb, drop: 1.92 * excess) {
            interval_nm = wider
        } else {
            interval_nm = interval
        }
        evidence = try search.logLikelihood(comb) - search.freeLogLikelihood(comb)
    }
}
