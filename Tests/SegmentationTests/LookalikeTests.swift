import Foundation
import Imaging
import Randomness
import Segmentation
import Testing

/// One object is marked among many that are not.
@Suite struct LookalikeTests {
    private static let side = 288

    /// Disks 36 pixels apart with soft edges, each of another brightness, in noise.
    private func disks(seed: UInt64) -> (image: Plane<Float>, labels: Plane<UInt32>) {
        let labels: Plane<UInt32> = plane(Self.side, Self.side) { row, column in
            let (x, y) = (Double(column / 36 * 36 + 18), Double(row / 36 * 36 + 18))
            return inDisk(row, column, x: x, y: y, radius: 12) ? UInt32(row / 36 * 8 + column / 36 + 1) : 0
        }
        var random = RandomSource(seed: seed)
        let image = labels.map { $0 > 0 ? 200 + 60 * Float($0 * 7 % 5) : 0 }.blurred(sigma_px: 1)
            .map { $0 + Float(random.normal(mean: 500, deviation: 10)) }
        return (image, labels)
    }

    private func set(_ marked: (UInt32) -> Bool) throws -> AnnotatedSet {
        let (image, labels) = disks(seed: 1)
        return try AnnotatedSet([
            AnnotatedImage(name: "disks", channels: [image], labels: labels.map { marked($0) ? $0 : 0 })
        ])
    }

    /// Neighbours that are not marked count no more than marked ones do.
    @Test(arguments: [1, 3])
    func neighboursAreNoBackground(count: Int) throws {
        let names = Array([28, 37, 12].prefix(count)).map { UInt32($0) }
        let truth = disks(seed: 1).labels
        for limit in [nil, count] {
            let fields = TrainingFields(
                try set { names.contains($0) }, scaling: IntensityScaling(), objectLimit: limit, seed: 1)
            #expect((55...64).contains(try #require(fields.unmarked)))
            let target = fields.training[0].target
            var (wrong, background, left) = (0, 0, 0)
            for index in target.samples.indices where target.samples[index] == 0 {
                if truth.samples[index] == 0 {
                    background += 1
                } else if !names.contains(truth.samples[index]) {
                    wrong += 1
                }
            }
            // Around what is marked the background counts.
            let near = distance(to: names, in: truth)
            for index in target.samples.indices where (2...4).contains(near.samples[index]) {
                left += target.samples[index] == 0 ? 0 : 1
            }
            #expect(wrong * 200 < background, "\(wrong) pixels of others among \(background) of background")
            #expect(background > 1500 * count)
            #expect(left * 5 < near.samples.count { (2...4).contains($0) })
        }
    }

    /// Beside few objects what is darker than their surroundings is background in the whole image, whether the others are
    /// marked or not, and no object is taken for it.
    @Test(arguments: [true, false])
    func theDarkIsBackgroundEverywhere(isMarked: Bool) throws {
        let truth = disks(seed: 1).labels
        let fields = TrainingFields(
            try set { isMarked || $0 == 28 }, scaling: IntensityScaling(), objectLimit: 1, seed: 1)
        let field = fields.training[0]
        let (object, reach) = (try #require(field.objects.first).box, 48)
        var (right, wrong, all) = (0, 0, 0)
        for row in 0..<Self.side {
            for column in 0..<Self.side
            where abs(row - object.row - object.height / 2) > reach
                || abs(column - object.column - object.width / 2) > reach
            {
                all += truth[row, column] == 0 ? 1 : 0
                guard field.target[row, column] == 0 else { continue }
                if truth[row, column] == 0 { right += 1 } else { wrong += 1 }
            }
        }
        #expect(wrong == 0)
        #expect(4 * right > all, "\(right) of \(all)")
    }

    private func distance(to names: [UInt32], in labels: Plane<UInt32>) -> Plane<Float> {
        distanceTransform(labels.map { names.contains($0) ? 0 : 255 })
    }

    @Test func completeMasksAreTaken() throws {
        #expect(TrainingFields(try set { _ in true }, scaling: IntensityScaling(), seed: 1).unmarked == nil)
        #expect(
            TrainingFields(try set { _ in true }, scaling: IntensityScaling(), objectLimit: 1, seed: 1).unmarked == nil)
        let one = try set { $0 == 28 }
        let told = TrainingFields(one, scaling: IntensityScaling(), marking: .all, seed: 1)
        #expect(told.unmarked == nil && !told.training[0].target.samples.contains(TrainingField.ignored))
        // One object alone in its image.
        let (image, labels) = disks(seed: 1)
        let alone = try AnnotatedSet([
            AnnotatedImage(
                name: "alone",
                channels: [
                    plane(Self.side, Self.side) { row, column in
                        labels[row, column] == 28 || labels[row, column] == 0 ? image[row, column] : image[0, column]
                    }
                ], labels: labels.map { $0 == 28 ? 1 : 0 })
        ])
        #expect(TrainingFields(alone, scaling: IntensityScaling(), seed: 1).unmarked == nil)
    }

    @Test func oneAmongUnmarkedOnesTeachesAll() throws {
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 4
        settings.crop = 64
        settings.learningRate = 1e-2
        settings.iterations = 100
        settings.objects = 1
        let folder = NSTemporaryDirectory() + "alike-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = try train(set { $0 == 28 }, settings: settings, folder: folder).model
        let (image, truth) = disks(seed: 2)
        let scores = try model.scores(on: [AnnotatedImage(name: "unseen", channels: [image], labels: truth)])
        #expect(scores.dice > 0.93 && scores.detected > 0.98, "\(scores)")
        #expect(model.description.training.unmarked ?? 0 > 50)
        #expect(
            try String(contentsOfFile: folder + "/card.md", encoding: .utf8).contains("Not all objects were marked"))
    }
}
