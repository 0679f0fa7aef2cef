import Foundation
import Imaging
import Randomness
import Segmentation
import Testing
import Work

/// Trains a small network on noisy disks.
@Suite struct ModelTests {
    private struct Stop: Error {}

    /// Disks of brightness 200 on a background of 100, noise 15; a dozen in 192 x 192 pixels.
    private func disks(seed: UInt64) -> (image: Plane<Float>, labels: Plane<UInt32>) {
        var random = RandomSource(seed: seed)
        let centres = (0..<12).map { index in
            (
                x: 28 + 45 * Double(index % 4) + random.uniform(in: -8...8),
                y: 35 + 60 * Double(index / 4) + random.uniform(in: -10...10), radius: random.uniform(in: 8...14)
            )
        }
        let labels: Plane<UInt32> = plane(192, 192) { row, column in
            let index = centres.firstIndex { inDisk(row, column, x: $0.x, y: $0.y, radius: $0.radius) }
            return index.map { UInt32($0 + 1) } ?? 0
        }
        return (labels.map { Float(random.normal(mean: $0 > 0 ? 200 : 100, deviation: 15)) }, labels)
    }

    private func set() throws -> AnnotatedSet {
        let (image, labels) = disks(seed: 1)
        return try AnnotatedSet([
            AnnotatedImage(name: "disks.tif", channels: [image], labels: labels, pixelSize_um: 0.5)
        ])
    }

