import Instruments
import Localization
import Synchronization
import Work

/// Gives the frames of a ring to a stream of localization as they come, on a thread of its own.
final class LiveLocalization: Sendable {
    private final class Outcome: Sendable {
        let frames = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
    }

    private let outcome = Outcome()
    private let thread: WorkerThread

    /// Begins with the next frame of a ring, and ends with the ring. The frames are numbered from 1 as in the movie; those
    /// that come faster than they can be localized are skipped.
    /// - Throws: `Failure` with code `ring-readers` where other readers hold too many frames, `size-mismatch` for frames
    ///   of another size.
    init(of ring: FrameRing, by stream: LocalizationStream) throws {
        guard stream.width == ring.width, stream.height == ring.height else {
            throw Failure(
                "frames of \(ring.width)x\(ring.height) in a stream of \(stream.width)x\(stream.height)",
                remedy: "open the stream with the size of the camera's frames", code: "size-mismatch")
        }
        let reader = try ring.reader(holding: 4 * processorCount + 1)
        thread = WorkerThread("localization") { [outcome] in
            while let frame = reader.next() {
                do { try stream.add(frame, number: frame.number + 1) } catch {
                    return outcome.failure.withLock { $0 = error }
                }
                outcome.frames.add(1, ordering: .relaxed)
            }
        }
    }

    /// Waits until every frame is with the stream, behind the end of the ring.
    /// - Returns: the number of frames that it got.
    /// - Throws: what the stream threw; `Interrupted`.
    func finish() throws -> Int {
        while !thread.wait(within_ms: 20) { try Interruption.check() }
        if let failure = outcome.failure.withLock({ $0 }) { throw failure }
        return outcome.frames.load(ordering: .relaxed)
    }
}
