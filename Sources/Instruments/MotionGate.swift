import Synchronization
import Work

/// Whether the devices of a microscope may move: shut by the emergency stop, opened when the script says so.
final class MotionGate: Sendable {
    private let isShut = Atomic(false)

    func shut() { isShut.store(true, ordering: .sequentiallyConsistent) }
    func open() { isShut.store(false, ordering: .sequentiallyConsistent) }
    var isOpen: Bool { !isShut.load(ordering: .sequentiallyConsistent) }

    /// Starts a move unless the gate is shut; where it was shut meanwhile, the move is stopped again.
    /// - Throws: `Failure` with code `stopped`; what `start` throws.
    func pass(_ name: String, start: () throws -> Void, stop: () -> Void) throws {
        guard isOpen else { throw Self.stopped(name) }
        try start()
        guard isOpen else {
            stop()
            throw Self.stopped(name)
        }
    }

    static func stopped(_ name: String) -> Failure {
        Failure(
            "\(name): the microscope was stopped", remedy: "look at it, then call scope:resume()", code: "stopped")
    }
}

/// A stage that the emergency stop of its microscope can hold.
final class StoppableStage: StageWrapper {
    let stage: any Stage
    private let gate: MotionGate

    init(_ stage: any Stage, _ gate: MotionGate) {
        self.stage = stage
        self.gate = gate
    }

    func startMove(x_um: Double, y_um: Double) throws {
        try gate.pass(name, start: { try stage.startMove(x_um: x_um, y_um: y_um) }, stop: stage.stop)
    }
}

/// A focus drive that the emergency stop of its microscope can hold.
final class StoppableFocus: FocusWrapper {
    let focus: any Focus
    private let gate: MotionGate

    init(_ focus: any Focus, _ gate: MotionGate) {
        self.focus = focus
        self.gate = gate
    }

    func startMove(z_um: Double) throws {
        try gate.pass(name, start: { try focus.startMove(z_um: z_um) }, stop: focus.stop)
    }
}
