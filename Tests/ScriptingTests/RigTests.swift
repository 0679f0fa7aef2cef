import EmulatedDevices
import Foundation
import Testing

/// A script on the simulated microscope and on a file with emulated serial devices beside the simulated camera.
@Suite struct RigTests {
    private static let script = """
        local args = arguments {
          microscope = text { "simulated", "simulated, or a microscope file" },
          output = folder { "run", "folder for the results" },
          scan = text { "DAPI", "channel of the scan" }, movie = text { "dSTORM-647", "channel of the movies" },
        }
        local scope <close> = microscope.open(args.microscope)
        scope.camera.region = { 64, 64, 384, 384 }
        local problems = acquisition.check(scope, {
          folder = args.output, width_um = 70, height_um = 60, scan = args.scan, channels = { args.scan },
          movies = { { channel = args.movie, frames = 3 } }, pixel_um = 0.4,
        })
        assert(#problems == 0, problems[1])
        local run <close> = acquisition.begin(args.output, { parameters = args })
        local scan = run:scan(scope, { width_um = 70, height_um = 60, channel = args.scan })
        local overview = run:overview(scan, 0.4, run:calibration(scope, args.scan).offset_counts)
        local objects = run:objects(overview, function(path)
          local picture = imaging.read(path)
          return (picture:mask(picture:threshold_otsu()):components())
        end)
        local targets = run:targets(objects, scope, { limit = 1, minimum_area_um2 = 0 })
        local plan = run:plan(targets, scope, { channels = { args.scan }, movies = { { channel = args.movie, frames = 3 } } })
        local frames = 0
        for _, position in ipairs(plan.positions) do
          local record = run:acquire(position, plan, scope)
          assert(not record.skipped, record.skipped)
          frames = frames + record.movies[1].frames
        end
        for _, laser in pairs(scope.lasers) do assert(laser.is_on == false) end
        print(("%d tiles, %d objects, %d positions, %d frames"):format(scan.tiles, #objects, #targets, frames))
        """

    private func run(_ microscope: String, _ more: [String] = [], in folder: URL) throws -> (
        output: String, errors: String
    ) {
        let file = folder.appendingPathComponent("script.lua")
        try Data(Self.script.utf8).write(to: file)
        let outcome = try Program.run(
            [
                "run", file.path, "--microscope", microscope, "--output",
                folder.appendingPathComponent("run-\(UUID().uuidString)").path,
            ] + more,
            environment: ["XDG_STATE_HOME": folder.path], limit_s: 120)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return (outcome.output, outcome.errors)
    }

