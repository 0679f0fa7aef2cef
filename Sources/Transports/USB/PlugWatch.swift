import CUSB
import Foundation
import Synchronization
import Work

/// Something was plugged in or pulled out.
public struct PlugEvent: Sendable, Equatable {
    /// Whether it was plugged in.
    public var isPluggedIn: Bool
    /// What; of a device that was pulled out the serial number is not known any more.
    public var device: USBDevice

    /// Makes an event.
    public init(isPluggedIn: Bool, device: USBDevice) {
        self.isPluggedIn = isPluggedIn
        self.device = device
    }
}

/// Where the events of plugs come from: libusb, or a test.
public protocol PlugSource: AnyObject, Sendable {
    /// Begins to tell the events, from a thread of the source.
    /// - Throws: `Failure` with code `usb-missing`.
    func start(_ take: @escaping @Sendable (PlugEvent) -> Void) throws
}

/// Tells those who use a device on USB when its plug is pulled or put in again.
public final class PlugWatch: Sendable {
    private struct Watcher {
        var number: Int
        var tell: @Sendable (PlugEvent) -> Void
    }

    private let watchers = Mutex<(next: Int, list: [Watcher])>((0, []))
    private let source: any PlugSource

    /// Begins to watch.
    /// - Throws: as the source.
    public init(_ source: any PlugSource) throws {
        self.source = source
        try source.start { [weak self] event in
            for watcher in self?.watchers.withLock({ $0.list }) ?? [] { watcher.tell(event) }
        }
    }

    /// The watch on the plugs of this computer; nil where it has no USB.
    public static let computer: PlugWatch? = try? PlugWatch(LibUSBPlugs())

    /// Tells every event from now on, from a thread of the source.
    /// - Returns: the number with which to `forget`.
    public func tell(_ tell: @escaping @Sendable (PlugEvent) -> Void) -> Int {
        watchers.withLock { state in
            state.next += 1
            state.list.append(Watcher(number: state.next, tell: tell))
            return state.next
        }
    }

    /// Tells no more.
    public func forget(_ number: Int) { watchers.withLock { $0.list.removeAll { $0.number == number } } }
}

/// The events of libusb.
public final class LibUSBPlugs: PlugSource {
    private let take = Mutex<(@Sendable (PlugEvent) -> Void)?>(nil)

    /// Makes a source that is silent until it is started. It lasts as long as the program.
    public init() {}

    /// See `PlugSource`.
    public func start(_ take: @escaping @Sendable (PlugEvent) -> Void) throws {
        guard libusb_has_capability(UInt32(LIBUSB_CAP_HAS_HOTPLUG.rawValue)) != 0 else {
            throw Failure("libusb tells no plugs on this computer", code: "usb-missing")
        }
        let usb = try USB.open()
        self.take.withLock { $0 = take }
        let both = LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED.rawValue | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT.rawValue
        let error = libusb_hotplug_register_callback(
            usb.context, Int32(both), 0, -1, -1, -1,
            { _, device, event, own in
                guard let device, let own else { return 0 }
                let source = Unmanaged<LibUSBPlugs>.fromOpaque(own).takeUnretainedValue()
                source.tell(device, isPluggedIn: event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
                return 0
            }, Unmanaged.passRetained(self).toOpaque(), nil)
        guard error == 0 else { throw Failure("libusb tells no plugs on this computer", code: "usb-missing") }
        let thread = Thread {
            while true {
                var time = timeval(tv_sec: 60, tv_usec: 0)
                libusb_handle_events_timeout_completed(usb.context, &time, nil)
            }
        }
        thread.name = "plugs"
        thread.start()
    }

    private func tell(_ device: OpaquePointer, isPluggedIn: Bool) {
        let event = PlugEvent(isPluggedIn: isPluggedIn, device: USB.describe(device))
        take.withLock { $0 }?(event)
    }
}
