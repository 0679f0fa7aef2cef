import Foundation
import Instruments
import Optics
import Work

/// How the stage is moved: time limit, retries, and the side from which a position is approached.
public struct MotionPolicy: Sendable, Codable, Equatable {
    /// The time that one move may take, settling included.
    public var timeout_ms: Double
    /// The time between two questions for the state.
    public var interval_ms: Double
    /// How far a move that would end against the positive direction goes beyond its target and comes back, so that
    /// the play of the screw is always taken up on the same side. 0 for a stage without backlash.
    public var approach_um: Double
    /// How far the reported position may lie from the target.
    public var tolerance_um: Double
    /// How often a failed move is tried again.
    public var retries: Int

    /// A policy from its parts.
    public init(
        timeout_ms: Double = 10_000, interval_ms: Double = 2, approach_um: Double = 5, tolerance_um: Double = 1,
        retries: Int = 2
    ) {
        self.timeout_ms = timeout_ms
        self.interval_ms = interval_ms
        self.approach_um = approach_um
        self.tolerance_um = tolerance_um
        self.retries = retries
    }
}

extension Stage {
    /// Moves to a position and waits until the stage has settled there.
    ///
    /// A move that goes against the positive direction of an axis first passes its target by `approach_um`, so that
    /// every position is reached from the same side.
    /// - Returns: where the stage says it is.
    /// - Throws: `Failure` with code `motion-timeout` when a move takes too long, `motion-unknown` when the stage does
    ///   not say what it does (or the code of what it says), `stage-missed` when it ends elsewhere; each after the
    ///   retries. `halted`, which is not tried again. `Interrupted`.
    @discardableResult
    public func move(x_um: Double, y_um: Double, policy: MotionPolicy = MotionPolicy()) throws -> Point {
        guard travel.x_um.contains(x_um), travel.y_um.contains(y_um) else {
            throw Failure(
                "\(name): the position (\(tenths(x_um)), \(tenths(y_um))) um lies outside the travel",
                remedy: "the reachable range is x \(range(travel.x_um)), y \(range(travel.y_um)) um",
                code: "stage-range")
        }
        var attempt = 0
        while true {
            try Interruption.check()
            do {
                return try moveOnce(x_um: x_um, y_um: y_um, policy: policy)
            } catch let interrupted as Interrupted {
                stop()
                throw interrupted
            } catch {
                stop()
                attempt += 1
                if attempt > policy.retries || (error as? Failure)?.code == "halted" { throw error }
            }
        }
    }

    private func moveOnce(x_um: Double, y_um: Double, policy: MotionPolicy) throws -> Point {
        let now = try position()
        if policy.approach_um > 0 {
            // 10 nm: a stage that stands at its target need not come back to it.
            let backX = x_um < now.x_um - 0.01
            let backY = y_um < now.y_um - 0.01
            if backX || backY {
                let x = max(travel.left_um, backX ? x_um - policy.approach_um : x_um)
                let y = max(travel.top_um, backY ? y_um - policy.approach_um : y_um)
                try startMove(x_um: x, y_um: y)
                try wait(policy, of: self)
            }
        }
        try startMove(x_um: x_um, y_um: y_um)
        try wait(policy, of: self)
        let there = try position()
        let miss = hypot(there.x_um - x_um, there.y_um - y_um)
        guard miss <= policy.tolerance_um else {
            throw Failure(
                "\(name) ended \(tenths(miss)) um from its target (\(tenths(x_um)), \(tenths(y_um))) um",
                remedy: "look for an obstacle, or home the stage", code: "stage-missed")
        }
        return there
    }
}

extension Focus {
    /// Moves to a height and waits until the drive has settled.
    /// - Throws: as `Stage.move`, with the codes `motion-timeout`, `motion-unknown`, `focus-range`.
    public func move(z_um: Double, policy: MotionPolicy = MotionPolicy()) throws {
        guard travel_um.contains(z_um) else {
            throw Failure(
                "\(name): z = \(tenths(z_um)) um lies outside the travel",
                remedy: "the reachable range is \(range(travel_um)) um", code: "focus-range")
        }
        var attempt = 0
        while true {
            try Interruption.check()
            do {
                try startMove(z_um: z_um)
                return try wait(policy, of: self)
            } catch let interrupted as Interrupted {
                stop()
                throw interrupted
            } catch {
                stop()
                attempt += 1
                if attempt > policy.retries || (error as? Failure)?.code == "halted" { throw error }
            }
        }
    }
}

/// Waits until a device has arrived. `unknown` and the end of the time limit are faults.
private func wait(_ policy: MotionPolicy, of device: any MovingDevice) throws {
    let deadline = DispatchTime.now() + policy.timeout_ms / 1000
    while true {
        try Interruption.check()
        switch device.state() {
        case .moved:
            return
        case .unknown:
            if let fault = device.fault { throw fault }
            throw Failure(
                "\(device.name) does not say whether it moves", remedy: "check its cable and its controller",
                code: "motion-unknown")
        case .moving:
            guard DispatchTime.now() < deadline else {
                throw Failure(
                    "\(device.name) has not arrived after \(Int(policy.timeout_ms)) ms",
                    remedy: "look for an obstacle, or allow more time", code: "motion-timeout")
            }
            Thread.sleep(forTimeInterval: policy.interval_ms / 1000)
        }
    }
}

private func range(_ range: ClosedRange<Double>) -> String {
    "\(tenths(range.lowerBound)) to \(tenths(range.upperBound))"
}

/// A length with one decimal, for messages.
func tenths(_ value: Double) -> String { String(format: "%.1f", value) }
