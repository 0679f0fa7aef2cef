import ArgumentParser
import Foundation
import Imaging
import Segmentation
import Work

/// Trains from few annotated objects and scores on images that were not learned from.
@main struct FewShotBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench fewshot",
        abstract: "Trains from few annotated objects and scores on images that were not learned from.",
        discussion: """
            Of nuclei_bbbc039 one nucleus is learned from, another one with each seed, and all other images are scored. \
            The images of the other sets are cut into parts; each part is scored with a model that learned from 25 \
            objects of the others. Objects below 30 pixels are neither learned from nor counted.
            """)

    @Argument(help: "The sets, of \(BenchSet.all.map(\.name).joined(separator: ", ")); all that are there by default.")
    var sets: [String] = []
    @Option(help: "Minutes of each training.") var minutes = 3.0
    @Option(help: "Train for this many steps instead.") var iterations: Int?
    @Option(help: "Learn from this many objects instead.") var objects: Int?
    @Option(help: "How many seeds; of the sets cut into parts, how many parts.") var seeds = 5
    @Option(help: "The first seed.") var firstSeed: UInt64 = 1
    @Flag(help: "Take all but the objects learned from out of the masks, as one who draws only these leaves them.")
    var unmarked = false
    @Flag(help: "Learn outlines as they were drawn.") var asDrawn = false
    @Option(help: "Change a strength of the augmentation, such as pasting=0.") var set: [String] = []
    @Option(help: "Look at each tile in this many orientations when scoring.") var orientations = 1
    @Option(help: "Keep models, masks and overviews in this folder.") var keep: String?

    func validate() throws {
        for name in sets where !BenchSet.all.contains(where: { $0.name == name }) {
            throw ValidationError("there is no set '\(name)'")
        }
        _ = try augmentation()
        guard seeds >= 1 else { throw ValidationError("give at least 1 seed") }
        guard (1...8).contains(orientations) else { throw ValidationError("look in 1 to 8 orientations") }
    }

    func run() throws {
        for set in BenchSet.all where sets.isEmpty || sets.contains(set.name) {
            guard FileManager.default.fileExists(atPath: set.folder) else {
                print("\(set.name): \(set.folder) is missing, left out")
                continue
            }
            try measure(set)
        }
    }

    /// The usual augmentation with the changed strengths, by their names in `model.json`.
    private func augmentation() throws -> Augmentation {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let usual = try JSONSerialization.jsonObject(with: encoder.encode(Augmentation()))
        var strengths = usual as? [String: NSNumber] ?? [:]
        for change in set {
            let parts = change.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, strengths[parts[0]] != nil, let value = Double(parts[1]) else {
                let names = strengths.keys.sorted().joined(separator: ", ")
                throw ValidationError("'\(change)' is no NAME=NUMBER with one of the names \(names)")
            }
            strengths[parts[0]] = NSNumber(value: value)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Augmentation.self, from: JSONSerialization.data(withJSONObject: strengths))
    }

    private func measure(_ set: BenchSet) throws {
        let all = try AnnotatedSet.read(images: set.folder + "/images", masks: set.folder + "/masks").images
        let folds = set.folds.map { set.folds(all, count: $0) }
        print("\n\(set.name): \(objects ?? set.objects) of its objects, \(all.count) images")
        print(
            "| run | objects of | scored | steps | s | CPU s | Dice | accuracy | detected | Dice 0.75 | F1 | AP | false |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        var scores: [SegmentationScores] = []
        for run in 0..<min(seeds, folds?.count ?? seeds) {
            let seed = firstSeed + UInt64(run)
            let scored = folds.map { $0[run] }
            let pool = all.indices.filter { scored?.contains($0) != true }
            scores.append(try train(set, pool.map { all[$0] }, scoring: scored.map { $0.map { all[$0] } }, seed: seed))
        }
        func row(_ name: String, _ pick: ([Double]) -> Double) {
            let values = [\SegmentationScores.dice, \.accuracy, \.detected, \.objectsDice75, \.f1, \.ap].map { path in
                String(format: "%.4f", pick(scores.map { $0[keyPath: path] }))
            }
            print("| \(name) | | | | | | \(values.joined(separator: " | ")) | |")
        }
        row("mean") { $0.reduce(0, +) / Double($0.count) }
        row("worst") { $0.min() ?? 0 }
        let asked = [
            set.asked.map { "Dice \($0)" }, set.askedDetected.map { "detected \($0)" },
        ].compactMap { $0 }
        if !asked.isEmpty { print("asked for: \(asked.joined(separator: ", "))") }
    }

    /// One training and its scores; without `scoring` every image is scored that was not learned from.
    private func train(
        _ set: BenchSet, _ pool: [AnnotatedImage], scoring: [AnnotatedImage]?, seed: UInt64
    ) throws -> SegmentationScores {
        var settings = TrainingSettings()
        settings.iterations = iterations
        settings.minutes = iterations == nil ? minutes : nil
        settings.objects = objects ?? set.objects
        settings.seed = seed
        settings.alignsOutlines = !asDrawn
        settings.augmentation = try augmentation()
        let folder = "\(keep ?? NSTemporaryDirectory() + "fewshot-\(UUID().uuidString)")/\(set.name)-\(seed)"
        defer {
            if keep == nil {
                try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent)
            }
        }
        let full = try AnnotatedSet(pool)
        let learned = try unmarked ? full.keepingOnly(full.chosenObjects(settings.objects ?? 1, seed: seed)) : full
        let model = try Segmentation.train(learned, settings: settings, folder: folder).model
        let training = model.description.training
        let scored = (scoring ?? pool).filter { !training.images.contains($0.name) }
        let scores = try model.scores(on: scored, orientations: orientations) { image, found in
            guard keep != nil else { return }
            try writePNG(Image(found.mask()), to: "\(folder)/\((image.name as NSString).deletingPathExtension).png")
        }
        print(
            "| \(seed) | \(training.images.count) images | \(scored.count) images | \(training.iterations) | "
                + String(
                    format: "%.0f | %.0f | %.4f | %.4f | %.4f | %.4f | %.4f | %.4f | %d |", training.seconds,
                    training.processorSeconds, scores.dice, scores.accuracy, scores.detected, scores.objectsDice75,
                    scores.f1, scores.ap, scores.falseObjects ?? 0))
        fflush(nil)
        return scores
    }
}

extension SegmentationScores {
    /// F1 of the objects at an IoU of 0.5, 0 where there are none.
    fileprivate var f1: Double { matching?.f1At50 ?? 0 }
    /// The average precision of the objects at an IoU of 0.5, 0 where there are none.
    fileprivate var ap: Double { matching?.apAt50 ?? 0 }
}
