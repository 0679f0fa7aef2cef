import Dispatch
import Foundation
import PosixShim
import Synchronization

/// A thread with one task, whose end can be waited for with a time limit.
public final class WorkerThread: Sendable {
    private let ended = DispatchSemaphore(value: 0)
    private let hasEnded = Mutex(false)

    /// Starts the thread.
    /// - Parameters:
    ///   - name: what debuggers call it, up to 15 letters.
    ///   - isPreferred: whether it runs before others where an ordinary user was allowed that (RLIMIT_NICE); nothing is
    ///     raised for root.
    ///   - body: the task.
    public init(_ name: String, isPreferred: Bool = false, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread { [ended, self] in
            Thread.current.name = name
            if isPreferred, geteuid() != 0 { px_prefer_thread() }
            body()
            hasEnded.withLock { $0 = true }
            ended.signal()
        }
        thread.start()
    }

    /// Waits for the end.
    /// - Returns: whether the task has ended.
    @discardableResult
    public func wait(within_ms: Double = .infinity) -> Bool {
        if hasEnded.withLock({ $0 }) { return true }
        let limit: DispatchTime = within_ms.isFinite ? .now() + max(0, within_ms) / 1000 : .distantFuture
        guard ended.wait(timeout: limit) == .success else { return false }
        ended.signal()
        return true
    }
}
