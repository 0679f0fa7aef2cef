import DriverBench
import Drivers
import EmulatedDevices
import Foundation
import Imaging
import Instruments
import Synchronization
import Testing
import Work

/// The driver of Andor's cameras on a stand-in for Andor's library, which python-microscope takes for the library too
/// (`scripts/check-drivers`).
@Suite struct AndorTests {
    private func open(_ stub: LibraryStub, _ keys: [String: JSONValue] = [:]) throws -> any Camera {
        let all = keys.merging(["library": .string(stub.path), "pixel_nm": 127, "driver": "andor"]) { first, _ in first
        }
        let device = try DriverList.driver("andor", place: "rig").open(
            "camera", all, as: .camera, place: "rig", keeper: nil)
        return try #require(device as? any Camera)
    }

    /// The number that the stand-in has written into an image.
    private func number(_ frame: Frame) -> Int {
        Int(frame.counts.samples[0]) + Int(frame.counts.samples[1]) << 16
    }

    @Test func keepsTheContractOfCameras() throws {
        let stub = try LibraryStub("andor", ["cooling": "1000"])
        let camera = try open(stub)
        #expect(Contracts.check(Bench(device: camera), name: "andor") == [])
        #expect(stub.ask("AndorStub_Clashes") == 0)
        #expect(stub.ask("AndorStub_ShutDowns") == 1 && stub.ask("AndorStub_Shutter") == 2)
    }

    @Test func everyGapOfThirtyThousandFramesIsKnown() throws {
        let stub = try LibraryStub("andor", ["pace": "0", "holes": "5000:7,12000:300,29001:1", "buffer": "256"])
        let camera = try open(stub, ["mirror_em": false])
        defer { camera.close() }
        try camera.setRegion(Region(column: 100, row: 100, width: 8, height: 8))
        try camera.startSequence(frames: 30_000)
        var gaps: [[Int]] = []
        var (count, wrong, next) = (0, 0, 0)
        while let frame = try camera.nextFrame(timeout_ms: 5000) {
            if frame.lostBefore > 0 { gaps.append([frame.index - frame.lostBefore + 1, frame.lostBefore]) }
            if number(frame) != frame.index + 1 || frame.index != next + frame.lostBefore { wrong += 1 }
            next = frame.index + 1
            count += 1
        }
        #expect(gaps == [[5000, 7], [12000, 300], [29001, 1]])
        #expect(count == 30_000 - 308 && next == 30_000 && wrong == 0)
        #expect(stub.ask("AndorStub_Lost") == 308 && stub.ask("AndorStub_Clashes") == 0)
    }

    /// A reader that is too slow for the buffer loses frames, and knows how many.
    @Test func whatASlowReaderLosesIsCounted() throws {
        let stub = try LibraryStub("andor", ["pace": "20", "buffer": "16"])
        let camera = try open(stub, ["mirror_em": false])
        defer { camera.close() }
        try camera.setRegion(Region(column: 0, row: 0, width: 16, height: 16))
        try camera.setExposure(10)
        try camera.startSequence(frames: 600)
        var (lost, last) = (0, -1)
        while let frame = try? camera.nextFrame(timeout_ms: 5000) {
            #expect(number(frame) == frame.index + 1)
            #expect(frame.index == last + 1 + frame.lostBefore)
            lost += frame.lostBefore
            last = frame.index
            if frame.index % 50 == 0 { Thread.sleep(forTimeInterval: 0.03) }
        }
        #expect(lost > 0 && last > 550)
        camera.stopSequence()
        // It takes frames again.
        try camera.startSequence(frames: 3)
        #expect(try camera.nextFrame(timeout_ms: 5000)?.index == 0)
    }

