import Dispatch
import Foundation
import Imaging
import Instruments
import Work

/// A sequence that runs.
struct AndorSequence: Sendable {
    /// Tells sequences apart.
    var number = 0
    /// How many frames it has, lost ones among them.
    var frames: Int
    /// The number of the last image that was read, from 1 as the library counts.
    var read = 0
    /// Images that were read and not handed out.
    var waiting: [Frame] = []
    var setup: AndorSetup
    var timings: AndorTimings
    var width: Int
    var height: Int
}

/// The memory that images are read into. A call that hangs may still write to it when nobody waits for it any longer.
private final class AndorBlock: @unchecked Sendable {  // written by the library's thread, then read by who waited for it
    let pixels: UnsafeMutableBufferPointer<UInt16>

    init(_ count: Int) { pixels = .allocate(capacity: count) }

    deinit { pixels.deallocate() }
}

extension AndorCamera {
    /// The most memory for images that are read at a time.
    private static let blockBytes = 32 << 20

    /// Takes one frame.
    public func snap() throws -> Frame {
        guard try open({ $0.sequence == nil }) else { throw refusedWhileBusy("frame") }
        try startSequence(frames: 1)
        defer { stopSequence() }
        let timings = try open { $0.timings }
        if try triggerMode() == .software { try trigger() }
        guard let frame = try nextFrame(timeout_ms: max(timings.exposure_ms, timings.cycle_ms) + 2500) else {
            throw Failure("\(name) ended its sequence before the first frame", code: "frames-lost")
        }
        return frame
    }

    /// Begins a sequence.
    public func startSequence(frames: Int) throws {
        try checkFrames(frames)
        let size = try frameSize()
        let isFree = try open { state in
            guard state.sequence == nil else { return false }
            state.sequence = AndorSequence(
                frames: frames, setup: state.setup, timings: state.timings, width: size.width, height: size.height)
            return true
        }
        guard isFree else { throw refusedWhileBusy("sequence") }
        do {
            let last = try open { $0.temperature }
            let hasCooler = model.temperature_C != nil
            let now = try library.run("StartAcquisition", on: handle, limit_s: 15) { calls in
                _ = calls.code(calls.sdk.abortAcquisition)
                // The camera is not to be asked while it takes frames.
                let now = hasCooler ? try Self.temperature(calls, target_C: last.target_C) : last
                try calls.check("FreeInternalMemory", calls.sdk.freeInternalMemory)
                try calls.check("StartAcquisition", calls.sdk.startAcquisition)
                return now
            }
            try open { $0.temperature = now }
        } catch {
            stopSequence()
            throw error
        }
    }

    /// The next frame of the running sequence that was not lost, or nil after the last one.
    /// - Throws: `Failure` with code `timeout` when none came in time, `overrun` when the camera gave up because nobody
    ///   read it, `device-gone` and `device-silent` when it does not answer.
    public func nextFrame(timeout_ms: Double) throws -> Frame? {
        let end = DispatchTime.now() + timeout_ms / 1000
        while true {
            let (frame, sequence) = try open { state -> (Frame?, AndorSequence?) in
                guard state.sequence?.waiting.isEmpty == false else { return (nil, state.sequence) }
                return (state.sequence?.waiting.removeLast(), nil)
            }
            if let frame { return frame }
            guard let sequence else { return nil }
            guard sequence.read < sequence.frames else {
                stopSequence()
                return nil
            }
            if try read(sequence) { continue }
            guard DispatchTime.now() < end else {
                throw Failure(
                    "\(name): no frame within \(Int(min(timeout_ms, 1e12))) ms",
                    remedy: "check the camera, its cable and its trigger", code: "timeout")
            }
            try Interruption.check()
            Thread.sleep(forTimeInterval: min(max(sequence.timings.cycle_ms / 4, 0.5), 10) / 1000)
        }
    }

