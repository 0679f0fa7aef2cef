import Imaging

/// A frame that is looked at where it lies in a ring. It stays as it is as long as this is held.
public final class HeldFrame: CountsInPlace, Sendable {
    /// Its number among the frames of the ring, from 0.
    public let number: Int
    /// What is known of it.
    public let stamp: FrameStamp
    private let ring: FrameRing
    private let slot: Int
    private let reader: Int

    init(_ ring: FrameRing, _ slot: Int, _ reader: Int, _ number: Int, _ stamp: FrameStamp) {
        self.ring = ring
        self.slot = slot
        self.reader = reader
        self.number = number
        self.stamp = stamp
    }

    deinit { ring.release(slot, of: reader) }

    /// The number of columns.
    public var width: Int { ring.width }
    /// The number of rows.
    public var height: Int { ring.height }

    /// Runs `body` on the counts, row by row; the memory may not be used behind it.
    public func withCounts<Result>(_ body: (UnsafeBufferPointer<UInt16>) throws -> Result) rethrows -> Result {
        try body(UnsafeBufferPointer(ring.pixels(of: slot)))
    }
}

extension Frame {
    /// A frame of its own that stays when the held one is let go.
    public init(copying held: HeldFrame) {
        self.init(
            counts: Plane(width: held.width, height: held.height, samples: held.withCounts { Array($0) }),
            index: held.stamp.index, time_ms: held.stamp.time_ms, clock: held.stamp.clock,
            lostBefore: held.stamp.lostBefore)
    }
}

/// Reads the frames of a ring on one thread at a time. It leaves the ring when it is given up.
public final class RingReader: Sendable {
    private let ring: FrameRing
    private let number: Int

    init(_ ring: FrameRing, _ number: Int) {
        self.ring = ring
        self.number = number
    }

    deinit { ring.leave(number) }

    /// The frame behind the last one; where that is gone already, the oldest that is there. Waits while there is none, or
    /// while as many are held as may be.
    /// - Returns: nil at the end, or when none came within the time limit.
    public func next(within_ms: Double = .infinity) -> HeldFrame? {
        ring.take(number, newest: false, within_ms: within_ms)
    }

    /// The newest frame that has not been given yet, as a live view needs it; nil as for `next`.
    public func newest(within_ms: Double = .infinity) -> HeldFrame? {
        ring.take(number, newest: true, within_ms: within_ms)
    }

    /// The frames that it came too late for.
    public var skipped: Int { ring.skipped(number) }
}
