import Foundation
import Imaging
import Randomness
import Segmentation
import Testing

/// What a network finds in the rest of an image of which one object was marked.
@Suite struct SelfAnnotationTests {
    private struct Stop: Error {}
    private static let side = 320
    private static let radius = 12.0

    private static func centre(_ index: Int) -> (x: Double, y: Double) {
        (40 + 80 * Double(index % 4), 40 + 80 * Double(index / 4))
    }

    /// Sixteen disks with soft edges, each of another brightness, `wider` by some pixels in the labels.
    private func disks(wider: Double = 0, seed: UInt64 = 3) -> (image: Plane<Float>, labels: Plane<UInt32>) {
        func labels(_ radius: Double) -> Plane<UInt32> {
            plane(Self.side, Self.side) { row, column in
                let index = row / 80 * 4 + column / 80
                let (x, y) = Self.centre(index)
                return inDisk(row, column, x: x, y: y, radius: radius) ? UInt32(index + 1) : 0
            }
        }
        var random = RandomSource(seed: seed)
        let image = labels(Self.radius).map { $0 > 0 ? 60 + 10 * Float($0) : 0 }.blurred(sigma_px: 1.5)
            .map { $0 + Float(random.normal(mean: 500, deviation: 2)) }
        return (image, labels(Self.radius + wider))
    }

    private func set() throws -> AnnotatedSet {
        let (image, labels) = disks()
        return try AnnotatedSet([AnnotatedImage(name: "disks", channels: [image], labels: labels)])
    }

    /// A network that finds every disk 2 pixels too wide: the outlines learned lie where the one marked has its own,
    /// 0.9 / 4 pixels outside of the edge.
    @Test func outlinesComeToTheEdges() throws {
        var fields = TrainingFields(try set(), scaling: IntensityScaling(), objectLimit: 1, seed: 1)
        let marked = fields.training[0].objects[0]
        let before = fields.training[0].target
        fields.complete { _ in disks(wider: 2).labels.map { $0 > 0 ? 0.95 : 0.05 } }
        let target = fields.training[0].target
        #expect(fields.training[0].objects.count == 16)
        #expect(!target.samples.contains(TrainingField.ignored))
        for index in before.samples.indices where before.samples[index] != TrainingField.ignored {
            #expect(target.samples[index] == before.samples[index])
        }
        for index in 0..<16 where index + 1 != Int(marked.label) {
            let part = target.crop(Region(column: index % 4 * 80, row: index / 4 * 80, width: 80, height: 80))
            let radius = (Double(part.samples.count { $0 == 1 }) / .pi).squareRoot()
            #expect(abs(radius - Self.radius - 0.9 / 4) < 0.3, "disk \(index)")
        }
    }

    @Test func doubtIsNotLearnedNorWhatIsKeptAside() throws {
        let (image, labels) = disks()
        let set = try AnnotatedSet([
            AnnotatedImage(name: "disks", channels: [image.map { _ in 500 }], labels: labels)
        ])
        var fields = TrainingFields(
            set, scaling: IntensityScaling(), objectLimit: 6, heldOutPatches: 1, heldOutSide: 64, seed: 1)
        #expect(fields.heldOut.count == 1)
        let before = fields.training[0].target
        // Without an edge in the image outlines stay open; sure pixels are taken as they are.
        fields.complete { _ in
            plane(Self.side, Self.side) { row, column in
                let value: [Float] = [0.95, 0.7, 0.3, 0.05]
                return value[column / 80]
            }
        }
        let after = fields.training[0].target
        var aside = 0
        for row in 0..<Self.side {
            for column in 0..<Self.side {
                let (old, new) = (before[row, column], after[row, column])
                guard old == TrainingField.ignored else {
                    #expect(new == old)
                    continue
                }
                let sure: UInt8? = column / 80 == 0 ? 1 : column / 80 == 3 ? 0 : nil
                if sure != nil, new == TrainingField.ignored {
                    aside += 1
                } else {
                    #expect(new == sure ?? TrainingField.ignored)
                }
            }
        }
        #expect(aside <= 64 * 64)
    }

    @Test func oneDiskTeachesTheOthersAndResumes() throws {
        var settings = TrainingSettings()
        settings.baseWidth = 8
        settings.depth = 2
        settings.batch = 4
        settings.crop = 64
        settings.objects = 1
        settings.learningRate = 1e-2
        settings.iterations = 100
        let folder = NSTemporaryDirectory() + "rest-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = try train(set(), settings: settings, folder: folder + "/whole").model
        let (image, truth) = disks(seed: 4)
        let unseen = try AnnotatedImage(name: "unseen", channels: [image], labels: truth)
        let scores = try whole.scores(on: [unseen])
        #expect(scores.dice > 0.95)
        #expect(scores.detected == 1)

        // Halted before and after the network has annotated the rest.
        for step in [10, 70] {
            #expect(throws: Stop.self) {
                try train(set(), settings: settings, folder: folder + "/halted", resume: true) {
                    if $0 == step { throw Stop() }
                }
            }
        }
        let resumed = try train(set(), settings: settings, folder: folder + "/halted", resume: true).model
        #expect(try whole.predict(Image(image)).probabilities == resumed.predict(Image(image)).probabilities)
    }
}
