import Foundation
import Randomness
import Work

/// Fast exact samplers for camera noise: tables made once for the whole process.
///
/// Normal numbers come from a ziggurat of 256 layers (Marsaglia and Tsang, J. Stat. Softw. 5, 2000). Poisson counts of
/// mean up to 32 are the sum of a tabulated Poisson count (inverse distribution with a guide table, cut where the
/// remaining probability is below 2^-32) and one of the small remaining mean, which is again Poisson distributed with
/// the exact mean; larger means use `RandomSource.poisson`. Gamma numbers follow Marsaglia and Tsang (2000).
struct NoiseSampler: Sendable {
    /// The samplers of the process.
    static let shared = NoiseSampler()

    private static let step = 0.25
    private static let largest = 32.0
    private static let entries = 160
    private static let layers = 256
    /// Where the ziggurat's base layer ends, and the area of each layer, for 256 layers.
    private static let edge = 3.654152885361008796
    private static let area = 0.00492867323399

    /// Cumulative Poisson probabilities in units of 2^-32, `entries` for each tabulated mean.
    private let cumulative: SharedPointer<UInt32>
    /// The first count worth trying for each top byte of a random number, 256 for each tabulated mean.
    private let guide: SharedPointer<UInt8>
    /// The layers' right ends and the density there.
    private let ends: SharedPointer<Double>
    private let densities: SharedPointer<Double>

    private init() {
        let tables = Int(NoiseSampler.largest / NoiseSampler.step) + 1
        let cumulative = UnsafeMutablePointer<UInt32>.allocate(capacity: tables * NoiseSampler.entries)
        let guide = UnsafeMutablePointer<UInt8>.allocate(capacity: tables * 256)
        for table in 0..<tables {
            let mean = Double(table) * NoiseSampler.step
            var probability = exp(-mean)
            var sum = 0.0
            for count in 0..<NoiseSampler.entries {
                sum += probability
                probability *= mean / Double(count + 1)
                cumulative[table * NoiseSampler.entries + count] = UInt32(min(sum * 0x1p32, 0x1p32 - 1))
            }
            cumulative[(table + 1) * NoiseSampler.entries - 1] = .max
            var count = 0
            for byte in 0..<256 {
                while cumulative[table * NoiseSampler.entries + count] < UInt32(byte) << 24 { count += 1 }
                guide[table * 256 + byte] = UInt8(count)
            }
        }
        self.cumulative = SharedPointer(cumulative)
        self.guide = SharedPointer(guide)

        let ends = UnsafeMutablePointer<Double>.allocate(capacity: NoiseSampler.layers + 1)
        let densities = UnsafeMutablePointer<Double>.allocate(capacity: NoiseSampler.layers + 1)
        func density(_ x: Double) -> Double { exp(-0.5 * x * x) }
        ends[0] = NoiseSampler.area / density(NoiseSampler.edge)
        ends[1] = NoiseSampler.edge
        for layer in 2..<NoiseSampler.layers {
            let height = NoiseSampler.area / ends[layer - 1] + density(ends[layer - 1])
            ends[layer] = (-2 * log(min(1, height))).squareRoot()
        }
        ends[NoiseSampler.layers] = 0
        for layer in 0...NoiseSampler.layers { densities[layer] = density(ends[layer]) }
        self.ends = SharedPointer(ends)
        self.densities = SharedPointer(densities)
    }

    /// A standard normal number.
    @inline(__always) func normal(_ random: inout RandomSource) -> Double {
        while true {
            let bits = random.next()
            let layer = Int(bits & 255)
            let x = (Double(bits >> 11) * 0x1p-52 - 1) * ends[layer]
            if abs(x) < ends[layer + 1] { return x }
            if layer == 0 { return tail(negative: x < 0, &random) }
            let height = densities[layer] + random.uniform() * (densities[layer + 1] - densities[layer])
            if height < exp(-0.5 * x * x) { return x }
        }
    }

    /// A number beyond the base layer's end (Marsaglia 1964).
    private func tail(negative: Bool, _ random: inout RandomSource) -> Double {
        while true {
            let x = -log(1 - random.uniform()) / NoiseSampler.edge
            let y = -log(1 - random.uniform())
            if y + y > x * x { return negative ? -NoiseSampler.edge - x : NoiseSampler.edge + x }
        }
    }

    /// A Poisson distributed count.
    @inline(__always) func poisson(mean: Double, _ random: inout RandomSource) -> Int {
        guard mean > 0 else { return 0 }
        guard mean < NoiseSampler.largest else { return random.poisson(mean: mean) }
        let table = Int(mean / NoiseSampler.step)
        let rest = mean - Double(table) * NoiseSampler.step
        let bits = random.next()
        let high = UInt32(truncatingIfNeeded: bits >> 32)
        let start = table * NoiseSampler.entries
        var count = Int(guide[table * 256 + Int(high >> 24)])
        while cumulative[start + count] < high { count += 1 }
        let low = Double(UInt32(truncatingIfNeeded: bits)) * 0x1p-32
        return low < 1 - rest ? count : count + remainder(mean: rest, low)
    }

    /// A Poisson count of a mean below `step` by inversion of the uniform number.
    private func remainder(mean: Double, _ uniform: Double) -> Int {
        var probability = exp(-mean)
        var sum = probability
        var count = 0
        while uniform >= sum, count < 20 {
            count += 1
            probability *= mean / Double(count)
            sum += probability
        }
        return count
    }

    /// The sum of `shape` exponential numbers of mean 1, for shape 1 and above.
    @inline(__always) func gamma(shape: Double, _ random: inout RandomSource) -> Double {
        if shape == 1 { return -log(1 - random.uniform()) }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal(&random)
            let t = 1 + c * x
            guard t > 0 else { continue }
            let v = t * t * t
            let u = 1 - random.uniform()
            let square = x * x
            if u < 1 - 0.0331 * square * square { return d * v }
            if log(u) < 0.5 * square + d * (1 - v + log(v)) { return d * v }
        }
    }
}
