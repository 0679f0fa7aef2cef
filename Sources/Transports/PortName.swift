import Foundation
import Work

/// A serial port that the computer has, as the kernel describes it.
public struct FoundPort: Sendable, Equatable {
    /// Its path, such as `/dev/ttyUSB0`.
    public var path: String
    /// The vendor and the product in hexadecimal, such as `0403` and `6001`; nil for ports that are not on USB.
    public var vendor: String?
    /// See `vendor`.
    public var product: String?
    /// The serial number of the adapter, nil where it has none.
    public var serial: String?
    /// The number of the adapter's interface, for adapters with several ports.
    public var interface: Int?
    /// What the adapter calls itself.
    public var title: String?
    /// The plug on USB where it is, as the kernel calls it: `1-2.3`.
    public var plug: String?

    /// The name that stays when the computer numbers its ports anew: `usb:VID:PID:SERIAL`; the path where there is none.
    public var name: String {
        guard let vendor, let product else { return path }
        return "usb:\(vendor):\(product)" + (serial.map { ":\($0)" } ?? "")
    }
}

/// The names of ports: a path, or `usb:VID:PID:SERIAL` with the numbers in hexadecimal, where `:SERIAL` may be left out
/// when there is one such adapter, and `:INTERFACE` may follow for adapters with several ports.
public enum PortName {
    /// The serial ports of the computer, in the order of their names.
    /// - Parameter sysfs: where the kernel describes its devices.
    public static func list(sysfs: String = "/sys", dev: String = "/dev") -> [FoundPort] {
        let classes = sysfs + "/class/tty"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: classes)) ?? []
        return names.sorted { $0.localizedStandardCompare($1) == .orderedAscending }.compactMap { name in
            // Ports without a device behind them are consoles and pseudo-terminals.
            guard let device = realPath("\(classes)/\(name)/device") else { return nil }
            var port = FoundPort(path: "\(dev)/\(name)")
            var folder = device
            for _ in 0..<6 where folder.count > sysfs.count {
                if let number = contents("\(folder)/bInterfaceNumber") { port.interface = Int(number, radix: 16) }
                if let vendor = contents("\(folder)/idVendor"), let product = contents("\(folder)/idProduct") {
                    port.vendor = vendor.lowercased()
                    port.product = product.lowercased()
                    port.serial = contents("\(folder)/serial")
                    port.title = contents("\(folder)/product")
                    port.plug = (folder as NSString).lastPathComponent
                    return port
                }
                folder = (folder as NSString).deletingLastPathComponent
            }
            return name.hasPrefix("ttyS") ? nil : port
        }
    }

    /// The path of a port.
    /// - Throws: `Failure` with code `bad-port` for a name that is no name of a port, `port-missing` where there is no
    ///   such adapter, `port-ambiguous` where there are several.
    public static func resolve(_ name: String, sysfs: String = "/sys", dev: String = "/dev") throws -> String {
        try find(name, sysfs: sysfs, dev: dev).path
    }

    /// The path of a port, and the plug on USB at which it is; nil for a port that was given as a path.
    /// - Throws: as `resolve`.
    public static func find(_ name: String, sysfs: String = "/sys", dev: String = "/dev") throws
        -> (path: String, plug: String?)
    {
        guard name.hasPrefix("usb:") else {
            guard name.hasPrefix("/") else {
                throw Failure(
                    "'\(name)' is not a port", remedy: "give a path such as /dev/ttyUSB0, or usb:VID:PID:SERIAL",
                    code: "bad-port")
            }
            return (name, nil)
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard (2...4).contains(parts.count), parts[..<2].allSatisfy(isUSBNumber),
            parts.count < 4 || Int(parts[3]) != nil
        else {
            throw Failure(
                "'\(name)' is not a port", remedy: "write usb:VID:PID:SERIAL, the numbers as four hexadecimal digits",
                code: "bad-port")
        }
        let ports = list(sysfs: sysfs, dev: dev)
        let found = ports.filter { port in
            port.vendor == parts[0].lowercased() && port.product == parts[1].lowercased()
                && (parts.count < 3 || parts[2].isEmpty || port.serial == parts[2])
                && (parts.count < 4 || port.interface == Int(parts[3]))
        }
        if found.count == 1 { return (found[0].path, found[0].plug) }
        if found.isEmpty {
            let others = ports.filter { $0.vendor != nil }.map(\.name)
            throw Failure(
                "there is no serial adapter \(name)",
                remedy: others.isEmpty
                    ? "plug it in; no USB serial adapter is connected"
                    : "plug it in, or correct the name; connected are \(others.joined(separator: ", "))",
                code: "port-missing")
        }
        let choices = found.map { port in
            Set(found.map(\.serial)).count == found.count
                ? port.name : "usb:\(parts[0]):\(parts[1]):\(port.serial ?? ""):\(port.interface ?? 0)"
        }
        throw Failure(
            "\(found.count) ports are called \(name)", remedy: "write one of \(choices.joined(separator: ", "))",
            code: "port-ambiguous")
    }

    /// Opens a port: a serial one by path or `usb:VID:PID:SERIAL`, or a TCP connection as `tcp:HOST:PORT`.
    /// - Throws: `Failure` of `resolve`, of `SerialPort` or of `TCPLine`.
    public static func open(_ name: String, baud: Int) throws -> any ByteLine {
        guard name.hasPrefix("tcp:") else { return try SerialPort(try resolve(name), baud: baud) }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[1].isEmpty, let port = Int(parts[2]) else {
            throw Failure("'\(name)' is not a port", remedy: "write tcp:HOST:PORT", code: "bad-port")
        }
        return try TCPLine(host: String(parts[1]), port: port)
    }

    private static func isUSBNumber(_ text: String) -> Bool {
        text.count == 4 && text.allSatisfy(\.isHexDigit)
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func contents(_ path: String) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.isEmpty ? nil : line
    }
}
