import Dispatch
import Synchronization

/// Prepares training batches on a second thread while the network trains on the last one.
final class BatchSupply: Sendable {
    private let sampler: CropSampler
    private let queue = DispatchQueue(label: "batches")
    private let ready = DispatchSemaphore(value: 0)
    /// Counts free places from 0 up, for a semaphore may not be let go below the value it began with.
    private let room = DispatchSemaphore(value: 0)
    private let batches = Mutex<[TrainingBatch]>([])
    private let ended = Mutex(false)

    /// Begins to prepare batches from number `first` on; at most two wait to be taken.
    init(_ sampler: CropSampler, from first: Int) {
        self.sampler = sampler
        room.signal()
        room.signal()
        prepare(first)
    }

    private func prepare(_ number: Int) {
        queue.async { [self] in
            room.wait()
            guard !ended.withLock({ $0 }) else { return }
            let batch = sampler.batch(number)
            batches.withLock { $0.append(batch) }
            ready.signal()
            prepare(number + 1)
        }
    }

    /// The next batch in order.
    func next() -> TrainingBatch {
        ready.wait()
        let batch = batches.withLock { $0.removeFirst() }
        room.signal()
        return batch
    }

    /// Ends the preparation. Must be called, or the thread waits for ever.
    func end() {
        ended.withLock { $0 = true }
        room.signal()
    }
}
