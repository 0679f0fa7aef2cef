import Work

/// The messages of USB Test and Measurement (USBTMC 1.0): a header of twelve bytes before each command and each reply.
public enum USBTMC {
    /// A command or a piece of it, padded to four bytes.
    public static func command(_ bytes: [UInt8], tag: UInt8) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
        return header(kind: 1, tag: tag, size: bytes.count, flags: 1) + bytes + padding
    }

    /// Asks for a reply of at most so many bytes.
    public static func request(_ size: Int, tag: UInt8) -> [UInt8] { header(kind: 2, tag: tag, size: size, flags: 0) }

    private static func header(kind: UInt8, tag: UInt8, size: Int, flags: UInt8) -> [UInt8] {
        let count = UInt32(clamping: size)
        return [kind, tag, ~tag, 0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + [flags, 0, 0, 0]
    }

    /// A reply that is being received.
    public struct Reply {
        /// Its bytes so far, without headers.
        public private(set) var bytes: [UInt8] = []
        /// What is missing of the present message.
        private(set) var missing = 0
        /// Whether the last message is whole and says that it is the last.
        public var isWhole: Bool { hasEnd && missing == 0 }
        private var hasEnd = false

        /// Begins a reply.
        public init() {}

        /// Takes what came in one transfer.
        /// - Returns: false where it is no part of the reply to the request with this tag.
        public mutating func take(_ transfer: [UInt8], tag: UInt8) -> Bool {
            var content = transfer[...]
            if missing == 0 {
                guard transfer.count >= 12, transfer[0] == 2, transfer[1] == tag, transfer[2] == ~tag else {
                    return false
                }
                missing = transfer[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
                guard missing <= 1 << 20 else { return false }
                hasEnd = transfer[8] & 1 != 0
                content = transfer[12...]
            }
            let taken = content.prefix(missing)
            bytes += taken
            missing -= taken.count
            return true
        }
    }
}

/// The transfers of one instrument on USB: libusb, or a test.
public protocol MeasuringInterface: AnyObject, Sendable {
    /// Where it is, for messages.
    var place: String { get }
    /// Sends one transfer.
    /// - Returns: false when it was not taken in time.
    /// - Throws: `Failure` with code `device-gone`.
    func send(_ bytes: [UInt8], within_ms: Int) throws -> Bool
    /// Receives one transfer; nil when none came in time.
    /// - Throws: `Failure` with code `device-gone`.
    func receive(_ size: Int, within_ms: Int) throws -> [UInt8]?
    /// Makes the instrument forget what it was asked and what it would answer.
    /// - Throws: `Failure` with code `device-gone`.
    func clear(within_ms: Int) throws
    /// Gives it back.
    func close()
}
