import Foundation
import Work

/// Looks for the most likely comb.
struct CombSearch {
    private let stretches: [CombStretch]
    private let guess_nm: Double
    /// Enough stretches for the widths.
    private let sample: [CombStretch]
    /// The distance in period over which the likelihood of the longest stretch changes.
    private let grain_nm: Double

    init(stretches: [CombStretch], guess_nm: Double) {
        self.stretches = stretches
        self.guess_nm = guess_nm
        let windows = stretches.reduce(0) { $0 + $1.windows.count }
        let keep = max(1, windows / 1500)
        sample = stride(from: 0, to: stretches.count, by: keep).map { stretches[$0] }
        let longest = stretches.map { $0.arc_nm.last! - $0.arc_nm.first! }.max()!
        grain_nm = guess_nm * guess_nm / longest
    }

    /// The share of stretches that follow no comb, such as those where axons cross or were traced wrongly. It bounds what
    /// one such stretch takes from the likelihood of the true period.
    private static let outliers = 0.05

    /// The log likelihood of all stretches.
    func logLikelihood(_ comb: RingComb) throws -> Double { try logLikelihood(comb, stretches) }

    /// The log likelihood of all stretches as clusters without a period.
    func freeLogLikelihood(_ comb: RingComb) throws -> Double { try free(comb, stretches).reduce(0, +) }

    private func free(_ comb: RingComb, _ stretches: [CombStretch]) throws -> [Double] {
        try Interruption.check()
        let likelihood = CombLikelihood(comb, spacing_nm: guess_nm)
        return try concurrentMap(stretches.count) { likelihood.logLikelihood(stretches[$0], isFree: true) }
    }

    /// - Parameter free: the stretches' log likelihoods as clusters, which depend on the period little; computed where
    ///   they are not given.
    private func logLikelihood(_ comb: RingComb, _ stretches: [CombStretch], free: [Double]? = nil) throws -> Double {
        try Interruption.check()
        let likelihood = CombLikelihood(comb, spacing_nm: guess_nm)
        let parts = min(stretches.count, 16)
        return try concurrentMap(parts) { part in
            var sum = 0.0
            for index in stretches.count * part / parts..<stretches.count * (part + 1) / parts {
                let regular = likelihood.logLikelihood(stretches[index]) + log(1 - CombSearch.outliers)
                let other =
                    (free?[index] ?? likelihood.logLikelihood(stretches[index], isFree: true))
                    + log(CombSearch.outliers)
                let larger = max(regular, other)
                sum += larger + log(exp(regular - larger) + exp(other - larger))
            }
            return sum
        }.reduce(0, +)
    }

    /// The most likely comb: the widths from the sample, the period from all stretches.
    func best() throws -> RingComb? {
        var comb = RingComb(
            period_nm: guess_nm, spread_nm: 15, background: 0.2, ringJitter_nm: 6, spacingJitter_nm: 3)
        // Neighbouring peaks of the likelihood lie a grain apart: look at some of them before climbing.
        let reach = max(1.5 * grain_nm, 2)
        comb.period_nm = try highest(of: sample, comb, guess_nm - reach, guess_nm + reach)
        for round in 0..<2 {
            let start = comb
            let scale = min(0.3 * grain_nm, 1)
            func trial(_ place: [Double]) -> (comb: RingComb, penalty: Double) {
                var penalty = 0.0
                func inside(_ value: Double, _ low: Double, _ high: Double) -> Double {
                    let limited = min(high, max(low, value))
                    penalty += (value - limited) * (value - limited)
                    return limited
                }
                let trial = RingComb(
                    period_nm: start.period_nm + scale * place[0],
                    spread_nm: exp(inside(place[1], log(2), log(0.4 * guess_nm))),
                    background: 1 / (1 + exp(-inside(place[2], -6, 4))),
                    ringJitter_nm: exp(inside(place[3], log(0.2), log(0.3 * guess_nm))),
                    spacingJitter_nm: exp(inside(place[4], log(0.1), log(0.3 * guess_nm))))
                return (trial, penalty)
            }
            let found = try simplexMaximum(
                start: [
                    0, log(start.spread_nm), log(start.background / (1 - start.background)),
                    log(start.ringJitter_nm), log(start.spacingJitter_nm),
                ], steps: [1, 0.3, 0.5, 0.5, 0.7], evaluations: round == 0 ? 150 : 120, tolerance: 0.005
            ) { place in
                let (comb, penalty) = trial(place)
                return try logLikelihood(comb, sample) - penalty
            }
            comb = trial(found.place).comb
        }
        let width = max(0.5 * grain_nm, 0.3)
        comb.period_nm = try highest(of: stretches, comb, comb.period_nm - width, comb.period_nm + width)
        return abs(comb.period_nm - guess_nm) < 2 * reach + width ? comb : nil
    }

