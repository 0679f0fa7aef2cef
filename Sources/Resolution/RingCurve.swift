import Foundation

/// Smooths curves over rings by local parabolas with tricube weights (loess: Cleveland, J. Am. Stat. Assoc. 74, 1979).
/// Curves are even functions of the frequency, so that they go on as mirror images beyond ring 0.
struct RingSmoothing: Sendable {
    /// The weights from the centre to the side.
    let weights: [Double]

    /// No spectrum has as many rings.
    private static let widest = 20_000.0

    /// - Parameter span: the width of the window in rings, at least 5; 0 for none.
    init(span: Double) {
        guard span > 0 else {
            weights = [1]
            return
        }
        let half = max(3, min(span, Self.widest) / 2)
        let tricube = (0..<Int(half.rounded(.up))).map { pow(1 - pow(Double($0) / half, 3), 3) }
        func moment(_ power: Int) -> Double {
            tricube.indices.reduce(0) { $0 + ($1 == 0 ? 1 : 2) * tricube[$1] * pow(Double($1), Double(power)) }
        }
        let (s0, s2, s4) = (moment(0), moment(2), moment(4))
        weights = tricube.indices.map { tricube[$0] * (s4 - s2 * Double($0 * $0)) / (s0 * s4 - s2 * s2) }
    }

    /// The first ring that the spectrum of the field itself does not reach.
    var firstRing: Int { 3 + weights.count }

    /// The variance of a smoothed value in units of that of one ring.
    var variance: Double { weights.indices.reduce(0) { $0 + ($1 == 0 ? 1 : 2) * weights[$1] * weights[$1] } }

    func callAsFunction(_ curve: [Double]) -> [Double] {
        guard weights.count > 1, curve.count > weights.count else { return curve }
        let last = curve.count - 1
        func at(_ ring: Int) -> Double { curve[ring < 0 ? -ring : ring > last ? 2 * last - ring : ring] }
        return curve.indices.map { centre in
            weights.indices.dropFirst().reduce(weights[0] * curve[centre]) {
                $0 + weights[$1] * (at(centre - $1) + at(centre + $1))
            }
        }
    }
}

/// The fractional ring at which the curve first falls below a level after having been above it. Nil if it never
/// does, or if it does within the first rings, which show the shape of the field. Rings with so few pixels that the
/// level is above 1/2 are not read.
/// - Parameter first: the first ring that tells of the structure.
func fallingCrossing(_ curve: [Double], first: Int, _ level: (Int) -> Double) -> Double? {
    guard curve.count > 2 else { return nil }
    for ring in 1..<curve.count - 1 where level(ring) <= 0.5 {
        let (above, below) = (curve[ring] - level(ring), curve[ring + 1] - level(ring + 1))
        if above >= 0, below < 0 {
            let place = Double(ring) + above / (above - below)
            return place < Double(first) ? nil : place
        }
    }
    return nil
}

/// The smoothing of a curve and the fractional ring at which it falls below a level: over the span of the settings, or
/// 0.002 / nm, which is halved as long as it exceeds a third of the frequency that is read or nothing is read.
/// - Parameter step: the distance of rings in 1/nm.
func smoothedCrossing(
    _ curve: [Double], step: Double, _ settings: RingCorrelationSettings, _ level: (Int) -> Double
) -> (smoothing: RingSmoothing, crossing: Double?) {
    func read(_ span: Double) -> (smoothing: RingSmoothing, crossing: Double?) {
        let smoothing = RingSmoothing(span: span / step)
        return (smoothing, fallingCrossing(smoothing(curve), first: smoothing.firstRing, level))
    }
    if let span = settings.smoothing_per_nm { return read(span) }
    if settings.estimator == .stormAnalysis { return read(0) }
    var span = 0.002
    var found = read(span)
    while span / step > 6, found.crossing.map({ 3 * span > $0 * step }) ?? true {
        span /= 2
        found = read(span)
    }
    return found
}

/// The standard deviation of a ring's correlation from its number of pixels, mirror images counted (Nieuwenhuizen et
/// al. 2013).
func countingDeviation(_ value: Double, pixels: Double) -> Double {
    let value = max(0, min(0.99, value))
    return ((1 + 2 * value - value * value) * (1 - value) * (1 - value) / max(1, pixels)).squareRoot()
}
