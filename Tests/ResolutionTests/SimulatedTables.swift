import Foundation
import Localization
import Randomness

/// Tables with correlations that are known in closed form.
enum SimulatedTable {
    /// Molecules at random places, each localized a Poisson distributed number of times with normal error, each time in
    /// a frame of its own: the correlation is a phi / (1 + a phi) with phi = exp(-4 pi^2 sigma^2 q^2) and a localizations
    /// of a molecule in each half.
    static func molecules(
        _ count: Int, field_nm: Double, repeats: Double, sigma_nm: Double, seed: UInt64
    ) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var points = Points()
        for _ in 0..<count {
            let (x, y) = (random.uniform() * field_nm, random.uniform() * field_nm)
            points.add(molecule: (x, y), times: random.poisson(mean: repeats), sigma_nm: sigma_nm, &random)
        }
        return points.table
    }

    /// Straight lines of 3 um at random places in random directions with molecules at random along them.
    static func lines(
        _ count: Int, field_nm: Double, molecules_per_nm: Double, repeats: Double?, sigma_nm: Double, seed: UInt64,
        period_nm: Double? = nil, length_nm: Double = 3000
    ) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var points = Points()
        for _ in 0..<count {
            let angle = random.uniform() * 2 * Double.pi
            let (x, y) = (random.uniform() * field_nm, random.uniform() * field_nm)
            for _ in 0..<random.poisson(mean: molecules_per_nm * length_nm) {
                var along = (random.uniform() - 0.5) * length_nm
                if let period_nm { along = (along / period_nm).rounded() * period_nm }
                points.add(
                    molecule: (x + along * cos(angle), y + along * sin(angle)),
                    times: repeats.map { random.poisson(mean: $0) } ?? 1, sigma_nm: sigma_nm, &random)
            }
        }
        return points.table
    }

    private struct Points {
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        var emitter: [Double] = []
        var sigma: [Double] = []
        var molecules = 0

        mutating func add(
            molecule: (x: Double, y: Double), times: Int, sigma_nm: Double, _ random: inout RandomSource
        ) {
            for _ in 0..<times {
                frame.append(Int32(random.integer(below: 100_000)) + 1)
                x.append(molecule.x + random.normal(deviation: sigma_nm))
                y.append(molecule.y + random.normal(deviation: sigma_nm))
                emitter.append(Double(molecules))
                sigma.append(sigma_nm)
            }
            molecules += 1
        }

        var table: LocalizationTable {
            var table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
            table["emitter"] = emitter
            table["uncertainty_nm"] = sigma
            return table
        }
    }
}

/// The length at which a falling function of the frequency takes a value, by bisection.
func length_nm(of correlation: (Double) -> Double, at level: Double) -> Double {
    var (low, high) = (1e-4, 1.0)
    for _ in 0..<60 {
        let middle = (low * high).squareRoot()
        if correlation(middle) > level { low = middle } else { high = middle }
    }
    return 1 / low
}

/// exp(-4 pi^2 sigma^2 q^2): the power of the error of localization.
func blur(_ sigma_nm: Double, _ frequency: Double) -> Double {
    exp(-4 * Double.pi * Double.pi * sigma_nm * sigma_nm * frequency * frequency)
}
