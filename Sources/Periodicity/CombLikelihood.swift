import Foundation

/// A comb of rings along an axon with molecules about them.
public struct RingComb: Sendable, Codable, Equatable {
    /// The mean distance of neighbouring rings in nm.
    public var period_nm: Double
    /// Standard deviation of the molecules about their ring in nm: localization, label and ring together.
    public var spread_nm: Double
    /// The share of molecules that belong to no ring.
    public var background: Double
    /// Standard deviation of each ring about its place in the comb in nm.
    public var ringJitter_nm: Double
    /// Standard deviation of the distances between rings in nm, which adds up along the axon.
    public var spacingJitter_nm: Double
}

/// The molecules of one axon for the likelihood.
struct CombStretch: Sendable {
    /// Arc lengths about the middle in nm.
    let arc_nm: [Double]
    /// Windows of about one ring.
    let windows: [Range<Int>]
    /// The number of the axon.
    let axon: Int

    /// Cuts the molecules into windows of about one period; nil for less than three windows.
    init?(_ stretch: ArraySlice<Double>, period_nm: Double, axon: Int) {
        guard let first = stretch.first, let last = stretch.last else { return nil }
        let cuts = ringWindows(stretch, length_nm: period_nm, slack: 0.2)
        guard cuts.count >= 3 else { return nil }
        let middle = (first + last) / 2
        arc_nm = stretch.map { $0 - middle }
        windows = cuts.map { $0.lowerBound - stretch.startIndex..<$0.upperBound - stretch.startIndex }
        self.axon = axon
    }
}

/// The likelihood of a jittered comb plus background, relative to molecules anywhere.
///
/// The state is the phase of the rings in the current window. From window to window it takes a random step, since
/// distances vary; each ring lies off that phase by its own jitter; each molecule lies about the ring or anywhere. The
/// forward recursion of this hidden Markov model on a grid of phases sums over all courses of the rings.
struct CombLikelihood {
    /// Phases on the grid.
    private static let states = 96
    /// Emission tables for molecules between two phases.
    private static let fine = 8

    private let comb: RingComb
    /// log of the density of a molecule at a phase from a ring, relative to molecules anywhere: `fine + 1` tables for
    /// shifts of part of a step, each twice around.
    private let emission: [Float]
    private let ringKernel: PhaseKernel
    /// The random step over 1, 2, ... periods.
    private let walkKernels: [PhaseKernel]

    /// - Parameter spacing_nm: the mean distance of the rings in the windows, which is data: the share of a molecule's
    ///   probability that one ring has must not depend on the period that is tried.
    init(_ comb: RingComb, spacing_nm: Double) {
        self.comb = comb
        let states = CombLikelihood.states
        let fine = CombLikelihood.fine
        let spread = comb.spread_nm / comb.period_nm
        let height = (1 - comb.background) * spacing_nm / (comb.spread_nm * (2 * Double.pi).squareRoot())
        func density(_ phase: Double) -> Double {
            let nearest = phase - phase.rounded()
            var sum = 0.0
            for turn in -2...2 {
                let distance = (nearest + Double(turn)) / spread
                sum += exp(-0.5 * distance * distance)
            }
            return height * sum + comb.background
        }
        var tables: [Float] = []
        tables.reserveCapacity((fine + 1) * 2 * states)
        for shift in 0...fine {
            let once = (0..<states).map { state in
                Float(log(density((Double(state) - Double(shift) / Double(fine)) / Double(states))))
            }
            tables += once + once
        }
        emission = tables
        ringKernel = PhaseKernel(deviation: comb.ringJitter_nm / comb.period_nm, states: states)
        walkKernels = (1...24).map { periods in
            PhaseKernel(
                deviation: comb.spacingJitter_nm / comb.period_nm * Double(periods).squareRoot(), states: states)
        }
    }

