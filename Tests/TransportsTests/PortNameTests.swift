import Foundation
import Testing
import Transports
import Work

/// Names of ports, against a folder laid out as the kernel lays out /sys for three adapters.
@Suite final class PortNameTests {
    private let root: String

    init() throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("sysfs-\(UUID().uuidString)").path
        // One FTDI adapter, a second with two ports, and a CDC-ACM board without a serial number.
        try add("ttyUSB0", usb: "1-1", interface: "1-1:1.0", child: "ttyUSB0", ["0403", "6001", "A1"], number: "00")
        try add("ttyUSB1", usb: "1-2", interface: "1-2:1.0", child: "ttyUSB1", ["0403", "6010", "B7"], number: "00")
        try add("ttyUSB2", usb: "1-2", interface: "1-2:1.1", child: "ttyUSB2", ["0403", "6010", "B7"], number: "01")
        try add("ttyACM0", usb: "2-4", interface: "2-4:1.0", child: nil, ["2341", "0043"], number: "00")
        try FileManager.default.createDirectory(atPath: root + "/class/tty/tty0", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func add(
        _ tty: String, usb: String, interface: String, child: String?, _ numbers: [String], number: String
    ) throws {
        let device = root + "/devices/pci0/usb/\(usb)"
        let place = device + "/" + interface + (child.map { "/" + $0 } ?? "")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: root + "/class/tty/\(tty)", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: root + "/class/tty/\(tty)/device", withDestinationPath: place)
        for (name, value) in zip(["idVendor", "idProduct", "serial"], numbers) {
            try Data((value + "\n").utf8).write(to: URL(fileURLWithPath: device + "/" + name))
        }
        try Data((number + "\n").utf8).write(to: URL(fileURLWithPath: device + "/\(interface)/bInterfaceNumber"))
    }

    private func resolve(_ name: String) -> String {
        do {
            return try PortName.resolve(name, sysfs: root)
        } catch {
            return "\((error as? Failure)?.code ?? ""): \(error)"
        }
    }

    @Test func namesFindTheirPorts() {
        #expect(resolve("/dev/ttyUSB5") == "/dev/ttyUSB5")
        #expect(resolve("usb:0403:6001:A1") == "/dev/ttyUSB0")
        #expect(resolve("usb:0403:6001") == "/dev/ttyUSB0")
        #expect(resolve("usb:2341:0043") == "/dev/ttyACM0")
        #expect(resolve("usb:0403:6010:B7:1") == "/dev/ttyUSB2")
    }

    @Test func wrongNamesAreTold() {
        #expect(resolve("COM3").hasPrefix("bad-port: 'COM3' is not a port"))
        #expect(resolve("usb:403:6001:A1").hasPrefix("bad-port"))
        #expect(
            resolve("usb:0403:6001:A2")
                == "port-missing: there is no serial adapter usb:0403:6001:A2; plug it in, or correct the name; connected "
                + "are usb:2341:0043, usb:0403:6001:A1, usb:0403:6010:B7, usb:0403:6010:B7")
        #expect(
            resolve("usb:0403:6010:B7")
                == "port-ambiguous: 2 ports are called usb:0403:6010:B7; write one of usb:0403:6010:B7:0, "
                + "usb:0403:6010:B7:1")
    }
}
