import Instruments
import Transports
import Work

/// A device of a microscope file as it was found: its port was looked for and it was asked who it is.
public struct DeviceCheck: Sendable {
    /// Its name in the file.
    public var name: String
    /// What it is to do.
    public var role: String
    /// Its driver.
    public var driver: String
    /// Its port, for devices that have one.
    public var port: String?
    /// Whether the microscope can be opened without it.
    public var isOptional: Bool
    /// What it said; empty for what is simulated.
    public var said: String
    /// What is wrong, with the remedy; nil where all is well.
    public var failure: Failure?
}

/// Checks a microscope file device by device. Only identity questions are asked; nothing is set and nothing is switched.
/// - Returns: the devices in the order of the file's kinds.
/// - Throws: `Failure` of what is wrong with the file itself; `Interrupted`.
public func checkDevices(_ nameOrFile: String) throws -> [DeviceCheck] {
    let plan = try MicroscopePlan(MicroscopeFile(nameOrFile, settings: [:]))
    let found = try plan.controllers.map { try look(for: $0.planned) }
    return plan.devices.map { device in
        var check = DeviceCheck(
            name: device.name, role: device.provision.rawValue, driver: device.driver, isOptional: device.isOptional,
            said: "")
        guard case .controller(let index, _) = device.source else { return check }
        let planned = plan.controllers[index].planned
        check.port = planned.port
        check.isOptional = device.isOptional || plan.controllers[index].isOptional
        switch found[index] {
        case .success(let said): check.said = said
        case .failure(let failure): check.failure = failure
        }
        return check
    }
}

/// Looks for a controller on its port; what it said.
private func look(for planned: PlannedController) throws -> Result<String, Failure> {
    let driver = planned.driver
    if case .own(let ask, _) = planned.way {
        do { return .success(try ask()) } catch let failure as Failure { return .failure(failure) }
    }
    let port = planned.port ?? ""
    switch try PortSurvey.ask(port, drivers: [driver]) {
    case .device(_, let said): return .success(said)
    case .stranger(let said):
        var remedy = "correct the port or the driver"
        if case .device(let other, _) = try PortSurvey.ask(port) {
            remedy = "a device of the driver '\(other)' is there"
        }
        return .failure(
            Failure(
                "what answers on \(port) is no \(driver.help): '\(said)'", remedy: remedy, code: "device-garbled"))
    case .silent:
        return .failure(
            Failure(
                "nothing answers on \(port)",
                remedy: "check that the device is switched on, its cable is in, and this is its port",
                code: "device-silent"))
    case .inUse:
        return .failure(
            Failure("the port \(port) is in use by another program", remedy: "close that program", code: "port-busy"))
    case .closed(let failure): return .failure(failure)
    }
}
