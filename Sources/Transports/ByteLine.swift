import PosixShim
import Work

/// How the reply to a command ends.
public enum ReplyEnd: Sendable, Equatable {
    /// There is none.
    case none
    /// With these bytes, the first time that they come.
    case text([UInt8])
    /// With the first whole line that begins with one of these words, such as `OK` or `ERR`; lines end with a line feed.
    case line([String])
    /// After so many bytes.
    case size(Int)
    /// When nothing more has come for so long.
    case quiet(ms: Int)

    /// With these characters.
    public static func text(_ text: String) -> ReplyEnd { .text(Array(text.utf8)) }

    /// The size of the reply at the beginning of what was heard; nil while its end has not come, or where only silence
    /// ends it.
    func size(in heard: [UInt8]) -> Int? {
        switch self {
        case .none: return 0
        case .size(let size): return heard.count >= size ? size : nil
        case .text(let text): return heard.firstRange(of: text)?.upperBound
        case .quiet: return nil
        case .line(let words):
            let joined = Array(words.joined(separator: "\n").utf8)
            let size = px_line_size(heard, heard.count, joined, joined.count)
            return size > 0 ? size : nil
        }
    }
}

/// What came back.
public enum ByteReply: Sendable, Equatable {
    /// The reply with its end.
    case whole([UInt8])
    /// Nothing within the limit.
    case silent
    /// The limit passed before the end came.
    case part([UInt8])
    /// Nothing was sent: these bytes stood in the line though nobody had asked for them.
    case stale([UInt8])
}

/// A way for bytes to one controller and back: a serial port, a TCP connection, a line of the keeper, a script of a
/// test. It knows nothing of commands; `Line` does. One thread at a time.
public protocol ByteLine: AnyObject, Sendable {
    /// Where it leads, for messages: `/dev/ttyUSB0`.
    var place: String { get }
    /// Sends the bytes in one write and waits for the reply.
    /// - Parameters:
    ///   - bytes: what is sent; none to read on where a reply to what was sent before is still to come.
    ///   - end: how the reply ends.
    ///   - within_ms: how long to wait for the end.
    ///   - dropsStale: whether to send even where bytes stand in the line; they are dropped.
    /// - Throws: `Failure` with code `device-gone` when the port is gone, `closed` after `close()`.
    func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply
    /// Reads and drops what comes until nothing has come for `quiet_ms`, at most `within_ms` long.
    /// - Returns: how many bytes were dropped, and whether it became quiet.
    /// - Throws: as `exchange`.
    func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool)
    /// Sends the bytes at once in one write, from any thread, even while another waits for a reply; what that hears may
    /// belong to these then.
    /// - Returns: whether they were sent; false where the line cannot do it or is gone.
    func interject(_ bytes: [UInt8]) -> Bool
    /// Gives the line back. Every later call throws a `Failure` with code `closed`.
    func close()
}

extension ByteLine {
    /// A line that cannot send while it waits.
    public func interject(_ bytes: [UInt8]) -> Bool { false }
}

/// The failures that all lines have in common.
enum LineFailure {
    static func gone(_ place: String) -> Failure {
        Failure(
            "the port \(place) is gone", remedy: "plug the device in again",
            code: "device-gone")
    }

    static func closed(_ place: String) -> Failure {
        Failure("the line to \(place) is closed", code: "closed")
    }
}
