import Foundation

/// What a process has used of the machine.
public struct ResourceUse: Sendable {
    /// The time in s of all threads, with the system's share.
    public let processorSeconds: Double
    /// The peak of the resident memory in bytes.
    public let mostMemory: Int

    /// What this process has used so far.
    public init() {
        var use = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &use)
        self.init(use)
    }

    /// What the system counted for a process, such as a child that ended.
    public init(_ use: rusage) {
        func total(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        processorSeconds = total(use.ru_utime) + total(use.ru_stime)
        mostMemory = use.ru_maxrss * 1024
    }
}
