import Foundation
import Imaging
import Randomness
import Testing
import Work

/// Runs of the program itself that are killed outright (signal 9) and resumed.
@Suite struct KillTests {
    /// The program beside the tests.
    static let program: String? = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folders =
            (bundle.map { [URL(fileURLWithPath: $0).deletingLastPathComponent()] } ?? [])
            + [package.appendingPathComponent(".build/release")]
        return folders.map { $0.appendingPathComponent("stormbench").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// A short run: everything `acquire` does but the network.
    static let script = """
        local args = arguments {
          output = folder "results",
          resume = flag "go on",
          frames = integer { 60, "frames" },
        }
        local scope <close> = microscope.open("simulated", { seed = 4, camera = { width = 192, height = 192 } })
        local run <close> = acquisition.begin(args.output, { parameters = args, resume = args.resume })
        local scan = run:scan(scope, { width_um = 70, height_um = 70, channel = "DAPI" })
        local overview = run:overview(scan, 0.5, 100)
        local objects = run:objects(overview, function(path)
          local image = imaging.read(path):blur(1)
          return (image:mask(image:threshold_otsu()):components { least_area_px = 60 })
        end)
        local targets = run:targets(objects, scope, { exclude_border = false })
        local plan = run:plan(targets, scope, {
          channels = { "DAPI" }, movies = { { channel = "dSTORM-647", frames = args.frames } },
        })
        local count = 0
        for _, position in ipairs(plan.positions) do
          local record = run:acquire(position, plan, scope)
          for _, file in ipairs(record.movies) do
            run:once("reconstruction", file.name, function() return { frames = file.frames } end)
            count = count + 1
          end
        end
        summary { tiles = scan.tiles, objects = #objects, positions = #targets, movies = count }
        """

    private func start(_ program: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func summary(_ folder: String) throws -> [String: Double] {
        let value = try JSONDecoder().decode(JSONValue.self, from: readFile(folder + "/summary.json"))
        var numbers: [String: Double] = [:]
        for name in ["tiles", "objects", "positions", "movies"] {
            if case .number(let number)? = value[name] { numbers[name] = number }
        }
        return numbers
    }

    /// The images of a folder and their numbers of pages. Every file with a final name must be readable.
    private func images(_ folder: String) throws -> [String: Int] {
        var pages: [String: Int] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) where name.hasSuffix(".tif") {
            guard name.split(separator: "/").last?.hasPrefix(".") == false else { continue }
            let reader = try TIFFReader(folder + "/" + name)
            _ = try reader.read(page: reader.pageCount - 1)
            pages[name] = reader.pageCount
        }
        return pages
    }

    @Test(.enabled(if: KillTests.program != nil, "the program is not built"), .timeLimit(.minutes(10)))
    func killedRunsAreFinished() throws {
        let program = try #require(Self.program)
        let folder = NSTemporaryDirectory() + "kill-\(UUID().uuidString)"
        try makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = folder + "/short.lua"
        try writeWhole(Data(Self.script.utf8), to: script)

        let begun = DispatchTime.now()
        let whole = try start(program, ["run", script, "--output", folder + "/whole"])
        whole.waitUntilExit()
        #expect(whole.terminationStatus == 0)
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - begun.uptimeNanoseconds) * 1e-9
        let expected = try images(folder + "/whole")
        let numbers = try summary(folder + "/whole")
        #expect((numbers["movies"] ?? 0) >= 1)
        #expect(expected.values.max() == 60)

        var random = RandomSource(seed: 20)
        var kills = 0
        let killed = folder + "/killed"
        for _ in 0..<6 {
            let arguments = ["run", script, "--output", killed, "--resume"]
            let process = try start(program, arguments)
            Thread.sleep(forTimeInterval: seconds * random.uniform(in: 0.05...0.6))
            if process.isRunning {
                kill(process.processIdentifier, SIGKILL)
                kills += 1
            }
            process.waitUntilExit()
            // Whatever has its final name is whole. A run that was killed at its start has not made the folder yet.
            if FileManager.default.fileExists(atPath: killed) {
                for (name, pages) in try images(killed) { #expect(expected[name] == pages, "\(name)") }
            }
        }
        #expect(kills > 0)
        let last = try start(program, ["run", script, "--output", killed, "--resume"])
        last.waitUntilExit()
        #expect(last.terminationStatus == 0)
        #expect(try images(killed) == expected)
        #expect(try summary(killed) == numbers)
        let leftovers = try FileManager.default.subpathsOfDirectory(atPath: killed).filter { $0.hasSuffix(".part") }
        #expect(leftovers.isEmpty)

        // Other parameters are refused, by name.
        let other = try start(program, ["run", script, "--output", killed, "--resume", "--frames", "61"])
        other.waitUntilExit()
        #expect(other.terminationStatus == 1)
    }
}
