import Dispatch
import Instruments
import Synchronization
import Work

/// A running sequence of a camera: its stream, and the numbers of the frames.
///
/// The camera numbers its frames, and so does the library with those of which packets are missing: what lies between two
/// whole frames is lost, exactly. The first number that is seen is taken for that of the first frame.
final class AravisSequence: Sendable {
    /// What was counted.
    struct Counts: Sendable {
        var whole: UInt64 = 0
        var broken: UInt64 = 0
        var underruns: UInt64 = 0
        var packetsLost: UInt64 = 0
        var packetsResent: UInt64 = 0
    }

    private struct State: @unchecked Sendable {
        /// Nil when it has been stopped.
        var stream: AravisLibrary.Object?
        var isReading = false
        var last: UInt64?
        /// The number in the sequence of the frame `last`, and of the last one that was given.
        var index = -1
        var given = -1
        var firstTime: UInt64?
    }

    private let name: String
    private let library: AravisLibrary
    private let frames: Int
    private let layout: PixelLayout
    private let cycle_ms: Double
    private let state: Mutex<State>

    /// Opens the stream and starts the camera.
    init(
        _ name: String, _ control: AravisControl, frames: Int, buffers: Int, layout: PixelLayout, cycle_ms: Double
    ) throws {
        self.name = name
        self.frames = frames
        self.layout = layout
        self.cycle_ms = cycle_ms
        let (library, opened) = try control.with { library, camera in
            (library, try Self.open(library, camera, name, buffers: buffers))
        }
        self.library = library
        state = Mutex(opened)
    }

    private static func open(
        _ library: AravisLibrary, _ camera: AravisLibrary.Object, _ name: String, buffers: Int
    ) throws -> State {
        typealias Create =
            @convention(c) (
                AravisLibrary.Object, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, AravisLibrary.ErrorPlace
            ) -> AravisLibrary.Object?
        let create = try library.function("arv_camera_create_stream", as: Create.self)
        try library.checked(name) { error in
            "AcquisitionMode".withCString { mode in
                "Continuous".withCString { library.setString(camera, mode, $0, error) }
            }
        }
        let bytes = try library.whole("arv_camera_get_payload", camera, name)
        guard let stream = try library.checked(name, { create(camera, nil, nil, $0) }) else {
            throw Failure("\(name): no stream", remedy: "check the camera", code: "device-refused")
        }
        do {
            for _ in 0..<buffers {
                guard let buffer = library.newBuffer(bytes, nil) else {
                    throw Failure(
                        "\(name): no memory for \(buffers) frames", remedy: "give less buffers", code: "memory")
                }
                library.pushBuffer(stream, buffer)
            }
            try library.perform("arv_camera_start_acquisition", camera, name)
        } catch {
            library.unref(stream)
            throw error
        }
        return State(stream: stream)
    }