    @Test func aScriptRunsUnchangedOnSimulatedAndOnEmulatedDevices() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rig-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let laser = try EmulatedPort("ibeam", baud: 0)
        let wheel = try EmulatedPort("fw102c", baud: 0)
        let tiger = try EmulatedPort("asi", baud: 0)
        tiger.order("speed 100000")
        laser.order("light on")
        let rig = folder.appendingPathComponent("rig.lua")
        try Data(
            """
            return microscope {
              name = "rig", controllers = { tiger = { driver = "asi", port = "\(tiger.path)" } },
              stage = { from = "tiger", x_um = { -5000, 5000 }, y_um = { -5000, 5000 }, settle_ms = 0 },
              focus = { driver = "simulated" }, camera = { driver = "simulated" },
              lights = {
                ["405"] = { driver = "ibeam", port = "\(laser.path)", wavelength_nm = 405, maximum_mw = 100 },
                ["647"] = { driver = "simulated", wavelength_nm = 647, maximum_mw = 200 },
              },
              wheels = {
                emission = { driver = "fw102c", port = "\(wheel.path)", positions = { "450/50", "690/80" }, settle_ms = 0 },
              },
              objectives = { ["63x"] = { pixel_nm = 100, matrix_um = { { 0.1, 0.001 }, { -0.001, 0.1 } } } },
              channels = {
                DAPI = { lights = { ["405"] = 4 }, exposure_ms = 60, wheels = { emission = "450/50" } },
                ["dSTORM-647"] = {
                  lights = { ["647"] = 100, ["405"] = 1 }, exposure_ms = 20, em_gain = 200, wheels = { emission = "690/80" },
                },
              },
            }
            """.utf8
        ).write(to: rig)
        let simulated = try run("simulated", in: folder)
        let mixed = try run(rig.path, in: folder)
        // The same specimen under the same light: the same objects.
        #expect(simulated.output == mixed.output, "\(simulated.errors)\n\(mixed.errors)")
        #expect(mixed.output.contains("1 positions, 3 frames"), "\(mixed.output)")
        #expect(laser.light == "off")
        let powers = Set(laser.events.filter { $0.kind == "light" }.map(\.text))
        #expect(powers.isSuperset(of: ["on 4000 uW", "on 1000 uW"]), "\(powers)")
        #expect(wheel.commands.contains("pos=2") && tiger.commands.contains { $0.hasPrefix("M ") })
    }

    /// The Tiger rig as it is bundled, with emulated devices on its ports, runs the same script.
    @Test func aScriptRunsUnchangedOnTheTigerRig() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tiger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let devices = [
            "/dev/ttyUSB0": try EmulatedPort("asi"), "/dev/ttyACM0": try EmulatedPort("arduino"),
            "/dev/ttyACM1": try EmulatedPort("obis"), "/dev/ttyACM2": try EmulatedPort("cobolt"),
        ]
        var text = try String(contentsOfFile: "scripts/microscopes/tiger.lua", encoding: .utf8)
        for (port, device) in devices {
            #expect(text.contains("\"\(port)\""))
            text = text.replacingOccurrences(of: "\"\(port)\"", with: "\"\(device.path)\"")
        }
        let rig = folder.appendingPathComponent("tiger.lua")
        try Data(text.utf8).write(to: rig)
        let outcome = try run(rig.path, ["--scan", "GFP", "--movie", "dSTORM-561"], in: folder)
        #expect(outcome.output.contains("1 positions, 3 frames"), "\(outcome.output)\(outcome.errors)")
        for device in devices.values { #expect(["off", ""].contains(device.light)) }
        let stage = try #require(devices["/dev/ttyUSB0"])
        #expect(stage.commands.contains { $0.hasPrefix("M ") })
    }

    /// Another camera takes the place of the simulated one: Andor's, on a stand-in for Andor's library.
    @Test func theScriptRunsWithAnAndorCameraBesideASimulatedStage() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rig-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let andor = try LibraryStub("andor")
        try Data(#"{ "pixel_nm": 100, "offset_counts": 100 }"#.utf8).write(
            to: folder.appendingPathComponent("ccd.json"))
        try Data(#"{ "pixel_nm": 100, "offset_counts": 100, "em_gain": 100 }"#.utf8)
            .write(to: folder.appendingPathComponent("em.json"))
        let rig = folder.appendingPathComponent("rig.lua")
        try Data(
            """
            return microscope {
              name = "rig", stage = { driver = "simulated" }, focus = { driver = "simulated" },
              camera = {
                driver = "andor", library = "\(andor.path)", calibration = "ccd.json", em_calibration = "em.json",
                cooling_C = -60,
              },
              lights = {
                ["405"] = { driver = "simulated", wavelength_nm = 405, maximum_mw = 100 },
                ["647"] = { driver = "simulated", wavelength_nm = 647, maximum_mw = 200 },
              },
              objectives = { ["63x"] = { pixel_nm = 100 } },
              channels = {
                DAPI = { lights = { ["405"] = 4 }, exposure_ms = 60 },
                ["dSTORM-647"] = { lights = { ["647"] = 100 }, exposure_ms = 20, em_gain = 200, require_C = -60 },
              },
            }
            """.utf8
        ).write(to: rig)
        let output = try run(rig.path, in: folder).output
        #expect(output.contains(" tiles, ") && output.contains(", 1 positions, 3 frames"), "\(output)")
        // Which camera it was, and how it was set, stands with the movie.
        let movies = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap {
            ($0 as? URL).flatMap { $0.path.contains("recordings/") && $0.pathExtension == "json" ? $0 : nil }
        }
        let recording = try String(contentsOf: try #require(movies?.first), encoding: .utf8)
        for part in ["serial number 4711", "\"state\":\"stabilised\"", "\"target_C\":-60", "\"em_gain\":200"] {
            #expect(recording.contains(part), "\(part) in \(recording)")
        }
    }
}
