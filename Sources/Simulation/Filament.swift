import Foundation
import Randomness

/// A smooth curve through the specimen: a worm-like chain.
struct Filament: Sendable {
    /// Points at equal distances `step_um`.
    let points: [SIMD2<Double>]
    let step_um: Double

    /// A chain whose direction diffuses so that it is forgotten over the persistence length.
    init(
        start: SIMD2<Double>, direction: Double, length_um: Double, persistence_um: Double, step_um: Double = 0.1,
        random: inout RandomSource
    ) {
        self.step_um = step_um
        var points = [start]
        var place = start
        var heading = direction
        // The curvature follows an Ornstein-Uhlenbeck process over 2 um, so that the line has no kinks.
        let memory = exp(-step_um / 2)
        let strength = (1 / persistence_um).squareRoot() / 2
        var curvature = random.normal(deviation: strength)
        for _ in 0..<max(1, Int(length_um / step_um)) {
            heading += curvature * step_um
            curvature = curvature * memory + random.normal(deviation: strength * (1 - memory * memory).squareRoot())
            place += SIMD2(cos(heading), sin(heading)) * step_um
            points.append(place)
        }
        self.points = points
    }

    /// The length in um.
    var length_um: Double { Double(points.count - 1) * step_um }

    /// The point at an arc length and the unit vector along the curve there.
    func place(at length_um: Double) -> (point: SIMD2<Double>, tangent: SIMD2<Double>) {
        let position = min(max(0, length_um / step_um), Double(points.count - 1) - 1e-9)
        let index = Int(position)
        let along = points[index + 1] - points[index]
        return (points[index] + along * (position - Double(index)), along / step_um)
    }

    /// Labelled sites on a tube around the curve, seen from the side, about `spacing_um` apart before labelling.
    func sites(
        spacing_um: Double, labelling: Double, radius_um: Double, id: UInt64, random: inout RandomSource
    ) -> [Emitter] {
        let count = random.poisson(mean: length_um / spacing_um * labelling)
        return (0..<count).map { index in
            let (point, tangent) = place(at: random.uniform() * length_um)
            let offset = radius_um * cos(random.uniform(in: 0...2 * Double.pi))
            return Emitter(
                x_um: point.x - tangent.y * offset, y_um: point.y + tangent.x * offset, id: id &+ UInt64(index))
        }
    }
}
