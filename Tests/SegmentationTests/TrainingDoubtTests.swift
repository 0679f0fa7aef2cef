import Foundation
import Imaging
import Randomness
import Segmentation
import Testing
import Work

/// Trainings whose data or scores are not what they seem.
@Suite struct TrainingDoubtTests {
    private func settings(_ iterations: Int) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 2
        settings.crop = 64
        settings.iterations = iterations
        settings.learningRate = 1e-2
        return settings
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "doubt-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    /// One disk in noise.
    private func image(_ name: String, side: Int = 96, radius: Double = 20, seed: UInt64) throws -> AnnotatedImage {
        var random = RandomSource(seed: seed)
        let labels: Plane<UInt32> = plane(side, side) { row, column in
            inDisk(row, column, x: Double(side) / 2, y: Double(side) / 2, radius: radius) ? 1 : 0
        }
        return try AnnotatedImage(
            name: name, channels: [labels.map { Float(random.normal(mean: $0 > 0 ? 200 : 100, deviation: 15)) }],
            labels: labels)
    }

    /// A patch that lies within an object would call any network that sees objects everywhere perfect.
    @Test func largeObjectsAreScoredOnWholeImages() throws {
        try withFolder { folder in
            let images = try (0..<8).map { try image("\($0)", side: 176, radius: 70, seed: UInt64($0)) }
            let model = try train(AnnotatedSet(images), settings: settings(2), folder: folder).model
            let scores = model.description.scores
            #expect(scores.heldOut && scores.on == "1 whole image kept out of the training")
            let each = try images.map { try model.scores(on: [$0]).dice }
            #expect(each.contains { abs($0 - scores.dice) < 0.01 }, "\(scores.dice), not of \(each)")
            #expect(try String(contentsOfFile: folder + "/card.md", encoding: .utf8).contains("1 whole image"))
        }
    }

    @Test func emptyMaskIsAnExampleOfBackground() throws {
        let shown = try image("shown", seed: 1)
        let nothing = try AnnotatedImage(
            name: "nothing", channels: [shown.channels[0].map { _ in 700 }],
            labels: Plane(width: 96, height: 96, filledWith: 0))
        let set = try AnnotatedSet([shown, nothing])
        #expect(set.objects.count == 1)
        let fields = TrainingFields(set, scaling: IntensityScaling(), seed: 1)
        #expect(fields.training.count == 2 && fields.imagesUsed == [0, 1])
        let sampler = CropSampler(fields.training, side: 32, count: 64, augmentation: .none, seed: 1)
        let batch = sampler.batch(0)
        // Its pixels are all alike, so they are scaled to 0; no crop of the other image is without noise.
        let crops = (0..<64).map { batch.input[$0 * 1024..<($0 + 1) * 1024] }
        #expect((3...16).contains(crops.count { $0.allSatisfy { $0 == 0 } }))
        // Where only chosen objects count, nobody said that the rest is background.
        #expect(TrainingFields(set, scaling: IntensityScaling(), objectLimit: 1, seed: 1).imagesUsed == [0])
        try withFolder { folder in
            let training = try train(set, settings: settings(2), folder: folder).model.description.training
            #expect(training.images == ["shown", "nothing"])
        }
        #expect(throws: Failure.self) { try AnnotatedSet([nothing]) }

        // What is found where there is nothing counts as false.
        var tally = ScoreTally()
        let mask = shown.labels.map { $0 > 0 ? UInt8(255) : 0 }
        try tally.add(mask: mask, objects: shown.labels, truth: shown.labels, name: "shown")
        try tally.add(mask: mask, objects: shown.labels, truth: nothing.labels, name: "nothing")
        #expect(abs(tally.scores.dice - 2.0 / 3) < 1e-9 && tally.scores.objects == 1 && tally.scores.detected == 1)
    }

    @Test func whatSmellsIsTold() throws {
        func warnings(_ images: [AnnotatedImage], test: [AnnotatedImage] = [], steps: Int = 1) throws -> String {
            var text = ""
            try withFolder { folder in
                let model = try train(AnnotatedSet(images), settings: settings(steps), folder: folder, test: test).model
                let warnings = model.description.warnings ?? []
                let card = try String(contentsOfFile: folder + "/card.md", encoding: .utf8)
                for warning in warnings { #expect(card.contains(warning)) }
                #expect(try SegmentationModel(folder: folder).description.warnings == model.description.warnings)
                text = warnings.joined(separator: "\n")
            }
            return text
        }
        let good = try image("good", seed: 1)
        let again = try AnnotatedImage(name: "again", channels: good.channels, labels: good.labels)
        #expect(try warnings([good, again]).contains("good and again have the same pixels"))
        #expect(try warnings([good], test: [again]).contains("test image again has the same pixels as good"))
        let itself = try AnnotatedImage(
            name: "itself", channels: [good.labels.map { 9 * Float($0) }], labels: good.labels)
        let told = try warnings([itself], steps: 30)
        #expect(
            told.contains("itself: the image shows just its mask") && told.contains("too good to be true"), "\(told)")
        let full = try AnnotatedImage(name: "full", channels: good.channels, labels: good.labels.map { _ in 1 })
        let whole = try warnings([full])
        #expect(whole.contains("nearly every pixel an object") && whole.contains("the scores mean nothing"), "\(whole)")
        #expect(try !warnings([good], steps: 20).contains("same"))
    }

    @Test func oddNumbersInImagesAreNoTrouble() throws {
        let good = try image("good", seed: 1)
        var channel = good.channels[0]
        for index in 0..<96 { channel.samples[index] = .nan }
        for index in stride(from: 0, to: channel.samples.count, by: 101) {
            channel.samples[index] = [.nan, .infinity, -.infinity, 3e38][index % 4]
        }
        let odd = try AnnotatedImage(name: "odd", channels: [channel], labels: good.labels)
        try withFolder { folder in
            let model = try train(AnnotatedSet([odd]), settings: settings(3), folder: folder).model
            #expect(try model.predict(Image(channel)).probabilities[0].samples.allSatisfy(\.isFinite))
        }
    }
}
