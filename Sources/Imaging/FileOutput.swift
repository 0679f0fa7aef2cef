import Foundation
import Work

/// A file that bytes are written to at any place.
final class FileOutput {
    private let path: String
    private var descriptor: Int32
    private var end: UInt64 = 0

    /// Creates `temporary`; errors name `path`, the name that the user knows.
    init(_ temporary: String, for path: String) throws {
        self.path = path
        descriptor = open(temporary, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
    }

    deinit { close() }

    /// Whether bytes can still be written.
    var isOpen: Bool { descriptor >= 0 }

    /// Writes behind what was appended before.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try write(bytes, at: end)
        end += UInt64(bytes.count)
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        var done = 0
        while done < bytes.count {
            let written = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure() }
            done += written
        }
    }

    /// Gives up what lies behind `length`.
    func cut(to length: UInt64) { _ = ftruncate(descriptor, off_t(length)) }

    func close() {
        if descriptor >= 0 { Foundation.close(descriptor) }
        descriptor = -1
    }

    private func failure() -> Failure {
        errno == ENOSPC
            ? Failure("the disk is full: \(path) cannot be written", remedy: "free some space", code: "disk-full")
            : Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
    }
}
