import Dispatch
import Foundation
import Imaging
import Instruments
import Work

/// A sequence that runs.
struct DCAMSequence: Sendable {
    /// How many frames it has, lost ones among them.
    var frames: Int
    /// The frames of the ring that the library writes to.
    var ring: Int
    /// The frames that the library has delivered and that were read or lost.
    var read = 0
    /// The number of the next frame as the camera counts: what the camera itself lost is counted too.
    var next = 0
    /// The frame stamp of the first frame and its time.
    var first: (stamp: Int, time_ms: Double)?
    /// Frames that were read and not handed out, the last one first.
    var waiting: [Frame] = []
    var cycle_ms: Double
}

extension DCAMCamera {
    private static let blockBytes = 32 << 20
    private static let ringBytes = 1 << 29

    /// Takes one frame.
    public func snap() throws -> Frame {
        guard try open({ $0.sequence == nil }) else { throw refusedWhileBusy("frame") }
        try startSequence(frames: 1)
        defer { stopSequence() }
        let cycle_ms = try cycle_ms()
        if try triggerMode() == .software { try trigger() }
        guard let frame = try nextFrame(timeout_ms: cycle_ms + 2500) else {
            throw Failure("\(name) ended its sequence before the first frame", code: "frames-lost")
        }
        return frame
    }

    /// Begins a sequence. The ring holds what comes in two seconds.
    public func startSequence(frames: Int) throws {
        try checkFrames(frames)
        let size = try frameSize()
        let cycle_ms = try cycle_ms()
        let most = max(8, min(4096, Self.ringBytes / (2 * size.width * size.height)))
        let ring = min(most, max(16, Int(2000 / max(cycle_ms, 0.5))))
        let isFree = try open { state in
            guard state.sequence == nil else { return false }
            state.sequence = DCAMSequence(frames: frames, ring: ring, cycle_ms: cycle_ms)
            return true
        }
        guard isFree else { throw refusedWhileBusy("sequence") }
        let handle = handle
        do {
            try library.run("dcamcap_start", limit_s: 15) { calls in
                // What an earlier sequence has left that could not be ended.
                _ = calls.dcam.stop(handle)
                _ = calls.dcam.release(handle, 0)
                try calls.check("dcambuf_alloc(\(ring))") { calls.dcam.allocate(handle, Int32(ring)) }
                try calls.check("dcamcap_start") { calls.dcam.start(handle, -1) }
            }
        } catch {
            stopSequence()
            throw error
        }
    }

