import Dispatch
import Synchronization
import Work

/// What a device said.
public struct Reply: Sendable, Equatable {
    /// All bytes, with the end.
    public var bytes: [UInt8]
    /// The lines of text that are not empty, without echo, prompt and line ends.
    public var lines: [String]
    /// The first line, or nothing.
    public var text: String { lines.first ?? "" }
}

/// Whether a command may be sent again when its answer did not come.
public enum Repeats: Sendable {
    /// It must not: a second one might act twice.
    case never
    /// Once: a question, or a command that says where to be and not how far to go.
    case once
}

/// The conversation with one controller: request, reply, next request. All devices of a controller share its line.
///
/// A reply that comes too late never answers the next command: after a time-out or a garbled reply the line is
/// desynchronised, and the next request first waits for silence, spoils what half command may stand in the line, and
/// asks who is there.
public final class Line: Sendable {
    /// What is known of the line.
    public enum State: String, Sendable {
        /// The last request got its reply.
        case open
        /// The device must be asked who it is before the next request.
        case desynchronised
        /// The port is gone.
        case gone
    }

    /// The name for messages: of the device or the controller.
    public let name: String
    /// How commands and replies stand in the line.
    public let framing: Framing
    /// The question that only this device answers; nil where there is none.
    public let identity: Identity?
    /// The way for the bytes.
    public let bytes: any ByteLine
    private let shared: Mutex<State>
    /// How often motion was halted, and by which command.
    private let halts = Atomic<Int>(0)
    private let halting = Mutex<Halt?>(nil)
    private let orders = Atomic<Int>(0)
    /// Whether the line could not be put in order the last time.
    private let isLost = Atomic<Bool>(false)

    private struct Halt {
        var command: [UInt8]
        var end: ReplyEnd
    }

    /// Makes a line that is synchronised at its first request.
    public init(_ bytes: any ByteLine, name: String, framing: Framing, identity: Identity?) {
        self.bytes = bytes
        self.name = name
        self.framing = framing
        self.identity = identity
        self.shared = Mutex(.desynchronised)
    }

    /// What is known of the line now; waits for a request that is under way.
    public var state: State { shared.withLock { $0 } }

    /// How often the line was put in order; what spoils half commands may stop what moves.
    public var orderCount: Int { orders.load(ordering: .sequentiallyConsistent) }

    /// Gives the line back.
    public func close() { bytes.close() }

    /// Sends a command and waits for its reply.
    /// - Parameters:
    ///   - command: without its line end.
    ///   - within_ms: how long to wait for the whole reply.
    ///   - repeats: whether to ask again, once, where no whole reply came.
    ///   - end: how this reply ends where it is not as the others.
    /// - Returns: the reply, which holds no refusal.
    /// - Throws: `Failure` with code `device-silent`, `device-refused` (with the device's own text), `device-garbled`
    ///   or `device-gone`; `light-tripped` where the keeper allows no light.
    @discardableResult
    public func ask(
        _ command: String, within_ms: Int = 500, repeats: Repeats = .never, end: ReplyEnd? = nil
    ) throws -> Reply {
        try ask(bytes: Array(command.utf8), within_ms: within_ms, repeats: repeats, end: end ?? framing.replyEnd)
    }

    /// Sends a command of bytes and waits for its reply; see the other `ask`.
    @discardableResult
    public func ask(bytes command: [UInt8], within_ms: Int = 500, repeats: Repeats = .never, end: ReplyEnd) throws
        -> Reply
    {
        try shared.withLock { state in
            do {
                return try askOnce(command, within_ms, end, &state)
            } catch let failure as Failure
                where repeats == .once && ["device-silent", "device-garbled"].contains(failure.code)
                // Putting the line in order has asked often enough.
                && !isLost.load(ordering: .relaxed)
            {
                return try askOnce(command, within_ms, end, &state)
            }
        }
    }

    /// Sends a command to which the device may answer only when what it starts has ended; the answer is then one of the
    /// lines that it sends by itself.
    /// - Returns: the answer, nil where none came in time.
    /// - Throws: as `ask`.
    public func start(_ command: String, within_ms: Int = 500) throws -> Reply? {
        try shared.withLock { state in
            let reply = try askOnce(Array(command.utf8), within_ms, framing.replyEnd, &state, mayBeLate: true)
            return reply.bytes.isEmpty ? nil : reply
        }
    }

