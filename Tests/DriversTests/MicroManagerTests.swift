import DriverBench
import Drivers
import Foundation
import Imaging
import Instruments
import Testing
import Transports
import Work

/// Micro-Manager's devices through the helper. `scripts/check-micromanager` does the same with Micro-Manager itself.
@Suite(.serialized, .enabled(if: MicroManagerRig.hasPython, "no python3"))
struct MicroManagerTests {
    @Test func devicesKeepTheirContracts() throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        // The start preset of the .cfg opens the lamp's shutter.
        #expect(rig.world("Lamp") == "0" && rig.world("Laser") == "0")
        // No preset holds at first, which is an answer and no position.
        #expect(scope.wheels["Channel"]?.selected == nil)
        try scope.wheels["Channel"]?.select("Red")
        for (role, device) in scope.devices where role != "focus lock" {
            // One power only.
            let testCase = role == "light" ? DriverCase("micromanager", .light, [:], hasFixedPower: true) : nil
            #expect(Contracts.check(Bench(device: device, testCase: testCase), name: "\(role) \(device.name)") == [])
        }
        for label in ["Lamp", "Laser"] { #expect(rig.world(label) == "0") }
    }

    @Test func settingsAreReadSetAndRefused() throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        // From the .cfg: objectives and channels, and a wheel that turns them.
        #expect(scope.objective == Objective(name: "60x", pixel_nm: 108, matrix_um: nil))
        #expect(scope.camera.pixel_nm == 108)
        #expect(scope.channels.keys.sorted() == ["Far", "Red"])
        #expect(scope.channels["Red"]?.power_mw == 5 && scope.channels["Red"]?.wheels == ["Channel": "Red"])
        try scope.prepare(try scope.channel(named: "Far"))
        #expect(scope.wheels["filter"]?.selected == "far red" && scope.wheels["Channel"]?.selected == "Far")
        // A preset that would light a laser sets the rest.
        let way = try #require(scope.wheels["way"])
        try way.select("left")
        #expect(way.selected == "left" && rig.world("Laser") == "0")

        let camera = scope.camera
        try camera.setEMGain(200)
        #expect(try camera.emGain() == 200 && (try camera.emGainRange()) == 1...300)
        try camera.setBinning(2)
        let frame = try camera.snap()
        #expect(frame.counts.width == 32 && frame.counts.height == 24)
        #expect(try camera.region() == Region(column: 0, row: 0, width: 64, height: 48))
        try camera.property("Gain").set(.number(7))
        #expect(try camera.property("Gain").value() == .number(7))
        #expect(failureText { try camera.property("Gain").set(.number(301)) }.hasPrefix("property-range"))
        #expect(failureText { try camera.property("Serial").set(.text("F2")) }.hasPrefix("read-only"))
        #expect(failureText { try camera.property("Gian").set(.number(1)) }.contains("did you mean 'Gain'?"))

