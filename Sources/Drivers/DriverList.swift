import Work

/// All drivers. A new one is a folder beside this file and a line here.
public enum DriverList {
    /// The drivers, in the order of their names.
    public static let all: [Driver] = [
        AndorCamera.driver, Aravis.driver, Arduino.driver, ASI.driver, Cobolt.driver, ASIWheels.driver, FW102C.driver,
        DCAMCamera.driver, IBeam.driver, MicroFPGA.driver, MicroManager.driver, ASI.ms2000Driver, OBIS.driver,
        SCPIMeter.pm100, Prior.driver, SCPIMeter.scpi, SimulatedWorld.driver, Tango.driver, TriggerScope.driver, Zaber.driver,
    ]

    /// The driver of a name.
    /// - Throws: `Failure` with code `driver-unknown` and the nearest name.
    public static func driver(_ name: String, place: String) throws -> Driver {
        if let driver = all.first(where: { $0.name == name }) { return driver }
        let names = all.map(\.name)
        let guess = nearestName(to: name, in: names).map { "did you mean '\($0)'?" }
        throw Failure(
            "\(place): there is no driver '\(name)'",
            remedy: guess ?? "the drivers are \(names.joined(separator: ", "))", code: "driver-unknown")
    }
}