    /// Sends a command that halts what moves, at once, whatever the line is doing: where another thread waits for a
    /// reply it is written behind that request. That request then fails with code `halted`, and its thread sends the
    /// command once more on the line that it has put in order. It cannot fail; whether anything still moves is asked
    /// afterwards.
    /// - Parameters:
    ///   - command: without its line end.
    ///   - end: how its reply ends where it is not as the others.
    public func halt(_ command: String, end: ReplyEnd? = nil) {
        let halt = Halt(command: Array(command.utf8), end: end ?? framing.replyEnd)
        halting.withLock { $0 = halt }
        halts.add(1, ordering: .sequentiallyConsistent)
        let wasFree: Void? = shared.withLockIfAvailable { state in
            if state == .open, isTaken(halt, &state) { return }
            _ = bytes.interject(halt.command + framing.lineEnd)
            haltAgain(&state)
        }
        if wasFree != nil || bytes.interject(halt.command + framing.lineEnd) { return }
        shared.withLock { haltAgain(&$0) }
    }

    /// How often `halt` was called. What sends several commands for one motion compares it before and after.
    public var haltCount: Int { halts.load(ordering: .sequentiallyConsistent) }

    /// Sends a command and waits for its reply unless another thread is using the line or the line must be synchronised
    /// first.
    /// - Returns: the reply, nil where nothing was sent.
    /// - Throws: as `ask`.
    public func askIfFree(_ command: String, within_ms: Int = 500) throws -> Reply? {
        try askIfFree(bytes: Array(command.utf8), within_ms: within_ms, end: framing.replyEnd)
    }

    /// Sends a command of bytes unless the line is in use; see the other `askIfFree`.
    public func askIfFree(bytes command: [UInt8], within_ms: Int = 500, end: ReplyEnd) throws -> Reply? {
        let reply = try shared.withLockIfAvailable { state in
            state == .open ? try askOnce(command, within_ms, end, &state) : nil
        }
        return reply ?? nil
    }

    /// Sends a command that has no reply.
    /// - Throws: as `ask`.
    public func tell(_ command: String) throws { try ask(command, end: ReplyEnd.none) }

    /// Waits for silence, spoils a half command, and asks who is there. A request does this by itself where it is
    /// needed; a driver does it once on opening.
    /// - Throws: `Failure` with code `device-silent` where nothing answers, `device-garbled` where something else does.
    public func resynchronise() throws {
        try shared.withLock { state in
            state = .desynchronised
            try synchronise(&state)
        }
    }

    /// The failure for a reply that is whole but cannot be understood. The line is asked anew before its next request.
    public func garbled(_ command: String, _ reply: Reply, expected: String) -> Failure {
        shared.withLock { if $0 == .open { $0 = .desynchronised } }
        return Failure(
            "\(place) answered '\(command)' with '\(readable(reply.bytes))' instead of \(expected)",
            remedy: "check the cable and the model of the device", code: "device-garbled")
    }

    private var place: String { "\(name) on \(bytes.place)" }

    /// One request with its reply, which must not have been cut into by a halt.
    private func askOnce(
        _ command: [UInt8], _ within_ms: Int, _ end: ReplyEnd, _ state: inout State, mayBeLate: Bool = false
    ) throws -> Reply {
        let before = haltCount
        let reply: Result<Reply, any Error>
        do {
            reply = .success(try converse(command, within_ms, end, &state, mayBeLate: mayBeLate))
        } catch {
            reply = .failure(error)
        }
        guard haltCount == before || state == .gone else {
            haltAgain(&state)
            throw Failure("\(place) was halted during '\(readable(command))'", code: "halted")
        }
        return try reply.get()
    }

    /// Sends the halt on a line that is put in order first.
    private func haltAgain(_ state: inout State) {
        guard state != .gone, let halt = halting.withLock({ $0 }) else { return }
        state = .desynchronised
        guard (try? synchronise(&state)) != nil else { return }
        _ = isTaken(halt, &state)
    }

