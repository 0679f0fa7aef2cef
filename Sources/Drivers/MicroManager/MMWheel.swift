import Foundation
import Instruments
import Synchronization
import Work

/// A device with labelled states, or a group of the .cfg: its presets are the positions.
final class MMWheel: Wheel {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var device = ""
        var group = ""
        var settle_ms = 0.0
    }

    /// Its keys.
    static let settings: [Setting<Settings>] = [
        .text("device", \.device, "the label of a device with states"),
        .text("group", \.group, "a group of the .cfg instead: its presets are the positions"),
        .number(
            "settle_ms", \.settle_ms, 0...60_000,
            "how long it turns after Micro-Manager says that it stands, which for "
                + "many wheels is what they were told last"),
    ]

    let positions: [String]
    private let device: MMDevice
    private let isGroup: Bool
    private let settle_ms: Double

    static func make(_ name: String, _ settings: Settings, _ all: MicroManagerDevices) throws -> any Device {
        try MMWheel(name, settings, all)
    }

    init(_ name: String, _ settings: Settings, _ all: MicroManagerDevices) throws {
        isGroup = !settings.group.isEmpty
        settle_ms = settings.settle_ms
        guard isGroup != !settings.device.isEmpty else {
            throw Failure(
                "\(name): \(isGroup ? "there are device and group" : "the device is missing")",
                remedy: "give a device or a group", code: "bad-description")
        }
        if isGroup {
            guard let presets = all.groups[settings.group] else {
                let names = all.groups.keys.sorted()
                let guess = nearestName(to: settings.group, in: names).map { "did you mean '\($0)'?" }
                throw Failure(
                    "\(name): the .cfg has no group '\(settings.group)'",
                    remedy: guess ?? "its groups are \(names.joined(separator: ", "))", code: "bad-description")
            }
            positions = presets
        } else {
            positions = try all.device(settings.device, for: name, kinds: [4], "device with states").labels
        }
        device = MMDevice(name, isGroup ? settings.group : settings.device, all.helper)
    }

    var name: String { device.name }
    var properties: [DeviceProperty] { wheelProperties.joined(by: isGroup ? [] : device.properties) }

    func select(_ position: String) throws {
        if device.isGone { throw Failure("wheel \(name) is closed", code: "closed") }
        guard positions.contains(position) else {
            let guess = nearestName(to: position, in: positions).map { "did you mean '\($0)'?" }
            throw Failure(
                "wheel \(name) has no position '\(position)'",
                remedy: guess ?? "choose one of \(positions.joined(separator: ", "))", code: "position-unknown")
        }
        try device.call(isGroup ? "set_group" : "select", [.string(position)], within_ms: 15_000)
        let limit = DispatchTime.now() + 10
        while selected != position {
            try Interruption.check()
            if let fault = device.fault { throw fault }
            guard .now() < limit else {
                throw Failure(
                    "wheel \(name) is not at '\(position)' after 10 s", remedy: "check whether it turns",
                    code: "wheel-stuck")
            }
            usleep(5000)
        }
        if settle_ms > 0 { Thread.sleep(forTimeInterval: settle_ms / 1000) }
    }

    var selected: String? {
        let answer = (try? device.call(isGroup ? "group" : "selected"))?.plain
        return answer.flatMap { positions.contains($0) ? $0 : nil }
    }

    func close() { device.close() }
}

/// A shutter that is no light of its own.
final class MMShutter: Shutter {
    private let device: MMDevice

    init(_ name: String, _ settings: MMLabel, _ all: MicroManagerDevices) throws {
        try all.device(settings.device, for: name, kinds: [3], "shutter")
        device = MMDevice(name, settings.device, all.helper)
        shut()
    }

    var name: String { device.name }
    var properties: [DeviceProperty] { device.properties }

    func open() throws {
        do {
            try device.call("shutter", [.boolean(true)])
            let limit = DispatchTime.now() + 2
            while isOpen != true {
                guard .now() < limit else {
                    throw Failure(
                        "shutter \(name) does not confirm that it is open", remedy: "check it", code: "not-confirmed")
                }
                usleep(2000)
            }
        } catch {
            shut()
            throw error
        }
    }

    func shut() { _ = try? device.call("shutter", [.boolean(false)], within_ms: 2000) }

    var isOpen: Bool? {
        guard case .boolean(let isOpen)? = try? device.call("shutter_open") else { return nil }
        return isOpen
    }

    func close() { device.close { shut() } }
}

/// An autofocus device that holds the focus by itself, such as Definite Focus or the Perfect Focus System.
final class MMFocusLock: FocusLock {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var device = ""
        var search_s = 5.0
    }

    private let device: MMDevice
    private let search_s: Double
    /// When it last began to search.
    private let since = Mutex<DispatchTime?>(nil)

    init(_ name: String, _ settings: Settings, _ all: MicroManagerDevices) throws {
        try all.device(settings.device, for: name, kinds: [9], "autofocus device")
        device = MMDevice(name, settings.device, all.helper)
        search_s = settings.search_s
    }

    var name: String { device.name }

    var properties: [DeviceProperty] {
        [
            .text("state", "locked, searching, lost, off or unknown") { [self] in lockState().rawValue },
            .number(
                "offset", -1e9...1e9, "its offset, in steps of its own", get: { [self] in try offset() },
                set: { [self] in try setOffset($0) }),
        ].joined(by: device.properties)
    }

    /// What it does: one that is on and not locked searches, and after its time is lost.
    func lockState() -> FocusLockState {
        let answer = (try? device.call("lock_state")).list
        guard answer.count == 2, case .boolean(let isOn) = answer[0], case .boolean(let isLocked) = answer[1] else {
            return .unknown
        }
        return since.withLock { since in
            guard isOn, !isLocked else {
                since = nil
                return isOn ? .locked : .off
            }
            let begin = since ?? .now()
            since = begin
            return .now() < begin + search_s ? .searching : .lost
        }
    }

    func lock() throws {
        since.withLock { $0 = .now() }
        try device.call("lock", [.boolean(true)], within_ms: 10_000)
    }

    func unlock() throws { try device.call("lock", [.boolean(false)], within_ms: 10_000) }
    func offset() throws -> Double { try device.numbers("lock_offset", count: 1)[0] }

    func setOffset(_ offset: Double) throws {
        guard offset.isFinite else {
            throw Failure(
                "\(name): an offset of \(offset) is not possible", remedy: "give a number", code: "property-range")
        }
        try device.call("lock_offset", [.number(offset)])
    }

    func close() { device.close() }
}
