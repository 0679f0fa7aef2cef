/// How commands and replies stand in a line: a part of a driver's declaration.
public struct Framing: Sendable, Equatable {
    /// Whether the device sends a command back before its reply.
    public enum Echo: Sendable, Equatable {
        /// Never.
        case none
        /// It may; an echo is taken off.
        case possible
        /// Always; a reply without it belongs to something else.
        case always
    }

    /// The speed of the serial port.
    public var baud: Int
    /// What ends a command.
    public var lineEnd: [UInt8]
    /// How a reply ends.
    public var replyEnd: ReplyEnd
    /// What may stand at the end of a reply besides and is taken off, such as a prompt.
    public var prompts: [String]
    /// Whether commands come back.
    public var echo: Echo
    /// The silence after which nothing more is expected.
    public var quiet_ms: Int
    /// What spoils a half command that may stand in the line, so that the device refuses it as a whole.
    public var poison: [UInt8]
    /// The silence after which the device itself forgets a half command; 0 where it never does.
    public var forgets_ms: Int
    /// Beginnings of reply lines that mean a refusal.
    public var refusals: [String]
    /// Beginnings of lines that the device sends by itself; they are skipped.
    public var unasked: [String]
    /// Commands that make the device talk as described here, sent whenever the line is synchronised; what they answer is
    /// not looked at. They must not switch anything.
    public var setUp: [String]
    /// Whether commands are bytes, not text: nothing is added to them and nothing taken off.
    public var isBinary: Bool

    /// Framing of text lines.
    public init(
        baud: Int, lineEnd: String, replyEnd: ReplyEnd, prompts: [String] = [], echo: Echo = .none, quiet_ms: Int = 60,
        poison: String = "", forgets_ms: Int = 0, refusals: [String] = [], unasked: [String] = [], setUp: [String] = []
    ) {
        self.baud = baud
        self.lineEnd = Array(lineEnd.utf8)
        self.replyEnd = replyEnd
        self.prompts = prompts
        self.echo = echo
        self.quiet_ms = quiet_ms
        self.poison = Array(poison.utf8)
        self.forgets_ms = forgets_ms
        self.refusals = refusals
        self.unasked = unasked
        self.setUp = setUp
        self.isBinary = false
    }

    /// Framing of a binary protocol: the size of each reply is given with its request. The poison is what completes
    /// any half command harmlessly.
    public static func binary(baud: Int, quiet_ms: Int = 60, poison: [UInt8] = [], forgets_ms: Int = 0) -> Framing {
        var framing = Framing(baud: baud, lineEnd: "", replyEnd: .none, quiet_ms: quiet_ms, forgets_ms: forgets_ms)
        framing.isBinary = true
        framing.poison = poison
        return framing
    }
}

/// A question to which only the right device gives the right answer.
public struct Identity: Sendable {
    /// The question.
    public var question: [UInt8]
    /// What one line of the answer has in it; for a binary device the answer itself.
    public var expected: [UInt8]
    /// How the answer ends where it is not as the others.
    public var end: ReplyEnd?
    /// How long the device may take.
    public var within_ms: Int

    /// Makes a question.
    public init(_ question: String, expects expected: String, within_ms: Int = 500, end: ReplyEnd? = nil) {
        self.question = Array(question.utf8)
        self.expected = Array(expected.utf8)
        self.within_ms = within_ms
        self.end = end
    }

    /// Makes a question of bytes, whose answer is these bytes.
    public init(bytes question: [UInt8], answer: [UInt8], within_ms: Int = 500) {
        self.question = question
        expected = answer
        end = .size(answer.count)
        self.within_ms = within_ms
    }

    /// Whether a reply is the right answer.
    func isAnswered(by reply: Reply) -> Bool {
        if case .size = end { return reply.bytes == expected }
        return reply.lines.contains { $0.utf8.firstRange(of: expected) != nil }
    }
}
