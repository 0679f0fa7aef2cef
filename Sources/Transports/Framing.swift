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
    public var poison: String
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
        self.poison = poison
        self.forgets_ms = forgets_ms
        self.refusals = refusals
        self.unasked = unasked
        self.setUp = setUp
        self.isBinary = false
    }

    /// Framing of a binary protocol: the size of each reply is given with its request.
    public static func binary(baud: Int, quiet_ms: Int = 60, forgets_ms: Int = 0) -> Framing {
        var framing = Framing(baud: baud, lineEnd: "", replyEnd: .none, quiet_ms: quiet_ms, forgets_ms: forgets_ms)
        framing.isBinary = true
        return framing
    }
}

/// A question to which only the right device gives the right answer.
public struct Identity: Sendable {
    /// The question.
    public var question: String
    /// What one line of the answer begins with or has in it.
    public var expected: String
    /// How long the device may take.
    public var within_ms: Int
    /// How its answer ends where that is not as for others.
    public var end: ReplyEnd?

    /// Makes a question.
    public init(_ question: String, expects expected: String, within_ms: Int = 500, end: ReplyEnd? = nil) {
        self.question = question
        self.expected = expected
        self.within_ms = within_ms
        self.end = end
    }
}
