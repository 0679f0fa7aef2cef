import Foundation
import PosixShim
import Synchronization

/// What has to happen however the program ends: lights go off, motion stops.
///
/// The program runs all actions at its normal end, after an error, at SIGTERM, when the user presses Ctrl-C twice
/// because the work does not answer, and when it crashes. An action may run more than once and on any thread; it must not wait for long.
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
        /// What is still to be done after a crash; nil before one.
        var left: [@Sendable () -> Void]?
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

    /// Whether the program is about to die by a crash: nothing may be switched on any more.
    public static var isFinal: Bool { hasCrashed.load(ordering: .relaxed) }

    private static let hasCrashed = Atomic(false)

    /// Runs all actions when the program crashes from now on, before it dies by the signal. Three threads that wait for
    /// it share them, so that one device that hangs does not keep the others lit. Swift's backtracer would hold the
    /// program for seconds; it comes after the lights, and only where `SWIFT_BACKTRACE` asks for it.
    public static func watchCrashes() {
        let wanted = ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"] != nil
        _ = px_watch_crashes({ EmergencyStop.runShare() }, 3, wanted ? 1 : 0)
        useAlternateStack()
    }

    /// Lets an overflow of the calling thread's stack count as a crash that `watchCrashes` sees.
    public static func useAlternateStack() { px_use_alternate_stack() }

    private static func runShare() {
        hasCrashed.store(true, ordering: .relaxed)
        while let action = takeNext() { action() }
    }

    /// The next action after a crash. The list's lock is tried for a while only: the crashed thread may hold it.
    private static func takeNext() -> (@Sendable () -> Void)? {
        for _ in 0..<200 {
            let taken: (@Sendable () -> Void)?? = actions.withLockIfAvailable { actions in
                if actions.left == nil { actions.left = Array(actions.list.values) }
                return actions.left?.popLast()
            }
            if let taken { return taken }
            usleep(500)
        }
        return nil
    }
}