    /// Whether the device took the command that halts; where nothing moves it may say that it refuses.
    private func isTaken(_ halt: Halt, _ state: inout State) -> Bool {
        do {
            let reply = try converse(halt.command, 300, halt.end, &state, mayBeLate: true)
            return halt.end == .none || !reply.bytes.isEmpty
        } catch {
            return (error as? Failure)?.code == "device-refused"
        }
    }

    private func converse(
        _ command: [UInt8], _ within_ms: Int, _ end: ReplyEnd, _ state: inout State, mayBeLate: Bool
    ) throws -> Reply {
        if state != .open { try synchronise(&state) }
        var answer = try exchange(command, end, within_ms, &state)
        if case .stale(let waiting) = answer {
            if !isUnasked(waiting) {
                state = .desynchronised
                try synchronise(&state)
            }
            answer = try exchange(command, end, within_ms, dropsStale: true, &state)
        }
        if !mayBeLate { answer = try readOn(answer, end, within_ms, &state) }
        switch answer {
        case .whole(let bytes):
            return try read(bytes, to: command, &state)
        case .silent where mayBeLate:
            return Reply(bytes: [], lines: [])
        case .silent, .stale:
            state = .desynchronised
            throw Failure(
                "\(place) did not answer '\(readable(command))' within \(within_ms) ms",
                remedy: "check that the device is switched on and the cable is in", code: "device-silent")
        case .part(let bytes):
            state = .desynchronised
            throw Failure(
                "\(place) did not end its answer to '\(readable(command))' within \(within_ms) ms: "
                    + "'\(readable(bytes))'", remedy: "check the cable and the speed of the port",
                code: "device-garbled")
        }
    }

    /// Takes echo, prompt and end off, and finds refusals.
    private func read(_ bytes: [UInt8], to command: [UInt8], _ state: inout State) throws -> Reply {
        if framing.isBinary || bytes.isEmpty { return Reply(bytes: bytes, lines: []) }
        let isText = bytes.allSatisfy { (32..<127).contains($0) || [9, 10, 13, 0xB0, 0xB1, 0xB5].contains($0) }
        var lines = String(decoding: bytes.map { $0 < 128 ? UInt16($0) : 0xFFFD }, as: UTF16.self)
            .split(whereSeparator: { $0.isNewline }).map { trimmed($0) }
        for prompt in framing.prompts {
            if let last = lines.last, last.hasSuffix(trimmed(prompt[...])) {
                lines[lines.count - 1] = trimmed(last.dropLast(trimmed(prompt[...]).count))
            }
        }
        lines.removeAll { line in line.isEmpty || framing.unasked.contains { line.hasPrefix($0) } }
        let sent = trimmed(String(decoding: command, as: UTF8.self)[...])
        var isEchoWrong = false
        if framing.echo != .none, !sent.isEmpty {
            if lines.first == sent {
                lines.removeFirst()
            } else {
                isEchoWrong = framing.echo == .always
            }
        }
        guard isText, !isEchoWrong else {
            state = .desynchronised
            throw Failure(
                "\(place) answered '\(readable(command))' with '\(readable(bytes))', which is no answer to it",
                remedy: "check the cable and the speed of the port", code: "device-garbled")
        }
        if let refusal = lines.first(where: { line in framing.refusals.contains { line.hasPrefix($0) } }) {
            throw Failure("\(place) refused '\(readable(command))': \(refusal)", code: "device-refused")
        }
        return Reply(bytes: bytes, lines: lines)
    }

    private func exchange(
        _ command: [UInt8], _ end: ReplyEnd, _ within_ms: Int, dropsStale: Bool = false, _ state: inout State
    ) throws -> ByteReply {
        do {
            return try bytes.exchange(
                command + framing.lineEnd, until: end, within_ms: within_ms, dropsStale: dropsStale)
        } catch let failure as Failure {
            throw named(failure, &state)
        }
    }

    /// Skips lines that the device sends by itself before its reply.
    private func readOn(_ answer: ByteReply, _ end: ReplyEnd, _ within_ms: Int, _ state: inout State) throws
        -> ByteReply
    {
        var answer = answer
        for _ in 0..<20 {
            guard case .whole(let heard) = answer, isUnasked(heard) else { break }
            do {
                answer = try bytes.exchange([], until: end, within_ms: within_ms, dropsStale: false)
            } catch let failure as Failure {
                throw named(failure, &state)
            }
        }
        return answer
    }

