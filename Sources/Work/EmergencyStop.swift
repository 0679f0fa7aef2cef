import Foundation
import PosixShim
import Synchronization

/// What has to happen however the program ends: lights go off, motion stops.
///
/// The program runs all actions at its normal end, after an error, at Ctrl-C and SIGTERM, and when it crashes; those that
/// are registered for the end alone (motion) it leaves out where the work itself can still end in order. An action may
/// run more than once and on any thread; it must not wait for long.
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
        var list: [Int: (isOnlyAtEnd: Bool, action: @Sendable () -> Void)] = [:]
        /// What is still to be done after a crash; nil before one.
        var left: [(isOnlyAtEnd: Bool, action: @Sendable () -> Void)]?
    }

    private static let actions = Mutex(Actions())

    /// Adds an action.
    /// - Parameter onlyAtEnd: whether it is left out while the work can still end in order.
    @discardableResult
    public static func register(onlyAtEnd: Bool = false, _ action: @escaping @Sendable () -> Void) -> Entry {
        actions.withLock { actions in
            actions.next += 1
            actions.list[actions.next] = (onlyAtEnd, action)
            return Entry(number: actions.next)
        }
    }

    /// Runs all actions at the same time and waits for them, but no longer than the limit: one device that hangs
    /// does not keep the others lit. Those for the end alone come after the others.
    /// - Parameter isEnd: whether the program ends now.
    /// - Returns: whether all of them ended in time.
    @discardableResult
    public static func run(limit_s: Double = 2, isEnd: Bool = true) -> Bool {
        let list = actions.withLock { Array($0.list.values) }
        let first = atOnce(list.filter { !$0.isOnlyAtEnd }.map(\.action), limit_s: limit_s)
        guard isEnd else { return first }
        return atOnce(list.filter(\.isOnlyAtEnd).map(\.action), limit_s: limit_s) && first
    }

    /// Does things at the same time, each in a thread of its own, and waits for them no longer than the limit. In a
    /// program that has crashed, where no thread may be made, it does them one after the other.
    /// - Returns: whether all of them ended in time.
    @discardableResult
    public static func atOnce(_ list: [@Sendable () -> Void], limit_s: Double) -> Bool {
        guard !isFinal else {
            for action in list { action() }
            return true
        }
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
        _ = px_watch_crashes(
            { EmergencyStop.runShare(atEnd: false) }, { EmergencyStop.runShare(atEnd: true) }, 3, wanted ? 1 : 0)
        useAlternateStack()
    }

    /// Lets an overflow of the calling thread's stack count as a crash that `watchCrashes` sees.
    public static func useAlternateStack() { px_use_alternate_stack() }

    private static func runShare(atEnd: Bool) {
        hasCrashed.store(true, ordering: .relaxed)
        while let action = takeNext(atEnd) { action() }
    }

    /// The next action after a crash. The list's lock is tried for a while only: the crashed thread may hold it.
    private static func takeNext(_ atEnd: Bool) -> (@Sendable () -> Void)? {
        for _ in 0..<200 {
            let taken: (@Sendable () -> Void)?? = actions.withLockIfAvailable { actions in
                if actions.left == nil { actions.left = Array(actions.list.values) }
                guard let place = actions.left?.firstIndex(where: { $0.isOnlyAtEnd == atEnd }) else { return nil }
                return actions.left?.remove(at: place).action
            }
            if let taken { return taken }
            usleep(500)
        }
        return nil
    }
}