    /// The log likelihood of one stretch of axon.
    /// - Parameter isFree: takes the windows' phases as independent of each other: clusters without a period.
    func logLikelihood(_ stretch: CombStretch, isFree: Bool = false) -> Double {
        let states = CombLikelihood.states
        var total = 0.0
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 6 * states) { memory in
            let base = memory.baseAddress!
            let (logs, ring, belief, scratch) = (base, base + states, base + 2 * states, base + 3 * states)
            for state in 0..<states { belief[state] = 1 / Float(states) }
            var previous: Double?
            for window in stretch.windows {
                let centre = 0.5 * (stretch.arc_nm[window.lowerBound] + stretch.arc_nm[window.upperBound - 1])
                for state in 0..<states { logs[state] = 0 }
                for index in window { add(stretch.arc_nm[index], to: logs) }
                var highest = -Float.infinity
                for state in 0..<states { highest = max(highest, logs[state]) }
                for state in 0..<states { ring[state] = exp(logs[state] - highest) }
                ringKernel.smooth(ring, scratch)
                if isFree {
                    for state in 0..<states { belief[state] = 1 / Float(states) }
                } else if let previous {
                    let periods = Int(((centre - previous) / comb.period_nm).rounded())
                    walkKernels[min(walkKernels.count, max(1, periods)) - 1].smooth(belief, scratch)
                }
                previous = centre
                var sum: Float = 0
                for state in 0..<states {
                    belief[state] *= ring[state]
                    sum += belief[state]
                }
                let scale = 1 / sum
                for state in 0..<states { belief[state] *= scale }
                total += Double(log(sum)) + Double(highest)
            }
        }
        return total
    }

    /// Adds the log density of one molecule over all phases of its ring.
    @inline(__always)
    private func add(_ place: Double, to logs: UnsafeMutablePointer<Float>) {
        let states = CombLikelihood.states
        let turns = place / comb.period_nm
        let steps = (turns - turns.rounded(.down)) * Double(states)
        let whole = min(states - 1, Int(steps))
        let part = (steps - Double(whole)) * Double(CombLikelihood.fine)
        let shift = min(CombLikelihood.fine - 1, Int(part))
        let second = Float(part - Double(shift))
        let first = 1 - second
        emission.withUnsafeBufferPointer { emission in
            let lower = emission.baseAddress! + shift * 2 * states + states - whole
            let upper = lower + 2 * states
            for state in 0..<states { logs[state] += first * lower[state] + second * upper[state] }
        }
    }
}

/// A wrapped normal distribution on the grid of phases.
private struct PhaseKernel {
    private let states: Int
    private let weights: [Float]

    /// - Parameter deviation: in turns.
    init(deviation: Double, states: Int) {
        self.states = states
        let width = deviation * Double(states)
        if width < 0.02 {
            weights = [1]
        } else if width < 0.8 {
            // The sampled density would be too wide or too narrow: three taps of the right variance.
            let side = Float(0.5 * width * width)
            weights = [side, 1 - 2 * side, side]
        } else {
            let reach = min(states / 2 - 1, Int((4 * width).rounded(.up)))
            var values = (-reach...reach).map { step in
                (-3...3).reduce(0.0) { sum, turn in
                    let distance = Double(step + turn * states) / width
                    return sum + exp(-0.5 * distance * distance)
                }
            }
            let total = values.reduce(0, +)
            for index in values.indices { values[index] /= total }
            weights = values.map(Float.init)
        }
    }

    /// Convolves values around the circle in place; `scratch` holds three times as many.
    func smooth(_ values: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>) {
        let reach = weights.count / 2
        guard reach > 0 else { return }
        for index in 0..<reach {
            scratch[index] = values[states - reach + index]
            scratch[states + reach + index] = values[index]
        }
        for state in 0..<states {
            scratch[reach + state] = values[state]
            values[state] = 0
        }
        weights.withUnsafeBufferPointer { weights in
            for (shift, weight) in weights.enumerated() {
                let source = scratch + shift
                for state in 0..<states { values[state] += weight * source[state] }
            }
        }
    }
}
