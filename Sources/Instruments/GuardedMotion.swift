import Dispatch
import Optics
import Synchronization
import Work

/// A stage within its travel: the one place where limits are enforced and arrival is decided, for the stages of all
/// drivers. It has arrived when the drive stands still and has said twice, one question after the other, that it is at
/// its target; it has settled `settle_ms` later.
public final class GuardedStage: Stage, DeviceWrapper {
    /// The reachable positions.
    public let travel: Rectangle
    private let drive: any StageDrive
    private let tolerance_um: Double
    private let arrival: Arrival<SIMD2<Double>>

    /// Puts a drive within limits.
    /// - Parameters:
    ///   - travel: where it may go.
    ///   - settle_ms: how long it swings after it has arrived.
    ///   - tolerance_um: how near to its target it counts as arrived.
    public init(
        _ drive: any StageDrive, travel: Rectangle, settle_ms: Double,
        tolerance_um: Double
    ) {
        self.drive = drive
        self.travel = travel
        self.tolerance_um = tolerance_um
        arrival = Arrival(settle_ms: settle_ms)
    }

    /// The drive.
    public var wrapped: any Device { drive }
    /// The name of the drive.
    public var name: String { drive.name }
    /// Those of every stage, and what is peculiar to the drive.
    public var properties: [DeviceProperty] { stageProperties.joined(by: drive.properties) }

    /// Starts a move and returns at once.
    /// - Throws: `Failure` with code `stage-range` outside the travel, or what the drive throws.
    public func startMove(x_um: Double, y_um: Double) throws {
        guard travel.x_um.contains(x_um), travel.y_um.contains(y_um) else {
            throw Failure(
                "\(name): (\(x_um), \(y_um)) um lies outside the travel",
                remedy: "x goes from \(travel.x_um.lowerBound) to \(travel.x_um.upperBound) um, "
                    + "y from \(travel.y_um.lowerBound) to \(travel.y_um.upperBound) um", code: "stage-range")
        }
        arrival.begin(SIMD2(x_um, y_um))
        do { try drive.startMove(x_um: x_um, y_um: y_um) } catch {
            arrival.forget()
            throw error
        }
    }

    /// Whether it has arrived and settled. A question that fails is `unknown`.
    public func state() -> MotionState {
        arrival.state(drive.state()) { target in
            guard let here = try? drive.position() else { return nil }
            let miss = SIMD2(here.x_um, here.y_um) - target
            return (miss * miss).sum() <= tolerance_um * tolerance_um
        }
    }

    /// Why its state is unknown.
    public var fault: Failure? { drive.fault }

    /// Where the stage says it is.
    public func position() throws -> Point { try drive.position() }

    /// Stops at once.
    public func stop() {
        arrival.forget()
        drive.stop()
    }

    /// Stops and gives the stage back.
    public func close() { drive.close() }
}

/// A focus drive within its travel; see `GuardedStage`.
public final class GuardedFocus: Focus, DeviceWrapper {
    /// The reachable positions.
    public let travel_um: ClosedRange<Double>
    private let drive: any FocusDrive
    private let tolerance_um: Double
    private let arrival: Arrival<Double>

    /// Puts a drive within limits; see `GuardedStage`.
    public init(_ drive: any FocusDrive, travel_um: ClosedRange<Double>, settle_ms: Double, tolerance_um: Double) {
        self.drive = drive
        self.travel_um = travel_um
        self.tolerance_um = tolerance_um
        arrival = Arrival(settle_ms: settle_ms)
    }

    /// The drive.
    public var wrapped: any Device { drive }
    /// The name of the drive.
    public var name: String { drive.name }
    /// Those of every focus drive, and what is peculiar to this one.
    public var properties: [DeviceProperty] { focusProperties.joined(by: drive.properties) }

    /// Starts a move and returns at once.
    /// - Throws: `Failure` with code `focus-range` outside the travel, or what the drive throws.
    public func startMove(z_um: Double) throws {
        guard travel_um.contains(z_um) else {
            throw Failure(
                "\(name): \(z_um) um lies outside the travel",
                remedy: "it goes from \(travel_um.lowerBound) to \(travel_um.upperBound) um", code: "focus-range")
        }
        arrival.begin(z_um)
        do { try drive.startMove(z_um: z_um) } catch {
            arrival.forget()
            throw error
        }
    }

    /// Whether it has arrived and settled. A question that fails is `unknown`.
    public func state() -> MotionState {
        arrival.state(drive.state()) { target in
            (try? drive.position()).map { abs($0 - target) <= tolerance_um }
        }
    }

    /// Why its state is unknown.
    public var fault: Failure? { drive.fault }

    /// Where the drive says it is.
    public func position() throws -> Double { try drive.position() }

    /// Stops at once.
    public func stop() {
        arrival.forget()
        drive.stop()
    }

    /// Stops and gives the drive back.
    public func close() { drive.close() }
}

/// What is known of a move: its target, and since when the drive has been seen there.
private final class Arrival<Place: Sendable>: Sendable {
    private struct Move {
        var number = 0
        var target: Place?
        var settled: DispatchTime?
    }

    private let settle_ms: Double
    private let move = Mutex(Move())

    init(settle_ms: Double) { self.settle_ms = settle_ms }

    func begin(_ target: Place) { move.withLock { $0 = Move(number: $0.number + 1, target: target) } }

    /// It stands where nobody has sent it.
    func forget() { move.withLock { $0 = Move(number: $0.number + 1) } }

    /// - Parameter isThere: whether the drive says that it is at a place; nil when it does not answer.
    func state(_ drive: MotionState, isThere: (Place) -> Bool?) -> MotionState {
        let (number, target, settled) = move.withLock { ($0.number, $0.target, $0.settled) }
        guard drive == .moved else {
            move.withLock { if $0.number == number { $0.settled = nil } }
            return drive
        }
        guard let target else { return .moved }
        if let settled { return .now() >= settled ? .moved : .moving }
        for _ in 0..<2 {
            guard let isThere = isThere(target) else { return .unknown }
            if !isThere { return .moving }
        }
        move.withLock { if $0.number == number { $0.settled = .now() + settle_ms / 1000 } }
        return settle_ms > 0 ? .moving : .moved
    }
}
