import Foundation
import Testing

/// The script that measures how the camera lies to the stage, on simulated cameras that are turned and mirrored, and a run
/// with what it measured.
@Suite struct StageScriptTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("stage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func rig(
        _ name: String, camera: String = "", objective: String = "pixel_nm = 100", stage: String = "",
        specimen: String = "kind = \"spheres\", density_per_mm2 = 8000, radius_um = 1.5"
    ) throws -> String {
        let file = folder.appendingPathComponent(name)
        try Data(
            """
            return microscope {
              name = "turned", simulation = { seed = 4, specimen = { \(specimen) } },
              stage = { driver = "simulated", x_um = { -2000, 2000 }, y_um = { -2000, 2000 }\(stage) },
              camera = { driver = "simulated", width = 288, height = 224\(camera) },
              lights = { ["488"] = { driver = "simulated", wavelength_nm = 488, maximum_mw = 100 } },
              wheels = { emission = { driver = "simulated", turning_ms = 1, positions = { green = { 500, 550 } } } },
              objectives = { ["60x"] = { \(objective) } },
              channels = { GFP = { lights = { ["488"] = 4 }, exposure_ms = 60, wheels = { emission = "green" } } },
            }
            """.utf8
        ).write(to: file)
        return file.path
    }

    private func calibrate(_ rig: String, _ more: [String] = []) throws -> Program.Outcome {
        try Program.run(
            [
                "run", "calibrate-stage", "--microscope", rig, "--channel", "GFP", "--rounds", "1", "--output",
                folder.appendingPathComponent("stage").path,
            ] + more, environment: ["XDG_STATE_HOME": folder.path])
    }

    private var file: URL { folder.appendingPathComponent("stage/60x-matrix.json") }

    /// What the script measures is how the simulated camera is turned; a run with it finds the true objects and images
    /// them where they are.
    @Test func aTurnedAndMirroredCameraFindsAndImagesObjectsWhereTheyAre() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let turned = ", rotation_deg = 90, mirrored = true"
        let outcome = try calibrate(try rig("rig.lua", camera: turned))
        #expect(outcome.status == 0, "\(outcome.errors)")
        let data = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let matrix = try #require(data?["matrix_um"] as? [[Double]])
        // To the right is up, and down is to the left.
        for (row, expected) in zip(matrix, [[0, -0.1], [-0.1, 0]]) {
            for (entry, truth) in zip(row, expected) { #expect(abs(entry - truth) < 0.0015, "\(matrix)") }
        }
        #expect(data?["mirrored"] as? Bool == true)

        let script = folder.appendingPathComponent("chain.lua")
        try Data(Self.chain.utf8).write(to: script)
        func chain(_ rig: String) throws -> String {
            let outcome = try Program.run(
                ["run", script.path, "--microscope", rig, "--output", rig + "-run"],
                environment: ["XDG_STATE_HOME": folder.path], limit_s: 120)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output
        }
        let sparse = "kind = \"spheres\", density_per_mm2 = 3000, radius_um = 1.5"
        let right = try rig(
            "measured.lua", camera: turned, objective: "pixel_nm = 100, matrix_um = \"stage/60x-matrix.json\"",
            specimen: sparse)
        #expect(try chain(right).contains("every object is where it is and in its image"))
        // Without the matrix the objects are elsewhere.
        #expect(try !chain(rig("wrong.lua", camera: turned, specimen: sparse)).contains("every object"))
    }

    private static let chain = """
        local args = arguments { microscope = text "rig", output = folder "folder" }
        local scope <close> = microscope.open(args.microscope)
        local run <close> = acquisition.begin(args.output, { approach_um = 5 })
        local scan = run:scan(scope, { width_um = 60, height_um = 50, channel = "GFP" })
        local overview = run:overview(scan, 0.3, 200)
        local objects = run:objects(overview, function(path)
          local smooth = imaging.read(path):blur(1)
          return (smooth:mask(smooth:threshold_otsu()):components())
        end)
        local targets = run:targets(objects, scope, { minimum_area_um2 = 3 })
        local plan = run:plan(targets, scope, { channels = { "GFP" } })
        local truth = scope:true_objects(0, 0, 80, 70)
        local places = {}
        for _, object in ipairs(objects:records()) do places[object.id] = object end
        local right, seen, count = 0, 0, 0
        for _, position in ipairs(plan.positions) do
          local image = imaging.read(run:path(run:acquire(position, plan, scope).images[1].file)):blur(3)
          local level = image:threshold_otsu()
          for _, id in ipairs(position.objects) do
            local place = places[id]
            count = count + 1
            for _, object in ipairs(truth) do
              if (object.x_um - place.x_um) ^ 2 + (object.y_um - place.y_um) ^ 2 < 1 then right = right + 1 break end
            end
            local across, down = scope:pixel_of(place.x_um - position.x_um, place.y_um - position.y_um)
            local row, column = math.floor(image.height / 2 + down), math.floor(image.width / 2 + across)
            if image:at(row, column) > level then seen = seen + 1 end
          end
        end
        print(count, right, seen)
        if count >= 4 and right >= 0.7 * count and seen == count then print("every object is where it is and in its image") end
        """

    /// Without evidence, or where something is wrong, nothing is stored, the light is off and the reason is told.
    @Test func nothingIsStoredWithoutEvidence() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let cases: [(rig: String, told: String)] = [
            (try rig("blank.lua", specimen: "kind = \"spheres\", density_per_mm2 = 0"), "nothing in common"),
            (try rig("still.lua", stage: ", scale = 0"), "the image does not follow the stage"),
            (try rig("units.lua", stage: ", scale = 1.4"), "but the file says 100.0 nm, 29 % off"),
            // A matrix of other pixels than the file says is refused before anything is opened.
            (try rig("pixel.lua", objective: "pixel_nm = 100, matrix_um = { { 0.2, 0 }, { 0, 0.2 } }"), "200 nm"),
        ]
        for (rig, told) in cases {
            let outcome = try calibrate(rig)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains(told), "\(rig): \(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
    }
}
