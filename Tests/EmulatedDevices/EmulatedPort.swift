import Foundation
import PosixShim
import Work

/// Programs that are built together with this one.
public enum BuiltProgram {
    /// The path of a program.
    /// - Throws: `Failure` where it has not been built.
    public static func path(_ name: String) throws -> String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folders =
            (bundle.map { [URL(fileURLWithPath: $0).deletingLastPathComponent()] } ?? []) + [own]
            + [".build/release", ".build/debug"].map { package.appendingPathComponent($0) }
        let paths = folders.map { $0.appendingPathComponent(name).path }
        if let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) { return path }
        throw Failure("\(name) has not been built", remedy: "swift build -c release --product \(name)")
    }
}

/// A program that is talked to by lines, killed when it is let go.
public final class ChildProgram {
    private let process = Process()
    private let orders = Pipe()
    private let answers = Pipe()

    /// Starts a program that is built together with this one.
    public init(_ name: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: try BuiltProgram.path(name))
        process.arguments = arguments
        // A backtrace of a crash outlives its program and keeps the end of that from being seen.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardInput = orders
        process.standardOutput = answers
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit { end() }

    /// The number of its process.
    public var number: Int32 { process.processIdentifier }

    /// Kills it and waits for its end.
    public func end() {
        if process.isRunning { kill(number, SIGKILL) }
        process.waitUntilExit()
    }

    /// Sends a line.
    public func send(_ text: String) { orders.fileHandleForWriting.write(Data((text + "\n").utf8)) }

    /// The next line; what there is of it where the program has ended.
    public func line() -> String {
        var text = ""
        while true {
            let byte = answers.fileHandleForReading.readData(ofLength: 1)
            if byte.isEmpty || byte[0] == 10 { return text }
            text.unicodeScalars.append(Unicode.Scalar(byte[0]))
        }
    }
}

/// An emulated device in a process of its own, with the log of what reached it.
public final class EmulatedPort {
    /// One line of the log.
    public struct Event: Sendable {
        /// Microseconds of the monotonic clock.
        public var time_us: Int64
        /// `do`, `light`, `fault` or `port`.
        public var kind: String
        /// The command, or what the light is.
        public var text: String
    }

    /// The path of its port.
    public let path: String
    private let child: ChildProgram
    /// The path of its log.
    public var logPath: String { log }
    private let log: String

    /// Starts an emulator; a speed of 0 is without pace.
    public init(_ device: String, baud: Int = 115200) throws {
        log = FileManager.default.temporaryDirectory.appendingPathComponent("emulator-\(UUID().uuidString).log").path
        child = try ChildProgram("Emulators", [device, "--log", log, "--baud", String(baud)])
        path = child.line()
    }

    deinit { try? FileManager.default.removeItem(atPath: log) }

    /// Gives an order (see `Emulator`) and waits until it is carried out.
    public func order(_ text: String) {
        child.send(text)
        let answer = child.line()
        precondition(answer == "ok", "\(text): \(answer)")
    }

    /// What happened, in order.
    public var events: [Event] {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, let time = Int64(parts[0]) else { return nil }
            return Event(time_us: time, kind: parts[1], text: parts[2])
        }
    }

    /// The commands that the device carried out.
    public var commands: [String] { events.filter { $0.kind == "do" }.map(\.text) }
    /// The light that it emits.
    public var light: String { events.last { $0.kind == "light" }?.text ?? "" }

    /// When the light went off for good after a time; nil while it is on.
    public func offTime_us(after time: Int64, limit_ms: Int) -> Int64? {
        var found: Int64?
        _ = waits(limit_ms) {
            let last = events.last { $0.kind == "light" }
            if let last, last.text == "off", last.time_us > time { found = last.time_us }
            return found != nil
        }
        return found
    }
}

/// Waits for a condition, at most so long.
public func waits(_ limit_ms: Int, until isReached: () -> Bool) -> Bool {
    let end = px_now_us() + Int64(limit_ms) * 1000
    while !isReached() {
        if px_now_us() > end { return false }
        usleep(2000)
    }
    return true
}
