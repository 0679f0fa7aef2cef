import Foundation

/// Signs of a periodic structure in a Fourier ring correlation.
///
/// The spectrum of a periodic structure has peaks at the harmonics of its period and little between them, so that the
/// curve may fall below the level between two of them and rise again: the number then tells the gap and not the
/// resolution.
public struct PeriodicSigns: Sendable, Equatable, Codable {
    /// The lengths whose frequencies stand out of the spectrum, the longest first.
    public var peaks_nm: [Double]
    /// The shortest length at which the curve is clearly above the level again after it fell below; nil if nowhere.
    public var revival_nm: Double?

    /// What a reader of the number should know; nil where there is no sign.
    public var warning: String? {
        var parts: [String] = []
        if !peaks_nm.isEmpty {
            let lengths = peaks_nm.prefix(3).map { String(format: "%.0f", $0) }.joined(separator: ", ")
            parts.append("the spectrum has peaks at \(lengths) nm, as a periodic structure makes them")
        }
        if let revival_nm {
            parts.append(String(format: "the curve rises above the level again at %.0f nm", revival_nm))
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ") + ": do not trust the resolution alone"
    }

    /// No sign.
    init() { peaks_nm = [] }

    init(
        _ sums: RingSums, smoothed: [Double], crossing: Double?, level: (Int) -> Double, tiling: RingTiling,
        smoothing: RingSmoothing
    ) {
        let rings = tiling.rings
        let step = tiling.frequencyStep
        func pixels(_ ring: Int) -> Double { 2 * Double.pi * Double(max(1, ring)) * tiling.independentShare }
        func noise(_ ring: Int) -> Double {
            countingDeviation(smoothed[ring], pixels: pixels(ring)) * smoothing.variance.squareRoot()
        }
        revival_nm = crossing.flatMap { crossing in
            let start = Int(crossing) + max(3, smoothing.weights.count)
            guard start < rings - 1 else { return nil }
            return (start..<rings - 1).last { smoothed[$0] > level($0) + max(0.05, 5 * noise($0)) }
                .map { 1 / (Double($0) * step) }
        }
        // Peaks of the structure's power over its neighbourhood, where there is signal at all.
        var power = [Double](repeating: 0, count: rings)
        for ring in 0..<rings where sums.pixels[ring] > 0 { power[ring] = sums.sharpened[ring] / sums.pixels[ring] }
        let smoothPower = smoothing(power)
        var found: [Double] = []
        let end = min(rings - 1, Int((crossing ?? Double(rings)) * 1.5))
        for ring in stride(from: 12, to: end, by: 1) {
            let reach = max(2, Int(0.08 * Double(ring)))
            guard ring + reach < rings, smoothed[ring] > 4 * noise(ring),
                smoothPower[ring] == smoothPower[ring - reach...ring + reach].max()
            else { continue }
            // The neighbourhood on both sides; the power falls, so that their geometric mean is the ground.
            func mean(_ low: Double, _ high: Double) -> Double? {
                let first = Int(low * Double(ring))
                guard first < rings else { return nil }
                let range = first...min(rings - 1, max(first, Int(high * Double(ring))))
                return range.reduce(0) { $0 + power[$1] } / Double(range.count)
            }
            guard let left = mean(0.75, 0.88), let right = mean(1.12, 1.25), left > 0, right > 0 else { continue }
            let rise = smoothPower[ring] / max((left * right).squareRoot(), 0.5 * (left + right))
            // Speckle: the power of a ring scatters by the root of its independent values.
            let scatter = (2 / pixels(ring)).squareRoot() * smoothing.variance.squareRoot()
            if rise > 1.4, rise - 1 > 6 * scatter { found.append(1 / (Double(ring) * step)) }
        }
        peaks_nm = found
    }
}
