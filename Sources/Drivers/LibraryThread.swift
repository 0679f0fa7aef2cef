import Dispatch
import Foundation
import Synchronization
import Work

/// The one thread on which the calls of a vendor's library are made, one after another. Whoever waits for a call, waits no
/// longer than its time limit: a call that hangs holds up nothing but further calls.
final class LibraryThread: Sendable {
    private let vendor: String
    private let queue: DispatchQueue
    /// The call that has not come back within its time.
    private let stuck = Mutex<String?>(nil)

    /// A thread for the library of a vendor, whose name is for messages.
    init(_ vendor: String) {
        self.vendor = vendor
        queue = DispatchQueue(label: "stormbench.library.\(vendor)", qos: .userInitiated)
    }

    /// What a call gives to those who may have stopped waiting for it.
    private final class Outcome<Result: Sendable>: Sendable {
        let result = Mutex<Swift.Result<Result, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
    }

    /// Runs calls.
    /// - Parameters:
    ///   - what: for messages: `StartAcquisition`.
    ///   - limit_s: how long it is waited for.
    /// - Throws: what `body` throws; `Failure` with code `device-silent` when the time has passed, and at once as long as
    ///   an earlier call has not come back.
    func run<Result: Sendable>(
        _ what: String, limit_s: Double, _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        if let call = stuck.withLock({ $0 }) { throw silent(call) }
        let outcome = Outcome<Result>()
        queue.async { [self] in
            let result = Swift.Result(catching: body)
            outcome.result.withLock { $0 = result }
            stuck.withLock { $0 = nil }
            outcome.done.signal()
        }
        guard outcome.done.wait(timeout: .now() + limit_s) == .success else {
            // It may have come back just now.
            stuck.withLock { stuck in if outcome.result.withLock({ $0 == nil }) { stuck = what } }
            throw silent(what)
        }
        guard let result = outcome.result.withLock({ $0 }) else { throw silent(what) }
        return try result.get()
    }

    private func silent(_ call: String) -> Failure {
        Failure(
            "\(vendor): \(call) has not come back in time",
            remedy: "switch the camera off and on, then start the program anew", code: "device-silent")
    }
}