    @Test func theSensorGoesThroughItsStates() throws {
        let stub = try LibraryStub("andor", ["cooling": "200"])
        let camera = try open(stub, ["cooling_C": -70])
        defer { camera.close() }
        #expect(try camera.temperature()?.state == .cooling)
        try camera.waitUntilCold(-70, limit_s: 10)
        let cold = try #require(try camera.temperature())
        #expect(cold == CameraTemperature(celsius: -70, target_C: -70, state: .stabilised))
        stub.set("drift", "1")
        #expect(try camera.temperature()?.state == .drifting)
        #expect(failureCode { try camera.waitUntilCold(-70, limit_s: 0) } == "camera-warm")
        stub.set("drift", "0")
        // The camera is not asked while it takes frames.
        try camera.startSequence(frames: 100)
        #expect(try camera.temperature() == cold)
        #expect(failureCode { try camera.setTemperature(-50) } == "busy")
        camera.stopSequence()
        try camera.setTemperature(nil)
        #expect(try camera.temperature()?.state == .warming)
        #expect(failureCode { try camera.waitUntilCold(-70, limit_s: 5) } == "camera-warm")
        for _ in 0..<100 where try camera.temperature()?.state != .off { Thread.sleep(forTimeInterval: 0.02) }
        #expect(try camera.temperature()?.state == .off)
        #expect(failureCode { try camera.setTemperature(-101) } == "temperature-range")
        camera.close()
        #expect(stub.ask("AndorStub_KeepsCold") == 1)
    }

    @Test func settingsThatAreRefusedAreErrorsAndChangeNothing() throws {
        let stub = try LibraryStub("andor")
        let camera = try open(stub)
        defer { camera.close() }
        try camera.setExposure(40)
        for (function, work) in [
            ("SetExposureTime", { try camera.setExposure(30) }),
            ("SetImage", { try camera.setRegion(Region(column: 0, row: 0, width: 64, height: 64)) }),
            ("SetEMCCDGain", { try camera.setEMGain(100) }),
            ("SetTriggerMode", { try camera.setTriggerMode(.external) }),
            ("SetTemperature", { try camera.setTemperature(-30) }),
            ("StartAcquisition", { try camera.startSequence(frames: 1) }),
        ] as [(String, () throws -> Void)] {
            stub.set("refuse", function)
            do {
                try work()
                Issue.record("\(function) was not refused")
            } catch let failure as Failure {
                #expect(failure.code == "device-refused")
                #expect(failure.message.contains(function) && failure.message.contains("DRV_P1INVALID (20066)"))
            }
            stub.set("refuse", "")
            #expect(try abs(camera.exposure_ms() - 40) < 0.01 && camera.emGain() == 1)
            #expect(try camera.region().width == 512 && camera.triggerMode() == .internal)
        }
        #expect(try camera.snap().counts.width == 512)
        #expect(failureCode { try camera.setEMGain(301) } == "gain-range", "advanced gains are not asked for")
        let advanced = try LibraryStub("andor")
        let other = try open(advanced, ["em_advanced": true])
        try other.setEMGain(600)
        #expect(try other.emGain() == 600)
        other.close()
        for (keys, text) in [
            (["em_speed_MHz": 12], "em_speed_MHz cannot be 12.0; the camera has 17.0, 10.0, 5.0, 1.0 MHz"),
            (["preamp_gain": 4], "preamp_gain cannot be 4.0; the camera has 1.0, 2.0, 3.0"),
            (["serial": 99], "none of 1 Andor cameras has the serial number 99; there is 4711"),
            (["library": "/nowhere/libandor.so"], "Andor's library cannot be loaded"),
            (["library": "libm.so.6"], "libm.so.6 has no function GetAvailableCameras"),
            (["gain": 3], "there is no key 'gain'"),
        ] as [([String: JSONValue], String)] {
            #expect(failureText { _ = try open(LibraryStub("andor"), keys) }.contains(text), "\(text)")
        }
    }

