import Foundation
import Synchronization

/// What has to happen however the program ends: lights go off, motion stops.
///
/// The program runs all actions at its normal end, after an error, at SIGTERM, and when the user presses Ctrl-C twice
/// because the work does not answer. An action may run more than once and on any thread; it must not wait for long.
///
///     let entry = EmergencyStop.register { microscope.allLightsOff() }
///     defer { entry.cancel() }
public enum EmergencyStop {
    /// One registered action.
    public struct Entry: Sendable {
        fileprivate let number: Int
        /// Takes the action out again.
        public func cancel() { EmergencyStop.actions.withLock { _ = $0.list.removeValue(forKey: number) } }
    }

    private struct Actions {
        var next = 0
        var list: [Int: @Sendable () -> Void] = [:]
    }

    private static let actions = Mutex(Actions())

    /// Adds an action.
    @discardableResult
    public static func register(_ action: @escaping @Sendable () -> Void) -> Entry {
        actions.withLock { actions in
            actions.next += 1
            actions.list[actions.next] = action
            return Entry(number: actions.next)
        }
    }

    /// Runs all actions at the same time and waits for them, but no longer than the limit: one device that hangs
    /// does not keep the others lit.
    /// - Returns: whether all of them ended in time.
    @discardableResult
    public static func run(limit_s: Double = 2) -> Bool {
        let list = actions.withLock { Array($0.list.values) }
        let done = DispatchSemaphore(value: 0)
        for action in list {
            Thread.detachNewThread {
                action()
                done.signal()
            }
        }
        let end = DispatchTime.now() + limit_s
        return list.allSatisfy { _ in done.wait(timeout: end) == .success }
    }
}
