import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Synchronization
import Testing
import Transports
import Work

/// Devices whose plug is pulled and put in again while they are in use.
@Suite struct ReplugTests {
    private final class Plugs: PlugSource {
        private let take = Mutex<(@Sendable (PlugEvent) -> Void)?>(nil)
        func start(_ take: @escaping @Sendable (PlugEvent) -> Void) throws { self.take.withLock { $0 = take } }

        func tell(_ isPluggedIn: Bool) {
            let device = USBDevice(plug: "1-2", vendor: "0403", product: "6001", serial: isPluggedIn ? "A1" : nil)
            take.withLock { $0 }?(PlugEvent(isPluggedIn: isPluggedIn, device: device))
        }
    }

    private final class Rig: Sendable {
        let plugs = Plugs()
        let path = Mutex("")
        let faults = Mutex<[String]>([])
        let returns = Mutex<[String]>([])

        func ports() throws -> Ports {
            Ports(
                watch: try PlugWatch(plugs), find: { [self] _ in (path.withLock { $0 }, "1-2") },
                onPulled: { [self] failure in faults.withLock { $0.append(failure.code) } },
                onBack: { [self] _, failure in returns.withLock { $0.append(failure.map { "\($0)" } ?? "back") } })
        }

        /// Pulls the plug of one device and plugs another in.
        func replug(_ old: EmulatedPort, _ new: EmulatedPort) {
            old.order("unplug")
            plugs.tell(false)
            path.withLock { $0 = new.path }
            plugs.tell(true)
        }
    }

    private func open(_ driver: String, _ more: [String: JSONValue], _ rig: Rig, _ keeper: Keeper) throws
        -> (part: PlannedPart, open: OpenController)
    {
        let driver = try DriverList.driver(driver, place: "rig")
        let values: [String: JSONValue] = ["driver": .string(driver.name), "port": .string("usb:0403:6001:A1")]
        let planned = try driver.plan(
            device: values.merging(more) { $1 }, as: driver.parts[0].provision, place: "rig")
        let open = try planned.controller.open(
            "405", isShared: false, place: "rig", keeper: keeper, ports: try rig.ports())
        return (planned.part, open)
    }

    @Test func aLaserThatComesBackIsDarkAndSetUpAnew() throws {
        let rig = Rig()
        let (first, second) = (try EmulatedPort("ibeam"), try EmulatedPort("ibeam"))
        rig.path.withLock { $0 = first.path }
        let keeper = try testKeeper()
        defer { keeper.close() }
        let (part, controller) = try open(
            "ibeam", ["wavelength_nm": .number(405), "maximum_mw": .number(100)], rig, keeper)
        let laser = try #require(try controller.make("405", part) as? any LightSource)
        try laser.on(power_mw: 10)
        #expect(first.light == "on 10000 uW")
        second.order("light on")
        rig.replug(first, second)
        #expect(rig.faults.withLock { $0 } == ["device-gone"])
        #expect(waits(4000) { rig.returns.withLock { $0 } == ["back"] })
        #expect(second.light == "off")
        // What opening sets is set again.
        #expect(second.commands.contains("channel 1 power 0 micro"))
        #expect(laser.isOn == false)
        try laser.on(power_mw: 20)
        #expect(second.light == "on 20000 uW")
        laser.off()
        #expect(second.light == "off")
        try laser.on(power_mw: 20)
        #expect(keeper.allOff()?.map(\.result) == [.proven])
        #expect(second.light == "off")
        laser.close()
    }

    @Test func whatABoardLetThroughIsForgotten() throws {
        let rig = Rig()
        let (first, second) = (try EmulatedPort("triggerscope", baud: 0), try EmulatedPort("triggerscope", baud: 0))
        rig.path.withLock { $0 = first.path }
        let keeper = try testKeeper()
        defer { keeper.close() }
        let (part, controller) = try open(
            "triggerscope",
            ["output": .number(1), "wavelength_nm": .number(405), "maximum_mw": .number(1)], rig, keeper)
        let light = try #require(try controller.make("led", part) as? any LightSource)
        let other = try DriverList.driver("triggerscope", place: "rig").plan(
            part: ["from": .string("board"), "output": .number(2)], as: .trigger, place: "rig")
        let gate = try #require(try controller.make("gate", other) as? any Trigger)
        first.order("camera on")
        second.order("camera on")
        try light.on(power_mw: 1)
        #expect(first.light == "on 1")
        rig.replug(first, second)
        #expect(waits(4000) { rig.returns.withLock { $0 } == ["back"] })
        #expect(light.isOn == false)
        try gate.start()
        #expect(second.light == "on 2")
        light.close()
    }

    @Test func anotherDeviceInItsPlaceIsNotTaken() throws {
        let rig = Rig()
        let (first, second) = (try EmulatedPort("fw102c"), try EmulatedPort("pm100"))
        rig.path.withLock { $0 = first.path }
        let keeper = try testKeeper()
        defer { keeper.close() }
        let (part, controller) = try open("fw102c", ["positions": .array([.string("a")])], rig, keeper)
        let wheel = try #require(try controller.make("od", part) as? any Wheel)
        #expect(wheel.selected == "a")
        rig.replug(first, second)
        #expect(waits(8000) { rig.returns.withLock { !$0.isEmpty } })
        #expect(rig.returns.withLock { $0.first?.contains("*idn?") } == true)
        #expect(failureText { try wheel.select("a") }.hasPrefix("device-gone: "))
        wheel.close()
    }
}
