import Foundation
import PosixShim
import Synchronization
import Work

/// A connected stream of bytes to a process of this computer or a program on another one, where both ends send when they
/// like. One thread reads, any thread writes.
public final class StreamSocket: Sendable {
    private let file: Int32
    private let output = Mutex<Void>(())

    /// Takes over a connected socket.
    init(_ file: Int32) {
        self.file = file
        _ = fcntl(file, F_SETFL, fcntl(file, F_GETFL) & ~O_NONBLOCK)
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(file) }

    /// Connects to a program on another computer, or this one.
    /// - Throws: `Failure` with code `host-unknown` or `host-silent`.
    public convenience init(host: String, port: Int, within_ms: Int = 2000) throws {
        self.init(try TCPLine.connect(host: host, port: port, within_ms: within_ms))
    }

    /// Fills a buffer.
    /// - Returns: whether it was filled; false when the other end has gone.
    public func read(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = recv(file, buffer.baseAddress! + done, buffer.count - done, Int32(MSG_WAITALL))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Sends bytes as a whole, after those of other threads.
    /// - Returns: whether they were sent; false when the other end has gone or takes nothing for 2 s.
    public func write(_ bytes: [UInt8]) -> Bool {
        output.withLock { _ in
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(file, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    /// Ends the connection; whoever reads is told so. Repeated calls do nothing.
    public func end() { shutdown(file, Int32(SHUT_RDWR)) }
}

/// A program that this one has started, in a session of its own, with one socket as its file 3.
public final class ChildProcess: Sendable {
    /// The number of the process.
    public let number: Int32
    private let hasEnded = Mutex(false)

    /// Starts a program.
    /// - Parameters:
    ///   - program: its path, or a name that is looked for in `PATH`.
    ///   - arguments: what stands behind its name.
    /// - Returns: the process, and this program's end of its socket.
    /// - Throws: `Failure` with code `program-missing`.
    public static func start(_ program: String, _ arguments: [String]) throws -> (ChildProcess, StreamSocket) {
        guard let path = find(program) else {
            throw Failure(
                "there is no program '\(program)'", remedy: "install it, or give its path", code: "program-missing")
        }
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else {
            throw Failure("no socket for \(program)", remedy: "close some programs", code: "program-missing")
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        let number = px_spawn_session(path, &words, [pair[1]], 1)
        for word in words { free(word) }
        Glibc.close(pair[1])
        guard number > 0 else {
            Glibc.close(pair[0])
            throw Failure(
                "\(path) does not start: \(String(cString: strerror(-number)))", remedy: "check the program",
                code: "program-missing")
        }
        return (ChildProcess(number), StreamSocket(pair[0]))
    }

    private init(_ number: Int32) { self.number = number }

    /// The path of a program.
    private static func find(_ program: String) -> String? {
        let files = FileManager.default
        if program.contains("/") { return files.isExecutableFile(atPath: program) ? program : nil }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(program)" }.first { files.isExecutableFile(atPath: $0) }
    }

    /// Waits for its end, which it has been asked for in its own way; after the limit it is killed. Repeated calls do
    /// nothing.
    public func end(within_s: Double) {
        hasEnded.withLock { hasEnded in
            guard !hasEnded else { return }
            hasEnded = true
            let limit = DispatchTime.now() + within_s
            while waitpid(number, nil, WNOHANG) == 0 {
                if DispatchTime.now() > limit { kill(number, SIGKILL) }
                usleep(5000)
            }
        }
    }
}
