import Dispatch
import Foundation
import Instruments
import Optics
import Synchronization
import Work

/// A controller of axes that are sent to places. All of its stages and focus drives share its line.
protocol AxisController: AnyObject, Sendable {
    /// The name for messages.
    var name: String { get }
    /// Starts a move of one or several axes to places in um, and returns at once.
    /// - Throws: `Failure` with code `not-homed` where an axis does not know where it is; what the line throws.
    func start(_ targets: [AxisTarget]) throws
    /// Whether one of the axes moves.
    /// - Throws: `Failure` with code `limit-hit` or `axis-fault` where an axis stands because of a limit switch or a
    ///   fault; what the line throws.
    func isMoving(_ axes: [String]) throws -> Bool
    /// Where an axis is, in um.
    func position_um(_ axis: String) throws -> Double
    /// Halts everything that moves, at once and without waiting for what the line is doing. Cannot fail.
    func halt()
    /// How often `halt` was called.
    var haltCount: Int { get }
    /// How often something else has halted what moves: putting the line in order, where that takes a halt.
    var interruptionCount: Int { get }
    /// What is peculiar to axes of this controller.
    func properties(of axes: [String]) -> [DeviceProperty]
    /// Gives the line back where no other device stands on it.
    func close()
}

extension AxisController {
    var interruptionCount: Int { 0 }

    /// Drives home, 3 minutes at most; whatever goes wrong, everything is halted.
    /// - Parameter body: starts the drive and waits for its end by pauses of so many seconds.
    func homing(_ body: (_ pause: (Double) throws -> Void) throws -> Void) throws {
        let limit = DispatchTime.now() + .seconds(180)
        do {
            try body { seconds in
                Thread.sleep(forTimeInterval: seconds)
                try Interruption.check()
                guard DispatchTime.now() < limit else {
                    throw Failure(
                        "\(name) was not home after 180 s", remedy: "look for an obstacle", code: "motion-timeout")
                }
            }
        } catch {
            halt()
            throw error
        }
    }
}

/// Where an axis is to go.
struct AxisTarget: Sendable {
    var axis: String
    var place_um: Double
}

/// What a stage and a focus drive on a controller have in common: that a halt ends a move which is being started, and
/// that a controller which was restarted and calls the place where it stands zero is not believed.
final class AxisMotion: Sendable {
    private struct State {
        /// Where it was sent last, and whether it is still to go there.
        var target: [Double]?
        var isSent = false
        /// Whether it was seen on the way, and how often moves had been interrupted when it was sent.
        var wasMoving = false
        var interruptions = 0
        var last: [Double] = []
        var isLost = false
        var fault: Failure?
        var isClosed = false
    }

    private let name: String
    private let axes: [String]
    private let controller: any AxisController
    private let known = Mutex(State())

    init(_ name: String, _ axes: [String], _ controller: any AxisController) throws {
        self.name = name
        self.axes = axes
        self.controller = controller
        _ = try position()
    }

    func start(_ places: [Double]) throws {
        try check()
        let before = controller.haltCount
        known.withLock { ($0.target, $0.isSent, $0.wasMoving) = (places, true, false) }
        do { try controller.start(zip(axes, places).map { AxisTarget(axis: $0, place_um: $1) }) } catch {
            known.withLock { $0.isSent = false }
            throw error
        }
        known.withLock { $0.interruptions = controller.interruptionCount }
        guard controller.haltCount == before else {
            // The halt may have come before the last of the commands.
            stop()
            throw Failure("\(name) was halted while it started to move", code: "halted")
        }
    }

    func state() -> MotionState {
        do {
            try check()
            if try controller.isMoving(axes) {
                known.withLock { ($0.wasMoving, $0.fault) = (true, nil) }
                return .moving
            }
            try checkInterruption()
            known.withLock { $0.fault = nil }
            return .moved
        } catch {
            known.withLock { $0.fault = error as? Failure }
            return .unknown
        }
    }

    var properties: [DeviceProperty] { controller.properties(of: axes) }

    /// Why the last state was unknown.
    var fault: Failure? { known.withLock { $0.fault } }

    func position() throws -> [Double] {
        do {
            if known.withLock({ $0.isClosed }) { throw closed }
            let places = try axes.map { try controller.position_um($0) }
            func isZero(_ places: [Double]) -> Bool { places.allSatisfy { abs($0) < 0.05 } }
            let hasJumped = known.withLock { state in
                isZero(places) && !isZero(state.target ?? [1])
                    && (state.last.contains { abs($0) > 2 } || state.isSent && state.wasMoving)
            }
            if hasJumped, try !controller.isMoving(axes) { known.withLock { $0.isLost = true } }
            known.withLock { $0.last = places }
            try check()
            return places
        } catch {
            known.withLock { $0.fault = error as? Failure }
            throw error
        }
    }

    func stop() {
        known.withLock { ($0.isSent, $0.wasMoving) = (false, false) }
        if !known.withLock({ $0.isClosed }) { controller.halt() }
    }

    func close() {
        let wasClosed = known.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        if wasClosed { return }
        controller.halt()
        controller.close()
    }

    /// It stands still on its way because the line had to be put in order.
    private func checkInterruption() throws {
        let count = controller.interruptionCount
        let target = known.withLock { $0.isSent && $0.interruptions != count ? $0.target : nil }
        guard let target, zip(try position(), target).contains(where: { abs($0 - $1) > 0.5 }) else { return }
        throw Failure(
            "\(name) was stopped on its way because the line to \(controller.name) was disturbed",
            remedy: "check the cable, then move again", code: "motion-interrupted")
    }

    private var closed: Failure { Failure("\(name) is closed", code: "closed") }

    private func check() throws {
        let (isClosed, isLost) = known.withLock { ($0.isClosed, $0.isLost) }
        if isClosed { throw closed }
        guard !isLost else {
            throw Failure(
                "\(name): its controller was restarted or its zero was moved, so where it stands is not known",
                remedy: "bring it back to its zero, then open the microscope again", code: "position-lost")
        }
    }
}

/// A stage on a controller.
final class AxisStage: StageDrive {
    let name: String
    private let motion: AxisMotion

    init(_ name: String, x: String, y: String, on controller: any AxisController) throws {
        self.name = name
        motion = try AxisMotion(name, [x, y], controller)
    }

    var properties: [DeviceProperty] { stageProperties + motion.properties }
    func startMove(x_um: Double, y_um: Double) throws { try motion.start([x_um, y_um]) }
    func state() -> MotionState { motion.state() }
    var fault: Failure? { motion.fault }
    func position() throws -> Point {
        let places = try motion.position()
        return Point(x_um: places[0], y_um: places[1])
    }
    func stop() { motion.stop() }
    func close() { motion.close() }
}

/// A focus drive on a controller.
final class AxisFocus: FocusDrive {
    let name: String
    private let motion: AxisMotion

    init(_ name: String, z: String, on controller: any AxisController) throws {
        self.name = name
        motion = try AxisMotion(name, [z], controller)
    }

    var properties: [DeviceProperty] { focusProperties + motion.properties }
    func startMove(z_um: Double) throws { try motion.start([z_um]) }
    func state() -> MotionState { motion.state() }
    var fault: Failure? { motion.fault }
    func position() throws -> Double { try motion.position()[0] }
    func stop() { motion.stop() }
    func close() { motion.close() }
}