    /// Reads the images that are there, as many as fit a block; whether there were any.
    private func read(_ sequence: AndorSequence) throws -> Bool {
        let pixels = sequence.width * sequence.height
        let most = max(1, Self.blockBytes / (2 * pixels))
        let (model, settings) = (model, settings)
        let frames = try library.run("GetImages16", on: handle) { calls -> [Frame] in
            guard let range = try Self.unread(calls, behind: sequence.read, frames: sequence.frames, most: most) else {
                return []
            }
            let block = AndorBlock(pixels * range.count)
            var (first, last): (Int32, Int32) = (0, 0)
            let code = calls.code {
                calls.sdk.getImages16(
                    Int32(range.lowerBound), Int32(range.upperBound), block.pixels.baseAddress!,
                    UInt32(pixels * range.count), &first, &last)
            }
            // What was written over meanwhile is asked for no more.
            if code == AndorCode.general || code == AndorCode.noNewData { return [] }
            guard code == AndorCode.success else { throw AndorCode.failure(code, "GetImages16") }
            let isMirrored = sequence.setup.isMirrored(model, settings)
            return (0..<range.count).map { place in
                let number = range.lowerBound + place
                let image = UnsafeMutableBufferPointer(rebasing: block.pixels[place * pixels..<(place + 1) * pixels])
                if isMirrored { mirror(image, width: sequence.width) }
                let stamp_ms = sequence.timings.hasStamps ? Self.stamp_ms(calls, of: number) : nil
                return Frame(
                    counts: Plane(width: sequence.width, height: sequence.height, samples: Array(image)),
                    index: number - 1, time_ms: stamp_ms ?? Double(number - 1) * sequence.timings.cycle_ms,
                    clock: stamp_ms == nil ? .cycle : .camera,
                    lostBefore: place == 0 ? number - sequence.read - 1 : 0)
            }
        }
        guard let last = frames.last else { return false }
        try open { state in
            guard state.sequence != nil else { return }
            state.sequence?.read = last.index + 1
            state.sequence?.waiting = frames.reversed()
        }
        return true
    }

    /// The images that can be read behind one, with the first and the last as the library counts; nil for none.
    /// - Throws: `Failure` when the acquisition has ended by itself.
    private static func unread(_ calls: AndorCalls, behind read: Int, frames: Int, most: Int) throws -> ClosedRange<
        Int
    >? {
        var (first, last): (Int32, Int32) = (0, 0)
        let code = calls.code { calls.sdk.getNumberNewImages(&first, &last) }
        if code == AndorCode.noNewData {
            let status = UInt32(bitPattern: try calls.number("GetStatus", calls.sdk.getStatus))
            guard status != AndorCode.acquiring else { return nil }
            guard status != AndorCode.idle else {
                throw Failure(
                    "the camera ended its sequence after \(read) of \(frames) frames",
                    remedy: "check the camera and its cable", code: "frames-lost")
            }
            throw AndorCode.failure(status, "the sequence")
        }
        guard code == AndorCode.success else { throw AndorCode.failure(code, "GetNumberNewImages") }
        let lower = max(Int(first), read + 1)
        let upper = min(Int(last), lower + most - 1, frames)
        guard lower <= frames else {
            throw Failure(
                "frames \(read + 1) to \(frames), the last ones, were lost",
                remedy: "read a smaller region, or expose longer", code: "frames-lost")
        }
        return lower <= upper ? lower...upper : nil
    }

    /// The camera's time of an image in ms since the sequence began; nil where it has none.
    private static func stamp_ms(_ calls: AndorCalls, of number: Int) -> Double? {
        guard let function = calls.sdk.getMetaDataInfo else { return nil }
        var start = [UInt8](repeating: 0, count: 32)
        var time: Float = 0
        let code = start.withUnsafeMutableBytes { bytes in
            calls.code { function(bytes.baseAddress!, &time, UInt32(number - 1)) }
        }
        return code == AndorCode.success ? Double(time) : nil
    }

    /// Ends a sequence; nothing happens when none runs. It waits for the camera no longer than 2 s.
    public func stopSequence() {
        let ran = state.withLock { state in
            defer { state.sequence = nil }
            return state.sequence != nil && !state.isClosed
        }
        guard ran else { return }
        _ = try? library.run("AbortAcquisition", on: handle, limit_s: 2) { calls in
            _ = calls.code(calls.sdk.abortAcquisition)
            return calls.code(calls.sdk.freeInternalMemory)
        }
    }
}

/// Turns rows around.
private func mirror(_ image: UnsafeMutableBufferPointer<UInt16>, width: Int) {
    for start in stride(from: 0, to: image.count, by: width) {
        var (left, right) = (start, start + width - 1)
        while left < right {
            image.swapAt(left, right)
            left += 1
            right -= 1
        }
    }
}
