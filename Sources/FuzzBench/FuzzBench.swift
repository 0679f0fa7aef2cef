import ArgumentParser
import Foundation
import Glibc
import ReaderStart
import Work

/// Reads changed files of every kind in child processes and keeps those that end one.
@main struct FuzzBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/fuzz",
        abstract: "Changes valid files of every format at random and reads them in child processes.",
        discussion: """
            A finding is a signal or trap, a read of over 10 s, or more than 2 GB of memory. Its files are kept in the output \
            folder with the command to repeat it; the exit status is then 1. Formats: \
            \(FuzzFormat.all.map(\.name).joined(separator: ", ")).
            """)

    @Argument(help: "Seconds, shared by the formats.") var seconds = 60.0
    @Option(help: "Only these formats, separated by commas.") var format: String?
    @Option(help: "Seed of the changes.") var seed: UInt64 = 1
    @Option(help: "Only this input of the format; its files stay in the output folder.") var iteration: Int?
    @Option(help: "Folder for findings.") var output = "fuzz-findings"
    @Flag(help: .hidden) var child = false
    @Option(help: .hidden) var work = ""

    func validate() throws {
        guard seconds > 0, seconds < 1e6 else { throw ValidationError("give the seconds to run") }
    }

    func run() throws {
        let names = format?.split(separator: ",").map(String.init)
        let formats = FuzzFormat.all.filter { names?.contains($0.name) ?? true }
        if let unknown = names?.first(where: { name in !formats.contains { $0.name == name } }) {
            throw Failure("there is no format '\(unknown)'", remedy: "scripts/fuzz --help names them")
        }
        if child {
            guard let format = formats.first else { throw ExitCode(2) }
            return try FuzzBatch(format, seed: seed, folder: work).run(from: iteration ?? 0, seconds: seconds)
        }
        if let iteration {
            for format in formats {
                let folder = "\(output)/\(format.name)-\(seed)-\(iteration)"
                try FuzzBatch(format, seed: seed, folder: work.isEmpty ? folder : work).repeatOne(iteration, in: folder)
            }
            return
        }
        let findings = try FuzzRun(formats, seed: seed, output: output).run(seconds: seconds)
        if findings > 0 { throw ExitCode(1) }
    }
}

/// Runs the batches of all formats in turn.
private struct FuzzRun {
    private struct Count {
        var inputs = 0, read = 0, refused = 0, seconds = 0.0
        var findings: [String] = []
    }

    private let formats: [FuzzFormat]
    private let seed: UInt64
    private let output: String
    private var counts: [Count]
    private var next: [Int]

    init(_ formats: [FuzzFormat], seed: UInt64, output: String) {
        self.formats = formats
        self.seed = seed
        self.output = output
        counts = Array(repeating: Count(), count: formats.count)
        next = Array(repeating: 0, count: formats.count)
    }

    /// Runs, and prints a table of the counts.
    /// - Returns: the number of findings.
    func run(seconds: Double) throws -> Int {
        var copy = self
        try copy.rounds(seconds)
        return copy.report()
    }

    private mutating func rounds(_ seconds: Double) throws {
        let work = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: work) }
        let end = Date().addingTimeInterval(seconds)
        let share = min(5, max(0.05, seconds / Double(formats.count) / 2))
        while Date() < end {
            for index in formats.indices where Date() < end && counts[index].findings.count < 10 {
                try makeFolder(work)
                try batch(index, work, min(share, max(0.05, end.timeIntervalSinceNow)))
                try FileManager.default.removeItem(atPath: work)
            }
        }
    }

    private mutating func batch(_ index: Int, _ work: String, _ seconds: Double) throws {
        let format = formats[index]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "\(seconds)", "--child", "--format", format.name, "--seed", "\(seed)", "--iteration", "\(next[index])",
            "--work", work,
        ]
        process.environment = ProcessInfo.processInfo.environment.merging([
            "SWIFT_BACKTRACE": "enable=no", "OMP_NUM_THREADS": "1",
        ]) { $1 }
        _ = FileManager.default.createFile(atPath: work + "/errors", contents: nil)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: work + "/errors")
        let start = Date()
        try process.run()
        process.waitUntilExit()
        let progress = FuzzBatch.Progress(in: work)
        counts[index].seconds += -start.timeIntervalSinceNow
        counts[index].inputs += max(0, progress.current - next[index] + 1)
        counts[index].read += progress.read
        counts[index].refused += progress.refused
        let ended = process.terminationReason == .exit && process.terminationStatus == 0
        next[index] = max(next[index], progress.current) + 1
        guard !ended else { return }
        let folder = "\(output)/\(format.name)-\(seed)-\(progress.current)"
        try? FileManager.default.removeItem(atPath: folder)
        try makeFolder(output)
        if FileManager.default.fileExists(atPath: work + "/input") {
            try FileManager.default.copyItem(atPath: work + "/input", toPath: folder)
        }
        let errors = (try? String(contentsOfFile: work + "/errors", encoding: .utf8)) ?? ""
        let word = process.terminationReason == .uncaughtSignal ? "signal" : "status"
        let text =
            "\(word) \(process.terminationStatus): \(errors.split(separator: "\n").first.map(String.init) ?? "")\n"
            + "scripts/fuzz --format \(format.name) --seed \(seed) --iteration \(progress.current)"
        counts[index].findings.append(text)
        try? writeWhole(Data((text + "\n").utf8), to: folder + "/finding.txt")
        writeStandardError("\(format.name): \(text.replacing("\n", with: "; "))\n")
    }

    private func report() -> Int {
        print("format           inputs      read   refused   seconds  findings")
        for (format, count) in zip(formats, counts) {
            print(
                format.name.padding(toLength: 14, withPad: " ", startingAt: 0)
                    + String(
                        format: "%9d %9d %9d %9.1f %9d", count.inputs, count.read, count.refused, count.seconds,
                        count.findings.count))
        }
        let total = counts.reduce(0) { $0 + $1.inputs }
        let findings = counts.reduce(0) { $0 + $1.findings.count }
        print("\(total) inputs of \(formats.count) formats, seed \(seed), \(findings) findings")
        return findings
    }
}
