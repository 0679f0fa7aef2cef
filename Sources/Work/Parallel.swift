import Dispatch

/// A pointer that several threads use at once; the caller sees to it that they touch different elements.
@frozen public struct SharedPointer<Element>: @unchecked Sendable {
    /// The memory itself.
    public let base: UnsafeMutablePointer<Element>
    /// Wraps a pointer.
    @inlinable public init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
    /// Element `index` of the memory.
    @inlinable public subscript(index: Int) -> Element {
        get { base[index] }
        nonmutating set { base[index] = newValue }
    }
}

/// Runs `body` for every index on all cores and gathers the results in order.
///
/// The first error that `body` throws is thrown when all calls have ended.
public func concurrentMap<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) throws -> Result
) throws -> [Result] {
    guard count > 0 else { return [] }
    let slots = UnsafeMutablePointer<Swift.Result<Result, any Error>?>.allocate(capacity: count)
    slots.initialize(repeating: nil, count: count)
    defer {
        slots.deinitialize(count: count)
        slots.deallocate()
    }
    let shared = SharedPointer(slots)
    DispatchQueue.concurrentPerform(iterations: count) { index in
        shared[index] = Swift.Result { try body(index) }
    }
    return try (0..<count).map { try slots[$0]!.get() }
}

/// Splits `0..<count` into contiguous ranges of at least `minimum` and runs `body` on them on all cores.
public func concurrentRanges(_ count: Int, minimum: Int = 1, _ body: @Sendable (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let parts = max(1, min(count / max(1, minimum), processorCount * 4))
    guard parts > 1 else { return body(0..<count) }
    DispatchQueue.concurrentPerform(iterations: parts) { part in
        body(count * part / parts..<count * (part + 1) / parts)
    }
}
