import Foundation
import PosixShim
import Testing

/// Programs that are built beside the tests.
enum BuiltProgram {
    /// The path of a program, nil where it has not been built.
    static func path(_ name: String) -> String? {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folders =
            (bundle.map { [URL(fileURLWithPath: $0).deletingLastPathComponent()] } ?? [])
            + [".build/release", ".build/debug"].map { package.appendingPathComponent($0) }
        return folders.map { $0.appendingPathComponent(name).path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static var keeper: String {
        get throws { try #require(path("stormbench-keeper"), "build it: swift build --product stormbench-keeper") }
    }
}

/// An emulated device in a process of its own, with the log of what reached it.
final class EmulatedPort {
    struct Event {
        var time_us: Int64
        var kind: String
        var text: String
    }

    let path: String
    private let process = Process()
    private let orders = Pipe()
    private let answers = Pipe()
    private let log: String

    init(_ device: String, baud: Int = 115200) throws {
        let program = try #require(BuiltProgram.path("Emulators"), "build it: swift build --product Emulators")
        log = FileManager.default.temporaryDirectory.appendingPathComponent("emulator-\(UUID().uuidString).log").path
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [device, "--log", log, "--baud", String(baud)]
        process.standardInput = orders
        process.standardOutput = answers
        try process.run()
        path = Self.line(answers)
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: log)
    }

    /// Gives an order (see `Emulator`) and waits until it is carried out.
    func order(_ text: String) {
        orders.fileHandleForWriting.write(Data((text + "\n").utf8))
        let answer = Self.line(answers)
        if answer != "ok" { Issue.record("\(text): \(answer)") }
    }

    /// What happened, in order.
    var events: [Event] {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, let time = Int64(parts[0]) else { return nil }
            return Event(time_us: time, kind: parts[1], text: parts[2])
        }
    }

    /// The commands that the device carried out.
    var commands: [String] { events.filter { $0.kind == "do" }.map(\.text) }
    /// The light that it emits.
    var light: String { events.last { $0.kind == "light" }?.text ?? "" }

    private static func line(_ pipe: Pipe) -> String {
        var text = ""
        while true {
            let byte = pipe.fileHandleForReading.readData(ofLength: 1)
            if byte.isEmpty || byte[0] == 10 { return text }
            text.unicodeScalars.append(Unicode.Scalar(byte[0]))
        }
    }
}

/// Waits for a condition, at most so long.
func waits(_ limit_ms: Int, until isReached: () -> Bool) -> Bool {
    let end = px_now_us() + Int64(limit_ms) * 1000
    while !isReached() {
        if px_now_us() > end { return false }
        usleep(2000)
    }
    return true
}