        let lock = try #require(scope.focusLock)
        #expect(lock.lockState() == .off)
        try lock.lock()
        #expect(lock.lockState() == .locked)
        try lock.setOffset(150)
        #expect(try lock.offset() == 150)
        #expect(lock.lockState() == .searching)
        #expect(rig.waits(2) { lock.lockState() == .lost })
        try lock.unlock()
        #expect(lock.lockState() == .off)
    }

    @Test func whatTheFileSaysWrongIsTold() throws {
        let rig = try MicroManagerRig()
        func told(_ more: [String: JSONValue]) -> String { failureText { try rig.open(more).close() } }
        let stage: [String: JSONValue] = [
            "from": .string("mm"), "device": .string("XZ"), "x_um": .array([.number(0), .number(1)]),
            "y_um": .array([.number(0), .number(1)]),
        ]
        #expect(told(["stage": .object(stage)]).contains("the .cfg has no device 'XZ'; did you mean 'XY'?"))
        #expect(
            told(["focus_lock": .object(["from": .string("mm"), "device": .string("Cam")])])
                .contains("'Cam' is no autofocus device"))
        try rig.write("rig.cfg", "Device,XY,Fake,XYStage\nDevice,Q,Fake,Quantum\n")
        let seen = JSONValue.object(["60x": .object(["pixel_nm": .number(108)])])
        #expect(told(["objectives": seen]).contains("Failed to load device \"Quantum\""))
        try rig.write("rig.cfg", "Device,XY,Fake,XYStage\nLable,XY,0,a\n")
        #expect(
            told([:]) == "bad-configuration: rig.cfg:2: there is no command 'Lable'; did you mean 'Label'?")
    }

    @Test func framesComeWholeOrTheirLossIsTold() throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        let camera = scope.camera
        try camera.setExposure(2)
        try camera.startSequence(frames: 300)
        var count = 0
        while let frame = try camera.nextFrame(timeout_ms: 5000) {
            #expect(frame.index == count && frame.counts.samples.allSatisfy { $0 == UInt16(count) })
            count += 1
        }
        #expect(count == 300)
        // Nobody takes them: the ring is full, then Micro-Manager's buffer.
        try camera.setExposure(1)
        try camera.startSequence(frames: 2000)
        Thread.sleep(forTimeInterval: 0.6)
        var taken = 0
        let text = failureText { while try camera.nextFrame(timeout_ms: 5000) != nil { taken += 1 } }
        #expect(
            text.hasPrefix(
                "overrun: mm: frames came faster than they were taken, the sequence was stopped after \(taken)"))
        #expect(taken > 200 && taken < 2000)
        #expect(try camera.snap().index == 0, "and works afterwards")
    }

    @Test(arguments: [SIGKILL, SIGSTOP])
    func lightsGoOffWhenTheDevicesProcessDiesOrFreezes(_ signal: Int32) throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        let laser = try #require(scope.lights["laser"])
        try laser.on(power_mw: 50)
        #expect(rig.world("Laser") == "1" && laser.isOn == true)
        try scope.camera.startSequence(frames: 10_000)
        _ = try scope.camera.nextFrame(timeout_ms: 5000)
        kill(try #require(rig.workers(of: try rig.supervisor(scope)).first), signal)
        #expect(rig.waits(4) { rig.world("Laser") == "0" }, "off by another process")
        #expect(rig.waits(4) { laser.isOn == false }, "and known to be")
        let text = failureText { while try scope.camera.nextFrame(timeout_ms: 5000) != nil {} }
        #expect(text.hasPrefix("device-gone: mm: the process with the devices"), "\(text)")
        #expect(failureText { try laser.on(power_mw: 50) }.hasPrefix("device-gone"))
        scope.close()
        let again = try rig.open()
        try again.lights["laser"]?.on(power_mw: 50)
        #expect(rig.world("Laser") == "1")
        again.close()
        #expect(rig.world("Laser") == "0")
    }

    @Test func aLightThatHangsIsPutOffByAnotherProcess() throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        let laser = try #require(scope.lights["laser"])
        try laser.on(power_mw: 50)
        try rig.write("world/hang Laser", "")
        laser.off()
        #expect(rig.waits(3) { rig.world("Laser") == "0" })
        #expect(rig.waits(3) { laser.isOn == false })
    }

    @Test func theSupervisorKilledLeavesNoLight() throws {
        let rig = try MicroManagerRig()
        let scope = try rig.open()
        defer { scope.close() }
        try scope.lights["lamp"]?.on(power_mw: 5)
        #expect(rig.world("Lamp") == "1")
        kill(try rig.supervisor(scope), SIGKILL)
        #expect(rig.waits(4) { rig.world("Lamp") == "0" })
        #expect(failureText { _ = try scope.stage.position() }.hasPrefix("device-gone"))
    }

    @Test func anotherComputerAsksForTheToken() throws {
        let rig = try MicroManagerRig()
        let (process, port, token) = try rig.listen()
        defer {
            kill(process.number, SIGTERM)
            process.end(within_s: 10)
        }
        var far: [String: JSONValue] = [
            "driver": .string("micromanager"), "host": .string("127.0.0.1"), "port": .number(Double(port)),
            "token_file": .string(token), "copy": .string("rig.cfg"),
        ]
        try rig.write("wrong", String(repeating: "0", count: 64))
        far["token_file"] = .string("\(rig.folder)/wrong")
        #expect(failureText { try rig.open(controller: far).close() }.hasPrefix("token-refused"))
        far["token_file"] = .string(token)
        let scope = try rig.open(controller: far)
        try scope.camera.startSequence(frames: 50)
        var count = 0
        while let frame = try scope.camera.nextFrame(timeout_ms: 5000) {
            #expect(frame.counts.samples.allSatisfy { $0 == UInt16(frame.index) })
            count += 1
        }
        #expect(count == 50 && scope.objective?.name == "60x")
        try scope.lights["lamp"]?.on(power_mw: 5)
        #expect(rig.world("Lamp") == "1")
        scope.close()
        #expect(rig.world("Lamp") == "0")
        // The devices are there for the next.
        try rig.open(controller: far).close()
    }
}

