import Imaging
import Optics
import Work

/// What stands for the stage of a microscope that has none: every request is refused.
final class MissingStage: Stage {
    let name = "stage"
    let travel = Rectangle(width_um: 0, height_um: 0)
    private let failure: Failure

    init(microscope: String) { failure = missing("stage", of: microscope) }

    func startMove(x_um: Double, y_um: Double) throws { throw failure }
    func state() -> MotionState { .unknown }
    func position() throws -> Point { throw failure }
    func stop() {}
    func close() {}
}

/// What stands for the camera of a microscope that has none: every request is refused.
final class MissingCamera: Camera {
    let name = "camera"
    let sensor = (width: 0, height: 0)
    private let failure: Failure

    init(microscope: String) { failure = missing("camera", of: microscope) }

    func region() throws -> Region { throw failure }
    func setRegion(_ region: Region) throws { throw failure }
    func exposure_ms() throws -> Double { throw failure }
    func setExposure(_ exposure_ms: Double) throws { throw failure }
    func emGain() throws -> Double { throw failure }
    func setEMGain(_ gain: Double) throws { throw failure }
    func snap() throws -> Frame { throw failure }
    func startSequence(frames: Int) throws { throw failure }
    func nextFrame(timeout_ms: Double) throws -> Frame? { throw failure }
    func stopSequence() {}
    func close() {}
}

private func missing(_ role: String, of microscope: String) -> Failure {
    Failure(
        "the microscope '\(microscope)' has no \(role)", remedy: "add it to the microscope's file",
        code: "device-missing")
}