    /// The next whole frame; nil behind the last one, or when the sequence is stopped.
    func next(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp? {
        let limit = DispatchTime.now() + max(0, min(timeout_ms, 1e9)) / 1000
        while true {
            try Interruption.check()
            let left_ms =
                Double(Int64(bitPattern: limit.uptimeNanoseconds &- DispatchTime.now().uptimeNanoseconds)) * 1e-6
            // The stream is not given back while it is read.
            guard
                let stream = state.withLock({ state -> AravisLibrary.Object? in
                    guard state.index < frames - 1 else { return nil }
                    state.isReading = state.stream != nil
                    return state.stream
                })
            else { return nil }
            let buffer = library.popBuffer(stream, UInt64(max(0, min(left_ms, 20)) * 1000))
            let outcome = Result { try buffer.flatMap { try take($0, into: counts) } }
            if let buffer { library.pushBuffer(stream, buffer) }
            let isStopped = state.withLock { state in
                state.isReading = false
                return state.stream == nil
            }
            if isStopped {
                library.unref(stream)
                return nil
            }
            if let stamp = try outcome.get() { return stamp }
            guard buffer != nil || left_ms > 0 else {
                throw Failure(
                    "\(name): no frame within \(Int(min(timeout_ms, 1e12))) ms",
                    remedy: "check the camera, its cable and its trigger", code: "timeout")
            }
        }
    }

    /// Takes the counts of a buffer; nil for a frame that is not whole, or that is none of the sequence.
    private func take(
        _ buffer: AravisLibrary.Object, into counts: UnsafeMutableBufferPointer<UInt16>
    ) throws -> FrameStamp? {
        let isWhole = library.bufferStatus(buffer) == 0
        // A buffer that was cleared or aborted holds no frame.
        guard isWhole || (2...5).contains(library.bufferStatus(buffer)) else { return nil }
        let (frame, time_ns) = (library.bufferFrame(buffer), library.bufferTime(buffer))
        let place = state.withLock { state -> (index: Int, lost: Int, time_ns: UInt64?)? in
            let steps = state.last.map { Self.steps(from: $0, to: frame) } ?? 1
            // One that was given up late, behind those that came after it: it is counted by their numbers.
            guard steps > 0 else { return nil }
            state.index += steps
            state.last = frame
            guard isWhole, state.index < frames else { return nil }
            let lost = state.index - state.given - 1
            state.given = state.index
            if state.firstTime == nil, time_ns > 0 {
                // What was lost before it came earlier by as many cycles.
                state.firstTime = time_ns &- UInt64(Double(lost) * cycle_ms * 1e6)
            }
            let first = state.firstTime ?? .max
            return (state.index, lost, time_ns >= first ? time_ns - first : nil)
        }
        guard let place else { return nil }
        var size = 0
        guard let data = library.bufferData(buffer, &size), size >= layout.bytes(of: counts.count) else {
            throw Failure(
                "\(name) gave \(size) bytes for a frame of \(counts.count) counts",
                remedy: "leave the region alone while a sequence runs", code: "size-mismatch")
        }
        layout.unpack(UnsafeRawBufferPointer(start: data, count: size), into: counts)
        return FrameStamp(
            index: place.index, time_ms: place.time_ns.map { Double($0) * 1e-6 } ?? Double(place.index) * cycle_ms,
            clock: place.time_ns == nil ? .cycle : .camera, lostBefore: place.lost)
    }

    /// The frames from one number to another, 0 for one that is older. GigE Vision counts 1 to 65535 and begins again,
    /// unless it has numbers of 64 bits.
    static func steps(from last: UInt64, to frame: UInt64) -> Int {
        if frame > last { return Int(clamping: frame - last) }
        return last <= 65_535 && last - frame > 32_767 ? Int(frame + 65_535 - last) : 0
    }

    /// What was counted until now.
    func counts(_ control: AravisControl) -> Counts {
        state.withLock { $0.stream.map(count) ?? Counts() }
    }

    private func count(_ stream: AravisLibrary.Object) -> Counts {
        typealias Place = UnsafeMutablePointer<UInt64>
        typealias Statistics = @convention(c) (AravisLibrary.Object, Place, Place, Place) -> Void
        typealias Info = @convention(c) (AravisLibrary.Object, AravisLibrary.Text) -> UInt64
        var counts = Counts()
        try? library.function("arv_stream_get_statistics", as: Statistics.self)(
            stream, &counts.whole, &counts.broken, &counts.underruns)
        if let info = try? library.function("arv_stream_get_info_uint64_by_name", as: Info.self) {
            counts.packetsLost = info(stream, "n_missing_packets")
            counts.packetsResent = info(stream, "n_resent_packets")
        }
        return counts
    }

    /// Stops the camera and gives the stream back, at the latest when the thread that reads it lets it go.
    /// - Returns: what was counted.
    func stop(_ control: AravisControl) -> Counts {
        try? control.perform("arv_camera_stop_acquisition")
        return state.withLock { state in
            guard let stream = state.stream else { return Counts() }
            let counts = count(stream)
            state.stream = nil
            if !state.isReading { library.unref(stream) }
            return counts
        }
    }
}
