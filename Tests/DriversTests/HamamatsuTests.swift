import DriverBench
import Drivers
import EmulatedDevices
import Foundation
import Imaging
import Instruments
import Testing
import Work

/// The driver of Hamamatsu's cameras on a stand-in for Hamamatsu's library, which pylablib takes for the library too
/// (`scripts/check-drivers`).
@Suite struct HamamatsuTests {
    private func open(_ stub: LibraryStub, _ keys: [String: JSONValue] = [:]) throws -> any Camera {
        let all = keys.merging(["library": .string(stub.path), "pixel_nm": 108, "driver": "hamamatsu"]) { first, _ in
            first
        }
        let device = try DriverList.driver("hamamatsu", place: "rig").open(
            "camera", all, as: .camera, place: "rig", keeper: nil)
        return try #require(device as? any Camera)
    }

    /// The number that the stand-in has written into a frame.
    private func number(_ frame: Frame) -> Int {
        Int(frame.counts.samples[0]) + Int(frame.counts.samples[1]) << 16
    }

    @Test func keepsTheContractOfCameras() throws {
        let stub = try LibraryStub("dcam", ["cooling": "1000"])
        let camera = try open(stub)
        #expect(Contracts.check(Bench(device: camera), name: "hamamatsu") == [])
        #expect(stub.ask("DCAMStub_IsOpen") == 0 && stub.ask("DCAMStub_Initialized") == 0)
    }

    /// What never reached the library is told by the camera's frame stamps.
    @Test func whatTheCameraLosesIsKnown() throws {
        let stub = try LibraryStub("dcam", ["pace": "0", "holes": "500:3,2000:1"])
        let camera = try open(stub)
        defer { camera.close() }
        try camera.setRegion(Region(column: 100, row: 100, width: 8, height: 8))
        try camera.startSequence(frames: 5000)
        var gaps: [[Int]] = []
        var (count, next) = (0, 0)
        while let frame = try camera.nextFrame(timeout_ms: 5000) {
            #expect(frame.index == next + frame.lostBefore)
            if frame.lostBefore > 0 { gaps.append([frame.index, frame.lostBefore]) }
            if number(frame) != count { Issue.record("frame \(number(frame)) instead of \(count)") }
            (count, next) = (count + 1, frame.index + 1)
        }
        #expect(gaps == [[503, 3], [2004, 1]])
        #expect(count == 4996 && next == 5000)
    }

    /// What the ring has lost because nobody read it is counted, and no frame is handed out half written over.
    @Test func whatASlowReaderLosesIsCounted() throws {
        let stub = try LibraryStub("dcam", ["pace": "20"])
        let camera = try open(stub)
        defer { camera.close() }
        try camera.setRegion(Region(column: 0, row: 0, width: 16, height: 16))
        // The ring is for 2 s: 20 frames, which take 100 ms at this pace.
        try camera.setExposure(100)
        try camera.startSequence(frames: 200)
        var (lost, last) = (0, -1)
        while let frame = try camera.nextFrame(timeout_ms: 5000) {
            #expect(number(frame) == frame.index && frame.index == last + 1 + frame.lostBefore)
            #expect(frame.clock == .camera && abs(frame.time_ms - Double(frame.index) * 100) < 0.01)
            lost += frame.lostBefore
            if last < 50, frame.index >= 50 { Thread.sleep(forTimeInterval: 0.2) }
            last = frame.index
        }
        #expect(lost > 10 && last >= 199 - 20)
        try camera.startSequence(frames: 2)
        #expect(try camera.nextFrame(timeout_ms: 5000)?.index == 0)
    }

