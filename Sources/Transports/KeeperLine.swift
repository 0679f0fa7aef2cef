import Foundation
import PosixShim
import Synchronization
import Work

/// A line whose port the keeper has: it passes whole commands one at a time, and nothing but off and questions after a
/// trip.
public final class KeeperLine: ByteLine {
    private struct State {
        var file: Int32
        var number: UInt32 = 0
        var buffer = [UInt8](repeating: 0, count: Int(KW_LARGEST))
    }

    /// Where it leads.
    public let place: String
    /// The name of the light or of the controller.
    public let name: String
    /// The keeper's number of the line.
    let line: UInt16
    private let state: Mutex<State>
    private let whenClosed: @Sendable () -> Void

    init(_ file: Int32, line: UInt16, name: String, place: String, whenClosed: @escaping @Sendable () -> Void) {
        self.line = line
        self.whenClosed = whenClosed
        self.name = name
        self.place = place
        self.state = Mutex(State(file: file))
    }

    deinit { close() }

    /// Gives the line back: the keeper puts its lights off and closes the port.
    public func close() {
        state.withLock { state in
            guard state.file >= 0 else { return }
            // Before the keeper can give the number to another line.
            whenClosed()
            _ = Glibc.close(state.file)
            state.file = -1
        }
    }

    /// See `ByteLine`. Throws a `Failure` with code `light-tripped` where the keeper allows no light.
    public func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        var ask = kw_ask(limit_ms: UInt32(clamping: within_ms), end: 0, take_stale: dropsStale ? 1 : 0, size: 0)
        var ending: [UInt8] = []
        switch end {
        case .none: ask.end = UInt8(KW_NO_REPLY)
        case .text(let text):
            ask.end = UInt8(KW_ENDS_WITH)
            ask.size = UInt16(clamping: text.count)
            ending = text
        case .line(let words):
            ending = Array(words.joined(separator: "\n").utf8)
            ask.end = UInt8(KW_ENDS_LINE)
            ask.size = UInt16(clamping: ending.count)
        case .size(let size):
            ask.end = UInt8(KW_HAS_SIZE)
            ask.size = UInt16(clamping: size)
        case .quiet(let ms):
            ask.end = UInt8(KW_ENDS_QUIET)
            ask.size = UInt16(clamping: ms)
        }
        let (status, reply) = try request(KW_ASK, ask, ending + bytes, within_ms: within_ms)
        switch status {
        case KW_OK:
            // The end is the first one; what stands behind it belongs to nobody.
            return .whole(Array(reply.prefix(end == .none ? reply.count : end.size(in: reply) ?? reply.count)))
        case KW_SILENT: return .silent
        case KW_PART: return .part(reply)
        case KW_STALE: return .stale(reply)
        case KW_TRIPPED:
            throw Failure(
                "light is refused: the keeper has put the lights off", remedy: "find out why, then begin anew",
                code: "light-tripped")
        case KW_NOT_WHOLE:
            throw Failure(
                "the keeper refuses '\(readable(bytes))'", remedy: "send one whole line at a time",
                code: "line-not-whole")
        default:
            throw Failure("the keeper does not know '\(readable(bytes))'", code: "line-not-whole")
        }
    }

    /// See `ByteLine`.
    public func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) {
        let ask = kw_ask(
            limit_ms: UInt32(clamping: within_ms), end: UInt8(KW_ENDS_QUIET), take_stale: 1,
            size: UInt16(clamping: quiet_ms))
        let (status, reply) = try request(KW_DISCARD, ask, [], within_ms: within_ms)
        return (reply.count, status == KW_OK)
    }

    /// One message to the keeper and its answer.
    private func request(_ kind: Int, _ ask: kw_ask, _ bytes: [UInt8], within_ms: Int) throws -> (Int, [UInt8]) {
        try state.withLock { state in
            guard state.file >= 0 else { throw LineFailure.closed(place) }
            state.number &+= 1
            let header = kw_header(kind: UInt8(kind), status: 0, line: line, number: state.number)
            let message = wireBytes(of: header) + wireBytes(of: ask) + bytes
            guard px_send(state.file, message, message.count, -1) == message.count else { throw lost }
            // The keeper answers in time by itself; beyond that it puts lights off, or is lost.
            let limit = px_now_us() + Int64(within_ms + 7000) * 1000
            while px_now_us() < limit {
                var polled = pollfd(fd: state.file, events: Int16(POLLIN), revents: 0)
                _ = poll(&polled, 1, Int32(clamping: (limit - px_now_us()) / 1000 + 1))
                var file: Int32 = -1
                let count = state.buffer.withUnsafeMutableBytes {
                    px_receive(polled.fd, $0.baseAddress, $0.count, &file)
                }
                if count == -EAGAIN || count == -EINTR { continue }
                guard count >= MemoryLayout<kw_header>.size else { throw lost }
                let answer = state.buffer.withUnsafeBytes { $0.loadUnaligned(as: kw_header.self) }
                guard answer.number == state.number else { continue }
                if Int(answer.status) == KW_GONE { throw LineFailure.gone(place) }
                return (Int(answer.status), Array(state.buffer[MemoryLayout<kw_header>.size..<Int(count)]))
            }
            throw lost
        }
    }

    private var lost: Failure {
        Failure(
            "the keeper of \(place) has ended", remedy: "the lights were put off; open the microscope again",
            code: "device-gone")
    }
}

/// The bytes of a structure of the wire.
func wireBytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