    /// The next frame of the running sequence that was not lost, or nil after the last one.
    /// - Throws: `Failure` with code `timeout` when none came in time, `device-gone` and `device-silent` when the camera
    ///   does not answer.
    public func nextFrame(timeout_ms: Double) throws -> Frame? {
        let end = DispatchTime.now() + timeout_ms / 1000
        while true {
            let (frame, sequence) = try open { state -> (Frame?, DCAMSequence?) in
                guard state.sequence?.waiting.isEmpty == false else { return (nil, state.sequence) }
                return (state.sequence?.waiting.removeLast(), nil)
            }
            if let frame { return frame }
            guard let sequence else { return nil }
            guard sequence.next < sequence.frames else {
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
            Thread.sleep(forTimeInterval: min(max(sequence.cycle_ms / 4, 0.5), 10) / 1000)
        }
    }

    /// Reads the frames that are there, as many as fit a block; whether there were any.
    private func read(_ sequence: DCAMSequence) throws -> Bool {
        let handle = handle
        let (updated, hasFrames) = try library.run("dcambuf_lockframe") { calls -> (DCAMSequence, Bool) in
            var sequence = sequence
            let frames = try Self.read(&sequence, calls, handle)
            sequence.waiting = frames.reversed()
            return (sequence, !frames.isEmpty)
        }
        try open { if $0.sequence != nil { $0.sequence = updated } }
        return hasFrames
    }

    /// How many frames the library has delivered.
    private static func delivered(_ calls: DCAMCalls, _ handle: UInt) throws -> Int {
        var info = CRecord(bytes: 16)
        try calls.check("dcamcap_transferinfo") { info.with { calls.dcam.transferInfo(handle, $0) } }
        return Int(info[12])
    }

    private static func read(_ sequence: inout DCAMSequence, _ calls: DCAMCalls, _ handle: UInt) throws -> [Frame] {
        let delivered = try delivered(calls, handle)
        if delivered == 0 || delivered == sequence.read {
            var status: Int32 = 0
            try calls.check("dcamcap_status") { calls.dcam.status(handle, &status) }
            guard status == 1 else {
                throw Failure(
                    "the camera ended its sequence after \(sequence.next) of \(sequence.frames) frames",
                    remedy: "check the camera and its cable", code: "frames-lost")
            }
            return []
        }
        var frames: [Frame] = []
        // The place that is written next holds the oldest frame.
        sequence.read = max(sequence.read, delivered - sequence.ring + 1)
        var bytes = 0
        while sequence.read < delivered, sequence.next < sequence.frames, bytes < blockBytes {
            let number = sequence.read
            var record = CRecord(bytes: 64)
            record[12] = Int32(number % sequence.ring)
            try calls.check("dcambuf_lockframe") { record.with { calls.dcam.lockFrame(handle, $0) } }
            let counts = try copy(record)
            sequence.read += 1
            // What was written over while it was copied is lost.
            guard try Self.delivered(calls, handle) - number < sequence.ring else { continue }
            bytes += 2 * counts.samples.count
            let (stamp, time_ms) = (
                Int(record[56]), Double(UInt32(bitPattern: record[48])) * 1000 + Double(record[52]) / 1000
            )
            if sequence.first == nil { sequence.first = (stamp - number, time_ms) }
            // A camera that stamps its frames also tells what never reached the library.
            let byStamp = sequence.first.map { stamp - $0.stamp } ?? number
            let index = max(byStamp, number, sequence.next)
            guard index < sequence.frames else {
                sequence.next = sequence.frames
                break
            }
            let isStamped = record[48] != 0 || record[52] != 0
            let start_ms = sequence.first.map { time_ms - $0.time_ms } ?? 0
            frames.append(
                Frame(
                    counts: counts, index: index,
                    time_ms: isStamped ? start_ms : Double(index) * sequence.cycle_ms,
                    clock: isStamped ? .camera : .cycle, lostBefore: index - sequence.next))
            sequence.next = index + 1
        }
        return frames
    }

    /// The counts of a frame that the library holds.
    private static func copy(_ record: CRecord) throws -> Plane<UInt16> {
        let (rowBytes, width, height) = (Int(record[24]), Int(record[32]), Int(record[36]))
        guard record[28] == 2, width > 0, height > 0, rowBytes >= 2 * width,
            let memory = UnsafeRawPointer(bitPattern: record.pointer(16))
        else {
            throw Failure(
                "the camera gives frames of another kind than 16 bits", remedy: "set its bit depth to 16",
                code: "device-refused")
        }
        let samples = [UInt16](unsafeUninitializedCapacity: width * height) { buffer, count in
            for row in 0..<height {
                let line = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[2 * row * width..<2 * (row + 1) * width])
                line.copyMemory(from: UnsafeRawBufferPointer(start: memory + row * rowBytes, count: 2 * width))
            }
            count = width * height
        }
        return Plane(width: width, height: height, samples: samples)
    }

    /// Ends a sequence; nothing happens when none runs. It waits for the camera no longer than 2 s.
    public func stopSequence() {
        let ran = state.withLock { state in
            defer { state.sequence = nil }
            return state.sequence != nil && !state.isClosed
        }
        guard ran else { return }
        let handle = handle
        _ = try? library.run("dcamcap_stop", limit_s: 2) { calls in
            _ = calls.dcam.stop(handle)
            return calls.dcam.release(handle, 0)
        }
    }
}
