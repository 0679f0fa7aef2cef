import CUSB
import Foundation
import PosixShim
import Synchronization
import Work

/// A measuring instrument on USB (class USBTMC), such as a power meter: no driver of the kernel is needed.
public final class USBTMCLine: ByteLine {
    private struct State {
        var interface: (any MeasuringInterface)?
        var tag: UInt8 = 0
        /// Whether a reply that was asked for may still come.
        var owes = false
    }

    /// Where it leads.
    public let place: String
    private let state: Mutex<State>

    /// Opens an instrument.
    /// - Parameter name: `usb:VID:PID:SERIAL`; the serial number may be left out where there is one such instrument.
    /// - Throws: `Failure` with code `port-missing`, `port-ambiguous`, `port-refused`, `bad-port` or `usb-missing`.
    public convenience init(_ name: String) throws { self.init(try USBInstrument(name)) }

    /// The instrument of a name, nil where there is none.
    /// - Throws: `Failure` with code `port-missing` where there is such a device, but neither a serial port nor an
    ///   instrument.
    static func find(_ name: String) throws -> USBDevice? {
        let found = ((try? USB.open())?.devices() ?? []).filter { $0.isCalled(name) }
        if let instrument = found.first(where: { $0.measuring != nil }) { return instrument }
        guard found.isEmpty else {
            throw Failure(
                "the USB device \(name) is connected, but has no serial port and is no measuring instrument",
                remedy: "load the kernel's driver for it, such as ftdi_sio or cdc_acm, or correct the name",
                code: "port-missing")
        }
        return nil
    }

    /// A line to an instrument by its transfers.
    public init(_ interface: any MeasuringInterface) {
        place = interface.place
        state = Mutex(State(interface: interface))
    }

    /// See `ByteLine`. A reply ends where the instrument says so, whatever `end` is.
    public func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        try state.withLock { state in
            guard let interface = state.interface else { throw LineFailure.closed(place) }
            let limit = px_now_us() + Int64(within_ms) * 1000
            var rest_ms: Int { max(1, Int((limit - px_now_us()) / 1000)) }
            if state.owes {
                try interface.clear(within_ms: rest_ms)
                state.owes = false
            }
            let tag = nextTag(&state)
            guard try interface.send(USBTMC.command(bytes, tag: tag), within_ms: rest_ms) else { return .silent }
            // A line of the text is a question, or there is no reply; asking for one that does not come stalls it.
            if end == .none || !bytes.contains(UInt8(ascii: "?")) { return .whole([]) }
            var reply = USBTMC.Reply()
            state.owes = true
            while !reply.isWhole {
                let tag = nextTag(&state)
                if reply.missing == 0 {
                    guard try interface.send(USBTMC.request(Self.most, tag: tag), within_ms: rest_ms) else {
                        return reply.bytes.isEmpty ? .silent : .part(reply.bytes)
                    }
                }
                repeat {
                    guard let part = try interface.receive(Self.most + 12, within_ms: rest_ms) else {
                        return reply.bytes.isEmpty ? .silent : .part(reply.bytes)
                    }
                    guard reply.take(part, tag: tag) else { return .part(part) }
                } while reply.missing > 0
            }
            state.owes = false
            return .whole(reply.bytes)
        }
    }

    /// See `ByteLine`. The instrument is cleared: nothing that it was asked is answered any more.
    public func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) {
        try state.withLock { state in
            guard let interface = state.interface else { throw LineFailure.closed(place) }
            if state.owes { try interface.clear(within_ms: max(200, within_ms)) }
            state.owes = false
            return (0, true)
        }
    }

    /// See `ByteLine`.
    public func close() {
        state.withLock { state in
            state.interface?.close()
            state.interface = nil
        }
    }

    private static let most = 4096

    /// 1 to 255.
    private func nextTag(_ state: inout State) -> UInt8 {
        state.tag = state.tag == 255 ? 1 : state.tag + 1
        return state.tag
    }
}

/// An instrument that libusb has opened.
final class USBInstrument: MeasuringInterface {
    let place: String
    private nonisolated(unsafe) let handle: OpaquePointer
    private let number: Int32
    private let input: UInt8
    private let output: UInt8
    private let isOpen = Mutex(true)

