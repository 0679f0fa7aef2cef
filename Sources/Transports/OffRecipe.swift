import PosixShim
import Work

/// How the lights of one line are put off and how that is proven: a part of a driver's declaration, and all that the
/// keeper knows of a device.
public struct OffRecipe: Sendable, Equatable {
    /// A question and the line of the answer that says that the light is off.
    public struct Proof: Sendable, Equatable {
        /// The question.
        public var question: [UInt8]
        /// One whole line of the answer; for a binary device bytes in it.
        public var expected: [UInt8]

        /// Makes a proof from text.
        public init(_ question: String, _ expected: String) {
            self.question = Array(question.utf8)
            self.expected = Array(expected.utf8)
        }

        /// Makes a proof from bytes.
        public init(_ question: [UInt8], _ expected: [UInt8]) {
            self.question = question
            self.expected = expected
        }
    }

    /// The commands that put light off, without line ends.
    public var off: [[UInt8]]
    /// The proofs; empty where the device cannot be asked.
    public var proofs: [Proof]
    /// The first words of commands that only ask; they are allowed after a trip. A word that ends in a space or a
    /// question mark may be followed by anything.
    public var questions: [[UInt8]]
    /// The time between the poison and each command, for a device that drops what stands behind the first line of a
    /// write; 0 sends all in one write.
    public var gap_ms = 0

    /// Makes a recipe from text.
    public init(off: [String], proofs: [Proof], questions: [String], gap_ms: Int = 0) {
        self.gap_ms = gap_ms
        self.off = off.map { Array($0.utf8) }
        self.proofs = proofs
        self.questions = questions.map { Array($0.utf8) }
    }

    /// Makes a recipe from bytes.
    public init(off: [[UInt8]], proofs: [Proof], questions: [[UInt8]] = []) {
        self.off = off
        self.proofs = proofs
        self.questions = questions
    }

    /// The recipe as the keeper reads it.
    func encoded(name: String, path: String, framing: Framing) throws -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ kind: Int, _ value: [UInt8]) {
            bytes += [UInt8(kind), UInt8(value.count & 255), UInt8(value.count >> 8 & 255)] + value
        }
        add(PX_NAME, Array(name.utf8.prefix(60)))
        add(PX_PATH, Array(path.utf8))
        add(PX_BAUD, withUnsafeBytes(of: Int32(clamping: framing.baud)) { Array($0) })
        add(PX_POISON, framing.poison)
        add(PX_LINE_END, framing.lineEnd)
        for command in off { add(PX_OFF, command) }
        for proof in proofs {
            add(PX_QUERY, proof.question)
            add(PX_EXPECTED, proof.expected)
        }
        for word in questions { add(PX_QUESTION, word) }
        if framing.isBinary { add(PX_BINARY, [1]) }
        for (kind, time_ms) in [(PX_PAUSE, framing.forgets_ms), (PX_GAP, gap_ms)] where time_ms > 0 {
            add(kind, [UInt8(time_ms & 255), UInt8(time_ms >> 8 & 255)])
        }
        let recipe = UnsafeMutablePointer<px_recipe>.allocate(capacity: 1)
        defer { recipe.deallocate() }
        guard px_read_recipe(recipe, bytes, bytes.count) else {
            throw Failure(
                "the off recipe of \(name) cannot be used: \(off.count) commands, \(proofs.count) proofs, port \(path)",
                remedy: "at most \(PX_PARTS) of each, \(PX_STORAGE) bytes in all, and a speed of 1200 to 1000000",
                code: "bad-recipe")
        }
        return bytes
    }
}
