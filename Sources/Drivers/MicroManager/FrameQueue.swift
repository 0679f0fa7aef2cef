import Foundation
import Imaging
import Synchronization
import Work

/// The frames of one sequence on their way from the helper to whoever takes them.
final class FrameQueue: Sendable {
    /// A frame whose pixels have come with it, or lie in a slot of the ring.
    struct Arrived {
        var head: HelperFrameHead
        /// The number of its sequence, for the credit.
        var sequence: UInt32
        var pixels: [UInt16]
    }

    /// What becomes of a wait.
    enum Next {
        case frame(Arrived)
        case ended(Ending)
        case late
    }

    /// How the sequence ended.
    struct Ending {
        var frames: Int
        /// Why it ended before its last frame; empty where it did not.
        var failure: Failure?
    }

    private struct State {
        var frames: [Arrived] = []
        var ending: Ending?
    }

    /// The sequences before this one have numbers up to this.
    let after: UInt32
    private let condition = NSCondition()
    private nonisolated(unsafe) var state = State()

    init(after: UInt32) { self.after = after }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body(&state)
    }

    func add(_ frame: Arrived) { change { $0.frames.append(frame) } }

    func end(_ ending: Ending) { change { if $0.ending == nil { $0.ending = ending } } }

    /// The next frame, how the sequence ended behind the last one, or that neither came in time.
    func next(within_ms: Double) -> Next {
        let limit = Date(timeIntervalSinceNow: min(within_ms, 1e9) / 1000)
        condition.lock()
        defer { condition.unlock() }
        while true {
            // There are never more than the helper has credits for.
            if !state.frames.isEmpty { return .frame(state.frames.removeFirst()) }
            if let ending = state.ending { return .ended(ending) }
            guard condition.wait(until: limit) else { return .late }
        }
    }
}

/// The ring of slots in shared memory in which a helper of this computer leaves its frames.
final class HelperRing: Sendable {
    let path: String
    let count: Int
    private let address: UInt

    /// Maps the file of the ring.
    /// - Throws: `Failure` with code `device-gone`.
    init(_ path: String, count: Int) throws {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        defer { if file >= 0 { Glibc.close(file) } }
        var state = stat()
        let size = file >= 0 && fstat(file, &state) == 0 ? Int(state.st_size) : 0
        guard count > 0, size >= count, let memory = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0),
            memory != MAP_FAILED
        else {
            throw Failure(
                "the helper's frames in \(path) cannot be read", remedy: "open the microscope again",
                code: "device-gone")
        }
        self.path = path
        self.count = size
        address = UInt(bitPattern: memory)
    }

    deinit { munmap(UnsafeMutableRawPointer(bitPattern: address), count) }

    /// The bytes of a part of it; nil where it does not lie within.
    func bytes(at start: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard start >= 0, count >= 0, start + count <= self.count else { return nil }
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address)! + start, count: count)
    }
}