    init(_ name: String) throws {
        let usb = try USB.open()
        let found = usb.devices().filter { $0.measuring != nil && $0.isCalled(name) }
        guard found.count < 2 else {
            throw Failure(
                "\(found.count) instruments are called \(name)",
                remedy: "write one of \(found.map(\.name).joined(separator: ", "))", code: "port-ambiguous")
        }
        guard let wanted = found.first, let opened = try usb.open(where: { $0 == wanted }) else {
            let others = usb.devices().filter { $0.measuring != nil }.map(\.name)
            throw Failure(
                "there is no measuring instrument \(name)",
                remedy: others.isEmpty
                    ? "plug it in; no instrument is connected to USB"
                    : "plug it in, or correct the name; connected are \(others.joined(separator: ", "))",
                code: "port-missing")
        }
        place = name
        handle = opened.handle
        number = Int32(wanted.measuring ?? 0)
        (input, output) = Self.endpoints(opened.handle, interface: wanted.measuring ?? 0)
        // The kernel's own driver of such instruments, where it is loaded, stands aside.
        libusb_set_auto_detach_kernel_driver(handle, 1)
        let error = libusb_claim_interface(handle, number)
        // What is closed is closed by `deinit`, which follows a throw from here.
        guard error == 0, input != 0, output != 0 else { throw USB.refused(name, error) }
    }

    deinit { close() }

    func close() {
        isOpen.withLock { isOpen in
            if isOpen {
                libusb_release_interface(handle, number)
                libusb_close(handle)
            }
            isOpen = false
        }
    }

    /// The bulk endpoints.
    private static func endpoints(_ handle: OpaquePointer, interface: Int) -> (input: UInt8, output: UInt8) {
        var configuration: UnsafeMutablePointer<libusb_config_descriptor>?
        guard libusb_get_active_config_descriptor(libusb_get_device(handle), &configuration) == 0, let configuration
        else { return (0, 0) }
        defer { libusb_free_config_descriptor(configuration) }
        var found: (input: UInt8, output: UInt8) = (0, 0)
        for index in 0..<Int(configuration.pointee.bNumInterfaces) {
            let setting = configuration.pointee.interface[index].altsetting[0]
            guard Int(setting.bInterfaceNumber) == interface else { continue }
            for endpoint in (0..<Int(setting.bNumEndpoints)).map({ setting.endpoint[$0] })
            where endpoint.bmAttributes & 3 == UInt8(LIBUSB_TRANSFER_TYPE_BULK.rawValue) {
                if endpoint.bEndpointAddress & 0x80 != 0 {
                    found.input = endpoint.bEndpointAddress
                } else {
                    found.output = endpoint.bEndpointAddress
                }
            }
        }
        return found
    }

    func send(_ bytes: [UInt8], within_ms: Int) throws -> Bool {
        var bytes = bytes
        var sent: Int32 = 0
        let error = libusb_bulk_transfer(handle, output, &bytes, Int32(bytes.count), &sent, UInt32(within_ms))
        return try isDone(error) && Int(sent) == bytes.count
    }

    func receive(_ size: Int, within_ms: Int) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: size)
        var count: Int32 = 0
        let error = libusb_bulk_transfer(handle, input, &bytes, Int32(size), &count, UInt32(within_ms))
        return try isDone(error) ? Array(bytes.prefix(Int(count))) : nil
    }

    /// INITIATE_CLEAR, then CHECK_CLEAR_STATUS until it is done, then the output is freed.
    func clear(within_ms: Int) throws {
        let toHost =
            UInt8(LIBUSB_ENDPOINT_IN.rawValue) | UInt8(LIBUSB_REQUEST_TYPE_CLASS.rawValue)
            | UInt8(LIBUSB_RECIPIENT_INTERFACE.rawValue)
        var answer: [UInt8] = [0, 0]
        _ = try isDone(
            libusb_control_transfer(handle, toHost, 5, 0, UInt16(number), &answer, 1, UInt32(within_ms)))
        for _ in 0..<20 {
            let result = libusb_control_transfer(handle, toHost, 6, 0, UInt16(number), &answer, 2, UInt32(within_ms))
            // 2 is pending.
            guard try isDone(result), answer[0] == 2 else { break }
            Thread.sleep(forTimeInterval: 0.01)
        }
        libusb_clear_halt(handle, output)
    }

    private func isDone(_ result: Int32) throws -> Bool {
        if result >= 0 { return true }
        if result == LIBUSB_ERROR_TIMEOUT.rawValue { return false }
        if result == LIBUSB_ERROR_PIPE.rawValue {
            libusb_clear_halt(handle, input)
            return false
        }
        throw LineFailure.gone(place)
    }
}