extension MicroManagerRig {
    /// The process of the helper of an open microscope, as `describe` tells it.
    func supervisor(_ scope: Microscope) throws -> Int32 {
        let text = scope.lights["lamp"]?.guarding ?? ""
        let number = text.split(separator: "(process ").last?.prefix { $0.isNumber } ?? ""
        return try #require(Int32(number))
    }
}

/// The .cfg as it is read without any device.
@Suite struct MicroManagerConfigurationTests {
    private func problem(_ text: String) -> String {
        failureText { _ = try MicroManagerConfiguration(text, name: "x.cfg") }
    }

    @Test func wrongLinesAreNamed() {
        #expect(problem("Device,A,M,N\nDevice,A,M,N").contains("x.cfg:2: there is a device 'A' already"))
        #expect(problem("# none\n\nProperty,B,State,1").contains("x.cfg:3: there is no device 'B'"))
        #expect(
            problem("Device,Stage,M,N\nProperty,Satge,a,1").contains(
                "x.cfg:2: there is no device 'Satge'; did you mean 'Stage'?"))
        #expect(problem("Device,A,M").contains("x.cfg:1: 'Device' has 3 fields; it takes 4"))
        #expect(problem("Device,A,M,N\nDelay,A,soon").contains("x.cfg:2: 'soon' is no number"))
        #expect(problem("Device,A,M,N\nConfigGroup,G,P,A").contains("it takes 2, 5 or 6"))
        #expect(problem("Device,A,M,N\nEquipment,A,b,c").contains("x.cfg:2: there is no command 'Equipment'"))
        #expect(problem("# nothing").contains("loads no device"))
    }

    @Test func everyCommandIsRead() throws {
        let file = try MicroManagerConfiguration(
            """
            \u{FEFF}# with the mark that some editors write
            Property,Core,Initialize,0\r
            Device,Hub,M,H
            Device,T,M,Turret
            Property,T,Positions,2
            Parent,T,Hub
            Property,Core,Initialize,1
            Property,T,Speed,
            Delay,T,10.5
            FocusDirection,T,1
            Label,T,1,60x
            ConfigGroup,Empty
            ConfigGroup,Channel,DAPI,T,State,1
            ConfigGroup,System,Startup,T,Label,60x
            ConfigPixelSize,fine,T,State,1
            PixelSize_um,fine,0.1
            PixelSizeAffine,fine,0.0,-0.1,0.0,0.1,0.0,0.0
            PixelSizeAngle_dxdz,fine,0.0
            """, name: "x.cfg")
        #expect(file.devices.map(\.label) == ["Hub", "T"] && file.parents == ["T": "Hub"])
        #expect(file.before.map(\.property) == ["Positions"] && file.after.map(\.value) == [""])
        #expect(file.labels == ["T": [1: "60x"]] && file.focusDirections == ["T": 1])
        #expect(file.groups.map(\.name) == ["Empty", "Channel", "System"])
        // By its label at the start, by its number in the pixel size: the same state.
        #expect(file.pixelSizeAtStart == "fine")
        #expect(file.pixelSizes[0].matrix_um == [[0, -0.1], [0.1, 0]])
    }
}
