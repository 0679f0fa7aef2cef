import ArgumentParser
import Foundation
import Localization
import Work

/// Measures localization: fits by themselves, whole movies beside other programs, density, a running camera.
@main struct LocalizationBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench localization",
        abstract:
            "Measures speed and quality of localization, beside storm-analysis and Picasso where they are installed.")

    @Option(help: "A python that has storm_analysis and picasso.")
    var python = ProcessInfo.processInfo.environment["STORMBENCH_PYTHON"] ?? "python3"
    @Option(help: "Parts to run, separated by commas: fits, movie, density, camera.") var parts =
        "fits,movie,density,camera"
    @Option(help: "Frames of the movie of isolated emitters.") var frames = 100
    @Option(help: "Frames of each dense movie of 128x128 pixels.") var denseFrames = 10
    @Option(help: "Seed of the dense movies; the settings were chosen on 17.") var seed: UInt64 = 17
    @Option(help: "Folder for the movies.") var output = "localization-bench"
    @Flag(help: "Do not run other programs.") var alone = false
    @Flag(help: "Keep the movies and tables.") var keep = false

    func run() throws {
        let wanted = Set(parts.split(separator: ",").map(String.init))
        try makeFolder(output)
        defer { if !keep { try? FileManager.default.removeItem(atPath: output) } }
        let peers = alone ? [] : ["storm-analysis", "picasso"].map { Peer(name: $0, python: python) }
        if wanted.contains("fits") { try measureFits() }
        if wanted.contains("movie") { try measureMovie(peers) }
        if wanted.contains("density") { try measureDensity(peers) }
        if wanted.contains("camera") { try measureCamera() }
    }
}
