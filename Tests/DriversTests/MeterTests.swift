import Drivers
import EmulatedDevices
import Instruments
import Testing
import Work

/// What the drivers of power meters do on their emulator.
@Suite struct MeterTests {
    private func meter(_ driver: String, _ device: EmulatedPort, _ more: [String: JSONValue] = [:]) throws -> any Meter
    {
        let values: [String: JSONValue] = ["driver": .string(driver), "port": .string(device.path)]
        return try #require(
            try DriverList.driver(driver, place: "rig").open(
                "power", values.merging(more) { $1 }, place: "rig: meters: power", keeper: nil) as? any Meter)
    }

    @Test func aMeterTellsThePowerInMilliwatts() throws {
        let device = try EmulatedPort("pm100")
        device.order("power 12.5")
        let meter = try meter("pm100", device, ["average": .number(10)])
        defer { meter.close() }
        try meter.setWavelength(488)
        #expect(try meter.wavelength_nm() == 488)
        #expect(abs(try meter.power_mw() - 0.6 * 12.5 / 1.0075) < 0.01)
        #expect(device.commands.contains("SENS:AVER:COUN 10"))
        // What the sensor does not have is refused in the meter's own words.
        #expect(
            failureText { try meter.setWavelength(1300) }
                == "device-refused: meter power refused 'SENS:CORR:WAV 1300': -222,\"Data out of range\"")
        #expect(try meter.wavelength_nm() == 488)
        device.order("garbage 1")
        #expect(try meter.power_mw() > 7)
        device.order("power 9.9e43")
        device.order("saturation 1e60")
        #expect(failureText { _ = try meter.power_mw() }.hasPrefix("over-range: "))
        device.order("unplug")
        #expect(failureText { _ = try meter.power_mw() }.hasPrefix("device-gone: "))
        meter.close()
        #expect(failureText { _ = try meter.power_mw() }.hasPrefix("closed: "))
    }

    @Test func otherMetersAreAskedAsTheFileSays() throws {
        let device = try EmulatedPort("pm100")
        device.order("power 1")
        let meter = try meter(
            "scpi", device, ["question": .string("READ?"), "wavelength": .string("SENSE:CORR:WAV")])
        defer { meter.close() }
        try meter.setWavelength(640.5)
        #expect(abs(try meter.power_mw() - 0.6) < 0.01)
        #expect(device.commands.contains("READ?"))
        // A laser is no meter.
        let laser = try EmulatedPort("cobolt")
        #expect(failureText { _ = try self.meter("pm100", laser) }.hasPrefix("device-"))
    }
}