    /// The period of greatest likelihood between two, with the comb's widths.
    private func highest(
        of stretches: [CombStretch], _ comb: RingComb, _ lower: Double, _ upper: Double
    ) throws -> Double {
        let steps = max(6, Int(((upper - lower) / (0.2 * grain_nm)).rounded(.up)))
        let free = try free(comb, stretches)
        func value(_ period: Double) throws -> Double {
            var trial = comb
            trial.period_nm = period
            return try logLikelihood(trial, stretches, free: free)
        }
        var spacing = (upper - lower) / Double(steps)
        var best = (period: lower, value: -Double.infinity)
        for step in 0...steps {
            let period = lower + Double(step) * spacing
            let height = try value(period)
            if height > best.value { best = (period, height) }
        }
        // Parabolas through three points, ever closer.
        for _ in 0..<4 {
            spacing /= 3
            let (left, right) = (try value(best.period - spacing), try value(best.period + spacing))
            let curvature = left - 2 * best.value + right
            if left > best.value || right > best.value {
                best = left > right ? (best.period - spacing, left) : (best.period + spacing, right)
            } else if curvature < 0 {
                let period = best.period + 0.5 * spacing * (left - right) / curvature
                let height = try value(period)
                if height > best.value { best = (period, height) }
            }
        }
        return best.period
    }

    /// The periods around the best one whose log likelihood is lower by less than `drop`; nil where one side never falls.
    func interval(_ comb: RingComb, drop: Double) throws -> ClosedRange<Double>? {
        let free = try free(comb, stretches)
        let top = try logLikelihood(comb, stretches, free: free)
        func height(_ period: Double) throws -> Double {
            var trial = comb
            trial.period_nm = period
            return try logLikelihood(trial, stretches, free: free) - top + drop
        }
        func crossing(_ direction: Double) throws -> Double? {
            var inner = (shift: 0.0, height: drop)
            var step = min(0.05 * grain_nm, 0.2)
            while true {
                let outer = (
                    shift: inner.shift + step, height: try height(comb.period_nm + direction * (inner.shift + step))
                )
                if outer.height < 0 {
                    // The fall is a parabola: its root is linear in the square root.
                    var (low, high) = (inner, outer)
                    for _ in 0..<5 {
                        let a = max(0, drop - low.height).squareRoot()
                        let b = max(0, drop - high.height).squareRoot()
                        let share = b > a ? (drop.squareRoot() - a) / (b - a) : 0.5
                        let shift = low.shift + min(0.95, max(0.05, share)) * (high.shift - low.shift)
                        let value = try height(comb.period_nm + direction * shift)
                        if value < 0 { high = (shift, value) } else { low = (shift, value) }
                        if abs(value) < 0.005 * drop { return comb.period_nm + direction * shift }
                    }
                    return comb.period_nm + direction * 0.5 * (low.shift + high.shift)
                }
                inner = outer
                step *= 1.6
                if inner.shift > 0.25 * comb.period_nm { return nil }
            }
        }
        guard let lower = try crossing(-1), let upper = try crossing(1) else { return nil }
        return lower...upper
    }

    /// The period of each axon alone, within a tenth of the common one.
    func axons(_ comb: RingComb, count: Int) throws -> [AxonPeriod?] {
        let byAxon = Dictionary(grouping: stretches, by: \.axon)
        return try concurrentMap(count) { number -> AxonPeriod? in
            guard let own = byAxon[number] else { return nil }
            let search = CombSearch(stretches: own, guess_nm: guess_nm)
            let reach = min(0.1 * comb.period_nm, max(2.5 * search.grain_nm, 6))
            var trial = comb
            trial.period_nm = try search.highest(of: own, comb, comb.period_nm - reach, comb.period_nm + reach)
            guard abs(trial.period_nm - comb.period_nm) < 0.98 * reach,
                let interval = try search.interval(trial, drop: 0.5)
            else { return nil }
            let error = 0.5 * (interval.upperBound - interval.lowerBound)
            guard error > 0, error < 0.3 * search.grain_nm else { return nil }
            return AxonPeriod(period_nm: trial.period_nm, error_nm: error)
        }
    }
}
