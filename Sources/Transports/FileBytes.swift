import Foundation
import PosixShim
import Synchronization
import Work

/// Requests and replies over an open file: the common part of serial ports and TCP connections.
final class FileBytes: Sendable {
    private struct State {
        var file: Int32
        /// Bytes behind the end of the last reply.
        var rest: [UInt8] = []
        var isGone = false
    }

    let place: String
    private let state: Mutex<State>
    /// The file as long as it may be written to. Held during each write, so that no two commands mix, and never while
    /// waiting for a reply.
    private let output: Mutex<Int32>

    /// Takes over a file that does not block.
    init(_ file: Int32, place: String) {
        self.place = place
        self.state = Mutex(State(file: file))
        self.output = Mutex(file)
    }

    deinit { close() }

    func close() {
        state.withLock { state in
            output.withLock { $0 = -1 }
            if state.file >= 0 { _ = Glibc.close(state.file) }
            state.file = -1
        }
    }

    /// Sends bytes whatever else the line is doing.
    func interject(_ bytes: [UInt8]) -> Bool {
        output.withLock { file in
            file >= 0 && bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count
        }
    }

    func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        try state.withLock { state in
            try check(state)
            var heard: [UInt8] = []
            let limit = px_now_us() + Int64(within_ms) * 1000
            if bytes.isEmpty {
                heard = state.rest
                state.rest = []
            } else {
                try takeWaiting(&state)
                if !state.rest.isEmpty, !dropsStale {
                    defer { state.rest = [] }
                    return .stale(state.rest)
                }
                state.rest = []
                guard try write(bytes, &state, limit) else { return .silent }
            }
            while true {
                if let size = end.size(in: heard) {
                    state.rest = Array(heard[size...])
                    return .whole(Array(heard[..<size]))
                }
                var wait = limit - px_now_us()
                if case .quiet(let ms) = end, !heard.isEmpty {
                    guard try wait_us(min(wait, Int64(ms) * 1000), POLLIN, state) else { return .whole(heard) }
                } else {
                    wait = max(wait, 0)
                    guard try wait_us(wait, POLLIN, state) else { return heard.isEmpty ? .silent : .part(heard) }
                }
                heard += try read(&state)
                if px_now_us() >= limit, end.size(in: heard) == nil { return heard.isEmpty ? .silent : .part(heard) }
            }
        }
    }

    func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) {
        try state.withLock { state in
            try check(state)
            var count = state.rest.count
            state.rest = []
            let limit = px_now_us() + Int64(within_ms) * 1000
            while px_now_us() < limit {
                guard try wait_us(Int64(quiet_ms) * 1000, POLLIN, state) else { return (count, true) }
                count += try read(&state).count
            }
            return (count, false)
        }
    }

    private func check(_ state: borrowing State) throws {
        if state.file < 0 { throw LineFailure.closed(place) }
        if state.isGone { throw LineFailure.gone(place) }
    }

    private func takeWaiting(_ state: inout State) throws {
        while try wait_us(0, POLLIN, state), state.rest.count < 1 << 16 { state.rest += try read(&state) }
    }

    /// Whether an event came in time.
    private func wait_us(_ time: Int64, _ events: Int32, _ state: borrowing State) throws -> Bool {
        var polled = pollfd(fd: state.file, events: Int16(events), revents: 0)
        var result: Int32
        let end = px_now_us() + time
        repeat {
            let rest = max(0, end - px_now_us())
            result = poll(&polled, 1, Int32(clamping: (rest + 999) / 1000))
        } while result < 0 && errno == EINTR
        if Int32(polled.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0 { throw LineFailure.gone(place) }
        return result > 0
    }

    private func write(_ bytes: [UInt8], _ state: inout State, _ limit: Int64) throws -> Bool {
        try output.withLock { file in
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                if sent < 0, errno == EINTR { continue }
                if sent < 0, errno == EAGAIN {
                    guard try wait_us(max(0, limit - px_now_us()), POLLOUT, state) else { return false }
                    continue
                }
                guard sent >= 0 else {
                    state.isGone = true
                    throw LineFailure.gone(place)
                }
                rest = rest.dropFirst(sent)
            }
            return true
        }
    }

    /// Takes what has come. Called only where something stands in the line, so that an end means that the other side
    /// has gone.
    private func read(_ state: inout State) throws -> [UInt8] {
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            result = Glibc.read(state.file, buffer.baseAddress, 4096)
            count = max(0, result)
        }
        if result == 0 || (result < 0 && errno != EAGAIN && errno != EINTR) {
            state.isGone = true
            throw LineFailure.gone(place)
        }
        return bytes
    }
}
