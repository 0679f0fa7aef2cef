import Foundation
import Testing

/// A few seconds of `scripts/fuzz`: every format's seeds are read, and no changed file ends a process.
@Suite struct FuzzTests {
    @Test func changedFilesEndNoProcess() throws {
        let program = URL(fileURLWithPath: Program.path).deletingLastPathComponent().appendingPathComponent("FuzzBench")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = folder.appendingPathComponent("output")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let process = Process()
        process.executableURL = program
        process.arguments = ["5", "--seed", "7", "--output", folder.appendingPathComponent("findings").path]
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: output, encoding: .utf8)
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.contains("seed 7, 0 findings"))
    }
}
