import EmulatedDevices
import Foundation
import Scripting
import Testing

/// The script `devices` on emulated devices.
@Suite struct DevicesTests {
    private func check(_ rig: String, in folder: URL) throws -> (outcome: Program.Outcome, summary: [String: Any]) {
        let file = folder.appendingPathComponent("rig.lua")
        try Data(rig.utf8).write(to: file)
        let output = folder.appendingPathComponent("out").path
        let outcome = try Program.run(
            ["run", "devices", "--microscope", file.path, "--output", output],
            environment: ["STORMBENCH_SCRIPTS": ScriptTests.root + "/scripts"])
        let data = (try? Data(contentsOf: URL(fileURLWithPath: output + "/summary.json"))) ?? Data("{}".utf8)
        return (outcome, try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:])
    }

    @Test func aFileIsCheckedDeviceByDeviceAndNothingIsSwitched() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("devices-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let laser = try EmulatedPort("ibeam", baud: 0)
        let wheel = try EmulatedPort("fw102c", baud: 0)
        laser.order("light on")
        func rig(wheel port: String, isOptional: Bool = false) -> String {
            """
            return microscope {
              camera = { driver = "simulated" },
              lights = { ["405"] = { driver = "ibeam", port = "\(laser.path)", wavelength_nm = 405, maximum_mw = 100 } },
              wheels = { od = { driver = "fw102c", port = "\(port)", positions = { "0", "1" }, optional = \(isOptional) } },
            }
            """
        }
        let good = try check(rig(wheel: wheel.path), in: folder)
        #expect(good.outcome.status == 0, "\(good.outcome.errors)")
        #expect(good.summary["required"] as? Int == 3)
        #expect(good.summary["missing"] as? Int == 0)
        #expect(good.outcome.output.contains("SN: iBEAM-SMART-640-S-EMULATED"))
        #expect(laser.light.hasPrefix("on "))

        let wrong = try check(rig(wheel: laser.path + "0"), in: folder)
        #expect(wrong.outcome.status == 1)
        #expect(wrong.summary["missing"] as? Int == 1)
        #expect(wrong.outcome.errors.contains("1 of 3 required devices of"))
        #expect(wrong.outcome.output.contains("MISSING: there is no port"))
        let optional = try check(rig(wheel: laser.path + "0", isOptional: true), in: folder)
        #expect(optional.outcome.status == 0)
        #expect(optional.summary["required"] as? Int == 2)
    }
}
