import Drivers
import Foundation
import Imaging
import Instruments
import Optics
import Testing
import Work

/// What cameras have beside frames: binning, temperature, triggers, views, what the microscope file lays over them.
@Suite struct CameraTests {
    private func sum(_ plane: Plane<UInt16>, above offset: Double) -> Double {
        plane.samples.reduce(0.0) { $0 + Double($1) - offset }
    }

    private func scope(_ camera: [String: JSONValue], _ more: [String: JSONValue] = [:]) throws -> Microscope {
        try openMicroscope("simulated", settings: more.merging(["camera": .object(camera)]) { $1 })
    }

    private func list(_ numbers: [Double]) -> JSONValue { .array(numbers.map { .number($0) }) }

    /// Electrons are gathered before the amplifier: binned pixels hold the light of their pixels above one offset, and
    /// are read with the noise of one.
    @Test func binningGathersLightButReadsOnce() throws {
        let scope = try scope(
            ["row_ms": .number(0), "width": .number(128), "height": .number(128)], ["drift_nm_per_s": list([0, 0])])
        defer { scope.close() }
        var channel = try scope.channel(named: "DAPI")
        channel.power_mw = 8
        try scope.prepare(channel)
        func deviation(_ plane: Plane<UInt16>) -> Double {
            let mean = sum(plane, above: 0) / Double(plane.samples.count)
            return (plane.samples.reduce(0.0) { $0 + pow(Double($1) - mean, 2) } / Double(plane.samples.count))
                .squareRoot()
        }
        let dark = try scope.camera.snap().counts
        let lit = try scope.snap(channel).counts
        for binning in [2, 4] {
            try scope.camera.setBinning(binning)
            #expect(try scope.camera.region() == Region(column: 0, row: 0, width: 128, height: 128))
            // 6 electrons of read noise at 1.5 electrons a count, whatever the binning.
            #expect(abs(deviation(try scope.camera.snap().counts) - deviation(dark)) < 0.3)
            let frame = try scope.snap(channel).counts
            #expect(frame.width == 128 / binning)
            let light = sum(lit, above: 200)
            #expect(
                light > 1e5 && abs(sum(frame, above: 200) / light - 1) < 0.02, "\(light), \(sum(frame, above: 200))")
            #expect(try scope.camera.calibration()?.pixel_nm == 100.0 * Double(binning))
        }
        // A row of binned pixels takes the time of one row.
        try scope.camera.setExposure(1)
        #expect(try scope.camera.cycle_ms() == 1)
        #expect(abs(try scope.fieldOfView().width_um - 12.8) < 1e-9)
    }

    @Test func aCycleIsTheLongerOfExposureAndReadOut() throws {
        let scope = try scope(["row_ms": .number(0.1)])
        defer { scope.close() }
        try scope.camera.setExposure(10)
        #expect(abs(try scope.camera.cycle_ms() - 51.2) < 1e-9)
        try scope.camera.setBinning(2)
        #expect(abs(try scope.camera.cycle_ms() - 25.6) < 1e-9)
        try scope.camera.startSequence(frames: 3)
        var times: [Double] = []
        while let frame = try scope.camera.nextFrame(timeout_ms: 100) {
            times.append(frame.time_ms)
            #expect(frame.clock == .camera)
        }
        #expect(zip(times, [0, 25.6, 51.2]).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    @Test func lostFramesAreCountedBeforeTheNext() throws {
        let scope = try scope([:], ["faults": .object(["lost_frames": .number(0.3)])])
        defer { scope.close() }
        try scope.camera.setRegion(Region(column: 0, row: 0, width: 8, height: 8))
        try scope.camera.startSequence(frames: 200)
        var (last, lost) = (-1, 0)
        while let frame = try scope.camera.nextFrame(timeout_ms: 1000) {
            #expect(frame.index == last + 1 + frame.lostBefore)
            (last, lost) = (frame.index, lost + frame.lostBefore)
        }
        #expect(last == 199 && lost > 30)
    }

    @Test func aChannelWaitsForAColdSensor() throws {
        let cold: JSONValue = .object([
            "lights": .object(["647": .number(1)]), "exposure_ms": .number(10), "require_C": .number(-60),
        ])
        let channels: [String: JSONValue] = ["channels": .object(["cold": cold])]
        let warm = try scope([:], channels)
        defer { warm.close() }
        let channel = try warm.channel(named: "cold")
        #expect(try warm.camera.temperature()?.state == .off)
        let light = try #require(warm.lights["647"])
        try light.on(power_mw: 1)
        #expect(failureCode { try warm.prepare(channel) } == "camera-warm")
        #expect(light.isOn == false, "nothing is lit while a sensor is waited for")
        try warm.camera.setTemperature(-40)
        #expect(failureCode { try warm.prepare(channel) } == "camera-warm", "the set point is too warm")
        let cooled = try scope(["cooling_C": .number(-65)], channels)
        defer { cooled.close() }
        #expect(try cooled.camera.temperature()?.state == .cooling)
        try cooled.prepare(channel)
        let reached = try #require(try cooled.camera.temperature())
        #expect(reached.state == .stabilised && abs((reached.celsius ?? 0) + 65) <= 0.5)
        // In real time the sensor is on its way for long.
        let slow = try scope(["cooling_C": .number(-65)], channels.merging(["time_scale": .number(1)]) { $1 })
        defer { slow.close() }
        let way = try #require(try slow.camera.temperature())
        #expect(way.state == .cooling && (way.celsius ?? 0) > 15)
        #expect(failureCode { try slow.camera.waitUntilCold(limit_s: 0) } == "camera-warm")
    }

    @Test func framesOfTheProgramComeWhenTheyAreAskedFor() throws {
        let scope = try scope([:])
        defer { scope.close() }
        try scope.camera.setTriggerMode(.software)
        try scope.camera.startSequence(frames: 2)
        #expect(failureCode { _ = try scope.camera.nextFrame(timeout_ms: 500) } == "timeout")
        try scope.camera.trigger()
        let first = try #require(try scope.camera.nextFrame(timeout_ms: 500))
        #expect(first.index == 0 && first.time_ms >= 500)
        #expect(failureCode { _ = try scope.camera.nextFrame(timeout_ms: 500) } == "timeout")
        try scope.camera.trigger()
        #expect(try scope.camera.nextFrame(timeout_ms: 500)?.index == 1)
        #expect(try scope.camera.nextFrame(timeout_ms: 500) == nil)
    }

    @Test func whatTheFileSaysIsLaidOverACamera() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("camera-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("camera.json")
        try Data(#"{ "pixel_nm": 100, "offset_counts": 311, "electrons_per_count": 12, "em_gain": 100 }"#.utf8)
            .write(to: file)
        let scope = try scope([
            "calibration": .string(file.path), "binning": .number(2), "region": list([100, 60, 200, 120]),
            "views": .object(["left": list([100, 60, 100, 120]), "right": list([200, 60, 100, 120])]),
        ])
        defer { scope.close() }
        let camera = scope.camera
        #expect(try camera.region() == Region(column: 100, row: 60, width: 200, height: 120))
        #expect(try camera.frameSize() == (100, 60))
        // The file is for the electron multiplier: its numbers follow the gain, and say nothing of the other amplifier.
        #expect(try camera.calibration() == nil)
        try camera.setEMGain(250)
        #expect(try camera.calibration()?.offset_counts == 311)
        #expect(try camera.calibration()?.em_gain == 250)
        #expect(try camera.calibration()?.pixel_nm == 200)
        let plain = folder.appendingPathComponent("plain.json")
        try Data(#"{ "pixel_nm": 100, "offset_counts": 99 }"#.utf8).write(to: plain)
        let both = try self.scope(["calibration": .string(plain.path), "em_calibration": .string(file.path)])
        defer { both.close() }
        #expect(try both.camera.calibration()?.offset_counts == 99)
        try both.camera.setEMGain(2)
        #expect(try both.camera.calibration()?.offset_counts == 311)
        let frame = try camera.snap()
        let right = try frame.part(try #require(camera.views["right"]), of: try camera.region(), binning: 2)
        #expect(right.width == 50 && right.height == 60)
        #expect(right.samples[0] == frame.counts.samples[50])
        #expect(
            failureCode {
                _ = try frame.part(Region(column: 0, row: 0, width: 10, height: 10), of: camera.region(), binning: 2)
            }
                == "view-outside")
        for (key, value, code) in [
            ("views", JSONValue.object(["left": list([500, 0, 100, 100])]), "region-range"),
            ("views", list([1]), "bad-description"), ("binning", .number(3), "binning-range"),
            ("cooling_C", .number(40), "temperature-range"), ("region", list([0, 0, 1000, 10]), "region-range"),
            ("calibration", .string("/nowhere/camera.json"), "file-missing"),
        ] {
            #expect(failureCode { try self.scope([key: value]).close() } == code, "\(key)")
        }
    }

    @Test func aMovieSaysHowTheCameraWasSet() throws {
        let scope = try scope(["cooling_C": .number(-70), "binning": .number(2)])
        defer { scope.close() }
        let channel = try scope.channel(named: "dSTORM-647")
        try scope.prepare(channel)
        let recording = try scope.recording(of: channel, at: RecordedPlace(name: "here", x_um: 0, y_um: 0))
        #expect(recording.cycle_ms == 20 && recording.binning == 2)
        let facts = try JSONDecoder().decode(JSONValue.self, from: Data(recording.text.utf8))
        let settings = try #require(facts["camera_settings"])
        #expect(settings["cycle_ms"] == .number(20))
        #expect(settings["temperature"]?["target_C"] == .number(-70))
        #expect(facts["pixel_nm"] == .number(200))
    }
}

/// The code of the failure that a body ends with.
private func failureCode(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch { return (error as? Failure)?.code ?? "\(error)" }
}
