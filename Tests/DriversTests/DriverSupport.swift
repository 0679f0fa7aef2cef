import Drivers
import EmulatedDevices
import Instruments
import Testing
import Transports
import Work

/// A keeper that stays quiet while a test is stopped by a busy machine.
func testKeeper() throws -> Keeper {
    var settings = Keeper.Settings()
    settings.program = try BuiltProgram.path("stormbench-keeper")
    settings.log = nil
    settings.lease_ms = 3000
    settings.watchesCrashes = false
    return try Keeper(settings) { _ in }
}

/// Opens the light of a driver with the keys of a microscope file.
func openLight(_ driver: Driver, _ name: String, _ values: [String: JSONValue], _ keeper: Keeper) throws
    -> any LightSource
{
    try #require(try driver.open(name, values, place: "rig: lights: \(name)", keeper: keeper) as? any LightSource)
}

/// A trigger board that is open, and the devices on its outputs.
struct OpenBoard {
    let driver: Driver
    let open: OpenController

    init(_ name: String, _ device: EmulatedPort, _ keeper: Keeper, follows: Bool) throws {
        driver = try DriverList.driver(name, place: "rig")
        let values: [String: JSONValue] = [
            "driver": .string(name), "port": .string(device.path), "follows_camera": .boolean(follows),
        ]
        open = try driver.plan(controller: values, place: "rig").open(
            "board", isShared: true, place: "rig", keeper: keeper)
    }

    func trigger(_ output: Int) throws -> any Trigger {
        let part = try driver.plan(
            part: ["from": .string("board"), "output": .number(Double(output))], as: .trigger, place: "rig")
        return try #require(try part("gate \(output)", open.controller) as? any Trigger)
    }

    func light(_ output: Int, maximum_mw: Double) throws -> any LightSource {
        let part = try driver.plan(
            part: [
                "from": .string("board"), "output": .number(Double(output)), "wavelength_nm": .number(470),
                "maximum_mw": .number(maximum_mw),
            ], as: .light, place: "rig")
        return try #require(try part("led", open.controller) as? any LightSource)
    }
}

/// The code and the message of the failure, or `none`.
func failureText(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch {
        return "\((error as? Failure)?.code ?? ""): \(error)"
    }
}
