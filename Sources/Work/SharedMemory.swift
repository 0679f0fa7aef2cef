import Foundation
import PosixShim

/// Memory that another program can map too, through its file. All of it is there from the beginning.
public final class SharedMemory: @unchecked Sendable {
    /// The first byte; on the boundary of a page.
    public let base: UnsafeMutableRawPointer
    /// The number of bytes.
    public let count: Int
    /// The file, to be passed to a program that maps it.
    public let descriptor: Int32

    /// Memory of a size, filled with zeros.
    /// - Throws: `Failure` with code `memory` when the machine does not have it.
    public init(_ name: String, bytes: Int) throws {
        try MemoryLimit.check(bytes, bytesEach: 1, for: "\(name) of \(bytes >> 20) MB")
        let file = px_shared_memory(name, bytes)
        guard file >= 0 else { throw SharedMemory.missing(name, bytes, -file) }
        let place = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0)
        guard let place, place != MAP_FAILED else {
            let error = errno
            close(file)
            throw SharedMemory.missing(name, bytes, error)
        }
        base = place
        count = bytes
        descriptor = file
    }

    deinit {
        munmap(base, count)
        close(descriptor)
    }

    private static func missing(_ name: String, _ bytes: Int, _ error: Int32) -> Failure {
        Failure(
            "\(name) of \(bytes >> 20) MB of shared memory cannot be made: \(String(cString: strerror(error)))",
            remedy: "end other programs, or make it smaller", code: "memory")
    }
}