    private func settings(_ iterations: Int) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 4
        settings.crop = 64
        settings.iterations = iterations
        settings.learningRate = 1e-2
        return settings
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "model-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func learnsDisksAndComesBackFromItsFolder() throws {
        try withFolder { folder in
            let result = try train(set(), settings: settings(60), folder: folder)
            #expect(result.model.description.training.iterations == 60)
            // There is one image, so nothing is known of other magnifications.
            #expect(result.model.description.training.magnification == Augmentation().scale)
            let (unseen, truth) = disks(seed: 2)
            let image = Image(unseen, pixelSize_um: 0.5)
            let mask = try result.model.predict(image).mask()
            var tally = ScoreTally()
            try tally.add(mask: mask, objects: SegmentedObjects(mask: mask).labels, truth: truth, name: "unseen")
            #expect(tally.scores.dice > 0.9)
            #expect(tally.scores.detected > 0.9)

            let loaded = try SegmentationModel(folder: folder)
            #expect(loaded.description == result.model.description)
            #expect(try loaded.predict(image).probabilities == result.model.predict(image).probabilities)
            for file in ["card.md", "curve.csv", "curve.png"] {
                #expect(FileManager.default.fileExists(atPath: folder + "/" + file))
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/checkpoint"))
            #expect(throws: Failure.self) {
                try loaded.predict(
                    Image(width: 8, height: 8, channels: 3, samples: .uint8(Array(repeating: 0, count: 192))))
            }
        }
    }

    @Test func resumedTrainingGivesTheSameModel() throws {
        try withFolder { folder in
            let whole = try train(set(), settings: settings(10), folder: folder + "/whole")
            #expect(throws: Stop.self) {
                try train(set(), settings: settings(10), folder: folder + "/halted") { step in
                    if step == 6 { throw Stop() }
                }
            }
            let resumed = try train(set(), settings: settings(10), folder: folder + "/halted", resume: true)
            let image = Image(disks(seed: 3).image, pixelSize_um: 0.5)
            #expect(try whole.model.predict(image).probabilities == resumed.model.predict(image).probabilities)
            #expect(resumed.model.description.training.iterations == 10)

            #expect(throws: Stop.self) {
                try train(set(), settings: settings(10), folder: folder + "/other") { step in
                    if step == 2 { throw Stop() }
                }
            }
            var other = settings(10)
            other.seed = 2
            #expect(throws: Failure.self) {
                try train(set(), settings: other, folder: folder + "/other", resume: true)
            }
        }
    }

    @Test func damagedFoldersAreToldInOneLine() throws {
        try withFolder { folder in
            _ = try train(set(), settings: settings(1), folder: folder)
            let description = try Data(contentsOf: URL(fileURLWithPath: folder + "/model.json"))
            func message() -> (code: String, text: String)? {
                do {
                    _ = try SegmentationModel(folder: folder)
                    return nil
                } catch { return (error as? Failure).map { ($0.code, $0.description) } }
            }
            #expect(message() == nil)
            for part in [Data(), description.prefix(description.count / 2), Data("{}".utf8)] {
                try part.write(to: URL(fileURLWithPath: folder + "/model.json"))
                #expect(message()?.code == "model-damaged")
                #expect(message()?.text.contains("\n") == false)
            }
            try description.write(to: URL(fileURLWithPath: folder + "/model.json"))
            let weights = URL(fileURLWithPath: folder + "/weights.safetensors")
            var bytes = try Data(contentsOf: weights)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: weights)
            #expect(message()?.code == "model-damaged")
            try FileManager.default.removeItem(at: weights)
            #expect(message()?.code == "file-missing")
            try FileManager.default.removeItem(atPath: folder + "/model.json")
            #expect(message()?.code == "model-missing")
        }
    }

    /// Fibres that cross count as one object.
    @Test(arguments: [
        ("nuclei", 50), ("hist", 50), ("sparse", 50), ("cells", 50), ("spheres", 50), ("axons", 30),
        ("microtubules", 10),
    ])
    func shippedModelsAreWhole(name: String, objects: Int) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let folder = root.appendingPathComponent("Models/\(name)").standardizedFileURL.path
        let model = try SegmentationModel(folder: folder)
        let test = try #require(model.description.scores.test)
        #expect(test.objects > objects && test.dice > 0.75)
        let licence = try #require(model.description.training.data?.licence)
        let card = try String(contentsOfFile: folder + "/card.md", encoding: .utf8)
        #expect(card.contains(licence))
        // What its objects are is in the description and on the card.
        let objects = try #require(model.description.objects)
        #expect(card.contains("Its objects are \(objects.inWords)."))
    }

    @Test func modelsThatDoNotSayWhatTheirObjectsAreOpen() throws {
        try withFolder { folder in
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
            try FileManager.default.copyItem(
                atPath: root.appendingPathComponent("Models/spheres").standardizedFileURL.path, toPath: folder)
            let path = folder + "/model.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            func objects(_ written: String) throws -> ObjectProtocol? {
                try text.replacing(/"objects" : \{[^}]*\},\s*"pixel/, with: { _ in written + "\"pixel" })
                    .write(toFile: path, atomically: true, encoding: .utf8)
                return try SegmentationModel(folder: folder).description.objects
            }
            #expect(try objects("") == nil)
            let said = try #require(try objects("\"objects\": {\"kind\": \"fibres\", \"least_um2\": 3},"))
            #expect(said == ObjectProtocol(.fibres, least_um2: 3))
            #expect(!said.separates && said.largeMethod == .along)
            for wrong in ["{\"kind\": \"beads\"}", "{\"kind\": \"areas\", \"criteria\": \"area_um2 >\"}"] {
                #expect(throws: Failure.self) { try objects("\"objects\": \(wrong),") }
            }
        }
    }

    @Test func testImagesAndLicenceGoIntoTheCard() throws {
        try withFolder { folder in
            let (image, labels) = disks(seed: 2)
            let unseen = try AnnotatedImage(
                name: "unseen.tif", channels: [image], labels: labels, pixelSize_um: 0.5)
            let origin = ModelDescription.DataOrigin(source: "simulated disks", licence: "CC0 1.0")
            _ = try train(set(), settings: settings(60), folder: folder, test: [unseen], data: origin)
            let loaded = try SegmentationModel(folder: folder)
            let mask = try loaded.predict(Image(image, pixelSize_um: 0.5)).mask()
            let objects = try SegmentedObjects(mask: mask)
            var tally = ScoreTally()
            try tally.add(mask: objects.mask(), objects: objects.labels, truth: labels, name: "unseen")
            let scores = try #require(loaded.description.scores.test)
            #expect(abs(scores.dice - tally.scores.dice) < 1e-9 && scores.objects == tally.scores.objects)
            #expect(loaded.description.training.data == origin)
            let card = try String(contentsOfFile: folder + "/card.md", encoding: .utf8)
            for words in ["simulated disks", "CC0 1.0", "test images", String(format: "%.4f", scores.dice)] {
                #expect(card.contains(words))
            }
            #expect(throws: Failure.self) {
                try train(set(), settings: settings(1), folder: folder, test: set().images)
            }
        }
    }

    /// Two disks that cover 1 % of the image: without weights a network may call everything background.
    @Test func onePerCentForegroundIsLearned() throws {
        func specimen(_ seed: UInt64) -> (image: Plane<Float>, labels: Plane<UInt32>) {
            var random = RandomSource(seed: seed)
            let labels: Plane<UInt32> = plane(256, 256) { row, column in
                inDisk(row, column, x: 70, y: 80, radius: 10)
                    ? 1
                    : inDisk(row, column, x: 190, y: 170, radius: 10) ? 2 : 0
            }
            return (labels.map { Float(random.normal(mean: $0 > 0 ? 200 : 100, deviation: 20)) }, labels)
        }
        try withFolder { folder in
            let (image, labels) = specimen(1)
            let share = Double(labels.samples.count { $0 > 0 }) / Double(labels.samples.count)
            #expect(share < 0.01)
            let set = try AnnotatedSet([AnnotatedImage(name: "rare", channels: [image], labels: labels)])
            var settings = settings(150)
            settings.learningRate = 5e-3
            let model = try train(set, settings: settings, folder: folder).model
            let (unseen, truth) = specimen(2)
            let mask = try model.predict(Image(unseen)).mask()
            var tally = ScoreTally()
            try tally.add(mask: mask, objects: SegmentedObjects(mask: mask).labels, truth: truth, name: "unseen")
            #expect(tally.scores.dice > 0.85)
        }
    }

    /// Squares whose brightness is that of their class.
    private func squares(classes: Int, side: Int, seed: UInt64) -> (image: Plane<Float>, labels: Plane<UInt32>) {
        var random = RandomSource(seed: seed)
        let labels: Plane<UInt32> = plane(side, side) { row, column in
            guard row % 32 >= 8, column % 32 >= 8 else { return 0 }
            return UInt32(1 + (row / 32 * (side / 32) + column / 32) % (classes - 1))
        }
        return (labels.map { Float(random.normal(mean: 100 + 100 * Double($0), deviation: 8)) }, labels)
    }

    @Test func severalClassesAreToldApart() throws {
        try withFolder { folder in
            let (image, labels) = squares(classes: 4, side: 192, seed: 1)
            let set = try AnnotatedSet(
                [AnnotatedImage(name: "squares", channels: [image], labels: labels)], classes: 4)
            var settings = settings(120)
            settings.augmentation.contrast = 1.05
            let model = try train(set, settings: settings, folder: folder).model
            let (unseen, truth) = squares(classes: 4, side: 192, seed: 2)
            let mask = try model.predict(Image(unseen)).mask()
            var tally = ScoreTally(classes: 4)
            try tally.add(
                mask: mask, objects: SegmentedObjects(mask: mask, classes: 4).labels, truth: truth, name: "unseen")
            #expect(tally.scores.dice > 0.8)
        }
    }

    @Test func sixteenClassesComeBackFromTheFolder() throws {
        try withFolder { folder in
            let (image, labels) = squares(classes: 16, side: 256, seed: 1)
            let set = try AnnotatedSet(
                [AnnotatedImage(name: "squares", channels: [image], labels: labels)], classes: 16)
            let model = try train(set, settings: settings(3), folder: folder).model
            let loaded = try SegmentationModel(folder: folder)
            #expect(loaded.description.network.classes == 16)
            let prediction = try loaded.predict(Image(image))
            #expect(prediction.probabilities.count == 15)
            #expect(prediction.mask() == (try model.predict(Image(image)).mask()))
            #expect(prediction.mask().samples.allSatisfy { $0 < 16 })
        }
    }

    @Test func timeScheduleAndWeightsAreHonoured() throws {
        try withFolder { folder in
            var timed = settings(1_000_000)
            // Long enough for many steps where other tests take the processor.
            timed.minutes = 0.1
            let result = try train(set(), settings: timed, folder: folder + "/timed")
            let training = result.model.description.training
            #expect(training.seconds >= 6 && training.iterations >= 1 && training.iterations < 1_000_000)
            let last = try #require(result.curve.points.last)
            #expect(last.learningRate < 0.1 * Double(timed.learningRate))

            var constant = settings(40)
            constant.schedule = .constant
            let rates = try train(set(), settings: constant, folder: folder + "/constant").curve.points
                .map(\.learningRate)
            #expect(rates.suffix(20).allSatisfy { $0 == Double(constant.learningRate) })

            var weighted = settings(1)
            weighted.classWeights = [1, 0]
            // Without any weight on the objects everything becomes background.
            weighted.iterations = 30
            let mask = try train(set(), settings: weighted, folder: folder + "/weighted").model
                .predict(Image(disks(seed: 2).image, pixelSize_um: 0.5)).mask()
            #expect(mask.samples.allSatisfy { $0 == 0 })
            for wrong in [[1, 1, 1], [0, 0], [1, -1], [1, Float.nan]] {
                weighted.classWeights = wrong
                #expect(throws: Failure.self) { try train(set(), settings: weighted, folder: folder + "/wrong") }
            }
        }
    }
}
