import Foundation

/// A file that is read at any place, by any thread.
public final class RandomAccessFile: Sendable {
    /// The file's path.
    public let path: String
    private let descriptor: Int32

    /// Opens a file for reading.
    /// - Throws: a `Failure` that names the file.
    public init(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure("cannot read \(path)", remedy: "it is not a file", code: "file-unreadable")
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("cannot read \(path)", remedy: "check its permissions", code: "file-unreadable")
        }
        self.path = path
    }

    deinit { close(descriptor) }

    /// The length of the file now; it may still grow.
    public var length: UInt64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? UInt64(status.st_size) : 0
    }

    /// Fills as much of the buffer as the file holds from `offset` on, and returns that number of bytes.
    public func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        guard let base = buffer.baseAddress, offset <= UInt64(Int64.max) - UInt64(buffer.count) else { return 0 }
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            done += got
        }
        return done
    }

    /// Up to `count` bytes from `offset` on.
    public func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = read(UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }
}
