import Foundation
import Imaging
import Instruments
import Randomness
import Synchronization
import Work

/// A camera whose frames are ready by the clock, whoever takes them: it has a buffer of its own for a few, and counts those
/// that nobody took in time. The frames are a few noisy ones over and over, each marked with its number.
final class PatternCamera: Camera {
    private struct State {
        var next = 0
        var frames = 0
        var start = 0.0
        var isRunning = false
        var lost = 0
        var latest_ms = 0.0
        var exposure_ms: Double
    }

    let name = "camera"
    let sensor: (width: Int, height: Int)
    let pixel_nm = 100.0
    private let period_ms: Double
    private let buffer: Int
    private let patterns: [[UInt16]]
    private let state: Mutex<State>

    init(width: Int, height: Int, perSecond rate: Double, buffer: Int = 16, seed: UInt64 = 1) {
        sensor = (width, height)
        period_ms = 1000 / rate
        self.buffer = buffer
        var random = RandomSource(seed: seed)
        patterns = (0..<8).map { _ in
            (0..<width * height).map { _ in UInt16(truncatingIfNeeded: 100 + random.next() % 400) }
        }
        state = Mutex(State(exposure_ms: 1000 / rate))
    }

    /// The frames that nobody took in time.
    var lost: Int { state.withLock { $0.lost } }
    /// The longest time from a frame's being ready to its being taken.
    var latest_ms: Double { state.withLock { $0.latest_ms } }

    func region() throws -> Region { Region(column: 0, row: 0, width: sensor.width, height: sensor.height) }
    func setRegion(_ region: Region) throws {
        guard region == (try self.region()) else { throw Failure("the camera has no regions", code: "region-range") }
    }
    func exposure_ms() throws -> Double { state.withLock { $0.exposure_ms } }
    func setExposure(_ exposure_ms: Double) throws { state.withLock { $0.exposure_ms = exposure_ms } }

    func startSequence(frames: Int) throws {
        state.withLock { state in
            state.next = 0
            state.frames = frames
            state.start = now_ms
            state.isRunning = true
        }
    }

    func stopSequence() { state.withLock { $0.isRunning = false } }
    func close() { stopSequence() }

    func nextFrame(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp? {
        let (next, ready_ms) = state.withLock { state -> (Int?, Double) in
            guard state.isRunning, state.next < state.frames else { return (nil, 0) }
            // What was ready longer ago than the buffer lasts is gone.
            let oldest = Int((now_ms - state.start) / period_ms) - buffer
            if oldest > state.next {
                state.lost += min(oldest, state.frames) - state.next
                state.next = min(oldest, state.frames - 1)
            }
            return (state.next, state.start + Double(state.next + 1) * period_ms)
        }
        guard let next else { return nil }
        let wait_ms = ready_ms - now_ms
        if wait_ms > 0 { Thread.sleep(forTimeInterval: wait_ms / 1000) }
        _ = counts.update(fromContentsOf: patterns[next % patterns.count])
        counts[0] = UInt16(truncatingIfNeeded: next)
        state.withLock { state in
            state.latest_ms = max(state.latest_ms, now_ms - ready_ms)
            state.next = next + 1
        }
        return FrameStamp(index: next, time_ms: Double(next) * period_ms)
    }

    func nextFrame(timeout_ms: Double) throws -> Frame? {
        var counts = [UInt16](repeating: 0, count: sensor.width * sensor.height)
        let stamp = try counts.withUnsafeMutableBufferPointer { try nextFrame(into: $0, timeout_ms: timeout_ms) }
        return stamp.map {
            Frame(
                counts: Plane(width: sensor.width, height: sensor.height, samples: counts), index: $0.index,
                time_ms: $0.time_ms)
        }
    }

    func snap() throws -> Frame {
        try startSequence(frames: 1)
        defer { stopSequence() }
        guard let frame = try nextFrame(timeout_ms: 1000) else { throw Failure("no frame", code: "timeout") }
        return frame
    }

    func cycle_ms() throws -> Double { period_ms }

    private var now_ms: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-6 }
}

/// A light that is nothing but a number.
final class PatternLight: LightSource {
    let name = "light"
    let wavelength_nm = 640.0
    let maximum_mw = 100.0
    private let power = Mutex(0.0)

    func on(power_mw: Double) throws { power.withLock { $0 = power_mw } }
    func off() { power.withLock { $0 = 0 } }
    var isOn: Bool? { power.withLock { $0 > 0 } }
    func power_mw() throws -> Double { power.withLock { $0 } }
    func close() { off() }
}
