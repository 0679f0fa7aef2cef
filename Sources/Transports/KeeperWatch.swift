import Foundation
import PosixShim
import Synchronization
import Work

/// A message of the keeper's.
struct KeeperMessage {
    var header: kw_header
    var bytes: [UInt8]
    var file: Int32
}

/// Takes the next message; nil when none came in time or the other end has gone (then `isAtEnd`).
func receive(_ socket: Int32, within_ms: Int, isAtEnd: UnsafeMutablePointer<Bool>? = nil) -> KeeperMessage? {
    let limit = px_now_us() + Int64(max(0, within_ms)) * 1000
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        _ = poll(&polled, 1, Int32(clamping: max(0, limit - px_now_us() + 999) / 1000))
        var file: Int32 = -1
        let count = Int(buffer.withUnsafeMutableBytes { px_receive(socket, $0.baseAddress, $0.count, &file) })
        let size = MemoryLayout<kw_header>.size
        if count >= size {
            let header = buffer.withUnsafeBytes { $0.loadUnaligned(as: kw_header.self) }
            return KeeperMessage(header: header, bytes: Array(buffer[size..<count]), file: file)
        }
        if count != -Int(EAGAIN) && count != -Int(EINTR) {
            isAtEnd?.pointee = true
            return nil
        }
        if px_now_us() >= limit { return nil }
    }
}

/// What the thread that talks to the keeper has learnt, for the other threads.
final class KeeperWatch: Sendable {
    private struct State {
        var tripped = 0
        var gone: UInt32 = 0
        var done: (number: UInt32, outcomes: [LightOutcome])?
        var isEnding = false
        var hasEnded = false
    }

    private let condition = NSCondition()
    private nonisolated(unsafe) var state = State()

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body(&state)
    }

    var isTripped: Bool { change { $0.tripped != 0 } }
    var isEnding: Bool { change { $0.isEnding } }

    /// False when the end has been asked for before.
    func beginToEnd() -> Bool {
        change { state in
            defer { state.isEnding = true }
            return !state.isEnding
        }
    }

    func forgetTrip() { change { $0.tripped = 0 } }
    func end() { change { $0.hasEnded = true } }

    /// Takes in the state: lines that were not gone before.
    func take(_ new: kw_state) -> UInt32 {
        change { state in
            defer { (state.tripped, state.gone) = (Int(new.tripped), new.gone) }
            return new.gone & ~state.gone
        }
    }

    func take(done number: UInt32, _ outcomes: [LightOutcome]) { change { $0.done = (number, outcomes) } }

    func waitForDone(_ number: UInt32, limit_ms: Int) -> [LightOutcome]? {
        func isTold(_ state: State) -> Bool { state.done.map { $0.number >= number } ?? false }
        wait(limit_ms) { isTold($0) || $0.hasEnded }
        return change { isTold($0) ? $0.done?.outcomes : nil }
    }

    func waitUntilEnded() { wait(8000) { $0.hasEnded } }

    private func wait(_ limit_ms: Int, _ isReached: (State) -> Bool) {
        let limit = Date(timeIntervalSinceNow: Double(limit_ms) / 1000)
        condition.lock()
        while !isReached(state), condition.wait(until: limit) {}
        condition.unlock()
    }
}

extension Keeper {
    /// The keeper is taken for lost after so many beats without an answer.
    private static var mostUnanswered: Int { 15 }

    /// The thread that says that this program lives, and hears what the keeper has to tell.
    func beat() {
        px_prefer_thread()
        var unanswered = 0
        var isAtEnd = false
        while !isAtEnd, unanswered < Self.mostUnanswered {
            var message = kw_header(kind: UInt8(KW_BEAT), status: 0, line: 0, number: 0)
            _ = px_send(alarm, &message, MemoryLayout<kw_header>.size, -1)
            unanswered += 1
            let next = px_now_us() + Int64(settings.beat_ms) * 1000
            repeat {
                guard
                    let message = receive(
                        alarm, within_ms: Int((next - px_now_us()) / 1000), isAtEnd: &isAtEnd)
                else { break }
                if message.file >= 0 { Glibc.close(message.file) }
                unanswered = 0
                take(message)
            } while px_now_us() < next
        }
        end()
    }

    private func take(_ message: KeeperMessage) {
        switch Int(message.header.kind) {
        case KW_BEAT where message.bytes.count >= MemoryLayout<kw_state>.size:
            let state = message.bytes.withUnsafeBytes { $0.loadUnaligned(as: kw_state.self) }
            let gone = watch.take(state)
            let recipes = lines.withLock { $0.recipes }
            for (line, recipe) in recipes where line < 32 && gone & (1 << UInt32(line)) != 0 {
                onFault(LineFailure.gone("\(recipe.port) of \(recipe.name)"))
            }
        case KW_DONE:
            let size = MemoryLayout<kw_outcome>.size
            let recipes = lines.withLock { $0.recipes }
            let outcomes = (0..<message.bytes.count / size).compactMap { index -> LightOutcome? in
                let outcome = message.bytes.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: index * size, as: kw_outcome.self)
                }
                return recipes[outcome.line].map { LightOutcome(outcome, name: $0.name, port: $0.port) }
            }
            watch.take(done: message.header.number, outcomes)
            if Int(message.header.status) == KW_HOST_FROZEN {
                report(
                    "this program did not answer for \(settings.lease_ms) ms, so the keeper put the lights off",
                    outcomes)
            }
        default: break
        }
    }

    private func report(_ cause: String, _ outcomes: [LightOutcome]) {
        let lights = outcomes.map(\.description).joined(separator: ", ")
        onFault(Failure(lights.isEmpty ? cause : "\(cause) (\(lights))", code: "light-tripped"))
    }

    /// The keeper has ended or does not answer: it is ended for good, and where nobody asked for that, the lights are
    /// put off from here.
    private func end() {
        let isWanted = watch.isEnding
        if !isWanted { kill(process, SIGKILL) }
        // Ended by itself it still closes its ports; the exit is certain, not its moment.
        waitpid(process, nil, 0)
        px_forget_crash(alarm)
        let recipes = lines.withLock { lines in
            lines.isLost = true
            return lines.recipes.sorted { $0.key < $1.key }.map(\.value)
        }
        if !isWanted {
            report(
                "the keeper of the lights has ended, so this program put the lights off", LightOutcome.putOff(recipes))
        }
        watch.end()
    }
}
