import EmulatedDevices
import Foundation
import Testing

/// The script that measures a light with a power meter, on emulated devices, and the light that is set by its curve.
@Suite struct PowerScriptTests {
    private let folder: URL
    private let laser: EmulatedPort
    private let meter: EmulatedPort

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("power-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        laser = try EmulatedPort("ibeam", baud: 0)
        meter = try EmulatedPort("pm100", baud: 0)
        meter.order("follow \(laser.logPath)")
    }

    private func rig(_ name: String, _ more: String = "") throws -> String {
        let file = folder.appendingPathComponent(name)
        try Data(
            """
            return microscope {
              lights = {
                ["405"] = { driver = "ibeam", port = "\(laser.path)", wavelength_nm = 405, maximum_mw = 100\(more) },
              },
              meters = { power = { driver = "pm100", port = "\(meter.path)" } },
            }
            """.utf8
        ).write(to: file)
        return file.path
    }

    private func run(_ words: [String]) throws -> (status: Int32, output: String, errors: String) {
        let outcome = try Program.run(["run"] + words, environment: ["XDG_STATE_HOME": folder.path], limit_s: 60)
        return (outcome.status, outcome.output, outcome.errors)
    }

    private func calibrate(_ rig: String, settle_ms: Int = 0) throws -> (
        status: Int32, output: String, errors: String
    ) {
        try run([
            "calibrate-power", "--microscope", rig, "--light", "405", "--steps", "5", "--readings", "3", "--settle-ms",
            "\(settle_ms)", "--output", folder.appendingPathComponent("power").path,
        ])
    }

    @Test func theCurveIsMeasuredAndTheLightIsSetByIt() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let outcome = try calibrate(try rig("rig.lua"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(laser.light == "off")
        // From low to high, off between.
        let lights = laser.events.filter { $0.kind == "light" && $0.text != "off" }.map(\.text)
        #expect(
            Array(NSOrderedSet(array: lights)) as? [String]
                == ["on 1000 uW", "on 25750 uW", "on 50500 uW", "on 75250 uW", "on 100000 uW"])
        let off = laser.events.filter { $0.kind == "light" && $0.text == "off" }.count
        #expect(off >= 5)
        let file = folder.appendingPathComponent("power/405-power.json")
        let data = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let measured = try #require(data?["measured_mw"] as? [Double])
        // The emulated sensor: 0.6 of the light, less the more of it there is.
        for (set, measured) in zip([1, 25.75, 50.5, 75.25, 100], measured) {
            #expect(abs(measured / (0.6 * set / (1 + 0.6 * set / 1000)) - 1) < 0.002, "\(set)")
        }
        let script = folder.appendingPathComponent("set.lua")
        try Data(
            """
            local scope <close> = microscope.open("\(try rig("calibrated.lua", ", calibration = \"power/405-power.json\""))")
            local laser = scope.lasers["405"]
            local light <close> = laser:on(10)
            print(("%.2f %s %.2f"):format(laser.maximum_mw, laser.is_calibrated, scope.meters.power:power_mw()))
            """.utf8
        ).write(to: script)
        let set = try run([script.path])
        #expect(set.output.hasPrefix("56.60 true 10.0"), "\(set.output) \(set.errors)")
        #expect(laser.light == "off")
        // The curve is measured without a curve.
        let again = try calibrate(folder.appendingPathComponent("calibrated.lua").path)
        #expect(again.status == 1)
        #expect(again.errors.contains("take it out of the file"))
    }

    @Test func aDarkMeterGivesNoCurve() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        meter.order("share 0")
        let outcome = try calibrate(try rig("rig.lua"))
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("no calibration: the meter is dark"), "\(outcome.errors)")
        #expect(laser.light == "off")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("power/405-power.json").path))
    }

    @Test func aMeterThatIsLostLeavesTheLightOff() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        nonisolated(unsafe) let (laser, meter) = (laser, meter)
        Thread.detachNewThread {
            if waits(20_000, until: { laser.light.hasPrefix("on 25750") }) { meter.order("unplug") }
        }
        let outcome = try calibrate(try rig("rig.lua"), settle_ms: 300)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("is gone"), "\(outcome.errors)")
        #expect(laser.light == "off")
        #expect(!laser.events.contains { $0.text == "on 50500 uW" })
    }

    @Test func aCurveThatIsNoneIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let curve = folder.appendingPathComponent("curve.json")
        for (text, told) in [
            (
                #"{"light":"405","wavelength_nm":405,"set_mw":[1,2,3],"measured_mw":[1,3,2]}"#,
                "does not rise from 2.0 to 3.0 mW"
            ),
            (
                #"{"light":"488","wavelength_nm":488,"set_mw":[1,2,3],"measured_mw":[1,2,3]}"#,
                "was measured for 488 of 488.0 nm"
            ),
            (#"{"light":"405"}"#, "is no calibration of a light"),
        ] {
            try Data(text.utf8).write(to: curve)
            let script = folder.appendingPathComponent("open.lua")
            let rig = try rig("rig.lua", ", calibration = \"curve.json\"")
            try Data("microscope.open(\"\(rig)\")".utf8).write(to: script)
            let outcome = try run([script.path])
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains(told), "\(outcome.errors)")
        }
    }
}
