import ReaderStart

/// What the process that reads an HDF5 file is asked for. A request is one message, its words separated by zero bytes; the
/// answer is parts and an end.
enum HDF5Request: UInt8 {
    /// The file: path. Answers nothing.
    case open
    /// The names in a group: path.
    case names
    /// The lengths along each axis of a dataset as 64-bit integers: path. Fails with an empty text for one without values.
    case shape
    /// All numbers of a dataset as doubles, the last axis fastest: path.
    case numbers
    /// The names of the fields of a dataset of records: path.
    case fields
    /// One field of a dataset of records as doubles: path, name.
    case field
    /// The text in a dataset that holds one text: path.
    case text
    /// The numbers that are attached to an object: path, name.
    case attributes
    /// The text that is attached to an object: path, name.
    case textAttribute
    /// All plain datasets of a group and the numbers attached to it: path. Each comes as its name, which begins with `@`
    /// where it is attached, and its numbers; see `HDF5Reader.group`.
    case group
}

/// What an answer consists of.
enum HDF5Answer: UInt8 {
    /// Bytes, more follow.
    case part
    /// The answer is whole.
    case end
    /// There is no answer; the bytes say why, nothing where there is simply no such thing.
    case failure
}

/// The head of a message: a byte that says what it is, and the number of bytes that follow.
struct HDF5MessageHead {
    static let bytes = 5
    /// The most bytes of one message.
    static let limit = 1 << 20

    var kind: UInt8
    var count: Int

    init(kind: UInt8, count: Int) {
        self.kind = kind
        self.count = count
    }

    init(_ bytes: [UInt8]) {
        kind = bytes[0]
        count = (1..<Self.bytes).reduce(0) { $0 | Int(bytes[$1]) << (8 * ($1 - 1)) }
    }

    /// The bytes of the head.
    var encoded: [UInt8] { [kind] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }

    /// Sends a message; false where the other end is gone.
    static func send(_ kind: UInt8, _ content: [UInt8], over channel: Int32) -> Bool {
        let message = HDF5MessageHead(kind: kind, count: content.count).encoded + content
        return reader_send(channel, message, message.count) != 0
    }
}
