import Foundation
import Instruments

/// The cooler of a simulated camera: the sensor nears its set point as 1/e in 20 s.
struct SimulatedCooler: Sendable {
    /// What it can be set to.
    static let range_C = -100.0...20.0
    private static let ambient_C = 22.0
    private static let time_ms = 20_000.0

    private var start_ms: Double
    private var from_C = ambient_C
    private var target_C: Double?

    init(now_ms: Double) { start_ms = now_ms }

    /// When the sensor is within half a degree of where it goes.
    var settled_ms: Double { start_ms + Self.time_ms * log(max(1, abs(from_C - goal_C) / 0.5)) }

    private var goal_C: Double { target_C ?? Self.ambient_C }

    private func celsius(at now_ms: Double) -> Double {
        goal_C + (from_C - goal_C) * exp(-(now_ms - start_ms) / Self.time_ms)
    }

    /// Cools to a temperature; nil switches off.
    mutating func set(_ target_C: Double?, at now_ms: Double) {
        from_C = celsius(at: now_ms)
        start_ms = now_ms
        self.target_C = target_C
    }

    /// The temperature and the state.
    func temperature(at now_ms: Double) -> CameraTemperature {
        let isSettled = now_ms >= settled_ms
        let state: CameraTemperature.State =
            if target_C == nil { isSettled ? .off : .warming } else { isSettled ? .stabilised : .cooling }
        return CameraTemperature(celsius: celsius(at: now_ms), target_C: target_C, state: state)
    }
}
