import ArgumentParser
import Foundation
import Imaging
import Segmentation
import Work

/// Segments a mosaic of real fields with the real program, and compares it with the fields segmented alone.
@main struct GigapixelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench gigapixel",
        abstract: "Segments a mosaic of real fields, times it, and compares it with the fields segmented alone.")

    @Option(help: "Pixels of the mosaic in gigapixels.") var size = 2.0
    @Option(help: "Folder of fields of one size.") var fields = "scripts/data/nuclei_bbbc039/images"
    @Option(help: "Folder of the trained model.") var model = "Models/nuclei"
    @Option(help: "Side of the fields' pixels in um.") var pixelUm = 0.645
    @Option(help: "Folder for the mosaic and the results; 15 GB for 2 gigapixels.") var output = "gigapixel"
    @Option(help: "Seed of the fields' order and flips.") var seed: UInt64 = 1
    @Option(help: "The program.") var program = ".build/release/stormbench"
    @Flag(help: "Cut touching objects apart; the comparison with single fields does so too.") var separate = false
    @Flag(help: "Keep the mosaic and the results.") var keep = false

    func run() throws {
        let mosaic = try FieldMosaic(fields: fields, gigapixels: size, seed: seed)
        try makeFolder(output)
        let path = output + "/mosaic.tif"
        defer { if !keep { try? FileManager.default.removeItem(atPath: output) } }
        print("mosaic of \(mosaic.columns) x \(mosaic.rows) fields, \(mosaic.width) x \(mosaic.height) px ...")
        try mosaic.write(to: path, pixelSize_um: pixelUm)

        var arguments = ["run", "segment", "--model", model, "--image", path, "--output", output + "/found"]
        if separate { arguments.append("--separate") }
        let use = try ProgramRun(program, arguments)
        let pixels = Double(mosaic.width * mosaic.height)
        print(
            String(
                format: "%.2f gigapixels in %.1f s: %.2f Mpixel/s, %.1f CPU s, at most %.0f MB of memory", pixels / 1e9,
                use.seconds, pixels / 1e6 / use.seconds, use.use.processorSeconds, Double(use.use.mostMemory) / 1e6))

        print("comparing with \(mosaic.fields.count) fields in four orientations, segmented alone ...")
        let trained = try SegmentationModel(folder: model)
        var comparison = try MosaicComparison(mosaic, model: trained, mosaicFile: path, separate: separate)
        try comparison.run(SegmentationFiles(in: output + "/found"))
        print(comparison.report)
        guard comparison.isRight else {
            throw Failure("the labels are not right", remedy: "see the counts above", code: "labels-wrong")
        }
    }
}

/// What one run of a program took.
struct ProgramRun {
    let seconds: Double
    let use: ResourceUse

    /// Runs a program to its end.
    /// - Throws: a `Failure` when it cannot be started or fails.
    init(_ program: String, _ arguments: [String]) throws {
        let start = DispatchTime.now().uptimeNanoseconds
        var process = pid_t()
        var texts: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { texts.forEach { free($0) } }
        guard posix_spawn(&process, program, nil, nil, &texts, environ) == 0 else {
            throw Failure("\(program) cannot be started", remedy: "build it first", code: "program-missing")
        }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0, errno == EINTR {}
        guard status == 0 else { throw Failure("\(program) \(arguments.joined(separator: " ")) failed") }
        seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        use = ResourceUse(usage)
    }
}