    private func discard(quiet_ms: Int, _ state: inout State) throws -> (count: Int, isQuiet: Bool) {
        do {
            return try bytes.discardInput(quiet_ms: quiet_ms, within_ms: max(1000, 4 * quiet_ms))
        } catch let failure as Failure {
            throw named(failure, &state)
        }
    }

    /// A failure of the port, with the name of the device. A keeper's refusal leaves the line as it was.
    private func named(_ failure: Failure, _ state: inout State) -> Failure {
        if failure.code == "device-gone" { state = .gone }
        return Failure("\(name): \(failure.message)", remedy: failure.remedy, code: failure.code)
    }

    /// Whether all that stands in the line are lines which the device sends by itself.
    private func isUnasked(_ waiting: [UInt8]) -> Bool {
        guard !framing.unasked.isEmpty, waiting.last == 10 || waiting.last == 13 else { return false }
        let lines = String(decoding: waiting, as: UTF8.self).split(whereSeparator: { $0.isNewline })
        return !lines.isEmpty && lines.allSatisfy { line in framing.unasked.contains { line.hasPrefix($0) } }
    }

    private func synchronise(_ state: inout State) throws {
        isLost.store(true, ordering: .relaxed)
        orders.add(1, ordering: .sequentiallyConsistent)
        try putInOrder(&state)
        isLost.store(false, ordering: .relaxed)
    }

    private func putInOrder(_ state: inout State) throws {
        let limit = DispatchTime.now() + .seconds(3)
        var quiet_ms = framing.quiet_ms
        var firstAsked: DispatchTime?
        var last = Failure("\(place) is never quiet", remedy: "check the speed of the port", code: "device-garbled")
        for attempt in 0..<6 where attempt == 0 || DispatchTime.now() < limit {
            guard try discard(quiet_ms: quiet_ms, &state).isQuiet else { continue }
            if framing.isBinary, framing.forgets_ms > 0 { _ = try discard(quiet_ms: framing.forgets_ms, &state) }
            if !framing.isBinary || !framing.poison.isEmpty {
                _ = try exchange(
                    framing.poison, .quiet(ms: quiet_ms), max(100, 2 * quiet_ms), dropsStale: true, &state)
                for command in framing.setUp {
                    _ = try exchange(
                        Array(command.utf8), .quiet(ms: 20), max(200, 2 * quiet_ms), dropsStale: true, &state)
                }
            }
            guard let identity else {
                state = .open
                return
            }
            let begin = firstAsked ?? DispatchTime.now()
            firstAsked = begin
            let question = identity.question
            let end = identity.end ?? framing.replyEnd
            let within_ms = identity.within_ms * (attempt + 1)
            let answer = try readOn(
                try exchange(question, end, within_ms, dropsStale: true, &state), end, within_ms, &state)
            // How long the device may take: this may be the answer to the first of the questions.
            let took_ms = Int((DispatchTime.now().uptimeNanoseconds - begin.uptimeNanoseconds) / 1_000_000)
            if case .whole(let bytes) = answer, let reply = try? read(bytes, to: question, &state),
                identity.isAnswered(by: reply)
            {
                // Where anything follows within the time of a reply, this was the answer to an earlier question.
                if try discard(quiet_ms: max(quiet_ms, 2 * took_ms), &state).count == 0 {
                    state = .open
                    return
                }
            }
            last = unknown(answer, identity)
            quiet_ms = min(2 * quiet_ms, 1000)
        }
        if state == .open { state = .desynchronised }
        throw last
    }

    private func unknown(_ answer: ByteReply, _ identity: Identity) -> Failure {
        switch answer {
        case .whole(let bytes), .part(let bytes), .stale(let bytes):
            Failure(
                "\(place) answered '\(readable(identity.question))' with '\(readable(bytes))' instead of "
                    + "'\(readable(identity.expected))'",
                remedy: "check that this is the port of the device, and its speed", code: "device-garbled")
        case .silent:
            Failure(
                "\(place) does not answer '\(readable(identity.question))'",
                remedy: "check that the device is switched on and the cable is in", code: "device-silent")
        }
    }
}

private func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace == true { text = text.dropFirst() }
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
}
