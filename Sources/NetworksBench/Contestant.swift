import Foundation
import Work

/// A program that is timed, in a process of its own.
final class Contestant {
    let name: String
    /// The lowest seconds per pass of all rounds, and the CPU seconds of the same round.
    private(set) var wall = Double.infinity
    private(set) var processor = Double.infinity
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending = Data()
    private var passes = 1
    private static let roundSeconds = 0.5

    /// Starts the program and waits until it is ready.
    /// - Throws: a `Failure` when it cannot be started.
    init(_ name: String, _ program: String, _ arguments: [String]) throws {
        self.name = name
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard try line() == "ready" else { throw Failure("\(name) did not get ready") }
    }

    deinit { if process.isRunning { process.terminate() } }

    private func line() throws -> String {
        while true {
            if let end = pending.firstIndex(of: 10) {
                defer { pending = Data(pending[(end + 1)...]) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failure("\(name) ended early") }
            pending += more
        }
    }

    private func time() throws -> (wall: Double, processor: Double) {
        input.fileHandleForWriting.write(Data("\(passes)\n".utf8))
        let numbers = try line().split(separator: " ").compactMap { Double($0) }
        guard numbers.count == 2 else { throw Failure("\(name) gave no times") }
        return (numbers[0] / Double(passes), numbers[1] / Double(passes))
    }

    /// Two passes that do not count, and from the second the number of passes of a round.
    func warmUp() throws {
        _ = try time()
        passes = max(1, Int((Contestant.roundSeconds / (try time().wall)).rounded()))
    }

    /// One round of passes.
    func runRound() throws {
        let time = try time()
        if time.wall < wall { (wall, processor) = time }
    }

    /// Ends the program.
    /// - Returns: the peak of its memory in bytes.
    func finish() throws -> Double {
        try input.fileHandleForWriting.close()
        let memory = try line()
        process.waitUntilExit()
        return Double(memory) ?? 0
    }
}
