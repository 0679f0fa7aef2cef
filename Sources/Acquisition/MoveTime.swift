import Foundation
import Instruments
import Optics

/// How long the stage takes from place to place, as far as the stage says how it moves.
public struct MoveTime: Sendable, Equatable {
    /// The greatest speed.
    public var speed_mm_per_s = 1.0
    /// The acceleration.
    public var acceleration_mm_per_s2 = 10.0
    /// How long it swings after a move.
    public var settling_ms = 100.0
    /// What the stage does not say and is assumed, in words; empty where it says all.
    public var assumed: [String] = []
    private let policy: MotionPolicy

    /// Asks a stage.
    public init(of stage: any Stage, policy: MotionPolicy = MotionPolicy()) {
        self.policy = policy
        func number(_ names: String...) -> Double? {
            for property in stage.properties where names.contains(property.name) {
                if case .number(let value) = try? property.value(), value >= 0, value.isFinite { return value }
            }
            return nil
        }
        if let speed = number("speed_mm_per_s"), speed > 0 {
            speed_mm_per_s = speed
        } else {
            assumed.append("a stage of 1 mm/s")
        }
        // A stage that tells its speed and not its acceleration reaches that speed in a tenth of a second.
        acceleration_mm_per_s2 = max(0.001, number("acceleration_mm_per_s2") ?? 10 * speed_mm_per_s)
        if let settling = number("settling_ms", "settle_ms") {
            settling_ms = settling
        } else {
            assumed.append("that settles in 100 ms")
        }
    }

    /// The time of one move in seconds, the approach from the side of the play included; as `Stage.move` goes.
    public func seconds(from start: Point, to end: Point) -> Double {
        func leg(_ a: Point, _ b: Point) -> Double {
            let distance = hypot(b.x_um - a.x_um, b.y_um - a.y_um)
            guard distance > 0 else { return 0 }
            let speed = speed_mm_per_s * 1000
            let acceleration = acceleration_mm_per_s2 * 1000
            let ramp = speed * speed / acceleration
            let moving =
                distance < ramp
                ? 2 * (distance / acceleration).squareRoot() : distance / speed + speed / acceleration
            return moving + settling_ms / 1000
        }
        let backX = end.x_um < start.x_um - 0.01
        let backY = end.y_um < start.y_um - 0.01
        guard policy.approach_um > 0, backX || backY else { return leg(start, end) }
        let turn = Point(
            x_um: backX ? end.x_um - policy.approach_um : end.x_um,
            y_um: backY ? end.y_um - policy.approach_um : end.y_um)
        return leg(start, turn) + leg(turn, end)
    }

    /// The time of the way through several places.
    public func seconds(through places: [Point], from start: Point) -> Double {
        zip([start] + places, places).reduce(0) { $0 + seconds(from: $1.0, to: $1.1) }
    }
}
