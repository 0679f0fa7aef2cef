import Synchronization
import Work

/// A line for tests that answers from a script: each step is what must be sent and what comes back.
public final class ScriptedLine: ByteLine {
    /// One request and its reply.
    public struct Step: Sendable, Equatable {
        /// What must be sent, whole.
        public var sent: [UInt8]
        /// What comes back.
        public var reply: ByteReply

        /// Makes a step from text.
        public init(_ sent: String, _ reply: String) {
            self.sent = Array(sent.utf8)
            self.reply = .whole(Array(reply.utf8))
        }

        /// Makes a step from any reply.
        public init(_ sent: String, _ reply: ByteReply) {
            self.sent = Array(sent.utf8)
            self.reply = reply
        }
    }

    private let steps: Mutex<[Step]>

    /// Makes a line that follows the steps.
    public init(_ steps: [Step]) { self.steps = Mutex(steps) }

    /// Where it leads.
    public var place: String { "script" }

    /// The steps that have not been asked for.
    public var rest: [Step] { steps.withLock { $0 } }

    /// See `ByteLine`. What the script does not have throws a `Failure` with code `script`.
    public func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        try steps.withLock { steps in
            guard let step = steps.first, step.sent == bytes else {
                let expected = steps.first.map { "'\(readable($0.sent))'" } ?? "nothing"
                throw Failure("the script expected \(expected), not '\(readable(bytes))'", code: "script")
            }
            steps.removeFirst()
            return step.reply
        }
    }

    /// See `ByteLine`. The line is always quiet.
    public func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) { (0, true) }

    /// See `ByteLine`.
    public func close() {}
}

/// Bytes as text for messages: control characters as `\r`, `\n` or `\xNN`, at most 80 characters.
func readable(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 13: text += "\\r"
        case 10: text += "\\n"
        case 32..<127: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        if text.count > 80 { return text.prefix(77) + "..." }
    }
    return text
}
