import CUSB
import Foundation
import Synchronization
import Work

/// A device on USB.
public struct USBDevice: Sendable, Equatable {
    /// The plug where it is, as the kernel calls it: `1-2.3` is port 3 of the hub at port 2 of bus 1.
    public var plug: String
    /// The vendor in four hexadecimal digits, such as `0403`.
    public var vendor: String
    /// The product in four hexadecimal digits, such as `6001`.
    public var product: String
    /// The serial number, nil where it has none.
    public var serial: String?
    /// The number of its interface for measuring instruments (USBTMC), nil where it has none.
    public var measuring: Int?

    /// Describes a device.
    public init(plug: String, vendor: String, product: String, serial: String? = nil, measuring: Int? = nil) {
        self.plug = plug
        self.vendor = vendor
        self.product = product
        self.serial = serial
        self.measuring = measuring
    }

    /// Its name in microscope files: `usb:VID:PID:SERIAL`.
    public var name: String { "usb:\(vendor):\(product)" + (serial.map { ":\($0)" } ?? "") }

    /// Whether a name such as `usb:0403:6001:A1` or `usb:0403:6001` means this device.
    public func isCalled(_ name: String) -> Bool {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, parts[0] == "usb", parts[1].lowercased() == vendor, parts[2].lowercased() == product
        else { return false }
        return parts.count < 4 || parts[3].isEmpty || parts[3] == serial
    }
}

/// libusb, opened once for the program.
final class USB: Sendable {
    /// The context of libusb, which may be used from any thread.
    nonisolated(unsafe) let context: OpaquePointer

    private init(_ context: OpaquePointer) { self.context = context }

    private static let opened: USB? = {
        var context: OpaquePointer?
        guard libusb_init(&context) == 0, let context else { return nil }
        return USB(context)
    }()

    /// - Throws: `Failure` with code `usb-missing` where the computer has no USB.
    static func open() throws -> USB {
        if let opened { return opened }
        throw Failure("libusb cannot be opened", remedy: "check that this computer has USB", code: "usb-missing")
    }

    /// The devices that are plugged in.
    func devices(sysfs: String = "/sys") -> [USBDevice] {
        var list: UnsafeMutablePointer<OpaquePointer?>?
        let count = libusb_get_device_list(context, &list)
        guard count >= 0, let list else { return [] }
        defer { libusb_free_device_list(list, 1) }
        return (0..<count).compactMap { list[$0] }.map { Self.describe($0, sysfs: sysfs) }
    }

    /// Opens the first device that fits.
    /// - Throws: `Failure` with code `port-refused` where it may not be opened; nil where none fits.
    func open(where fits: (USBDevice) -> Bool) throws -> (device: USBDevice, handle: OpaquePointer)? {
        var list: UnsafeMutablePointer<OpaquePointer?>?
        let count = libusb_get_device_list(context, &list)
        guard count >= 0, let list else { return nil }
        defer { libusb_free_device_list(list, 1) }
        for device in (0..<count).compactMap({ list[$0] }) {
            let description = Self.describe(device)
            guard fits(description) else { continue }
            var handle: OpaquePointer?
            let error = libusb_open(device, &handle)
            guard error == 0, let handle else { throw Self.refused(description.name, error) }
            return (description, handle)
        }
        return nil
    }

    static func refused(_ name: String, _ error: Int32) -> Failure {
        Failure(
            "the USB device \(name) may not be opened: \(String(cString: libusb_strerror(error)))",
            remedy: "close other programs that use it, and give yourself access by a rule of udev", code: "port-refused"
        )
    }

    /// Descriptors come from libusb; the serial number from the kernel, so that no device need be opened.
    static func describe(_ device: OpaquePointer, sysfs: String = "/sys") -> USBDevice {
        var numbers = [UInt8](repeating: 0, count: 8)
        let depth = libusb_get_port_numbers(device, &numbers, Int32(numbers.count))
        let bus = libusb_get_bus_number(device)
        let ports = numbers.prefix(Int(max(0, depth))).map { String($0) }.joined(separator: ".")
        let plug = ports.isEmpty ? "usb\(bus)" : "\(bus)-\(ports)"
        var descriptor = libusb_device_descriptor()
        libusb_get_device_descriptor(device, &descriptor)
        let text = try? String(contentsOfFile: "\(sysfs)/bus/usb/devices/\(plug)/serial", encoding: .utf8)
        let serial = text?.split(whereSeparator: \.isNewline).first.map(String.init)
        return USBDevice(
            plug: plug, vendor: String(format: "%04x", descriptor.idVendor),
            product: String(format: "%04x", descriptor.idProduct), serial: serial, measuring: measuringInterface(device)
        )
    }

    /// Class 0xFE, subclass 3: USB Test and Measurement.
    private static func measuringInterface(_ device: OpaquePointer) -> Int? {
        var configuration: UnsafeMutablePointer<libusb_config_descriptor>?
        guard libusb_get_active_config_descriptor(device, &configuration) == 0, let configuration else { return nil }
        defer { libusb_free_config_descriptor(configuration) }
        for index in 0..<Int(configuration.pointee.bNumInterfaces) {
            let interface = configuration.pointee.interface[index]
            guard interface.num_altsetting > 0 else { continue }
            let setting = interface.altsetting[0]
            if setting.bInterfaceClass == 0xFE, setting.bInterfaceSubClass == 3 { return Int(setting.bInterfaceNumber) }
        }
        return nil
    }
}
