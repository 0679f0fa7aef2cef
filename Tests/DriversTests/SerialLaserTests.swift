import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Testing
import Transports
import Work

/// What the drivers of the Coherent OBIS and of Cobolt lasers do on their emulators.
@Suite struct SerialLaserTests {
    private struct Kind: Sendable, CustomTestStringConvertible {
        var name: String
        var driver: Driver
        var wavelength_nm: Double
        var limit_mw: Double
        /// A half command that would set a power, and the state it would bring.
        var half: String
        var onWord: String
        var testDescription: String { name }
    }

    private static let kinds = [
        Kind(
            name: "obis", driver: OBIS.driver, wavelength_nm: 488, limit_mw: 100,
            half: "SOURce:POWer:LEVel:IMMediate:AMPLitude 0.09", onWord: "SOURce:AM:STATe ON"),
        Kind(name: "cobolt", driver: Cobolt.driver, wavelength_nm: 561, limit_mw: 60, half: "p 0.05", onWord: "l1"),
    ]

    private func opened(
        _ kind: Kind, _ device: EmulatedPort, _ keeper: Keeper, _ more: [String: JSONValue] = [:]
    ) throws -> any LightSource {
        let values: [String: JSONValue] = [
            "driver": .string(kind.name), "port": .string(device.path),
            "wavelength_nm": .number(kind.wavelength_nm), "maximum_mw": .number(50),
        ]
        return try openLight(kind.driver, "laser", values.merging(more) { $1 }, keeper)
    }

    @Test(arguments: kinds) private func theLaserIsOffUntilItIsSwitchedOn(_ kind: Kind) throws {
        let device = try EmulatedPort(kind.name)
        device.order("light on")
        device.order("input \(kind.half)")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let laser = try opened(kind, device, keeper)
        #expect(device.light == "off")
        #expect(!device.commands.contains(kind.half), "a half command was carried out")
        #expect(laser.isOn == false)
        #expect(try laser.power_mw() == 0)
        try laser.on(power_mw: 12.5)
        #expect(device.light == "on 12500 uW")
        #expect(laser.isOn == true)
        #expect(abs(try laser.power_mw() - 12.5) < 1e-6)
        laser.off()
        #expect(device.light == "off")
        try laser.on(power_mw: 50)
        #expect(device.light == "on 50000 uW")
        #expect(keeper.allOff()?.map(\.result) == [.proven])
        #expect(device.light == "off")
        #expect(failureText { try laser.on(power_mw: 1) }.hasPrefix("light-tripped: "))
        #expect(laser.isOn == false)
        try keeper.acknowledge()
        try laser.on(power_mw: 50)
        laser.close()
        #expect(waits(1000) { device.light == "off" })
        #expect(failureText { try laser.on(power_mw: 1) }.hasPrefix("closed: "))
        #expect(laser.isOn == nil)
    }

    @Test(arguments: kinds) private func whatIsRefusedOrWrongLeavesTheLaserDark(_ kind: Kind) throws {
        let keeper = try testKeeper()
        defer { keeper.close() }
        let wrong: [(key: String, value: Double, text: String)] = [
            ("maximum_mw", 500, "gives at most \(Int(kind.limit_mw)) mW, not 500"),
            ("wavelength_nm", 405, "its wavelength is \(Int(kind.wavelength_nm)) nm, not 405"),
        ]
        for (key, value, text) in wrong {
            let device = try EmulatedPort(kind.name)
            #expect(failureText { _ = try opened(kind, device, keeper, [key: .number(value)]) }.contains(text))
        }
        let device = try EmulatedPort(kind.name)
        let laser = try opened(kind, device, keeper)
        for power_mw in [51, -1, .nan] {
            #expect(failureText { try laser.on(power_mw: power_mw) }.hasPrefix("power-range: "))
        }
        try laser.on(power_mw: 10)
        device.order("refuse 1")
        #expect(failureText { try laser.on(power_mw: 20) }.hasPrefix("device-refused: "))
        #expect(device.light == "off")
        // What happens once is put right.
        for fault in ["deaf", "garbage"] {
            device.order("\(fault) 1")
            try laser.on(power_mw: 20)
            #expect(device.light == "on 20000 uW", "\(fault)")
        }
        // The interlock opens.
        device.order("interlock open")
        #expect(device.light == "off")
        #expect(laser.isOn == false)
        #expect(failureText { try laser.on(power_mw: 10) } != "none")
        #expect(device.light == "off")
        device.order("unplug")
        #expect(failureText { try laser.on(power_mw: 10) }.hasPrefix("device-gone: "))
        #expect(laser.isOn == nil)
    }

    @Test func anOBISThatPromptsAndKeepsSilentIsUnderstood() throws {
        let device = try EmulatedPort("obis")
        device.order("light on")
        device.order("prompt on")
        device.order("handshake off")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let laser = try opened(Self.kinds[0], device, keeper, ["modulated": .boolean(true)])
        #expect(device.light == "off")
        try laser.on(power_mw: 20)
        #expect(device.light == "on 20000 uW")
        #expect(device.commands.contains("SOURce:AM:EXTernal DIGital"))
        #expect(try laser.power_mw() == 20)
        // Below its least power; and no power is dark.
        #expect(failureText { try laser.on(power_mw: 0.5) }.contains("give 0, or 1 to 50 mW"))
        try laser.on(power_mw: 0)
        #expect(device.light == "off")
        device.order("fault 2")
        #expect(
            failureText { try laser.on(power_mw: 20) } == "device-refused: "
                + "laser on \(device.path) refused 'SOURce:AM:STATe ON': ERR-221")
    }

    @Test func aCoboltThatLightsByItselfIsTamed() throws {
        let device = try EmulatedPort("cobolt")
        device.order("autostart on")
        device.order("reset")
        #expect(device.light == "on 10000 uW")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let laser = try opened(Self.kinds[1], device, keeper, ["modulated": .boolean(true)])
        #expect(device.light == "off")
        device.order("reset")
        #expect(device.light == "off")
        #expect(device.commands.contains("em"))
        device.order("fault 4")
        #expect(
            failureText { try laser.on(power_mw: 20) }
                == "not-confirmed: laser laser reports the fault 4 (the power cannot be held); "
                + "clear its cause, then switch the laser off and on with its key")
        device.order("fault 0")
        device.order("interlock open")
        #expect(failureText { try laser.on(power_mw: 20) }.contains("its interlock is open"))
    }
}
