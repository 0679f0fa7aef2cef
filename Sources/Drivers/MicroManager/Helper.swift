import Foundation
import Instruments
import Synchronization
import Transports
import Work

/// The helper that holds Micro-Manager's devices, a process beside this program or on another computer.
///
/// It puts every light off when this program is gone or silent for a second, and when its own process with the devices
/// dies or hangs. When it is lost, every device of it is, and all other lights of this program go off too.
final class Helper: Sendable {
    /// An answer that is waited for.
    private final class Waiting: Sendable {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<JSONValue, Failure>?>(nil)
    }

    private struct State {
        var next: UInt32 = 0
        var waiting: [UInt32: Waiting] = [:]
        var failure: Failure?
        /// Whether the helper has said of a lost process that its lights are off.
        var lightsAreOff = false
        /// Whether nobody is told when it ends: while it is greeted, and once it is closed.
        var isQuiet = false
        var heard = DispatchTime.now()
        var hasSpoken = false
        var frames: FrameQueue?
        var ring: HelperRing?
        /// The number of the last sequence that was begun.
        var lastSequence: UInt32 = 0
    }

    /// What a person calls it: the controller of the microscope file.
    let name: String
    /// Where it runs.
    let place: String
    private let socket: StreamSocket
    private let process: ChildProcess?
    private let hasClosed = Mutex(false)
    private let state = Mutex(State())

    /// Greets a helper that has just been connected.
    /// - Throws: `Failure` with code `helper-refused`, `device-gone`.
    init(_ name: String, place: String, socket: StreamSocket, process: ChildProcess?, token: String?) throws {
        self.name = name
        self.place = place
        self.socket = socket
        self.process = process
        run("helper", listen)
        if let token {
            state.withLock { $0.isQuiet = true }
            do { try greet(token) } catch {
                socket.end()
                throw error
            }
            state.withLock { $0.isQuiet = false }
        }
        run("helper's beat", beat)
    }

    private func run(_ title: String, _ work: @escaping @Sendable () -> Void) {
        let thread = Thread(block: work)
        thread.name = title
        thread.start()
    }

    private func greet(_ token: String) throws {
        let hello = JSONValue.object([
            "token": .string(token), "protocol": .number(Double(HelperMessage.version)),
            "client": .string("stormbench"),
        ])
        _ = try exchange(.hello, hello, "greeting", within_ms: 6000)
    }

    /// The number of its process; nil where it runs on another computer.
    var number: Int32? { process?.number }

    /// Why it is lost; nil while it is not.
    var failure: Failure? { state.withLock { $0.failure } }

    /// Whether it is known, though it is lost, that its lights are off.
    var knowsLightsOff: Bool { state.withLock { $0.lightsAreOff } }

    /// Asks the helper to do one of its calls.
    /// - Throws: `Failure` in the helper's words, with code `device-silent` where it does not answer in time, and
    ///   `device-gone` where it is lost.
    @discardableResult
    func call(_ function: String, _ arguments: [JSONValue] = [], within_ms: Int = 5000) throws -> JSONValue {
        try exchange(
            .call, .object(["f": .string(function), "a": .array(arguments)]), function, within_ms: within_ms)
    }

