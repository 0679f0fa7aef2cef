import Foundation

/// What an output path leads to, links followed: the name of a file, or something that takes bytes.
enum Destination: Sendable, Equatable {
    /// A file that gets its name when it is whole, with the permissions of the one that it takes the place of.
    case file(String, replaces: Permissions?)
    /// A file whose folder takes no new names: its content is written anew.
    case content(String)
    /// A device or a named pipe.
    case stream(String)
    /// An open descriptor of this process, such as `/dev/stdout`.
    case descriptor(Int32)

    /// Owner and rights of a file.
    struct Permissions: Sendable, Equatable {
        var mode: mode_t, user: uid_t, group: gid_t
    }

    /// Follows the links of a path; missing folders are made.
    /// - Throws: a `Failure` that names the path where nothing can be written there.
    init(_ path: String) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw Failure(
                "\"\(path.replacing("\0", with: "\\0"))\" is no name of a file", remedy: "check the path",
                code: "file-unwritable")
        }
        var current = path
        for _ in 0..<40 {
            let name = String(current.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
            guard !name.isEmpty, name != ".", name != ".." else { throw Destination.isFolder(path) }
            let folder = try Destination.folder(of: current, name)
            let full = folder == "/" ? "/" + name : folder + "/" + name
            if folder.hasPrefix("/proc/\(getpid())/"), folder.hasSuffix("/fd"), let number = Int32(name) {
                guard fcntl(number, F_GETFD) >= 0 else { throw unwritable(path, EBADF) }
                self = .descriptor(number)
                return
            }
            var status = stat()
            if lstat(full, &status) != 0 {
                guard errno == ENOENT else { throw unwritable(path, errno) }
                guard access(folder, W_OK | X_OK) == 0 else { throw Destination.closed(path, folder) }
                self = .file(full, replaces: nil)
                return
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                guard access(full, W_OK) == 0 else {
                    throw Failure(
                        "\(path) is write-protected", remedy: "choose another name, or change its permissions",
                        code: "file-unwritable")
                }
                let permissions = Permissions(
                    mode: status.st_mode & 0o7777, user: status.st_uid, group: status.st_gid)
                self = access(folder, W_OK | X_OK) == 0 ? .file(full, replaces: permissions) : .content(full)
                return
            case S_IFDIR: throw Destination.isFolder(path)
            case S_IFSOCK:
                throw Failure(
                    "\(path) is a socket", remedy: "give the name of a file, device or pipe", code: "file-unwritable")
            case S_IFLNK where !folder.hasPrefix("/proc/"):
                guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: full) else {
                    throw unwritable(path, EIO)
                }
                current = target.hasPrefix("/") ? target : folder + "/" + target
            default:
                self = .stream(full)
                return
            }
        }
        throw unwritable(path, ELOOP)
    }

    /// The name under which the file grows.
    func temporaryPath() -> String {
        guard case .file(let target, _) = self else {
            return FileManager.default.temporaryDirectory.appendingPathComponent("stormbench-\(UUID().uuidString).part")
                .path
        }
        let url = URL(fileURLWithPath: target)
        var name = url.lastPathComponent
        // A name has 255 bytes at most; a long one is cut and told apart by a hash (FNV-1a).
        if name.utf8.count > 249 {
            let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            while name.utf8.count > 220 { name.removeLast() }
            name += "-" + String(hash, radix: 16)
        }
        return url.deletingLastPathComponent().appendingPathComponent(".\(name).part").path
    }

    private static func folder(of path: String, _ name: String) throws -> String {
        let parent = path.utf8.count == name.utf8.count ? "." : String(path.dropLast(name.count))
        if access(parent, F_OK) != 0 { try makeFolder(parent) }
        guard let real = realpath(parent, nil) else { throw unwritable(path, errno) }
        defer { free(real) }
        return String(cString: real)
    }

    private static func isFolder(_ path: String) -> Failure {
        Failure("cannot write \(path): it is a folder", remedy: "give the name of a file", code: "file-unwritable")
    }

    private static func closed(_ path: String, _ folder: String) -> Failure {
        Failure(
            "cannot write \(path): the folder \(folder) takes no files",
            remedy: "choose another folder, or change its permissions", code: "file-unwritable")
    }
}

/// Copies a finished file into what takes bytes. Waits for the reader of a pipe; Ctrl-C ends the waiting.
/// - Parameter path: the name that the user knows.
/// - Throws: a `Failure` that names the path, or `Interrupted`.
func deliver(_ file: String, to destination: Destination, as path: String) throws {
    let source = open(file, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw unwritable(path, errno) }
    defer { close(source) }
    let target: Int32
    // What another program writes to the same pipe must not be blocked for; of a pipe that is ready, 4096 bytes are free.
    var piece = 4096
    switch destination {
    case .descriptor(let number):
        fflush(nil)
        target = fcntl(number, F_DUPFD_CLOEXEC, 3)
    case .stream(let name), .file(let name, _), .content(let name):
        let isFile = if case .stream = destination { false } else { true }
        target = try opened(name, isFile ? O_TRUNC : O_NONBLOCK, as: path)
        piece = 1 << 16
    }
    guard target >= 0 else { throw unwritable(path, errno) }
    defer { close(target) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        let count = read(source, buffer.baseAddress, piece)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw unwritable(path, errno) }
        if count == 0 { break }
        var done = 0
        while done < count {
            try Interruption.check()
            var request = pollfd(fd: target, events: Int16(POLLOUT), revents: 0)
            guard poll(&request, 1, 100) > 0 else { continue }
            let written = write(target, buffer.baseAddress! + done, count - done)
            if written < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard written > 0 else { throw unwritable(path, errno) }
            done += written
        }
    }
    if case .content = destination { fsync(target) }
}

/// Opens for writing; a named pipe as soon as somebody reads it.
private func opened(_ name: String, _ flags: Int32, as path: String) throws -> Int32 {
    while true {
        let descriptor = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags)
        if descriptor >= 0 || (errno != ENXIO && errno != EINTR) { return descriptor }
        try Interruption.check()
        usleep(20_000)
    }
}

/// The failure of writing a file, from `errno`.
func unwritable(_ path: String, _ error: Int32) -> Failure {
    error == ENOSPC
        ? Failure("the disk is full: \(path) cannot be written", remedy: "free some space", code: "disk-full")
        : Failure(
            "cannot write \(path): \(String(cString: strerror(error)))",
            remedy: error == EPIPE ? "its reader went away" : "check the path and its permissions",
            code: "file-unwritable")
}
