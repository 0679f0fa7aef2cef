import Foundation
import Localization
import Work

/// Another program that localizes movies, run by scripts/benchmarks/localization_peers.py.
struct Peer {
    let name: String
    let python: String

    /// The table and the processor time of a run; nil, with a line that says why, where the program is absent.
    func localize(_ movie: BenchMovie, _ keys: [String: String]) throws -> (table: LocalizationTable, seconds: Double)?
    {
        let process = Process()
        let output = Pipe()
        let table = String(movie.path.dropLast(4)) + ".\(name).csv"
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [python, "scripts/benchmarks/localization_peers.py", name, movie.path, table]
            + keys.merging(
                [
                    "sigma_px": "\(movie.sigma_nm / movie.pixel_nm)", "pixel_nm": "\(movie.pixel_nm)", "offset": "100",
                    "gain": "1",
                ]
            ) { first, _ in first }.map { "\($0)=\($1)" }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            print("  \(name): skipped, \(python) cannot be run")
            return nil
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        struct Answer: Decodable { var seconds: Double }
        guard process.terminationStatus == 0, let answer = try? JSONDecoder().decode(Answer.self, from: Data(text.utf8))
        else {
            let reason = text.split(separator: "\n").first.map(String.init) ?? "it failed"
            print("  \(name): skipped, \(reason)")
            return nil
        }
        return (try LocalizationTable(thunderSTORM: table, pixel_nm: nil), answer.seconds)
    }
}

/// The processor time of the fastest of some runs, with its result.
func fastest<Result>(_ runs: Int, _ body: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
    var best: (result: Result, seconds: Double)?
    for _ in 0..<max(1, runs) {
        let start = ResourceUse().processorSeconds
        let result = try body()
        let seconds = ResourceUse().processorSeconds - start
        if best == nil || seconds < best!.seconds { best = (result, seconds) }
    }
    return best!
}
