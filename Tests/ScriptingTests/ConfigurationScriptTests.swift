import Foundation
import Testing

/// The script `microscope-from-config`, which needs nothing of Micro-Manager but its .cfg.
@Suite struct ConfigurationScriptTests {
    private func run(_ configuration: String, _ body: (Program.Outcome, String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cfg-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("rig.cfg")
        try Data(configuration.utf8).write(to: file)
        let outcome = try Program.run(
            ["run", "microscope-from-config", "--config", file.path, "--output", folder.path],
            environment: ["STORMBENCH_SCRIPTS": ScriptTests.root + "/scripts"])
        try body(outcome, folder.path)
    }

    @Test func whatAPersonMustSayIsLeftToHim() throws {
        let configuration = """
            Device,Stage,Demo,DXYStage
            Device,Cam,Demo,DCam
            Device,Lamp "left",Demo,DShutter
            Device,Turret,Demo,DObjective
            Property,Core,Camera,Cam
            Property,Core,Shutter,Lamp "left"
            Label,Turret,0,60x
            ConfigGroup,Channel,DAPI,Core,Shutter,Lamp "left"
            ConfigPixelSize,60x,Turret,Label,60x
            PixelSize_um,60x,0.1
            """
        try run(configuration) { outcome, folder in
            #expect(outcome.status == 0, "\(outcome.errors)")
            var text = try String(contentsOfFile: folder + "/rig.lua", encoding: .utf8)
            #expect(text.contains(#"-- ["Lamp \"left\""] = { from = "mm", device = "Lamp \"left\"", wavelength_nm = "#))
            #expect(text.contains(#"Turret = { from = "mm", device = "Turret" }, -- 60x"#))
            func devices() throws -> Program.Outcome {
                try Program.run(
                    ["run", "devices", "--microscope", folder + "/rig.lua", "--output", folder + "/devices"],
                    environment: ["STORMBENCH_SCRIPTS": ScriptTests.root + "/scripts"])
            }
            // As it is written, nothing of it is opened.
            let first = try devices()
            #expect(first.status == 1 && first.errors.contains("rig.lua: stage: x_um is missing"), "\(first.errors)")
            text = text.replacing(
                "-- x_um = { LOWEST, HIGHEST }, y_um = { LOWEST, HIGHEST },",
                with: "x_um = { -1, 1 }, y_um = { -1, 1 },"
            )
            .replacing("\"python3\"", with: "\"/no/python\"")
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/rig.lua"))
            let second = try devices()
            #expect(second.output.contains("there is no program '/no/python'"), "\(second.output) \(second.errors)")
        }
    }

    @Test func aWrongLineIsNamed() throws {
        try run("Device,Stage,Demo,DXYStage\nProperty,Satge,Speed,1\n") { outcome, _ in
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("rig.cfg:2: there is no device 'Satge'; did you mean 'Stage'?"))
        }
    }
}
