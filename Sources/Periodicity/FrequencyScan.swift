import Foundation
import Randomness
import Work

/// The periodogram of molecules along axons, and how likely chance alone makes as high a peak.
///
/// Each axon is cut into windows of about one ring. Under the null hypothesis the windows have nothing to do with each
/// other, whatever clusters the molecules of one window form (several dyes of one ring, several blinks of one dye): the
/// surrogates give each window a random phase. The power of an axon is divided by its expectation under that hypothesis
/// and summed over axons, each with its own phase.
public struct FrequencyScan: Sendable, Equatable {
    /// Frequencies in 1/nm.
    public let frequency_per_nm: [Double]
    /// The mean power of the stretches of axon; 1 is expected where nothing is periodic.
    public let power: [Double]
    /// The power that the highest peak exceeds in the share `significance` of surrogates.
    public let threshold: Double
    /// The share of surrogates with as high a peak, counting the data itself.
    public let pValue: Double
    /// The period at the highest peak in nm; nil where the highest power lies at the border of the range.
    public let period_nm: Double?
    /// The number of stretches.
    public let stretches: Int

    /// Longer axons are cut into stretches of this length: beyond it rings lose count of each other.
    static let stretch_nm = 8000.0

    /// Scans axons together.
    /// - Returns: nil where no axon has five molecules in at least three windows.
    /// - Throws: `Interrupted`.
    public init?(_ profiles: [AxonProfile], _ search: PeriodSearch) throws {
        let longest = min(
            FrequencyScan.stretch_nm,
            profiles.map { ($0.molecules_nm.last ?? 0) - ($0.molecules_nm.first ?? 0) }.max() ?? 0)
        guard longest > 0 else { return nil }
        let lowest = 1 / search.longest_nm
        let highest = 1 / search.shortest_nm
        let count = max(16, Int(((highest - lowest) * longest * 8).rounded(.up)) + 1)
        let step = (highest - lowest) / Double(count - 1)
        let pieces = try concurrentMap(profiles.count) { index -> [WindowSpectra] in
            try Interruption.check()
            return profiles[index].stretches(limit_nm: FrequencyScan.stretch_nm).compactMap { stretch in
                WindowSpectra(stretch, window_nm: search.typical_nm, lowest: lowest, step: step, count: count)
            }
        }.flatMap { $0 }
        guard !pieces.isEmpty else { return nil }
        frequency_per_nm = (0..<count).map { lowest + Double($0) * step }
        stretches = pieces.count
        @Sendable func mean(_ random: RandomSource?) -> [Double] {
            var sum = [Double](repeating: 0, count: count)
            for (index, piece) in pieces.enumerated() {
                var stream = random?.split(index)
                piece.addPower(to: &sum, random: &stream)
            }
            return sum.map { $0 / Double(pieces.count) }
        }
        let power = mean(nil)
        self.power = power
        let peak = power.indices.max { power[$0] < power[$1] }!
        if peak > 0, peak < count - 1 {
            let curvature = power[peak - 1] - 2 * power[peak] + power[peak + 1]
            let shift = curvature < 0 ? 0.5 * (power[peak - 1] - power[peak + 1]) / curvature : 0
            period_nm = 1 / (frequency_per_nm[peak] + shift * step)
        } else {
            period_nm = nil
        }
        // Large tables need fewer surrogates for the same verdict; 199 resolve a p-value of 0.005.
        let work = pieces.reduce(0) { $0 + $1.windows } * count
        let surrogates = max(min(search.surrogates, 199), min(search.surrogates, 1_000_000_000 / max(1, work)))
        let random = RandomSource(seed: search.seed)
        let drawn = try concurrentMap(surrogates) { number -> (median: Double, peak: Double) in
            try Interruption.check()
            let power = mean(random.split(number)).sorted()
            return (power[count / 2], power[count - 1])
        }
        // A cut through a cluster lowers the power of surrogates at all frequencies alike: peaks are compared in units of
        // their curve's median.
        let usual = drawn.reduce(0) { $0 + $1.median } / Double(max(1, surrogates))
        let own = max(usual, power.sorted()[count / 2])
        let peaks = drawn.map { $0.peak / max(usual, $0.median) }.sorted()
        let asHigh = peaks.count { $0 >= power[peak] / own }
        pValue = Double(asHigh + 1) / Double(surrogates + 1)
        let rank = Int((Double(surrogates + 1) * (1 - search.significance)).rounded(.up)) - 1
        threshold = peaks.isEmpty ? .infinity : own * peaks[min(peaks.count - 1, max(0, rank))]
    }
}

/// The Fourier sums of the windows of one stretch of axon over the scanned frequencies, scaled so that the power of
/// their sum is expected to be 1 where their phases are random.
private struct WindowSpectra: Sendable {
    let windows: Int
    private let count: Int
    private let real: [Float]
    private let imaginary: [Float]

    init?(_ stretch: ArraySlice<Double>, window_nm: Double, lowest: Double, step: Double, count: Int) {
        let windows = ringWindows(stretch, length_nm: window_nm, slack: 0.5)
        guard windows.count >= 3, stretch.count >= 5 else { return nil }
        self.windows = windows.count
        self.count = count
        var real = [Double](repeating: 0, count: windows.count * count)
        var imaginary = real
        let middle = (stretch.first! + stretch.last!) / 2
        for (number, window) in windows.enumerated() {
            // Rings count by the root of their molecules, so that one bright clump does not outweigh all others.
            let weight = 1 / Double(window.count).squareRoot()
            for index in window {
                let place = 2 * Double.pi * (stretch[index] - middle)
                var (c, s) = (weight * cos(place * lowest), weight * sin(place * lowest))
                let (turnC, turnS) = (cos(place * step), sin(place * step))
                for frequency in number * count..<(number + 1) * count {
                    real[frequency] += c
                    imaginary[frequency] += s
                    (c, s) = (c * turnC - s * turnS, c * turnS + s * turnC)
                }
            }
        }
        for frequency in 0..<count {
            var total = 0.0
            for index in stride(from: frequency, to: real.count, by: count) {
                total += real[index] * real[index] + imaginary[index] * imaginary[index]
            }
            let scale = total > 0 ? 1 / total.squareRoot() : 0
            for index in stride(from: frequency, to: real.count, by: count) {
                real[index] *= scale
                imaginary[index] *= scale
            }
        }
        self.real = real.map(Float.init)
        self.imaginary = imaginary.map(Float.init)
    }

    /// Adds the power of the windows' sum, with random phases where a stream is given.
    func addPower(to sum: inout [Double], random: inout RandomSource?) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count) { total in
            total.initialize(repeating: 0)
            real.withUnsafeBufferPointer { real in
                imaginary.withUnsafeBufferPointer { imaginary in
                    for window in 0..<windows {
                        let angle = Float(2 * Double.pi * (random?.uniform() ?? 0))
                        let (c, s) = (cos(angle), sin(angle))
                        let start = window * count
                        for frequency in 0..<count {
                            let (x, y) = (real[start + frequency], imaginary[start + frequency])
                            total[frequency] += c * x - s * y
                            total[count + frequency] += c * y + s * x
                        }
                    }
                }
            }
            for frequency in 0..<count {
                let (x, y) = (Double(total[frequency]), Double(total[count + frequency]))
                sum[frequency] += x * x + y * y
            }
        }
    }
}