    private func exchange(
        _ kind: HelperMessage.Kind, _ body: JSONValue, _ what: String, within_ms: Int
    ) throws -> JSONValue {
        let waiting = Waiting()
        let number = try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.next += 1
            state.waiting[state.next] = waiting
            return state.next
        }
        defer { state.withLock { _ = $0.waiting.removeValue(forKey: number) } }
        if !socket.write(HelperMessage.bytes(kind, number, Array(body.text(pretty: false).utf8))) {
            lose(gone("takes no requests"))
        }
        _ = waiting.done.wait(timeout: .now() + .milliseconds(within_ms))
        if let result = waiting.result.withLock({ $0 }) { return try result.get() }
        if let failure { throw failure }
        throw Failure(
            "\(name): the helper does not answer '\(what)' within \(within_ms) ms",
            remedy: "check the devices of Micro-Manager, then open the microscope again", code: "device-silent")
    }

    private func gone(_ what: String) -> Failure {
        guard state.withLock({ $0.hasSpoken }) else {
            return Failure(
                "\(name): the helper on \(place) does not start or does not want to speak",
                remedy:
                    "try its program by hand, --help is enough: the folder scripts/micromanager, by the Python of the file",
                code: "device-gone")
        }
        return Failure(
            "\(name): the helper on \(place) \(what); it puts its lights off by itself",
            remedy: "open the microscope again", code: "device-gone")
    }

    /// Everything of it is lost.
    private func lose(_ failure: Failure, lightsAreOff: Bool = false) {
        let news: (waiting: [Waiting], frames: FrameQueue?, isQuiet: Bool)? = state.withLock { state in
            if lightsAreOff { state.lightsAreOff = true }
            guard state.failure == nil else { return nil }
            state.failure = failure
            defer { state.waiting = [:] }
            return (Array(state.waiting.values), state.frames, state.isQuiet)
        }
        guard let news else { return }
        for waiting in news.waiting {
            waiting.result.withLock { $0 = .failure(failure) }
            waiting.done.signal()
        }
        news.frames?.end(.init(frames: 0, failure: failure))
        guard !news.isQuiet else { return }
        // This thread must not wait for what other lights answer.
        Thread.detachNewThread {
            OpenMicroscopes.allLightsOff()
            writeStandardError("stormbench: \(failure)\n")
        }
    }

    /// Says that this program lives, and sees whether the helper does.
    private func beat() {
        while failure == nil {
            _ = socket.write(HelperMessage.bytes(.beat, 0))
            usleep(250_000)
            // A Python takes its time to start.
            let limit = state.withLock { $0.heard + ($0.hasSpoken ? 1.5 : 30) }
            if limit < .now() { lose(gone("is silent")) }
        }
        socket.end()
    }

    /// Takes what the helper says until it is gone.
    private func listen() {
        var head = [UInt8](repeating: 0, count: 9)
        while head.withUnsafeMutableBytes({ socket.read($0) }) {
            state.withLock {
                $0.heard = .now()
                $0.hasSpoken = true
            }
            let (length, kind, number) = head.withUnsafeBytes {
                (
                    Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))), HelperMessage.Kind(rawValue: $0[4]),
                    UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 5, as: UInt32.self))
                )
            }
            guard length >= 5, length <= HelperMessage.largest else { break }
            if kind == .frame {
                guard takeFrame(number, length - 5) else { break }
                continue
            }
            var body = [UInt8](repeating: 0, count: length - 5)
            guard body.withUnsafeMutableBytes({ socket.read($0) }) else { break }
            take(kind, number, body)
        }
        lose(gone("is gone"))
    }

    private func take(_ kind: HelperMessage.Kind?, _ number: UInt32, _ body: [UInt8]) {
        switch kind {
        case .reply, .error:
            guard let waiting = state.withLock({ $0.waiting[number] }), let answer = HelperMessage.json(body) else {
                return
            }
            waiting.result.withLock {
                $0 = kind == .reply ? .success(answer["r"] ?? .null) : .failure(Failure(answer, from: self))
            }
            waiting.done.signal()
        case .event:
            guard let event = HelperMessage.json(body) else { return }
            switch event["event"] {
            case .string("worker-lost"):
                let isOff = event["off"] == .boolean(true)
                lose(
                    Failure(
                        "\(name): \(event["text"]?.plain ?? "the process with the devices is lost")",
                        remedy: isOff ? "open the microscope again" : "switch the lights off by hand",
                        code: isOff ? "device-gone" : "light-not-off"), lightsAreOff: isOff)
            case .string("sequence"):
                state.withLock { $0.frames }.flatMap { number > $0.after ? $0 : nil }?.end(.init(event, from: self))
            default: break
            }
        default: break
        }
    }

    private func takeFrame(_ number: UInt32, _ count: Int) -> Bool {
        var bytes = [UInt8](repeating: 0, count: HelperFrameHead.size)
        guard count >= bytes.count, bytes.withUnsafeMutableBytes({ socket.read($0) }),
            let head = bytes.withUnsafeBytes({ HelperFrameHead($0) }),
            count - bytes.count == (head.isShared ? 0 : head.count)
        else { return false }
        var pixels: [UInt16] = []
        if !head.isShared {
            var isWhole = true
            if head.depth == 2 {
                pixels = [UInt16](unsafeUninitializedCapacity: head.width * head.height) { buffer, filled in
                    isWhole = socket.read(UnsafeMutableRawBufferPointer(buffer))
                    filled = buffer.count
                }
            } else {
                var small = [UInt8](repeating: 0, count: head.count)
                isWhole = small.withUnsafeMutableBytes { socket.read($0) }
                pixels = small.map { UInt16($0) }
            }
            guard isWhole else { return false }
        }
        if let queue = state.withLock({ $0.frames }), number > queue.after {
            queue.add(.init(head: head, sequence: number, pixels: pixels))
        }
        return true
    }

    /// Begins a sequence; its frames come by the queue.
    /// - Parameter within_ms: a sequence that was stopped ends its exposure first.
    func startSequence(_ camera: String, frames: Int, within_ms: Int) throws -> FrameQueue {
        let (queue, before) = state.withLock { state in
            let queue = FrameQueue(after: state.lastSequence)
            defer { state.frames = queue }
            return (queue, state.frames)
        }
        do {
            let answer = try call("start", [.string(camera), .number(Double(frames))], within_ms: within_ms)
            guard case .number(let number)? = answer["number"], case .number(let slots)? = answer["slots"],
                case .number(let size)? = answer["slot_bytes"], case .string(let path)? = answer["ring"]
            else { throw gone("answers 'start' wrongly") }
            if !path.isEmpty, state.withLock({ $0.ring?.path != path }) {
                let ring = try HelperRing(path, count: Int(slots * size))
                state.withLock { $0.ring = ring }
            }
            state.withLock { $0.lastSequence = UInt32(number) }
            return queue
        } catch {
            state.withLock { $0.frames = before }
            throw error
        }
    }

    /// The pixels of a frame; its slot is free for another then.
    func pixels(_ frame: FrameQueue.Arrived) throws -> [UInt16] {
        defer { _ = socket.write(HelperMessage.bytes(.credit, frame.sequence, HelperMessage.little(1))) }
        let head = frame.head
        guard head.isShared else { return frame.pixels }
        guard let ring = state.withLock({ $0.ring }),
            let bytes = ring.bytes(at: head.slot * head.count, count: head.count)
        else { throw gone("sends frames that are not there") }
        guard head.depth == 2 else { return bytes.map { UInt16($0) } }
        return [UInt16](unsafeUninitializedCapacity: head.width * head.height) { buffer, filled in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            filled = buffer.count
        }
    }

    /// Ends the helper, or on another computer the connection: its lights are off and its devices given back then.
    func close() {
        let isFirst = hasClosed.withLock { hasClosed in
            defer { hasClosed = true }
            return !hasClosed
        }
        guard isFirst else { return }
        state.withLock { $0.isQuiet = true }
        _ = socket.write(HelperMessage.bytes(.call, 0, Array(#"{"f":"close","a":[]}"#.utf8)))
        // The other end shuts it when the lights are off.
        let limit = DispatchTime.now() + 8
        while failure == nil, .now() < limit { usleep(5000) }
        lose(Failure("\(name) is closed", code: "closed"))
        socket.end()
        process?.end(within_s: 8)
    }
}

extension Failure {
    /// An error of the helper's.
    fileprivate init(_ answer: JSONValue, from helper: Helper) {
        let codes = ["refused": "device-refused", "failed": "device-refused", "worker-lost": "device-gone"]
        let code = answer["code"]?.plain ?? "failed"
        var text = answer["text"]?.plain ?? "it gives no reason"
        var remedy = ""
        if let cut = text.range(of: "; ") {
            remedy = String(text[cut.upperBound...])
            text = String(text[..<cut.lowerBound])
        }
        self.init("\(helper.name): \(text)", remedy: remedy, code: codes[code] ?? code)
    }
}

extension FrameQueue.Ending {
    fileprivate init(_ event: JSONValue, from helper: Helper) {
        if case .number(let count)? = event["frames"] { frames = Int(count) } else { frames = 0 }
        if event["overflow"] == .boolean(true) {
            failure = Failure(
                "\(helper.name): frames came faster than they were taken, the sequence was stopped after \(frames)",
                remedy: "choose a longer exposure, a smaller region or a faster disk", code: "overrun")
        } else if case .string(let text)? = event["failure"], !text.isEmpty {
            failure = Failure("\(helper.name): \(text)", remedy: "check the camera", code: "stalled")
        }
    }
}

extension JSONValue {
    /// A text as it is.
    var plain: String? {
        if case .string(let text) = self { return text }
        return nil
    }
}