    @Test func regionsAndBinningShowThePartThatIsAskedFor() throws {
        let camera = try open(LibraryStub("dcam", ["pace": "0"]))
        defer { camera.close() }
        // The disc of the stand-in around column 200, row 120.
        for binning in [1, 2, 4] {
            try camera.setBinning(1)
            try camera.setRegion(Region(column: 160, row: 80, width: 128, height: 80))
            try camera.setBinning(binning)
            let counts = try camera.snap().counts
            #expect(counts.width == 128 / binning && counts.height == 80 / binning)
            let row = (0..<counts.width).filter { Int(counts[40 / binning, $0]) > 200 * binning }
            #expect(row.first == (10 + binning) / binning && row.last == 69 / binning, "\(row)")
        }
        #expect(
            failureCode { try camera.setRegion(Region(column: 2, row: 0, width: 64, height: 64)) } == "region-range")
        #expect(try camera.region().column == 160)
        try camera.setBinning(1)
        try camera.setRegion(Region(column: 0, row: 0, width: 512, height: 256))
        try camera.setExposure(0.1)
        #expect(abs(try camera.cycle_ms() - 256 * 9.74e-3) < 0.001, "a cycle is no shorter than the read-out")
    }

    @Test func theCoolerHasStates() throws {
        let stub = try LibraryStub("dcam", ["cooling": "100"])
        let camera = try open(stub, ["cooling_C": -10])
        defer { camera.close() }
        #expect(try camera.temperature()?.state == .cooling)
        try camera.waitUntilCold(-10, limit_s: 10)
        #expect(abs((try camera.temperature()?.celsius ?? 0) + 10) < 0.5)
        #expect(failureCode { try camera.setTemperature(-31) } == "temperature-range")
        try camera.setTemperature(nil)
        #expect(try camera.temperature()?.state == .warming)
        let fixed = try open(LibraryStub("dcam", ["fixed": "1"]))
        defer { fixed.close() }
        #expect(fixed.temperatureRange_C == nil)
        #expect(failureCode { try fixed.setTemperature(-10) } == "no-cooler")
        #expect(try fixed.temperature()?.state == .off)
    }

    @Test func whatIsRefusedHangsOrIsGoneIsTold() throws {
        let stub = try LibraryStub("dcam", ["hang_s": "1.5"])
        let camera = try open(stub)
        defer { camera.close() }
        stub.set("refuse", "EXPOSURE TIME")
        #expect(
            failureText { try camera.setExposure(30) }.contains(
                "setting of exposureTime ended with DCAMERR_INVALIDVALUE (0x80000821)"))
        stub.set("refuse", "dcamcap_start")
        #expect(failureCode { try camera.startSequence(frames: 1) } == "device-refused")
        stub.set("refuse", "")
        #expect(try camera.exposure_ms() == 10)
        try camera.setTriggerMode(.software)
        try camera.startSequence(frames: 2)
        #expect(failureCode { _ = try camera.nextFrame(timeout_ms: 30) } == "timeout")
        try camera.trigger()
        #expect(try camera.nextFrame(timeout_ms: 2000)?.index == 0)
        stub.set("off", "1")
        #expect(failureCode { _ = try camera.nextFrame(timeout_ms: 500) } == "device-gone")
        stub.set("off", "0")
        camera.stopSequence()
        try camera.setTriggerMode(.internal)
        #expect(try camera.snap().index == 0)
        try camera.startSequence(frames: 5)
        stub.set("hang", "dcamcap_stop")
        let begin = Date()
        camera.stopSequence()
        #expect(Date().timeIntervalSince(begin) < 2.5)
        stub.set("hang", "")
        for (keys, text) in [
            (["serial": "99"], "none of 1 Hamamatsu cameras has the serial number 99; there is S/N: 001701"),
            (["library": "/nowhere/libdcamapi.so"], "Hamamatsu's library cannot be loaded"),
            (["library": "libm.so.6"], "libm.so.6 has no function dcamapi_init"),
        ] as [([String: JSONValue], String)] {
            #expect(failureText { _ = try open(LibraryStub("dcam"), keys) }.contains(text), "\(text)")
        }
        #expect(
            failureText { _ = try open(LibraryStub("dcam", ["cameras": "0"])) }.contains(
                "DCAMERR_NOCAMERA (0x80000206)"))
    }
}
