import Foundation
import Instruments
import Optics
import Randomness
import Synchronization
import Work

/// The stage of a simulated microscope, with finite speed, settling, play and error.
///
/// It says where it was told to go (as an encoder on the motor does); `SimulatedWorld.fieldCentre_um` tells the truth.
public final class SimulatedStage: Stage {
    private struct State {
        var isClosed = false
        var move: StageMove
        var moves = 0
        var random: RandomSource
    }

    /// `stage`.
    public let name = "stage"
    let world: SimulatedWorld
    private let inner: Mutex<State>

    init(_ world: SimulatedWorld) {
        self.world = world
        let home = StageMove(start_ms: 0, from: .zero, target: .zero, rest: .zero, model: world.settings.stage)
        inner = Mutex(State(move: home, random: RandomSource(seed: world.settings.seed ^ 0x5354_4147)))
    }

    /// The reachable positions.
    public var travel: Rectangle { world.settings.stage.travel }

    /// Starts a move and returns at once. A move that is under way is left from where the stage is.
    public func startMove(x_um: Double, y_um: Double) throws {
        guard travel.x_um.contains(x_um), travel.y_um.contains(y_um) else {
            throw Failure(
                "stage: (\(x_um), \(y_um)) um lies outside the travel",
                remedy: "x goes from \(travel.x_um.lowerBound) to \(travel.x_um.upperBound) um, "
                    + "y from \(travel.y_um.lowerBound) to \(travel.y_um.upperBound) um", code: "stage-range")
        }
        let model = world.settings.stage
        let now = world.clock.now_ms
        try inner.withLock { state in
            guard !state.isClosed else { throw Failure("the stage is closed", code: "closed") }
            state.moves += 1
            let from = state.move.position(at: now)
            let target = SIMD2(x_um, y_um)
            var rest = from
            for axis in 0..<2 where abs(target[axis] - state.move.target[axis]) > 1e-9 || now < state.move.settled_ms {
                // The reported position is right when the stage comes from below.
                let play = target[axis] < from[axis] ? model.backlash_um : 0
                rest[axis] = target[axis] * model.scale + play + state.random.normal(deviation: model.error_um)
            }
            state.move = StageMove(start_ms: now, from: from, target: target, rest: rest, model: model)
            world.note(.stage(state.move), at: now)
        }
    }

    /// Whether the stage has arrived and settled. In stopped time (scale 0) asking a moving stage lets it arrive.
    public func state() -> MotionState {
        let (isClosed, move, moves) = inner.withLock { ($0.isClosed, $0.move, $0.moves) }
        let faults = world.faults
        if isClosed || faults.silentMoves.contains(moves) { return .unknown }
        if faults.stuckMoves.contains(moves) { return .moving }
        if world.clock.now_ms >= move.settled_ms { return .moved }
        if world.clock.scale == 0 { world.clock.wait(until: move.settled_ms) }
        return .moving
    }

    /// Where the stage says it is.
    public func position() throws -> Point {
        let (isClosed, move, moves) = inner.withLock { ($0.isClosed, $0.move, $0.moves) }
        guard !isClosed else { throw Failure("the stage is closed", code: "closed") }
        let faults = world.faults
        guard !faults.silentMoves.contains(moves) else {
            throw Failure("the stage does not answer", remedy: "check its cable and its power", code: "no-answer")
        }
        let now = world.clock.now_ms
        if now >= move.arrival_ms, !faults.stuckMoves.contains(moves) {
            return Point(x_um: move.target.x, y_um: move.target.y)
        }
        let place = move.position(at: now)
        return Point(x_um: place.x, y_um: place.y)
    }

    /// Stops at once.
    public func stop() {
        let now = world.clock.now_ms
        inner.withLock { state in
            guard !state.isClosed, now < state.move.settled_ms else { return }
            let place = state.move.position(at: now)
            state.move = StageMove(
                start_ms: now, from: place, target: place, rest: place, model: world.settings.stage)
            world.note(.stage(state.move), at: now)
        }
    }

    /// Stops and gives the stage back.
    public func close() {
        stop()
        inner.withLock { $0.isClosed = true }
    }
}

/// The focus drive of a simulated microscope: 0 is in focus; it moves 0.5 um a ms and settles for 20 ms.
public final class SimulatedFocus: Focus {
    private struct State {
        var isClosed = false
        var z_um = 0.0
        var settled_ms = 0.0
    }

    /// `focus`.
    public let name = "focus"
    /// The reachable positions.
    public var travel_um: ClosedRange<Double> { world.settings.focus_um }
    private let world: SimulatedWorld
    private let inner = Mutex(State())

    init(_ world: SimulatedWorld) { self.world = world }

    /// Starts a move and returns at once.
    public func startMove(z_um: Double) throws {
        guard travel_um.contains(z_um) else {
            throw Failure(
                "focus: \(z_um) um lies outside the travel",
                remedy: "it goes from \(travel_um.lowerBound) to \(travel_um.upperBound) um", code: "focus-range")
        }
        let now = world.clock.now_ms
        try inner.withLock { state in
            guard !state.isClosed else { throw Failure("the focus drive is closed", code: "closed") }
            let arrival = now + abs(z_um - state.z_um) / 0.5
            state.z_um = z_um
            state.settled_ms = arrival + 20
            world.note(.focus(z_um: z_um), at: arrival)
        }
    }

    /// Whether the drive has arrived and settled. In stopped time asking a moving drive lets it arrive.
    public func state() -> MotionState {
        let (isClosed, settled) = inner.withLock { ($0.isClosed, $0.settled_ms) }
        if isClosed { return .unknown }
        if world.clock.now_ms >= settled { return .moved }
        if world.clock.scale == 0 { world.clock.wait(until: settled) }
        return .moving
    }

    /// Where the drive says it is.
    public func position() throws -> Double {
        try inner.withLock { state in
            guard !state.isClosed else { throw Failure("the focus drive is closed", code: "closed") }
            return state.z_um
        }
    }

    /// Does nothing: the short moves of a focus drive are not broken off.
    public func stop() {}

    /// Gives the drive back.
    public func close() { inner.withLock { $0.isClosed = true } }
}
