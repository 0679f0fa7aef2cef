import Foundation
import Imaging
import Networks
import Randomness
import Segmentation
import Testing
import Work

/// Models written for other programs; `scripts/check-interop` shows them to these programs.
@Suite struct ExportTests {
    /// Bright disks on a dark noisy ground, 320 x 300 px of 0.5 um.
    private static func image() -> (image: Plane<Float>, labels: Plane<UInt32>) {
        var random = RandomSource(seed: 7)
        let labels: Plane<UInt32> = plane(320, 300) { row, column in
            let inside = inDisk(row % 40, column % 40, x: 20, y: 20, radius: 11)
            return inside ? UInt32(row / 40 * 8 + column / 40 + 1) : 0
        }
        return (labels.map { Float(random.normal(mean: $0 > 0 ? 900 : 300, deviation: 40)) }, labels)
    }

    /// A model trained for some steps and an image, in a folder that goes at the end.
    private func withModel(_ body: (_ folder: String, SegmentationModel, _ image: String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "export-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (image, labels) = Self.image()
        let set = try AnnotatedSet([
            AnnotatedImage(name: "disks.tif", channels: [image], labels: labels, pixelSize_um: 0.5)
        ])
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 4
        settings.crop = 64
        settings.iterations = 40
        settings.learningRate = 1e-2
        let model = try train(set, settings: settings, folder: folder + "/model").model
        try writeTIFF(Image(image, pixelSize_um: 0.5), to: folder + "/disks.tif")
        try body(folder, model, folder + "/disks.tif")
    }

    /// The shape and the numbers of a NumPy file of floats.
    private func array(_ path: String) throws -> (shape: [Int], values: [Float]) {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = Int(data[8]) | Int(data[9]) << 8
        let header = String(decoding: data[10..<10 + length], as: UTF8.self)
        let shape = try #require(header.split(separator: "(").last?.split(separator: ")").first)
        return (
            shape.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) },
            data.dropFirst(10 + length).withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        )
    }

    @Test func onnxComesWithATest() throws {
        try withModel { folder, model, _ in
            let files = try model.export(as: .onnx, to: folder + "/onnx")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder + "/onnx").sorted()
                    == files.map { ($0 as NSString).lastPathComponent }.sorted())
            #expect(try array(folder + "/onnx/test_input.npy").shape == [1, 1, 109, 131])
            let answer = try array(folder + "/onnx/test_output.npy")
            #expect(answer.shape == [1, 2, 109, 131] && answer.values.allSatisfy { $0.isFinite })
            #expect(Set(answer.values).count > 1000)
            if Precision.bf16.isFast {
                let half = try SegmentationModel(folder: folder + "/model", precision: .bf16)
                _ = try half.export(as: .onnx, to: folder + "/half")
                #expect(try array(folder + "/half/test_output.npy").values == answer.values)
            }
            let card = try String(contentsOfFile: folder + "/onnx/README.md", encoding: .utf8)
            #expect(card.contains("percentile 1.0 becomes 0") && card.contains("-1.0 to 4.0"))
        }
    }

    @Test func bioimageFoldersAreComplete() throws {
        try withModel { folder, model, image in
            var options = ExportOptions()
            options.name = "Disks: a test"
            options.authors = "Ada Lovelace, Carl Zeiss"
            options.licence = "CC0-1.0"
            options.image = image
            let files = try model.export(as: .bioimageio, to: folder + "/bio", options: options)
            for file in files { #expect(FileManager.default.fileExists(atPath: file)) }
            let text = try String(contentsOfFile: folder + "/bio/rdf.yaml", encoding: .utf8)
            for line in [
                "name: \"Disks  a test\"", "license: \"CC0-1.0\"", "  - name: \"Ada Lovelace\"",
                "  - name: \"Carl Zeiss\"", "        scale: 0.5", "          min_percentile: 1",
                "        halo: 32", "    opset_version: 13", "          step: 4",
            ] { #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)\n\(text)") }
            // The files that the description names are there.
            for name in text.matches(of: /(?:source|documentation): "([^"]+)"/).map(\.output.1) {
                #expect(FileManager.default.fileExists(atPath: folder + "/bio/" + name), "\(name)")
            }

            // The test is the middle of the image, and the disks in it are found.
            let input = try array(folder + "/bio/test_input.npy")
            let (whole, labels) = Self.image()
            let middle = Region(column: 32, row: 22, width: 256, height: 256)
            #expect(input.shape == [1, 1, 256, 256] && input.values == whole.crop(middle).samples)
            let output = try array(folder + "/bio/test_output.npy")
            #expect(output.shape == [1, 2, 256, 256])
            let (background, disk) = (output.values.prefix(65_536), output.values.suffix(65_536))
            #expect(zip(background, disk).allSatisfy { abs($0 + $1 - 1) < 1e-5 })
            let right = zip(disk, labels.crop(middle).samples).filter { ($0 > 0.5) == ($1 > 0) }.count
            #expect(right * 100 > 65_536 * 97)
            let cover = try readPNG(folder + "/bio/cover.png")
            #expect(cover.width == 2 * cover.height && cover.channels == 3)
        }
    }

    @Test func whatIsMissingOrDoesNotFitIsToldInOneLine() throws {
        try withModel { folder, model, image in
            func check(_ code: String, _ words: String..., change: (inout ExportOptions) throws -> Void) throws {
                var options = ExportOptions()
                options.authors = "Ada Lovelace"
                options.licence = "CC0-1.0"
                options.image = image
                try change(&options)
                let failure = try #require(throws: Failure.self) {
                    try model.export(as: .bioimageio, to: folder + "/bio", options: options)
                }
                #expect(failure.code == code && !failure.description.contains("\n"), "\(failure)")
                for word in words { #expect(failure.description.contains(word), "\(failure)") }
                #expect(!FileManager.default.fileExists(atPath: folder + "/bio/rdf.yaml"))
            }
            try check("export-incomplete", "authors") { $0.authors = " , " }
            try check("export-incomplete", "licence", "CC-BY-4.0") { $0.licence = "" }
            try check("export-incomplete", "image") { $0.image = nil }
            try check("file-missing", "none.tif") { $0.image = folder + "/none.tif" }
            // Pixels of half the size: the image has only 160 x 150 of the model's.
            try check("size-mismatch", "disks.tif", "160 x 150", "256 x 256") { $0.pixelSize_um = 0.25 }
            try check("pixel-size-mismatch", "disks.tif") { $0.pixelSize_um = 9 }
            try check("channel-mismatch", "colours.tif", "3 channels") {
                let path = folder + "/colours.tif"
                let samples = Samples.uint8((0..<3 * 300 * 300).map { UInt8($0 / 90_000) })
                try writeTIFF(Image(width: 300, height: 300, channels: 3, samples: samples), to: path)
                $0.image = path
            }
            for value in [7, Float.nan] {
                try check("image-empty", "flat.tif", "with objects") {
                    let path = folder + "/flat.tif"
                    try writeTIFF(Image(Plane<Float>(width: 300, height: 300, filledWith: value)), to: path)
                    $0.image = path
                }
            }
            try check("tiff-damaged", "half.tif") {
                let path = folder + "/half.tif"
                try Data(contentsOf: URL(fileURLWithPath: image)).prefix(100_000).write(to: URL(fileURLWithPath: path))
                $0.image = path
            }
        }
    }
}
