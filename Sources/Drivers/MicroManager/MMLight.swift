import Foundation
import Instruments
import Synchronization
import Work

/// A light of Micro-Manager: a shutter, or a device with a property that switches it; its power may be a property, and a
/// device with states may choose its colour.
final class MMLight: LightSource {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var device = ""
        var wavelength_nm = 0.0
        var maximum_mw = 0.0
        var switchProperty = ""
        var on = ""
        var off = ""
        var power = ""
        var powerDevice = ""
        var mw_per_unit = 1.0
        var selectDevice = ""
        var select = ""
    }

    /// Its keys.
    static let settings: [Setting<Settings>] = [
        .text("device", \.device, isRequired: true, "the label of the shutter or device that switches it"),
        .number("wavelength_nm", \.wavelength_nm, 200...2000, isRequired: true, "the wavelength"),
        .number(
            "maximum_mw", \.maximum_mw, 0.001...100_000, isRequired: true,
            "the greatest power that may be set; its power where no property sets it"),
        .text("switch", \.switchProperty, "the property that switches it, for a device that is no shutter"),
        .text("on", \.on, "the value of that property with which it is on"),
        .text("off", \.off, "the value of that property with which it is off"),
        .text("power", \.power, "the property that sets its power; it has one power unless given"),
        .text("power_device", \.powerDevice, "the label of the device with that property, where it is another"),
        .number("mw_per_unit", \.mw_per_unit, 1e-6...1e6, "the mW at the specimen of one unit of that property"),
        .text("select_device", \.selectDevice, "the label of the device with states that chooses its colour"),
        .text("select", \.select, "the label of its colour there"),
    ]

    let name: String
    private let settings: Settings
    private let helper: Helper
    private let isClosed = Mutex(false)

    init(_ name: String, _ settings: Settings, _ all: MicroManagerDevices) throws {
        self.name = name
        self.settings = settings
        helper = all.helper
        for label in [settings.device, settings.powerDevice, settings.selectDevice] where !label.isEmpty {
            try all.device(label, for: name)
        }
        func missing(_ key: String) -> Failure {
            Failure("\(name): \(key) is missing", remedy: "give it too", code: "bad-description")
        }
        if !settings.switchProperty.isEmpty {
            if settings.on.isEmpty { throw missing("on") }
            if settings.off.isEmpty { throw missing("off") }
        }
        if settings.selectDevice.isEmpty != settings.select.isEmpty {
            throw missing(settings.select.isEmpty ? "select" : "select_device")
        }
        let description: [String: JSONValue] = [
            "device": .string(settings.device), "switch": .string(settings.switchProperty), "on": .string(settings.on),
            "off": .string(settings.off), "power": .string(settings.power),
            "power_device": .string(settings.powerDevice.isEmpty ? settings.device : settings.powerDevice),
            "mw_per_unit": .number(settings.mw_per_unit), "select_device": .string(settings.selectDevice),
            "select": .string(settings.select),
        ]
        let answer = try helper.call("light", [.string(name), .object(description)])
        let limits = Optional(answer).list.compactMap { if case .number(let end) = $0 { end } else { nil } }
        if limits.count == 2, settings.maximum_mw > limits[1] * settings.mw_per_unit * 1.0001 {
            throw Failure(
                "\(name): maximum_mw is \(settings.maximum_mw), but \(settings.power) goes up to \(limits[1])",
                remedy: "give at most \(limits[1] * settings.mw_per_unit), or correct mw_per_unit",
                code: "bad-description")
        }
    }

    var wavelength_nm: Double { settings.wavelength_nm }
    var maximum_mw: Double { settings.maximum_mw }
    private var hasFixedPower: Bool { settings.power.isEmpty }

    var guarding: String {
        let way = settings.switchProperty.isEmpty ? "the shutter" : "\(settings.switchProperty) of"
        return
            "the helper on \(helper.place) puts it off by \(way) '\(settings.device)' when this program ends, is killed "
            + "or is silent for 1 s, and when its process with the devices dies or hangs: within 2 s, by a new process that "
            + "loads nothing but the light. Whether it is off is what Micro-Manager's adapter says, which may be what it was "
            + "told last. Not covered: an end of all processes of the helper at once, an adapter that hangs again, outputs "
            + "of boards that keep their level when their program ends, loss of power, a pulled plug. Only light that the "
            + "camera gates is dark then"
    }

    func on(power_mw: Double) throws {
        do {
            guard power_mw.isFinite, (0...maximum_mw).contains(power_mw),
                !hasFixedPower || power_mw == 0 || abs(power_mw - maximum_mw) <= 0.005 * maximum_mw
            else {
                throw Failure(
                    "light \(name): a power of \(power_mw) mW is not possible\(hasFixedPower ? ", its power is fixed" : "")",
                    remedy: hasFixedPower ? "give 0 or \(shown(maximum_mw)) mW" : "give 0 to \(shown(maximum_mw)) mW",
                    code: "power-range")
            }
            try checkOpen()
            if hasFixedPower, power_mw == 0 { return off() }
            try helper.call("light_on", [.string(name), .number(power_mw)], within_ms: 8000)
        } catch {
            off()
            throw error
        }
    }

    func off() {
        if isClosed.withLock({ $0 }) { return }
        _ = try? helper.call("off", [.string(name)], within_ms: 2000)
    }

    var isOn: Bool? {
        if isClosed.withLock({ $0 }) { return nil }
        if helper.knowsLightsOff { return false }
        return (try? state())?.isOn
    }

    func power_mw() throws -> Double {
        try checkOpen()
        let state = try state()
        return state.isOn ? state.power_mw ?? maximum_mw : 0
    }

    func close() {
        off()
        isClosed.withLock { $0 = true }
    }

    private func checkOpen() throws {
        if isClosed.withLock({ $0 }) { throw Failure("light \(name) is closed", code: "closed") }
    }

    private func state() throws -> (isOn: Bool, power_mw: Double?) {
        let answer = Optional(try helper.call("light_state", [.string(name)])).list
        guard answer.count == 2, case .boolean(let isOn) = answer[0] else {
            throw Failure("light \(name) does not say whether it is on", remedy: "check it", code: "device-garbled")
        }
        if case .number(let power_mw) = answer[1] { return (isOn, power_mw) }
        return (isOn, nil)
    }
}
