import Foundation
import Imaging
import Randomness
import Segmentation
import Testing
import Work

/// Files segmented by rows: what comes out, and what is said of bad input.
@Suite struct FileSegmentationTests {
    private static let width = 2300
    private static let height = 1250

    /// Bright disks on a jittered grid, so that many lie on the borders of tiles.
    private static func disks() -> (image: Plane<UInt16>, labels: Plane<UInt32>) {
        var random = RandomSource(seed: 21)
        var labels = Plane<UInt32>(width: width, height: height, filledWith: 0)
        var number: UInt32 = 0
        for top in stride(from: 0, to: height - 40, by: 40) {
            for left in stride(from: 0, to: width - 40, by: 40) {
                number += 1
                let (x, y) = (
                    Double(left) + random.uniform(in: 16...24), Double(top) + random.uniform(in: 16...24)
                )
                let radius = random.uniform(in: 8...13)
                for row in top..<top + 40 {
                    for column in left..<left + 40 where inDisk(row, column, x: x, y: y, radius: radius) {
                        labels[row, column] = number
                    }
                }
            }
        }
        let image = labels.map { UInt16(max(0, random.normal(mean: $0 > 0 ? 2000 : 1000, deviation: 100))) }
        return (image, labels)
    }

    /// A model trained on a part of the disks, in a folder that goes at the end.
    private func withModel(_ body: (_ folder: String, SegmentationModel) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "files-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (image, labels) = Self.disks()
        let part = Region(column: 0, row: 0, width: 400, height: 400)
        let set = try AnnotatedSet([
            AnnotatedImage(
                name: "disks.tif", channels: [image.crop(part).map { Float($0) }], labels: labels.crop(part),
                pixelSize_um: 0.5)
        ])
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 4
        settings.crop = 64
        settings.iterations = 60
        settings.learningRate = 1e-2
        try body(folder, train(set, settings: settings, folder: folder + "/model").model)
    }

    private func failure(_ body: () throws -> Void) -> Failure? {
        do {
            try body()
            return nil
        } catch { return error as? Failure }
    }

    /// Numbers parts in reading order by filling one after the other, leaving out those below 30 pixels.
    private func filled(_ mask: Plane<UInt32>) -> Plane<UInt32> {
        var labels = Plane<UInt32>(width: mask.width, height: mask.height, filledWith: 0)
        var seen = Plane<UInt8>(width: mask.width, height: mask.height, filledWith: 0)
        var next: UInt32 = 1
        for row in 0..<mask.height {
            for column in 0..<mask.width where mask[row, column] > 0 && seen[row, column] == 0 {
                var part = [(row, column)]
                var place = 0
                seen[row, column] = 1
                while place < part.count {
                    let (r, c) = part[place]
                    place += 1
                    for nearRow in max(0, r - 1)...min(mask.height - 1, r + 1) {
                        for nearColumn in max(0, c - 1)...min(mask.width - 1, c + 1)
                        where mask[nearRow, nearColumn] > 0 && seen[nearRow, nearColumn] == 0 {
                            seen[nearRow, nearColumn] = 1
                            part.append((nearRow, nearColumn))
                        }
                    }
                }
                guard part.count >= 30 else { continue }
                for (r, c) in part { labels[r, c] = next }
                next += 1
            }
        }
        return labels
    }

