import Synchronization

/// The error that ends work after Ctrl-C or SIGTERM.
public struct Interrupted: Error, Sendable, CustomStringConvertible {
    /// Makes the error.
    public init() {}
    /// One word for the user.
    public var description: String { "interrupted" }
}

/// The one flag by which long native work learns that the user wants it to stop.
///
/// A signal handler calls `request()` (a lock-free store, safe there); every long loop calls `check()`
/// at least a few times a second.
public enum Interruption {
    private static let requested = Atomic<Bool>(false)

    /// Asks all running work to stop.
    public static func request() { requested.store(true, ordering: .relaxed) }

    /// Forgets the request, before new work starts.
    public static func clear() { requested.store(false, ordering: .relaxed) }

    /// Whether a stop has been asked for.
    public static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Throws `Interrupted` if a stop has been asked for.
    public static func check() throws(Interrupted) {
        if isRequested { throw Interrupted() }
    }
}
