/// The counts of a frame in memory that somebody else owns, such as the ring of a recording. They stay as they are as long
/// as this is held.
public protocol CountsInPlace: Sendable {
    /// The number of columns.
    var width: Int { get }
    /// The number of rows.
    var height: Int { get }
    /// Runs `body` on the counts, row by row; the memory may not be used behind it.
    func withCounts<Result>(_ body: (UnsafeBufferPointer<UInt16>) throws -> Result) rethrows -> Result
}
