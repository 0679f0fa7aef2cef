import Instruments
import Synchronization
import Work

/// Carries frames from a ring to their file on a thread of its own, so that the camera never waits for the disk.
final class FrameRecorder: Sendable {
    private final class Shared: Sendable {
        let sink: Mutex<any FrameSink>
        let failure = Mutex<(any Error)?>(nil)
        init(_ sink: sending any FrameSink) { self.sink = Mutex(sink) }
    }

    private let shared: Shared
    private let thread: WorkerThread

    /// Begins with the next frame of a ring, and ends with the ring.
    init(from ring: FrameRing, into sink: sending any FrameSink) throws {
        let reader = try ring.reader(keepsAll: true)
        let shared = Shared(sink)
        self.shared = shared
        thread = WorkerThread("recorder", isPreferred: true) {
            while let frame = reader.next() {
                do { try shared.sink.withLock { try $0.append(frame) } } catch {
                    shared.failure.withLock { $0 = error }
                    return ring.fail(error)
                }
            }
        }
    }

    /// Waits until every frame is written and ends the file.
    func finish(gaps: [FrameGap]) throws {
        thread.wait()
        if let failure = shared.failure.withLock({ $0 }) { throw failure }
        try shared.sink.withLock { try $0.finish(gaps: gaps) }
    }

    /// Writes the frames that are still waiting and tells the file that no more come.
    func cutShort(by error: any Error, gaps: [FrameGap]) {
        thread.wait()
        shared.sink.withLock { $0.cutShort(by: error, gaps: gaps) }
    }
}
