import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Synchronization
import Testing
import Transports
import Work

/// What the drivers of lights and wheels do on their emulators.
@Suite struct DriverTests {
    private func laser(_ device: EmulatedPort, _ keeper: Keeper, _ more: [String: JSONValue] = [:]) throws
        -> any LightSource
    {
        let values: [String: JSONValue] = [
            "driver": .string("ibeam"), "port": .string(device.path), "wavelength_nm": .number(405),
            "maximum_mw": .number(100),
        ]
        let made = try IBeam.driver.open("405", values.merging(more) { $1 }, place: "rig: lights: 405", keeper: keeper)
        return try #require(made as? any LightSource)
    }

    @Test func theLaserIsOffUntilItIsSwitchedOn() throws {
        let device = try EmulatedPort("ibeam")
        device.order("light on")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let laser = try laser(device, keeper)
        #expect(device.light == "off")
        #expect(laser.isOn == false)
        #expect(try laser.power_mw() == 0)
        try laser.on(power_mw: 12.5)
        #expect(device.light == "on 12500 uW")
        #expect(laser.isOn == true)
        #expect(try laser.power_mw() == 12.5)
        laser.off()
        #expect(device.light == "off")
        try laser.on(power_mw: 100)
        laser.close()
        #expect(waits(1000) { device.light == "off" })
        #expect(failureText { try laser.on(power_mw: 1) }.hasPrefix("closed: "))
        #expect(laser.isOn == nil)
    }

    @Test func whatIsRefusedOrWrongLeavesTheLaserDark() throws {
        let device = try EmulatedPort("ibeam")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let laser = try laser(device, keeper, ["maximum_mw": .number(500)])
        #expect(failureText { try laser.on(power_mw: 600) }.hasPrefix("power-range: "))
        #expect(failureText { try laser.on(power_mw: -1) }.hasPrefix("power-range: "))
        #expect(failureText { try laser.on(power_mw: .nan) }.hasPrefix("power-range: "))
        // More than the laser itself allows.
        #expect(failureText { try laser.on(power_mw: 300) }.contains("refused 'channel 2 power 300000 micro'"))
        for fault in ["refuse", "silent"] {
            try laser.on(power_mw: 10)
            device.order("\(fault) \(fault == "refuse" ? 1 : 40)")
            #expect(failureText { try laser.on(power_mw: 20) } != "none", "\(fault)")
            #expect(device.light == "off", "\(fault)")
            device.order("\(fault) 0")
        }
        // What happens once is put right.
        for fault in ["deaf", "silent", "half", "garbage"] {
            device.order("\(fault) 1")
            try laser.on(power_mw: 20)
            #expect(device.light == "on 20000 uW", "\(fault)")
        }
        try laser.on(power_mw: 10)
        #expect(device.light == "on 10000 uW")
        // Off does not wait for a conversation that is under way.
        device.order("slow 300")
        let ended = Mutex(false)
        let thread = Thread {
            _ = try? laser.power_mw()
            ended.withLock { $0 = true }
        }
        thread.start()
        usleep(30_000)
        laser.off()
        #expect(device.light == "off")
        #expect(waits(5000) { ended.withLock { $0 } })
    }

    @Test func theWheelArrives() throws {
        let device = try EmulatedPort("fw102c")
        let values: [String: JSONValue] = [
            "driver": .string("fw102c"), "port": .string(device.path), "settle_ms": .number(0),
            "positions": .array(["0", "0.3", "1"].map { .string($0) }),
        ]
        let wheel = try #require(
            try FW102C.driver.open("od", values, place: "rig: wheels: od", keeper: nil) as? any Wheel)
        defer { wheel.close() }
        #expect(wheel.selected == "0")
        try wheel.select("1")
        #expect(wheel.selected == "1")
        #expect(device.commands.contains("pos=3"))
        #expect(device.commands.contains("sensors=0"))
        // Somebody turns it at its knob.
        device.order("turn 6")
        #expect(wheel.selected == nil)
        #expect(
            failureText { try wheel.select("0.4") }
                == "position-unknown: wheel od has no position '0.4'; did you mean '0.3'?")
        device.order("unplug")
        #expect(wheel.selected == nil)
        #expect(failureText { try wheel.select("0") }.hasPrefix("device-gone: "))
    }

    @Test func theWrongDeviceIsTold() throws {
        let device = try EmulatedPort("fw102c")
        let keeper = try testKeeper()
        defer { keeper.close() }
        #expect(failureText { _ = try laser(device, keeper) }.hasPrefix("light-not-off: "))
        let other = try EmulatedPort("ibeam")
        let values: [String: JSONValue] = ["port": .string(other.path), "positions": .array([.string("0")])]
        #expect(
            failureText { _ = try FW102C.driver.open("od", values, place: "rig", keeper: nil) }.hasPrefix("device-"))
        #expect(
            failureText {
                _ = try IBeam.driver.open(
                    "405", ["port": .string("/dev/null"), "wavelength_nm": .number(405), "maximum_mw": .number(1)],
                    place: "rig", keeper: nil)
            }
            .hasPrefix("keeper-missing: "))
    }

    @Test func keysAreCheckedAllAtOnce() throws {
        let values: [String: JSONValue] = [
            "driver": .string("ibeam"), "wavelenght_nm": .number(405), "maximum_mw": .number(-1),
            "channel": .number(1.5),
        ]
        #expect(
            failureText { try IBeam.driver.check("405", values, place: "rig.lua: lights: 405") }
                == "bad-description: rig.lua: lights: 405: there is no key 'wavelenght_nm', did you mean 'wavelength_nm'?; "
                + "the port is missing, give a path or usb:VID:PID:SERIAL; wavelength_nm is missing; give 200 to 2000; "
                + "maximum_mw is -1; give 0.1 to 1000; channel is not a whole number")
        let wheel: [String: JSONValue] = [
            "port": .string("/dev/ttyUSB0"), "positions": .array([.string("a"), .string("a")]), "speed": .string("fst"),
        ]
        #expect(
            failureText { try FW102C.driver.check("od", wheel, place: "od") }
                == "bad-description: od: positions has 'a' twice; speed is 'fst'; did you mean 'fast'?")
        #expect(failureText { _ = try DriverList.driver("ibaem", place: "rig") }.contains("did you mean 'ibeam'?"))
        for driver in DriverList.all {
            #expect(!driver.help.isEmpty && !driver.provides.isEmpty)
            guard driver.wire != nil else { continue }
            #expect(driver.provides.contains(.light) == (driver.off != nil), "\(driver.name)")
        }
        #expect(DriverList.all.map(\.name) == DriverList.all.map(\.name).sorted())
    }
}
