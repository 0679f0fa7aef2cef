import Foundation
import Synchronization
import Work

/// The time of a simulated microscope in ms since it was opened.
///
/// With a scale of 0 time stands still until somebody waits, and then jumps: everything goes as fast as the computer
/// can. With a scale of 1 it is real time, with 0.1 ten times faster.
public final class SimulationClock: Sendable {
    /// Seconds of real time for a second of simulated time.
    public let scale: Double
    private let jumped = Mutex(0.0)
    private let start = DispatchTime.now().uptimeNanoseconds

    init(scale: Double) { self.scale = scale }

    /// The present time.
    public var now_ms: Double {
        scale > 0 ? Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6 / scale : jumped.withLock { $0 }
    }

    /// Waits until a time has come; returns early when the user interrupts.
    public func wait(until time_ms: Double) {
        guard scale > 0 else { return jumped.withLock { $0 = max($0, time_ms) } }
        while !Interruption.isRequested {
            let left = (time_ms - now_ms) * scale / 1000
            guard left > 0 else { return }
            Thread.sleep(forTimeInterval: min(left, 0.02))
        }
    }
}