    /// Both amplifiers show the same picture, of the whole sensor and of a part, binned or not.
    @Test func bothAmplifiersHaveOneOrientation() throws {
        let stub = try LibraryStub("andor", ["pace": "0"])
        let camera = try open(stub)
        defer { camera.close() }
        // The disc of the stand-in around column 150, row 200.
        func disc(_ frame: Frame, _ region: Region, _ binning: Int) -> [Int] {
            let (x, y) = ((150 - region.column) / binning, (200 - region.row) / binning)
            let radius = 36 / binning
            return [-radius - 8 / binning, -radius, radius, radius + 8 / binning].map {
                Int(frame.counts[y, x + $0]) > 200 * binning ? 1 : 0
            }
        }
        for gain in [1.0, 200] {
            try camera.setEMGain(gain)
            for (region, binning) in [
                (Region(column: 0, row: 0, width: 512, height: 512), 1),
                (Region(column: 100, row: 150, width: 128, height: 100), 1),
                (Region(column: 100, row: 150, width: 128, height: 100), 2),
            ] {
                try camera.setBinning(1)
                try camera.setRegion(region)
                try camera.setBinning(binning)
                #expect(
                    disc(try camera.snap(), region, binning) == [0, 1, 1, 0], "gain \(gain), \(region), \(binning)")
            }
        }
    }

    @Test func cycleAndTimesAreTheCameras() throws {
        let stub = try LibraryStub("andor", ["pace": "0"])
        let camera = try open(stub)
        defer { camera.close() }
        try camera.setExposure(5)
        // 512 rows of 512 pixels at 3 MHz, the shift of a frame in 0.5 us steps before and while it is read: no exposure in
        // frame transfer is shorter, so this one is read afterwards.
        let readOut_ms = 512.0 * 512 / 3000 + 512 * 0.5e-3
        #expect(abs(try camera.exposure_ms() - 5) < 0.01)
        #expect(abs(try camera.cycle_ms() - 5 - readOut_ms - 0.256) < 0.01)
        try camera.setExposure(100)
        #expect(abs(try camera.cycle_ms() - 100.256) < 0.01)
        // 17 MHz.
        try camera.setEMGain(100)
        try camera.setExposure(17.6)
        #expect(abs(try camera.cycle_ms() - 17.856) < 0.01)
        let cycle_ms = try camera.cycle_ms()
        try camera.startSequence(frames: 3)
        for index in 0..<3 {
            let frame = try #require(try camera.nextFrame(timeout_ms: 1000))
            #expect(frame.clock == .camera && abs(frame.time_ms - Double(index) * cycle_ms) < 0.01)
        }
        #expect(try camera.nextFrame(timeout_ms: 1000) == nil)
        // A corner in crop mode is faster: the rows behind it are not shifted.
        let cropped = try open(LibraryStub("andor", ["metadata": "0"]), ["crop": true])
        defer { cropped.close() }
        try cropped.setExposure(0.1)
        try cropped.setRegion(Region(column: 0, row: 0, width: 64, height: 64))
        #expect(try cropped.cycle_ms() < 0.1 + 64.0 * 64 / 3000 + 0.3)
        #expect(
            failureCode { try cropped.setRegion(Region(column: 9, row: 0, width: 64, height: 64)) } == "region-range")
        try cropped.startSequence(frames: 1)
        #expect(try cropped.nextFrame(timeout_ms: 1000)?.clock == .cycle)
    }

    @Test func framesOfTheProgramComeOnItsTrigger() throws {
        let camera = try open(LibraryStub("andor"))
        defer { camera.close() }
        try camera.setTriggerMode(.software)
        try camera.startSequence(frames: 2)
        #expect(failureCode { _ = try camera.nextFrame(timeout_ms: 30) } == "timeout")
        for index in 0..<2 {
            try camera.trigger()
            #expect(try camera.nextFrame(timeout_ms: 2000)?.index == index)
        }
        #expect(try camera.nextFrame(timeout_ms: 30) == nil)
        try camera.setTriggerMode(.external)
        #expect(failureCode { _ = try camera.snap() } == "timeout", "no pulse comes")
    }

    @Test func severalCamerasAreToldApart() throws {
        let stub = try LibraryStub("andor", ["cameras": "2", "pace": "0"])
        let second = try open(stub, ["serial": 4712])
        let first = try open(stub)
        #expect(second.identity.contains("4712") && first.identity.contains("4711"))
        #expect(failureCode { _ = try open(stub) } == "device-missing")
        try first.setRegion(Region(column: 0, row: 0, width: 32, height: 32))
        try second.setExposure(100)
        try first.startSequence(frames: 2000)
        try second.startSequence(frames: 50)
        let found = Mutex<[Int]>([0, 0])
        let group = DispatchGroup()
        for (place, camera) in [first, second].enumerated() {
            group.enter()
            Thread.detachNewThread {
                while let frame = try? camera.nextFrame(timeout_ms: 5000), frame.lostBefore == 0 {
                    found.withLock { $0[place] += 1 }
                }
                group.leave()
            }
        }
        group.wait()
        #expect(found.withLock { $0 } == [2000, 50])
        #expect(stub.ask("AndorStub_Clashes") == 0)
        // The first was shut down once while the second was looked for.
        #expect(stub.ask("AndorStub_ShutDowns", 1) == 0 && stub.ask("AndorStub_ShutDowns") == 1)
        second.close()
        #expect(stub.ask("AndorStub_ShutDowns", 1) == 1 && stub.ask("AndorStub_ShutDowns") == 1)
        first.close()
        try open(stub).close()
    }

    /// A call that does not come back holds up neither lights nor the end of the program.
    @Test func aCallThatHangsIsAnErrorInTime() throws {
        let stub = try LibraryStub("andor", ["hang_s": "3"])
        let camera = try open(stub)
        defer { camera.close() }
        let light = FakeSource()
        let scope = Microscope(
            name: "hanging", stage: nil, focus: nil, camera: camera, lights: [light], wheels: [],
            channels: [Channel(name: "a", light: "647", power_mw: 5, exposure_ms: 20)])
        stub.set("hang", "GetNumberNewImages")
        let begin = Date()
        let code = failureCode { _ = try scope.snap(scope.channel(named: "a"), slack_ms: 200) }
        #expect(code == "stalled")
        #expect(light.log.withLock { $0.count } == 2)
        let lit = light.log.withLock { $0[1].timeIntervalSince($0[0]) }
        #expect(lit < 1.5, "the light went off while the call hung: \(lit) s of 3")
        #expect(Date().timeIntervalSince(begin) > lit)
        stub.set("hang", "")
        for _ in 0..<100 where failureCode({ _ = try camera.temperature() }) != "none" {
            Thread.sleep(forTimeInterval: 0.05)
        }
        #expect(try camera.snap().index == 0)
    }

    @Test func aCameraThatIsSwitchedOffOrStallsIsTold() throws {
        let stub = try LibraryStub("andor", ["stall": "3"])
        let camera = try open(stub)
        defer { camera.close() }
        try camera.setExposure(100)
        stub.set("pace", "20")
        try camera.startSequence(frames: 10)
        for _ in 0..<3 { #expect(try camera.nextFrame(timeout_ms: 2000) != nil) }
        #expect(failureCode { _ = try camera.nextFrame(timeout_ms: 50) } == "timeout")
        camera.stopSequence()
        stub.set("stall", "0")
        try camera.startSequence(frames: 1_000_000)
        #expect(try camera.nextFrame(timeout_ms: 2000)?.index == 0)
        stub.set("off", "1")
        #expect(failureCode { while try camera.nextFrame(timeout_ms: 2000) != nil {} } == "device-gone")
        camera.stopSequence()
        #expect(failureText { try camera.setExposure(50) }.contains("DRV_ERROR_ACK (20013)"))
        stub.set("off", "0")
        try camera.setExposure(50)
        #expect(try camera.snap().index == 0)
        #expect(
            failureText { _ = try open(LibraryStub("andor", ["cameras": "0"])) }.contains(
                "none of 0 Andor cameras is free"))
    }
}

/// A light that notes when it is switched.
private final class FakeSource: LightSource {
    let name = "647"
    let wavelength_nm = 647.0
    let maximum_mw = 100.0
    let log = Mutex<[Date]>([])
    func on(power_mw: Double) throws { log.withLock { $0.append(Date()) } }
    func off() { log.withLock { if $0.count % 2 == 1 { $0.append(Date()) } } }
    var isOn: Bool? { log.withLock { $0.count % 2 == 1 } }
    func power_mw() throws -> Double { isOn == true ? 5 : 0 }
    func close() { off() }
}
