import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Synchronization
import Testing
import Transports
import Work

/// Filter wheels that stand on a controller with other devices.
@Suite struct WheelTests {
    private static let names = JSONValue.array(["450/50", "525/50", "690/80"].map { .string($0) })

    /// Opens wheels of one controller.
    private func opened(
        _ driver: String, _ device: EmulatedPort, _ numbers: [Int], positions: JSONValue = names
    ) throws -> (wheels: [any Wheel], controller: OpenController, driver: Driver) {
        let driver = try DriverList.driver(driver, place: "rig")
        let values: [String: JSONValue] = ["driver": .string(driver.name), "port": .string(device.path)]
        let open = try driver.plan(controller: values, place: "rig").open(
            "tiger", isShared: true, place: "rig", keeper: nil)
        do {
            let wheels = try numbers.map { number in
                let keys: [String: JSONValue] = [
                    "from": .string("tiger"), "wheel": .number(Double(number)), "positions": positions,
                    "settle_ms": .number(0),
                ]
                let part = try driver.plan(part: keys, as: .wheel, place: "rig")
                return try #require(try part("wheel \(number)", open.controller) as? any Wheel)
            }
            return (wheels, open, driver)
        } catch {
            open.close()
            throw error
        }
    }

    /// Micro-Manager's adapter for the wheels of a Tiger says so to them, and looks for these beginnings.
    @Test func theEmulatorAnswersAsMicroManagersAdapterExpects() throws {
        for name in ["asi", "fw1000"] {
            let device = try EmulatedPort(name)
            let port = try SerialPort(device.path, baud: 115200)
            defer { port.close() }
            func ask(_ command: String, _ end: ReplyEnd = .text("\n\r")) throws -> String {
                guard
                    case .whole(let bytes) = try port.exchange(
                        Array("\(command)\r".utf8), until: end, within_ms: 1000, dropsStale: false)
                else { return "" }
                return String(decoding: bytes, as: UTF8.self)
            }
            for (command, answer) in [
                ("VB 6", "VB 6"), ("FW1", "FW"), ("VN", "VN Version: v"), ("NF", "NF 8"), ("MP", "MP 0"), ("MP2", "MP"),
            ] { #expect(try ask(command).hasPrefix(answer), "\(command)") }
            #expect(try ask("?", .quiet(ms: 20)) != "0")
            usleep(120_000)
            #expect(try ask("?", .quiet(ms: 20)) == "0")
            #expect(try ask("MP") == "MP 2\n\r")
            #expect(try ask("FW0") == "FW 0\n\r")
            #expect(try ask("MP") == "MP 0\n\r")
        }
    }

    @Test(arguments: ["asi", "ms2000", "fw1000"]) func twoWheelsOfAnASIControllerAreNotMixedUp(_ name: String) throws {
        let device = try EmulatedPort(name, baud: 0)
        if name == "fw1000" { device.order("spin on") }
        let (wheels, controller, _) = try opened(name, device, [0, 1])
        defer { controller.close() }
        let faults = Mutex<[String]>([])
        let group = DispatchGroup()
        for (index, wheel) in wheels.enumerated() {
            group.enter()
            Thread.detachNewThread {
                for turn in 0..<6 {
                    let position = wheel.positions[(turn + index) % 3]
                    do {
                        try wheel.select(position)
                        if wheel.selected != position { faults.withLock { $0.append("\(wheel.name) \(position)") } }
                    } catch { faults.withLock { $0.append("\(error)") } }
                }
                group.leave()
            }
        }
        group.wait()
        // A wheel that turns stands nowhere, and two wheels of a card say so together.
        #expect(faults.withLock { $0 }.filter { !$0.hasPrefix("wheel") } == [])
        #expect(waits(1000) { wheels[0].selected == "690/80" && wheels[1].selected == "450/50" })
    }

    @Test func aWheelTurnsBesideAStageOnOneLine() throws {
        for name in ["asi", "prior"] {
            let device = try EmulatedPort(name, baud: 0)
            device.order("speed 1000")
            let (wheels, controller, driver) = try opened(name, device, [1])
            defer { controller.close() }
            let keys: [String: JSONValue] = [
                "from": .string("tiger"), "x_um": .array([.number(-500), .number(500)]),
                "y_um": .array([.number(-500), .number(500)]), "settle_ms": .number(0),
            ]
            let stage = try #require(
                try driver.plan(part: keys, as: .stage, place: "rig")("stage", controller.controller) as? any Stage)
            try stage.startMove(x_um: 300, y_um: 0)
            try wheels[0].select("690/80")
            #expect(wheels[0].selected == "690/80")
            #expect(waits(4000) { stage.state() == .moved })
            #expect(abs(try stage.position().x_um - 300) < 0.06)
            // A restart turns it back; it says where it is.
            device.order("reset")
            #expect(waits(2000) { wheels[0].selected == "450/50" })
            try wheels[0].select("525/50")
            #expect(wheels[0].selected == "525/50")
        }
    }

    @Test func whatAControllerHasNotIsTold() throws {
        let many = JSONValue.array((0..<9).map { .string("\($0)") })
        for (name, number) in [("asi", 5), ("fw1000", 5), ("prior", 2)] {
            let device = try EmulatedPort(name, baud: 0)
            #expect(failureText { _ = try opened(name, device, [number]) }.hasPrefix("device-refused: "), "\(name)")
            #expect(
                failureText { _ = try opened(name, device, [1], positions: many) }.hasPrefix("bad-description: "),
                "\(name)")
        }
        let late = try EmulatedPort("prior", baud: 0)
        late.order("late-r on")
        let (wheels, controller, _) = try opened("prior", late, [1])
        defer { controller.close() }
        try wheels[0].select("690/80")
        #expect(wheels[0].selected == "690/80")
    }
}
