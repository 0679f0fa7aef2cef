import Foundation
import Work

/// A TCP connection to a controller or a terminal server.
public final class TCPLine: ByteLine {
    private let bytes: FileBytes

    /// Connects.
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: 1 to 65535.
    ///   - within_ms: how long to wait for each of the host's addresses.
    /// - Throws: `Failure` with code `host-unknown` or `host-silent`.
    public init(host: String, port: Int, within_ms: Int = 2000) throws {
        bytes = FileBytes(try Self.connect(host: host, port: port, within_ms: within_ms), place: "\(host):\(port)")
    }

    /// A connected socket that does not block; see `init`.
    static func connect(host: String, port: Int, within_ms: Int) throws -> Int32 {
        let place = "\(host):\(port)"
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard (1...65535).contains(port), getaddrinfo(host, String(port), &hints, &list) == 0 else {
            throw Failure("there is no host '\(place)'", remedy: "correct the name", code: "host-unknown")
        }
        defer { freeaddrinfo(list) }
        var address = list
        while let next = address {
            if let file = Self.connect(next.pointee, within_ms: within_ms) { return file }
            address = next.pointee.ai_next
        }
        throw Failure(
            "\(place) does not answer", remedy: "check that the controller is switched on and in this network",
            code: "host-silent")
    }

    /// Where it leads.
    public var place: String { bytes.place }

    /// See `ByteLine`.
    public func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        try self.bytes.exchange(bytes, until: end, within_ms: within_ms, dropsStale: dropsStale)
    }

    /// See `ByteLine`.
    public func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) {
        try bytes.discardInput(quiet_ms: quiet_ms, within_ms: within_ms)
    }

    /// See `ByteLine`.
    public func interject(_ bytes: [UInt8]) -> Bool { self.bytes.interject(bytes) }

    /// See `ByteLine`.
    public func close() { bytes.close() }

    private static func connect(_ address: addrinfo, within_ms: Int) -> Int32? {
        let options = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let file = socket(address.ai_family, options, 0)
        guard file >= 0 else { return nil }
        var one: Int32 = 1
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var unanswered_ms: Int32 = 1000
        setsockopt(file, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &unanswered_ms, 4)
        if Glibc.connect(file, address.ai_addr, address.ai_addrlen) == 0 { return file }
        if errno == EINPROGRESS {
            var polled = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
            var error: Int32 = 0
            var size = socklen_t(4)
            if poll(&polled, 1, Int32(clamping: within_ms)) > 0,
                getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0
            {
                return file
            }
        }
        _ = Glibc.close(file)
        return nil
    }
}
