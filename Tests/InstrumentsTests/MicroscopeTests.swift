import Drivers
import Foundation
import Imaging
import Instruments
import Optics
import Simulation
import Testing
import Work

/// What a script sees of the simulated microscope, against what real devices do.
@Suite struct MicroscopeTests {
    private func mean(_ frame: Frame) -> Double {
        frame.counts.samples.reduce(0.0) { $0 + Double($1) } / Double(frame.counts.samples.count)
    }

    private func prepare(_ scope: Microscope, _ name: String) throws -> Channel {
        let channel = try #require(scope.channels[name])
        for (wheel, position) in channel.wheels { try scope.wheels[wheel]?.select(position) }
        try scope.camera.setExposure(channel.exposure_ms)
        try scope.camera.setEMGain(channel.emGain)
        return channel
    }

    private func arrive(_ scope: Microscope, _ x: Double, _ y: Double) throws {
        try scope.stage.startMove(x_um: x, y_um: y)
        for _ in 0..<1000 where scope.stage.state() != .moved {}
        #expect(scope.stage.state() == .moved)
    }

    @Test func framesAreDarkWithoutLight() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        let channel = try prepare(scope, "DAPI")
        let dark = try scope.camera.snap()
        #expect(abs(mean(dark) - 200) < 0.1)
        try scope.lights["405"]?.on(power_mw: channel.power_mw)
        let lit = try scope.camera.snap()
        #expect(mean(lit) > 205)
        scope.allLightsOff()
        #expect(abs(mean(try scope.camera.snap()) - 200) < 0.1)
    }

    @Test func lightOfAnotherColourAndAClosedWheelShowNothing() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        let channel = try prepare(scope, "DAPI")
        try scope.wheels["emission"]?.select("closed")
        try scope.lights["405"]?.on(power_mw: channel.power_mw)
        #expect(abs(mean(try scope.camera.snap()) - 200) < 0.1)
    }

    @Test func stageTakesTimeAndTellsItsLimits() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        try scope.stage.startMove(x_um: 500, y_um: 0)
        #expect(scope.stage.state() == .moving)
        #expect(scope.stage.state() == .moved)
        let camera = try #require(scope.camera.innermost as? SimulatedCamera)
        // 4 mm/s reached after 267 um: 500 um take 133 ms + 125 ms, then 50 ms of settling.
        #expect(abs(camera.world.clock.now_ms - 308.3) < 1)
        #expect(try scope.stage.position().x_um == 500)
        let truth = camera.world.fieldCentre_um()
        #expect(abs(truth.x - 500) < 0.3 && truth.x != 500)
        #expect(throws: Failure.self) { try scope.stage.startMove(x_um: 1e6, y_um: 0) }
    }

    @Test func backlashShowsWhenTheStageComesFromAbove() throws {
        let scope = try openMicroscope(
            "simulated",
            settings: [
                "stage": .object(["error_um": .number(0), "backlash_um": .number(0.4)]),
                "drift_nm_per_s": .array([.number(0), .number(0)]),
            ])
        defer { scope.close() }
        let world = try #require(scope.camera.innermost as? SimulatedCamera).world
        try arrive(scope, 100, 100)
        let below = world.fieldCentre_um()
        try arrive(scope, 200, 200)
        try arrive(scope, 100, 100)
        let above = world.fieldCentre_um()
        #expect(abs(above.x - below.x - 0.4) < 1e-9 && abs(above.y - below.y - 0.4) < 1e-9)
    }

    @Test func pictureIsSharpestInFocus() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        let world = try #require(scope.camera.innermost as? SimulatedCamera).world
        let nucleus = try #require(
            world.specimen.objects(in: Rectangle(centre: Point(x_um: 0, y_um: 0), width_um: 200, height_um: 200)).first)
        try arrive(scope, nucleus.x_um, nucleus.y_um)
        let channel = try prepare(scope, "DAPI")
        try scope.lights[channel.light]?.on(power_mw: channel.power_mw)
        func sharpness(_ z_um: Double) throws -> Double {
            try scope.focus?.startMove(z_um: z_um)
            for _ in 0..<10 where scope.focus?.state() != .moved {}
            let counts = try scope.camera.snap().counts
            var sum = 0.0
            for row in 0..<counts.height {
                for column in 4..<counts.width {
                    let step = Double(counts[row, column]) - Double(counts[row, column - 4])
                    sum += step * step
                }
            }
            return sum
        }
        let focused = try sharpness(0)
        #expect(try sharpness(3) < 0.9 * focused)
        #expect(try sharpness(-6) < 0.8 * focused)
    }

    @Test func sequencesHaveIndicesAndTimes() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        try scope.camera.setRegion(Region(column: 128, row: 128, width: 256, height: 256))
        try scope.camera.setExposure(20)
        try scope.camera.startSequence(frames: 4)
        #expect(throws: Failure.self) { try scope.camera.setExposure(10) }
        var frames: [Frame] = []
        while let frame = try scope.camera.nextFrame(timeout_ms: 1000) { frames.append(frame) }
        #expect(frames.map(\.index) == [0, 1, 2, 3])
        #expect(frames.map(\.time_ms) == [0, 20, 40, 60])
        #expect(frames[0].counts.width == 256)
        #expect(throws: Failure.self) {
            try scope.camera.setRegion(Region(column: 400, row: 0, width: 200, height: 20))
        }
    }

    @Test func dSTORMStartsDenseAndThins() throws {
        let scope = try openMicroscope("simulated", settings: ["camera": .object(["row_ms": .number(0)])])
        defer { scope.close() }
        let world = try #require(scope.camera.innermost as? SimulatedCamera).world
        let nucleus = try #require(
            world.specimen.objects(
                in: Rectangle(centre: Point(x_um: 0, y_um: 0), width_um: 200, height_um: 200)
            ).first)
        try arrive(scope, nucleus.x_um, nucleus.y_um)
        let channel = try prepare(scope, "dSTORM-647")
        try scope.lights[channel.light]?.on(power_mw: channel.power_mw)
        try scope.camera.startSequence(frames: 150)
        var means: [Double] = []
        while let frame = try scope.camera.nextFrame(timeout_ms: 1000) { means.append(mean(frame)) }
        let first = means[0] - 200
        let last = means[140...].reduce(0, +) / 10 - 200
        #expect(first > 4 * last)
        #expect(last > 0)
        // A field that is left and visited again goes on where it was.
        scope.allLightsOff()
        scope.camera.stopSequence()
        try arrive(scope, nucleus.x_um + 300, nucleus.y_um)
        try arrive(scope, nucleus.x_um, nucleus.y_um)
        try scope.lights[channel.light]?.on(power_mw: channel.power_mw)
        let again = mean(try scope.camera.snap()) - 200
        #expect(again < 0.3 * first, "\(again) after \(last), at first \(first)")
    }

    @Test func faultsShowAsOnRealDevices() throws {
        let scope = try openMicroscope(
            "simulated",
            settings: [
                "faults": .object([
                    "stuck_moves": .array([.number(1)]), "silent_moves": .array([.number(2)]),
                    "stall_at_frame": .number(3), "refusing_lights": .array([.string("561")]),
                ])
            ])
        defer { scope.close() }
        try scope.stage.startMove(x_um: 10, y_um: 0)
        for _ in 0..<50 { #expect(scope.stage.state() == .moving) }
        try scope.stage.startMove(x_um: 20, y_um: 0)
        #expect(scope.stage.state() == .unknown)
        #expect(throws: Failure.self) { try scope.stage.position() }
        #expect(throws: Failure.self) { try scope.lights["561"]?.on(power_mw: 1) }
        #expect(scope.lights["561"]?.isOn == false)
        try scope.camera.startSequence(frames: 5)
        _ = try scope.camera.nextFrame(timeout_ms: 500)
        _ = try scope.camera.nextFrame(timeout_ms: 500)
        do {
            _ = try scope.camera.nextFrame(timeout_ms: 500)
            Issue.record("a stalled camera delivered a frame")
        } catch let failure as Failure {
            #expect(failure.code == "timeout")
        }
    }

    @Test func lostFramesLeaveGapsInTheIndices() throws {
        let scope = try openMicroscope(
            "simulated", settings: ["faults": .object(["lost_frames": .number(0.3)])])
        defer { scope.close() }
        try scope.camera.setRegion(Region(column: 0, row: 0, width: 16, height: 16))
        try scope.camera.startSequence(frames: 200)
        var indices: [Int] = []
        while let frame = try scope.camera.nextFrame(timeout_ms: 500) { indices.append(frame.index) }
        #expect(indices.count < 180 && indices.count > 100)
        #expect(indices == indices.sorted() && indices.last == 199)
    }

    /// In a process of its own, because it reaches the microscopes of all other tests.
    @Test func everyLightOfEveryMicroscopeGoesOff() async {
        await #expect(processExitsWith: .success) {
            let first = try openMicroscope("simulated")
            let second = try openMicroscope("simulated")
            try first.lights["647"]?.on(power_mw: 5)
            try second.lights["405"]?.on(power_mw: 5)
            #expect(first.lights["647"]?.isOn == true)
            OpenMicroscopes.allLightsOff()
            #expect(first.lights["647"]?.isOn == false)
            #expect(second.lights["405"]?.isOn == false)
        }
    }

    @Test func closedDevicesRefuse() throws {
        let scope = try openMicroscope("simulated")
        #expect(throws: Failure.self) { try scope.lights["647"]?.on(power_mw: 1e6) }
        try scope.lights["647"]?.on(power_mw: 5)
        scope.close()
        scope.close()
        #expect(scope.lights["647"]?.isOn == false)
        #expect(throws: Failure.self) { try scope.lights["647"]?.on(power_mw: 1) }
        #expect(throws: Failure.self) { try scope.camera.snap() }
        #expect(scope.stage.state() == .unknown)
    }

    @Test(arguments: ["nuclei", "axons", "microtubules", "spheres", "clusters"])
    func everySpecimenIsSeenInItsChannels(kind: String) throws {
        let scope = try openMicroscope("simulated", settings: ["specimen": .object(["kind": .string(kind)])])
        defer { scope.close() }
        // Clusters lie far apart.
        let first =
            kind == "clusters"
            ? try #require(scope.truth?.objects(in: Rectangle(width_um: 1000, height_um: 1000)).first) : nil
        for name in [kind == "nuclei" ? "DAPI" : "GFP", "widefield-647"] {
            let channel = try prepare(scope, name)
            try scope.lights[channel.light]?.on(power_mw: channel.power_mw)
            var brightest: UInt16 = 0
            for step in 0..<3 {
                try arrive(scope, first?.x_um ?? Double(step) * 60, first?.y_um ?? 0)
                brightest = max(brightest, try scope.camera.snap().counts.samples.max() ?? 0)
            }
            scope.allLightsOff()
            #expect(brightest > 500)
        }
    }

    @Test func mistypedDescriptionsAreOneClearLine() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("microscope-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func message(_ json: String) throws -> String {
            let file = folder.appendingPathComponent("rig.json")
            try Data(json.utf8).write(to: file)
            do {
                _ = try openMicroscope(file.path)
                return "opened"
            } catch { return String(describing: error) }
        }
        #expect(try message("{}") == "opened")
        #expect(try message("{\"camrea\": {}}") == "rig.json: there is no key 'camrea'; did you mean 'camera'?")
        #expect(
            try message("{\"camera\": {\"pixel\": 5}}")
                == "rig.json: camera: there is no key 'pixel', did you mean 'pixel_nm'?")
        #expect(
            try message("{\"stage\": {\"speed_mm_per_s\": -1}}")
                == "rig.json: stage: speed_mm_per_s is -1; give 0.001 to 1000")
        #expect(try message("{").contains("not valid JSON"))
        #expect(try message("[]") == "rig.json is not an object; write { ... }")
        #expect(try message("{\"seed\": 1.5}") == "rig.json: seed is 1.5; give a whole number")
        #expect(throws: Failure.self) { try openMicroscope("simulatd") }
        #expect(throws: Failure.self) { try openMicroscope("nowhere/rig.json") }
    }
}
