import Drivers
import EmulatedDevices
import Instruments
import Optics
import Synchronization
import Testing
import Transports
import Work

/// Controllers of several devices, and what holds for every stage whatever its driver.
@Suite struct ControllerTests {
    /// A stage and a wheel on the line of an emulated FW102C, so that they share it.
    private final class Both: StageDrive, Wheel {
        let name: String
        let properties: [DeviceProperty] = []
        let device: DeviceLine
        let axis: String
        let inner = Mutex((x: 0.0, y: 0.0, state: MotionState.moved))
        let positions = ["a"]
        let selected: String? = nil

        init(_ name: String, _ axis: String, _ device: DeviceLine) {
            self.name = name
            self.axis = axis
            self.device = device
        }

        func startMove(x_um: Double, y_um: Double) throws { inner.withLock { ($0.x, $0.y) = (x_um, y_um) } }
        func state() -> MotionState { inner.withLock { $0.state } }
        func position() throws -> Point { inner.withLock { Point(x_um: $0.x, y_um: $0.y) } }
        func stop() {}
        func select(_ position: String) throws { try device.line.ask("pos=1", repeats: .once) }
        func close() { device.close() }
    }

    private struct Settings: Sendable {
        var axis = "X"
        var speed = 1
    }

    private static let driver = Driver(
        "pair", help: "a stage with a wheel", framing: FW102C.driver.wire!.framing,
        identity: FW102C.driver.wire!.identity,
        defaults: Settings(),
        settings: [.number("speed", \.speed, 1...5, "how fast")],
        connect: { _, settings, line in
            try line.line.ask("speed=\(settings.speed)", repeats: .once)
            return line
        },
        parts: [
            Part(
                .stage, defaults: Settings(), settings: [.text("axis", \.axis, "its letter")],
                make: { Both($0, $1.axis, $2) }),
            Part(.wheel, defaults: Settings(), settings: [], make: { Both($0, $1.axis, $2) }),
        ])

    private static let limits: [String: JSONValue] = [
        "x_um": .array([.number(-10), .number(10)]), "y_um": .array([.number(0), .number(5)]), "settle_ms": .number(5),
    ]

    @Test func devicesOfAControllerShareItsLine() throws {
        let device = try EmulatedPort("fw102c")
        let values: [String: JSONValue] = ["driver": .string("pair"), "port": .string(device.path)]
        let planned = try Self.driver.plan(controller: values, place: "rig: controllers: pair")
        let stage = try Self.driver.plan(
            part: Self.limits.merging(["from": .string("pair")]) { $1 }, as: .stage, place: "rig: stage")
        let wheel = try Self.driver.plan(part: ["from": .string("pair")], as: .wheel, place: "rig: wheels: od")
        let open = try planned.open("pair", isShared: true, place: "rig", keeper: nil)
        let first = try #require(try stage("stage", open.controller) as? any Stage)
        let second = try #require(try wheel("od", open.controller) as? any Wheel)
        // One of them closes, the other goes on.
        first.close()
        try second.select("a")
        #expect(device.commands.suffix(1) == ["pos=1"])
        open.close()
        #expect(failureText { try second.select("a") }.hasPrefix("closed: "))
    }

    @Test func keysOfControllerAndPartAreCheckedTogetherOrApart() throws {
        let port: [String: JSONValue] = ["driver": .string("pair"), "port": .string("/dev/null")]
        let both = port.merging(["speed": .number(9), "axsi": .string("Y")]) { $1 }
        #expect(
            failureText { _ = try Self.driver.plan(device: both, as: .stage, place: "rig: stage") }
                == "bad-description: rig: stage: there is no key 'axsi', did you mean 'axis'?; speed is 9; give 1 to 5; "
                + "x_um is missing; give [lowest, highest]; y_um is missing; give [lowest, highest]")
        #expect(
            failureText {
                _ = try Self.driver.plan(
                    part: ["from": .string("pair"), "speed": .number(1)], as: .wheel, place: "rig")
            }
                == "bad-description: rig: there is no key 'speed', the keys are from, optional")
        #expect(
            failureText { _ = try Self.driver.plan(device: port, as: .light, place: "rig: lights: a") }
                == "bad-description: rig: lights: a: the driver 'pair' offers no light; it offers stage, wheel")
        let turned = Self.limits.merging(["x_um": .array([.number(1), .number(-1)])]) { $1 }
        #expect(
            failureText { _ = try Self.driver.plan(part: turned, as: .stage, place: "rig") }
                == "bad-description: rig: x_um is not a range; give [lowest, highest]")
    }

    @Test func everyStageKeepsWithinItsTravelAndSettles() throws {
        let device = try EmulatedPort("fw102c")
        let values: [String: JSONValue] = ["driver": .string("pair"), "port": .string(device.path)]
        let open = try Self.driver.plan(controller: values, place: "rig").open(
            "pair", isShared: true, place: "rig", keeper: nil)
        defer { open.close() }
        let drive = Both("stage", "X", try #require(open.controller as? DeviceLine))
        let stage = GuardedStage(
            drive, travel: Rectangle(x_um: -10...10, y_um: 0...5), settle_ms: 40, tolerance_um: 0.5)
        #expect(stage.state() == .moved)
        #expect(
            failureText { try stage.startMove(x_um: 10.1, y_um: 0) }.hasPrefix("stage-range: stage: (10.1, 0.0) um"))
        #expect(failureText { try stage.startMove(x_um: .nan, y_um: 0) }.hasPrefix("stage-range: "))
        #expect(try stage.position().x_um == 0)
        // It stands still but is not there yet.
        try stage.startMove(x_um: 5, y_um: 5)
        drive.inner.withLock { $0.x = 4 }
        #expect(stage.state() == .moving)
        drive.inner.withLock { $0.x = 5.3 }
        #expect(stage.state() == .moving)
        #expect(waits(1000) { stage.state() == .moved })
        drive.inner.withLock { $0.state = .unknown }
        #expect(stage.state() == .unknown)
        // After a stop it is where it is.
        drive.inner.withLock { $0.state = .moved }
        try stage.startMove(x_um: 0, y_um: 0)
        drive.inner.withLock { $0.x = 3 }
        stage.stop()
        #expect(stage.state() == .moved)
    }
}