    @Test func filesAreSegmentedByRows() throws {
        try withModel { folder, model in
            let (image, truth) = Self.disks()
            let path = folder + "/disks.tif"
            let writer = try BandTIFFWriter(
                path, width: Self.width, height: Self.height, pixelType: .uint16, pixelSize_um: 0.5, tile: 128)
            try writer.append(Image(image))
            try writer.finish()
            var options = SegmentationOptions()
            options.probability = true
            options.confidence = true
            let files = SegmentationFiles(in: folder + "/found")
            let result = try model.segment(path, into: files, options: options)
            #expect(result.pixels == Self.width * Self.height)

            let labels = try readLabels(files.labels)
            let mask = try readLabels(files.mask)
            #expect(filled(mask) == labels)
            #expect(Int(labels.samples.max() ?? 0) == result.objects)
            // Every disk is one object, also on the borders of tiles.
            let disks = Int(truth.samples.max() ?? 0)
            var owners = Array(repeating: Set<UInt32>(), count: disks + 1)
            var hits = Array(repeating: 0, count: disks + 1)
            var sizes = hits
            for (label, disk) in zip(labels.samples, truth.samples) where disk > 0 {
                sizes[Int(disk)] += 1
                if label > 0 {
                    hits[Int(disk)] += 1
                    owners[Int(disk)].insert(label)
                }
            }
            let whole = (1...disks).filter { owners[$0].count == 1 && hits[$0] * 10 >= sizes[$0] * 8 }
            #expect(whole.count * 100 >= disks * 99)
            #expect(abs(result.objects - disks) * 50 <= disks)

            let table = try String(contentsOfFile: files.objects, encoding: .utf8).split(separator: "\n")
            #expect(table.count == result.objects + 1)
            let probability = try readImage(files.probability).plane()
            let confidence = try readImage(files.confidence)
            #expect(confidence.pixelType == .uint8)
            for index in stride(from: 0, to: probability.samples.count, by: 97) {
                let likeliest = max(probability.samples[index], 1 - probability.samples[index])
                #expect(
                    abs(
                        confidence.sample(row: index / Self.width, column: index % Self.width)
                            - Double((likeliest * 255).rounded())) <= 1)
                if mask.samples[index] > 0 { #expect(probability.samples[index] > 0.5) }
            }
            for file in [files.overview, files.sizes] { #expect(try readPNG(file).width > 100) }

            // In memory, from strips and from other pixel types the result is the same.
            let raw = try model.predict(Image(image, pixelSize_um: 0.5)).mask()
            #expect(try SegmentedObjects(mask: raw).mask().map { UInt32($0) } == mask)
            for other in [
                Image(image.map { Float($0) }, pixelSize_um: 0.5), Image(image.map { UInt32($0) }, pixelSize_um: 0.5),
            ] {
                try writeTIFF(other, to: folder + "/other.tif")
                let again = SegmentationFiles(in: folder + "/again")
                _ = try model.segment(folder + "/other.tif", into: again)
                #expect(try readLabels(again.labels) == labels)
            }
            // So it is from OME-TIFF in BigTIFF form, with the pixel size that only its XML tells.
            let ome = try OMETIFFWriter(
                folder + "/disks.ome.tif", width: Self.width, height: Self.height, pixelSize_um: 0.5,
                expectedFrames: 1000)
            try ome.append(image)
            try ome.finish()
            let header = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder + "/disks.ome.tif")).read(
                upToCount: 4)
            #expect(header == Data([0x49, 0x49, 43, 0]))
            let same = SegmentationFiles(in: folder + "/ome")
            _ = try model.segment(folder + "/disks.ome.tif", into: same)
            #expect(try readLabels(same.labels) == labels)
            // A second pass finds the same disks.
            options.secondPass = true
            let twice = try model.segment(path, into: SegmentationFiles(in: folder + "/twice"), options: options)
            #expect(abs(twice.objects - disks) * 50 <= disks)
            let surer = try readLabels(folder + "/twice/mask.tif")
            let agreeing = zip(surer.samples, mask.samples).filter { $0 == $1 }.count
            #expect(agreeing * 1000 >= mask.samples.count * 998)
        }
    }

    @Test func otherPixelSizesAreResampled() throws {
        try withModel { folder, model in
            let (image, truth) = Self.disks()
            let part = Region(column: 0, row: 0, width: 800, height: 600)
            // The same disks, twice as many pixels a side.
            let large = image.crop(part).map { Float($0) }.resized(width: 1600, height: 1200)
            try writeTIFF(Image(large, pixelSize_um: 0.25), to: folder + "/large.tif")
            let files = SegmentationFiles(in: folder + "/found")
            let result = try model.segment(folder + "/large.tif", into: files)
            let labels = try readLabels(files.labels)
            #expect(labels.width == 1600 && labels.height == 1200)
            let expected = truth.crop(part).resizedNearest(width: 1600, height: 1200)
            var tally = ScoreTally()
            try tally.add(
                mask: labels.map { $0 > 0 ? 255 : 0 }, objects: labels, truth: expected, name: "large.tif")
            #expect(tally.scores.dice > 0.9 && tally.scores.objectsDice75 > 0.98)
            #expect(abs(result.objects - Set(truth.crop(part).samples).count + 1) <= 6)
        }
    }

    @Test func badImagesAreToldInOneLineAndLeaveNothing() throws {
        try withModel { folder, model in
            let image = Image(Self.disks().image, pixelSize_um: 0.5)
            func check(_ path: String, _ code: String, _ words: String...) throws {
                let found = folder + "/found"
                let failure = try #require(failure { _ = try model.segment(path, into: SegmentationFiles(in: found)) })
                #expect(failure.code == code, "\(failure)")
                #expect(failure.description.contains(path) && !failure.description.contains("\n"))
                for word in words { #expect(failure.description.contains(word), "\(failure)") }
                let left = (try? FileManager.default.contentsOfDirectory(atPath: found)) ?? []
                #expect(left.isEmpty, "\(left)")
            }
            // Cut off in the last third, tiled and in strips: the first rows are predicted already.
            for isTiled in [true, false] {
                let path = folder + "/cut-\(isTiled).tif"
                if isTiled {
                    let writer = try BandTIFFWriter(
                        path, width: image.width, height: image.height, pixelType: .uint16, tile: 64,
                        compression: .none)
                    try writer.append(image)
                    try writer.finish()
                } else {
                    try writeTIFF(image, to: path, compression: .none)
                }
                try loseLastThird(path)
                try check(path, "tiff-damaged", "damaged or was cut off")
            }
            let half = folder + "/half.tif"
            try writeTIFF(image, to: half)
            try Data(contentsOf: URL(fileURLWithPath: half)).prefix(100_000).write(to: URL(fileURLWithPath: half))
            try check(half, "tiff-damaged")

            let colours = folder + "/colours.tif"
            try writeTIFF(
                Image(width: 60, height: 50, channels: 3, samples: .uint8((0..<9000).map { UInt8($0 / 3000) })),
                to: colours)
            try check(colours, "channel-mismatch", "3 channels", "1 channel", "another model")
            // Two channels are not grey and alpha unless they are side by side in the pixel, and opaque.
            let stack = folder + "/stack.tif"
            try writeTIFF(
                Image(width: 60, height: 50, channels: 2, samples: .uint16(Array(repeating: 65_535, count: 6000))),
                to: stack)
            try check(stack, "channel-mismatch", "2 channels")
            let clear = folder + "/clear.png"
            try writePNG(
                Image(width: 60, height: 50, channels: 2, samples: .uint8(Array(repeating: 9, count: 6000))), to: clear)
            try check(clear, "channel-mismatch", "2 channels")
            let coarse = folder + "/coarse.tif"
            try writeTIFF(Image(image.plane().resized(width: 20, height: 20), pixelSize_um: 9), to: coarse)
            try check(coarse, "pixel-size-mismatch", "9 um", "0.5 um", "train a model")
            let text = folder + "/text.tif"
            try Data("no image".utf8).write(to: URL(fileURLWithPath: text))
            try check(text, "not-a-tiff")
            try check(folder + "/none.tif", "file-missing")
            let palette = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent(
                    "../../../shared/data/tiff_odd/image-tiff/libtiffpic_depth_flower-palette-08.tif"
                )
                .standardizedFileURL.path
            if FileManager.default.fileExists(atPath: palette) {
                try check(palette, "pixel-type-mismatch", "palette", "convert it")
            } else {
                print("palette images are not tested: ../shared is missing")
            }
        }
    }

    /// Moves the offsets of the last third of an uncompressed TIFF's strips or tiles behind the end of the file, as in a
    /// file that was cut off behind a directory at its beginning.
    private func loseLastThird(_ path: String) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        func word(_ place: Int) -> Int { (0..<4).reduce(0) { $0 | Int(data[place + $1]) << (8 * $1) } }
        let directory = word(4)
        let entries = Int(data[directory]) | Int(data[directory + 1]) << 8
        for entry in 0..<entries {
            let place = directory + 2 + 12 * entry
            let tag = Int(data[place]) | Int(data[place + 1]) << 8
            guard tag == 273 || tag == 324 else { continue }
            let (count, values) = (word(place + 4), word(place + 8))
            for index in count * 2 / 3..<count {
                let moved = data.count + 1000 * index
                for byte in 0..<4 { data[values + 4 * index + byte] = UInt8(truncatingIfNeeded: moved >> (8 * byte)) }
            }
        }
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test func modelsThatDoNotFitTheirWeightsAreRefused() throws {
        try withModel { folder, _ in
            let path = folder + "/model/model.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            for (old, new) in [
                ("\"base_width\" : 8", "\"base_width\" : 16"), ("\"depth\" : 2", "\"depth\" : 3"),
                ("\"classes\" : 2", "\"classes\" : 99"), ("\"input_channels\" : 1", "\"input_channels\" : 3"),
                ("\"low_percentile\" : 1", "\"low_percentile\" : 120"), ("\"tile\" : 512", "\"tile\" : 5"),
                ("\"pixel_um\" : 0.5", "\"pixel_um\" : -1"), ("\"unet\"", "\"wunet\""),
            ] {
                #expect(text.contains(old))
                try text.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
                let failure = try #require(failure { _ = try SegmentationModel(folder: folder + "/model") })
                #expect(failure.description.contains(folder + "/model/"), "\(failure)")
                #expect(!failure.description.contains("\n") && !failure.remedy.isEmpty, "\(failure)")
            }
            try "not JSON".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(failure { _ = try SegmentationModel(folder: folder + "/model") }?.code == "model-damaged")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let weights = URL(fileURLWithPath: folder + "/model/weights.safetensors")
            let bytes = try Data(contentsOf: weights)
            for part in [Data(), bytes.prefix(7), bytes.prefix(bytes.count / 2)] {
                try part.write(to: weights)
                let failure = try #require(failure { _ = try SegmentationModel(folder: folder + "/model") })
                #expect(failure.code == "model-damaged" && failure.message.contains(weights.path))
            }
        }
    }
}
