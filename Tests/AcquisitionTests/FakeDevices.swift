import Acquisition
import Dispatch
import Foundation
import Imaging
import Instruments
import Optics
import Synchronization
import Work

/// A stage whose answers are laid down by the test.
final class FakeStage: Stage {
    struct State {
        var position = Point(x_um: 0, y_um: 0)
        var moves: [Point] = []
        var answers: [MotionState] = []
        var always: MotionState = .moved
        var miss_um = 0.0
    }
    let name = "stage"
    let travel = Rectangle(width_um: 2000, height_um: 2000)
    let inner = Mutex(State())

    func startMove(x_um: Double, y_um: Double) throws {
        inner.withLock {
            $0.moves.append(Point(x_um: x_um, y_um: y_um))
            $0.position = Point(x_um: x_um + $0.miss_um, y_um: y_um)
        }
    }
    func state() -> MotionState {
        inner.withLock { $0.answers.isEmpty ? $0.always : $0.answers.removeFirst() }
    }
    func position() throws -> Point { inner.withLock { $0.position } }
    func stop() {}
    func close() {}
}

/// A light source that remembers what was done to it.
final class FakeLight: LightSource {
    struct State {
        var power_mw = 0.0
        var timesOn = 0
        var staysOn = false
    }
    let name: String
    let wavelength_nm = 640.0
    let maximum_mw = 200.0
    let inner = Mutex(State())

    init(_ name: String) { self.name = name }

    func on(power_mw: Double) throws {
        inner.withLock {
            $0.power_mw = power_mw
            $0.timesOn += 1
        }
    }
    func off() { inner.withLock { if !$0.staysOn { $0.power_mw = 0 } } }
    var isOn: Bool? { inner.withLock { $0.power_mw > 0 } }
    func power_mw() throws -> Double { inner.withLock { $0.power_mw } }
    func close() { off() }
}

/// A camera of 32 x 24 pixels whose frames hold their own number, and that can stall or lose a frame.
final class FakeCamera: Camera {
    struct State {
        var exposure_ms = 10.0
        var gain = 1.0
        var frames = 0
        var next = 0
        var stallsAt: Int?
        var hangs_ms = 0.0
        var losesAt: Int?
        var stops = 0
        var lightDuringFrames: [Bool] = []
    }
    let name = "camera"
    let sensor = (width: 32, height: 24)
    let pixel_nm = 100.0
    let inner = Mutex(State())
    let light: FakeLight

    init(watching light: FakeLight) { self.light = light }

    func region() throws -> Region { Region(column: 0, row: 0, width: 32, height: 24) }
    func setRegion(_ region: Region) throws {}
    func exposure_ms() throws -> Double { inner.withLock { $0.exposure_ms } }
    func setExposure(_ exposure_ms: Double) throws { inner.withLock { $0.exposure_ms = exposure_ms } }
    func emGain() throws -> Double { inner.withLock { $0.gain } }
    func setEMGain(_ gain: Double) throws { inner.withLock { $0.gain = gain } }
    func snap() throws -> Frame { frame(0) }
    func startSequence(frames: Int) throws {
        inner.withLock {
            $0.frames = frames
            $0.next = 0
        }
    }
    func nextFrame(timeout_ms: Double) throws -> Frame? {
        let (index, end, stalls, hangs, loses) = inner.withLock { state in
            defer { state.next += 1 }
            return (state.next, state.frames, state.stallsAt, state.hangs_ms, state.losesAt)
        }
        guard index < end else { return nil }
        if index == stalls {
            if hangs > 0 {
                Thread.sleep(forTimeInterval: hangs / 1000)
            } else {
                throw Failure("camera: no frame", code: "timeout")
            }
        }
        return frame(loses.map { index >= $0 ? index + 1 : index } ?? index)
    }
    func stopSequence() { inner.withLock { $0.stops += 1 } }
    func close() {}

    private func frame(_ index: Int) -> Frame {
        let isOn = light.isOn == true
        inner.withLock { $0.lightDuringFrames.append(isOn) }
        return Frame(
            counts: Plane(width: 32, height: 24, filledWith: UInt16(index)), index: index,
            time_ms: Double(index) * 10)
    }
}

/// Frames in memory; can be slow or fail like a full disk.
final class MemorySink: FrameSink, Sendable {
    struct State {
        var frames: [UInt16] = []
        var isFinished = false
    }
    let inner = Mutex(State())
    let delay_ms: Double
    let failsAt: Int?

    init(delay_ms: Double = 0, failsAt: Int? = nil) {
        self.delay_ms = delay_ms
        self.failsAt = failsAt
    }
    func append(_ frame: HeldFrame) throws {
        if frame.number == failsAt { throw Failure("cannot write movie: No space left on device", code: "disk-full") }
        if delay_ms > 0 { Thread.sleep(forTimeInterval: delay_ms / 1000) }
        inner.withLock { $0.frames.append(frame.withCounts { $0[0] }) }
    }
    func finish(gaps: [FrameGap]) throws { inner.withLock { $0.isFinished = true } }
}

/// A microscope of fakes.
struct FakeMicroscope {
    let stage = FakeStage()
    let light = FakeLight("647")
    let camera: FakeCamera
    let microscope: Microscope
    let channel = Channel(name: "dSTORM", light: "647", power_mw: 80, exposure_ms: 10)

    init() {
        camera = FakeCamera(watching: light)
        microscope = Microscope(
            name: "fake", stage: stage, focus: nil, camera: camera, lights: [light], wheels: [], channels: [channel])
    }
}
