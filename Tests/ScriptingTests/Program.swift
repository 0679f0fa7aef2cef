import Foundation

/// The built program, driven as a user does.
struct Program {
    /// What a run left behind.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// The program beside the test bundle.
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("stormbench").path

    /// Runs the program; `signals` are sent after so many seconds each. It is killed after the limit (status 9).
    static func run(
        _ arguments: [String], input: String = "", signals: [(after_s: Double, signal: Int32)] = [],
        environment: [String: String] = [:], limit_s: Double = 60
    ) throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("program-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) throws -> FileHandle {
            let url = folder.appendingPathComponent(name)
            try Data((name == "in" ? input : "").utf8).write(to: url)
            return name == "in" ? try FileHandle(forReadingFrom: url) : try FileHandle(forWritingTo: url)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = try file("in")
        process.standardOutput = try file("out")
        process.standardError = try file("err")
        try process.run()
        let identifier = process.processIdentifier
        Thread.detachNewThread {
            for (seconds, signal) in signals {
                Thread.sleep(forTimeInterval: seconds)
                kill(identifier, signal)
            }
        }
        let end = Date().addingTimeInterval(limit_s)
        while process.isRunning, Date() < end { Thread.sleep(forTimeInterval: 0.02) }
        if process.isRunning { kill(identifier, SIGKILL) }
        process.waitUntilExit()
        func text(_ name: String) throws -> String {
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }
        return Outcome(status: process.terminationStatus, output: try text("out"), errors: try text("err"))
    }

    /// Runs a Lua text as a script file called `probe.lua`.
    static func script(
        _ source: String, _ parameters: [String] = [], signals: [(after_s: Double, signal: Int32)] = []
    ) throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("script-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("probe.lua")
        try Data(source.utf8).write(to: file)
        return try run(["run", file.path] + parameters, signals: signals)
    }
}
