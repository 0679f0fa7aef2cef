import Foundation
import PosixShim
import Work

/// A serial port that this program has for itself: 8 bits, no parity, no handshake. Closing it does not hang up.
public final class SerialPort: ByteLine {
    private let bytes: FileBytes

    /// Opens a port.
    /// - Parameters:
    ///   - path: the path of the port, such as `/dev/ttyUSB0` (see `PortName` for names that outlast a new number).
    ///   - baud: the speed, 1200 to 1,000,000.
    /// - Throws: `Failure` with code `port-missing`, `port-busy`, `port-refused` or `bad-port`.
    public init(_ path: String, baud: Int) throws {
        let file = px_open_serial(path, Int32(clamping: baud))
        if file < 0 { throw Self.failure(path, baud: baud, error: -file) }
        bytes = FileBytes(file, place: path)
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

    /// What it means that a port could not be opened.
    static func failure(_ path: String, baud: Int, error: Int32) -> Failure {
        switch error {
        case ENOENT, ENODEV, ENXIO, EIO:
            Failure(
                "there is no port \(path)", remedy: "plug the device in and switch it on, or correct the port",
                code: "port-missing")
        case EBUSY:
            Failure(
                "the port \(path) is in use by another program", remedy: "close that program", code: "port-busy")
        case EACCES, EPERM:
            Failure(
                "the port \(path) may not be opened", remedy: "add yourself to the group dialout and log in again",
                code: "port-refused")
        case ENOTTY:
            Failure("\(path) is not a serial port", remedy: "correct the port", code: "bad-port")
        case EINVAL:
            Failure(
                "the port \(path) does not run at \(baud) baud", remedy: "give a common speed such as 9600 or 115200",
                code: "bad-port")
        default:
            Failure("the port \(path) could not be opened: \(String(cString: strerror(error)))", code: "port-refused")
        }
    }
}
