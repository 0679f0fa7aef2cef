import Instruments
import Optics
import Synchronization
import Work

/// What all devices behind the helper share: the label, the helper, and whether they are closed.
final class MMDevice: Sendable {
    let name: String
    let label: String
    let helper: Helper
    private let isClosed = Mutex(false)
    private let lastFault = Mutex<Failure?>(nil)

    init(_ name: String, _ label: String, _ helper: Helper) {
        self.name = name
        self.label = label
        self.helper = helper
    }

    /// Asks of the device.
    /// - Throws: as `Helper.call`; `closed`.
    @discardableResult
    func call(_ function: String, _ arguments: [JSONValue] = [], within_ms: Int = 5000) throws -> JSONValue {
        if isClosed.withLock({ $0 }) { throw Failure("\(name) is closed", code: "closed") }
        do {
            let answer = try helper.call(function, [.string(label)] + arguments, within_ms: within_ms)
            lastFault.withLock { $0 = nil }
            return answer
        } catch let failure as Failure {
            lastFault.withLock { $0 = failure }
            throw Failure(
                "\(name): \(failure.message)", remedy: failure.remedy, code: failure.code)
        }
    }

    /// Numbers that the device tells.
    func numbers(
        _ function: String, _ arguments: [JSONValue] = [], count: Int, within_ms: Int = 5000
    ) throws -> [Double] {
        let answer = try call(function, arguments, within_ms: within_ms)
        let list = Optional(answer).list.isEmpty ? [answer] : Optional(answer).list
        let numbers = list.compactMap { if case .number(let number) = $0, number.isFinite { number } else { nil } }
        guard numbers.count == count else {
            throw Failure("\(name): '\(function)' gives \(answer)", remedy: "check the device", code: "device-garbled")
        }
        return numbers
    }

    /// Why the last question failed; nil where it did not.
    var fault: Failure? { lastFault.withLock { $0 } }

    /// Moving, or standing still, which in Micro-Manager does not mean that it has arrived.
    var motion: MotionState {
        guard let answer = try? call("busy"), case .boolean(let isBusy) = answer else { return .unknown }
        return isBusy ? .moving : .moved
    }

    /// Stops it; nobody waits for long.
    func stop() { _ = try? call("stop", within_ms: 500) }

    /// Closes it once.
    func close(_ last: () -> Void = {}) {
        if isClosed.withLock({ $0 }) { return }
        last()
        isClosed.withLock { $0 = true }
    }

    /// Whether it is closed.
    var isGone: Bool { isClosed.withLock { $0 } }

    /// Its properties as Micro-Manager has them.
    var properties: [DeviceProperty] {
        guard let answer = try? call("properties") else { return [] }
        return Optional(answer).list.compactMap { MMProperty($0)?.declared(self) }
    }
}

/// An XY stage.
final class MMStage: StageDrive {
    private let device: MMDevice

    init(_ name: String, _ settings: MMLabel, _ all: MicroManagerDevices) throws {
        try all.device(settings.device, for: name, kinds: [6], "XY stage")
        device = MMDevice(name, settings.device, all.helper)
        _ = try position()
    }

    var name: String { device.name }
    var properties: [DeviceProperty] { stageProperties.joined(by: device.properties) }
    var fault: Failure? { device.fault }
    func startMove(x_um: Double, y_um: Double) throws { try device.call("move", [.number(x_um), .number(y_um)]) }
    func state() -> MotionState { device.motion }
    func stop() { device.stop() }

    func position() throws -> Point {
        let numbers = try device.numbers("where", count: 2)
        return Point(x_um: numbers[0], y_um: numbers[1])
    }

    func close() { device.close { device.stop() } }
}

/// A focus drive.
final class MMFocus: FocusDrive {
    private let device: MMDevice

    init(_ name: String, _ settings: MMLabel, _ all: MicroManagerDevices) throws {
        try all.device(settings.device, for: name, kinds: [5], "focus drive")
        device = MMDevice(name, settings.device, all.helper)
        _ = try position()
    }

    var name: String { device.name }
    var properties: [DeviceProperty] { focusProperties.joined(by: device.properties) }
    var fault: Failure? { device.fault }
    func startMove(z_um: Double) throws { try device.call("move", [.number(z_um)]) }
    func state() -> MotionState { device.motion }
    func stop() { device.stop() }
    func position() throws -> Double { try device.numbers("where", count: 1)[0] }
    func close() { device.close { device.stop() } }
}
