import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Testing
import Transports
import Work

/// What the trigger boards do on their emulators: outputs that are high only while the camera exposes.
@Suite struct TriggerBoardTests {
    private struct Kind: Sendable, CustomTestStringConvertible {
        var name: String
        /// Orders that raise outputs behind the program's back, and a half command that would.
        var lit: String
        var half: String
        var testDescription: String { name }
    }

    private static let kinds = [
        Kind(name: "arduino", lit: "outputs 5", half: "bytes 01"),
        Kind(name: "microfpga", lit: "outputs 1", half: "bytes 80 01 00 00 00 01"),
        Kind(name: "triggerscope", lit: "outputs 5", half: "input SDO0-2"),
    ]

    @Test(arguments: kinds) private func anOutputFollowsTheCamera(_ kind: Kind) throws {
        let device = try EmulatedPort(kind.name, baud: 0)
        device.order(kind.lit)
        device.order(kind.half)
        let keeper = try testKeeper()
        defer { keeper.close() }
        let board = try OpenBoard(kind.name, device, keeper, follows: true)
        #expect(device.light == "off")
        let (second, third) = (try board.trigger(2), try board.trigger(3))
        #expect(second.isPassing == false)
        try second.start()
        #expect(device.light == "off")
        #expect(second.isPassing == true)
        #expect(third.isPassing == false)
        device.order("camera on")
        #expect(device.light == "on 2")
        try third.start()
        #expect(device.light == "on 2,3")
        device.order("camera off")
        #expect(device.light == "off")
        device.order("camera on")
        #expect(device.light == "on 2,3")
        second.stop()
        #expect(device.light == "on 3")
        third.stop()
        #expect(device.light == "off")
        #expect(third.isPassing == false)
        // Whatever the keeper is told.
        try second.start()
        #expect(device.light == "on 2")
        #expect(keeper.allOff()?.map(\.result) == [.proven])
        #expect(device.light == "off")
        #expect(failureText { try second.start() }.hasPrefix("light-tripped: "))
        #expect(device.light == "off")
        try keeper.acknowledge()
        try second.start()
        #expect(device.light == "on 2")
        // While the line is busy, the keeper does it.
        device.order("slow 100")
        let thread = Thread { _ = third.isPassing }
        thread.start()
        usleep(20_000)
        second.stop()
        #expect(device.light == "off")
        device.order("slow 0")
        try second.start()
        board.open.close()
        #expect(waits(2000) { device.light == "off" })
        #expect(failureText { try second.start() }.hasPrefix("closed: "))
    }

    @Test(arguments: kinds) private func anOutputIsALightOfFixedPower(_ kind: Kind) throws {
        let device = try EmulatedPort(kind.name, baud: 0)
        let keeper = try testKeeper()
        defer { keeper.close() }
        let board = try OpenBoard(kind.name, device, keeper, follows: false)
        let light = try board.light(4, maximum_mw: 25)
        #expect(light.isOn == false)
        #expect(failureText { try light.on(power_mw: 10) }.hasPrefix("power-range: "))
        try light.on(power_mw: 25)
        #expect(device.light == "on 4")
        #expect(light.isOn == true)
        #expect(try light.power_mw() == 25)
        light.off()
        #expect(device.light == "off")
        #expect(try light.power_mw() == 0)
        // What happens once is put right.
        for fault in ["garbage", "deaf"] {
            device.order("\(fault) 1")
            try light.on(power_mw: 25)
            #expect(device.light == "on 4", "\(fault)")
            light.off()
            #expect(device.light == "off", "\(fault)")
        }
        try light.on(power_mw: 25)
        #expect(device.light == "on 4")
        #expect(failureText { _ = try board.trigger(1) }.hasPrefix("bad-description: "))
        device.order("unplug")
        #expect(failureText { try light.on(power_mw: 25) }.hasPrefix("device-gone: "))
        #expect(light.isOn == nil)
    }

    @Test func aBoardThatStartsAnewWhenItsPortOpensIsWaitedFor() throws {
        let device = try EmulatedPort("arduino", baud: 57600)
        device.order("boots 1200")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let gate = try OpenBoard("arduino", device, keeper, follows: true).trigger(1)
        try gate.start()
        device.order("camera on")
        #expect(device.light == "on 1")
    }

    @Test func aLightBehindABoardShinesWhileTheCameraExposes() throws {
        let device = try EmulatedPort("arduino", baud: 0)
        let laser = try EmulatedPort("ibeam", baud: 0)
        let keeper = try testKeeper()
        defer { keeper.close() }
        let board = try OpenBoard("arduino", device, keeper, follows: true)
        let inner = try openLight(
            IBeam.driver, "405",
            [
                "port": .string(laser.path), "wavelength_nm": .number(405), "maximum_mw": .number(100),
                "modulated": .boolean(true),
            ], keeper)
        let light = GatedLight(inner, behind: try board.trigger(1))
        #expect(light.isOn == false)
        try light.on(power_mw: 20)
        #expect(laser.light == "on 20000 uW")
        #expect(device.light == "off")
        #expect(light.isOn == true)
        #expect(try light.power_mw() == 20)
        device.order("camera on")
        #expect(device.light == "on 1")
        light.off()
        #expect(laser.light == "off")
        #expect(device.light == "off")
        #expect(light.isOn == false)
        #expect(try light.power_mw() == 0)
        // The board fails: the light behind it goes off.
        try light.on(power_mw: 30)
        device.order("unplug")
        #expect(failureText { try light.on(power_mw: 30) }.hasPrefix("device-gone: "))
        #expect(laser.light == "off")
    }
}
