import Foundation
import Synchronization
import Work

/// The line of a device on USB that may be pulled out and plugged in again. The pulled plug is a fault at once, whatever
/// the line is doing; when the device is plugged in again, at whatever plug, its line is opened anew.
public final class PluggedLine: ByteLine {
    /// A line that was opened, and the plug at which its device is.
    public struct Opened: Sendable {
        /// The line.
        public var line: any ByteLine
        /// The plug, as the kernel calls it; nil where it is not known.
        public var plug: String?

        /// An opened line.
        public init(line: any ByteLine, plug: String?) {
            self.line = line
            self.plug = plug
        }
    }

    private struct State {
        var opened: Opened?
        var isClosed = false
        var isReopening = false
    }

    /// The name of the port: `usb:VID:PID:SERIAL`.
    public let place: String
    private let state: Mutex<State>
    private let open: @Sendable () throws -> Opened
    private let watch: PlugWatch
    private let number = Mutex<Int?>(nil)
    private let onPulled: @Sendable (Failure) -> Void
    private let onReturn: Mutex<(@Sendable (PluggedLine) -> Void)?> = Mutex(nil)

    /// Opens the line and watches its plug.
    /// - Parameters:
    ///   - name: `usb:VID:PID:SERIAL`.
    ///   - watch: tells what happens at the plugs.
    ///   - onPulled: told of the fault from the thread of the plugs; must not wait.
    ///   - open: opens the line, each time that the device is there.
    /// - Throws: what `open` throws.
    public init(
        _ name: String, watch: PlugWatch, onPulled: @escaping @Sendable (Failure) -> Void,
        open: @escaping @Sendable () throws -> Opened
    ) throws {
        place = name
        self.watch = watch
        self.onPulled = onPulled
        self.open = open
        state = Mutex(State(opened: try open()))
        let told = watch.tell { [weak self] event in self?.take(event) }
        number.withLock { $0 = told }
    }

    deinit { close() }

    /// The line as it is open now; nil while the device is pulled out.
    public var current: (any ByteLine)? { state.withLock { $0.opened?.line } }

    /// What is done, in a thread of its own, when the device is there again and its line is open.
    public func whenBack(_ body: @escaping @Sendable (PluggedLine) -> Void) { onReturn.withLock { $0 = body } }

    /// Gives up what was opened, as if the plug had been pulled: until the device is plugged in again the line is gone.
    public func drop() {
        let opened = state.withLock { state in
            defer { state.opened = nil }
            return state.opened
        }
        opened?.line.close()
    }

    private func take(_ event: PlugEvent) {
        if event.isPluggedIn {
            if event.device.isCalled(place) { comeBack() }
            return
        }
        let lost = state.withLock { state -> Opened? in
            guard let opened = state.opened, opened.plug == event.device.plug else { return nil }
            state.opened = nil
            return opened
        }
        guard let lost else { return }
        onPulled(LineFailure.gone(place))
        // A thread that waits for a reply on it holds it for a while.
        Thread.detachNewThread { lost.line.close() }
    }

    /// The port appears somewhat after the device.
    private func comeBack() {
        let isNews = state.withLock { state in
            guard state.opened == nil, !state.isClosed, !state.isReopening else { return false }
            state.isReopening = true
            return true
        }
        guard isNews else { return }
        Thread.detachNewThread { [self] in
            for _ in 0..<50 {
                if state.withLock({ $0.isClosed }) { break }
                if let opened = try? open() {
                    let isTaken = state.withLock { state in
                        if !state.isClosed { state.opened = opened }
                        return !state.isClosed
                    }
                    if !isTaken { opened.line.close() }
                    break
                }
                Thread.sleep(forTimeInterval: 0.1)
            }
            state.withLock { $0.isReopening = false }
            let body = onReturn.withLock { $0 }
            if current != nil { body?(self) }
        }
    }

    private func line() throws -> any ByteLine {
        try state.withLock { state in
            if state.isClosed { throw LineFailure.closed(place) }
            guard let opened = state.opened else { throw LineFailure.gone(place) }
            return opened.line
        }
    }

    /// See `ByteLine`.
    public func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        try line().exchange(bytes, until: end, within_ms: within_ms, dropsStale: dropsStale)
    }

    /// See `ByteLine`.
    public func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) {
        try line().discardInput(quiet_ms: quiet_ms, within_ms: within_ms)
    }

    /// See `ByteLine`.
    public func interject(_ bytes: [UInt8]) -> Bool { (try? line().interject(bytes)) ?? false }

    /// See `ByteLine`.
    public func close() {
        let opened = state.withLock { state in
            defer { (state.opened, state.isClosed) = (nil, true) }
            return state.opened
        }
        opened?.line.close()
        onReturn.withLock { $0 = nil }
        if let number = number.withLock({ $0 }) { watch.forget(number) }
    }
}
