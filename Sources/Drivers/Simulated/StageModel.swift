import Foundation
import Optics

/// How a simulated axis system moves and errs.
public struct StageModel: Sendable, Equatable {
    /// Where it may go along x.
    public var x_um: ClosedRange<Double> = -10_000...10_000
    /// Where it may go along y.
    public var y_um: ClosedRange<Double> = -10_000...10_000
    /// Greatest speed in um a ms (mm/s).
    public var speed_mm_per_s = 4.0
    /// Acceleration in mm/s2.
    public var acceleration_mm_per_s2 = 30.0
    /// The time after the end of a move until the specimen stands still.
    public var settling_ms = 50.0
    /// The play of the screws: positions reached against the positive direction lie this much off.
    public var backlash_um = 0.4
    /// Standard deviation of the true position about the reported one.
    public var error_um = 0.05
    /// How far the specimen goes for 1 um that the stage is told to go; 0 for a specimen that does not follow.
    public var scale = 1.0

    init() {}

    /// The reachable positions.
    public var travel: Rectangle { Rectangle(x_um: x_um, y_um: y_um) }

    static let settings: [Setting<StageModel>] = [
        .range("x_um", \.x_um, "where it may go along x"), .range("y_um", \.y_um, "where it may go along y"),
        .number("speed_mm_per_s", \.speed_mm_per_s, 0.001...1000, "the greatest speed"),
        .number("acceleration_mm_per_s2", \.acceleration_mm_per_s2, 0.01...100_000, "the acceleration"),
        .number("settling_ms", \.settling_ms, 0...60_000, "how long it swings after a move"),
        .number("backlash_um", \.backlash_um, 0...100, "the play of its screws"),
        .number("error_um", \.error_um, 0...100, "how far it truly lies from where it says it is"),
        .number("scale", \.scale, 0...10, "how far it goes for each um that it is sent"),
    ]

    /// The time of a move over a distance with constant acceleration, greatest speed and constant deceleration.
    func duration_ms(distance_um: Double) -> Double {
        let speed = speed_mm_per_s  // um a ms
        let acceleration = acceleration_mm_per_s2 / 1000  // um a ms2
        let ramp = speed * speed / acceleration
        return distance_um < ramp
            ? 2 * (distance_um / acceleration).squareRoot() : distance_um / speed + speed / acceleration
    }

    /// The share of a distance that is covered a time after the start.
    func progress(distance_um: Double, elapsed_ms: Double) -> Double {
        guard distance_um > 0 else { return 1 }
        let total = duration_ms(distance_um: distance_um)
        guard elapsed_ms < total else { return 1 }
        let acceleration = acceleration_mm_per_s2 / 1000
        let ramp = min(speed_mm_per_s / acceleration, total / 2)
        let elapsed = max(0, elapsed_ms)
        let covered: Double
        if elapsed < ramp {
            covered = acceleration * elapsed * elapsed / 2
        } else if elapsed < total - ramp {
            covered = acceleration * ramp * (elapsed - ramp / 2)
        } else {
            covered = distance_um - acceleration * (total - elapsed) * (total - elapsed) / 2
        }
        return covered / distance_um
    }
}

/// One move of a simulated stage: where the specimen is at any time.
struct StageMove: Sendable {
    var start_ms: Double
    var from: SIMD2<Double>
    /// Where the stage was told to go.
    var target: SIMD2<Double>
    /// Where the specimen comes to rest: the target with play and error.
    var rest: SIMD2<Double>
    var model: StageModel

    var distance: Double { length(rest - from) }
    var arrival_ms: Double { start_ms + model.duration_ms(distance_um: distance) }
    var settled_ms: Double { arrival_ms + (distance > 0 ? model.settling_ms : 0) }

    /// The true position: the motion, then a damped swing of 1 um about the place of rest while the stage settles.
    func position(at time_ms: Double) -> SIMD2<Double> {
        if time_ms < arrival_ms {
            let share = model.progress(distance_um: distance, elapsed_ms: time_ms - start_ms)
            return from + (rest - from) * share
        }
        guard time_ms < settled_ms, distance > 0 else { return rest }
        let elapsed = (time_ms - arrival_ms) / model.settling_ms
        let swing = min(1, distance / 20) * exp(-5 * elapsed) * sin(12 * elapsed)
        return rest + (rest - from) / distance * swing
    }

    private func length(_ vector: SIMD2<Double>) -> Double { (vector * vector).sum().squareRoot() }
}
