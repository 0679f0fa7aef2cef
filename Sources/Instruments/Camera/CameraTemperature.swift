import Dispatch
import Foundation
import Work

/// The temperature of a camera's sensor and what its cooler does.
public struct CameraTemperature: Sendable, Equatable {
    /// What the cooler does.
    public enum State: String, Sendable {
        /// It is off.
        case off
        /// It is on its way to the set point.
        case cooling
        /// The sensor has the set point and keeps it.
        case stabilised
        /// The sensor had the set point and has lost it.
        case drifting
        /// It has been switched off and the sensor warms up.
        case warming
        /// The camera tells a fault.
        case fault
    }

    /// What the sensor has in °C; nil where the camera does not say.
    public var celsius: Double?
    /// The set point in °C; nil where none is set.
    public var target_C: Double?
    /// What the cooler does.
    public var state: State

    /// A temperature from its parts.
    public init(celsius: Double?, target_C: Double?, state: State) {
        self.celsius = celsius
        self.target_C = target_C
        self.state = state
    }

    /// As a person reads it.
    public var text: String {
        let now = celsius.map { String(format: "%.1f °C, ", $0) } ?? ""
        return now + state.rawValue + (state == .off ? "" : target_C.map { " (set to \(plain($0)) °C)" } ?? "")
    }

    /// Whether the sensor is stabilised and not warmer than a temperature; a degree more is let pass.
    public func isCold(_ require_C: Double) -> Bool {
        state == .stabilised && celsius.map { $0 <= require_C + 1 } == true
    }
}

extension Camera {
    /// Waits until the sensor is stabilised and not warmer than a temperature. Asks every half second.
    /// - Parameters:
    ///   - require_C: the temperature; that of the set point unless given.
    ///   - limit_s: how long it may take.
    /// - Throws: `Failure` with code `no-cooler` where the camera tells no temperature, `camera-warm` where the cooler is
    ///   off, set to a warmer temperature, faulty, or late; `Interrupted`.
    public func waitUntilCold(_ require_C: Double? = nil, limit_s: Double = 1200) throws {
        let end = DispatchTime.now() + limit_s
        var progress: Work.Progress?
        defer { progress?.finish() }
        while true {
            try Interruption.check()
            guard let now = try temperature() else {
                throw Failure(
                    "\(name) tells no temperature", remedy: "take require_C away", code: "no-cooler")
            }
            guard let wanted = require_C ?? now.target_C else {
                throw Failure("\(name) is not cooled", remedy: "set cooling_C", code: "camera-warm")
            }
            if now.isCold(wanted) { return }
            func warm(_ why: String, _ remedy: String) -> Failure {
                Failure(
                    "the sensor of \(name) is not at \(plain(wanted)) °C: \(now.text)\(why)", remedy: remedy,
                    code: "camera-warm")
            }
            switch now.state {
            case .off, .warming: throw warm("", "set cooling_C to \(plain(wanted)) or less")
            case .fault: throw warm("", "check the camera's cooling, its fan and its water")
            case .cooling, .drifting, .stabilised: break
            }
            if let target = now.target_C, target > wanted + 1 {
                throw warm("", "set cooling_C to \(plain(wanted)) or less")
            }
            guard DispatchTime.now() < end else {
                throw warm(" after \(Int(limit_s)) s", "check the camera's cooling, its fan and its water")
            }
            if progress == nil { progress = Work.Progress("cooling \(name)", total: 0, unit: "questions") }
            progress?.advance(note: now.text)
            Thread.sleep(forTimeInterval: 0.5)
        }
    }
}
