import Foundation
import Imaging
import Work

/// How well masks agree with the truth, over one image or many.
public struct SegmentationScores: Sendable, Codable, Equatable {
    /// The Dice coefficient of the pixels, 2 TP / (2 TP + FP + FN), pooled over all images; with more than two
    /// classes its mean over the classes 1 and up that occur.
    public let dice: Double
    /// The share of pixels with the right class.
    public let accuracy: Double
    /// The number of true objects of at least `AnnotatedSet.leastArea_px` pixels.
    public let objects: Int
    /// The share of the true objects of which at least half the pixels are in the predicted mask.
    public let detected: Double
    /// The share of the true objects that have a predicted object with a Dice coefficient of at least 0.75.
    public let objectsDice75: Double
    /// The number of predicted objects of which less than half the pixels are in true objects; nil in scores made before it
    /// was counted.
    public var falseObjects: Int?
    /// How found and true objects pair up; nil in scores made before they were paired.
    public var matching: ObjectMatching?

    /// The scores in words, of pixels and of objects.
    public var inWords: String {
        let pixels =
            String(format: "Dice %.4f, accuracy %.4f, ", dice, accuracy)
            + (objects > 0
                ? String(
                    format: "%.1f %% of %d objects detected, %.1f %% with Dice 0.75", 100 * detected, objects,
                    100 * objectsDice75)
                : "no true objects") + ", \(falseObjects ?? 0) false objects"
        guard let matching, let f1 = matching.f1At50, let ap = matching.apAt50, let f1At75 = matching.f1At75,
            let apAt75 = matching.apAt75
        else { return pixels }
        return pixels
            + String(
                format: "\n%d objects found: F1 %.3f and AP %.3f at IoU 0.5 (%.3f and %.3f at 0.75), precision %@, ",
                matching.found, f1, ap, f1At75, apAt75, matching.precision.map { String(format: "%.3f", $0) } ?? "-")
            + "\(matching.merges) merged, \(matching.splits) split"
    }
}

/// Gathers the counts that scores are made from, image by image.
public struct ScoreTally: Sendable {
    private let classes: Int
    private var confusion: [Int]
    private var objects = 0
    private var detected = 0
    private var good = 0
    private var falseObjects = 0
    private var matching = ObjectMatching()

    /// A tally for a number of classes with the background.
    public init(classes: Int = 2) {
        self.classes = classes
        confusion = Array(repeating: 0, count: classes * classes)
    }

    /// Counts one image.
    /// - Parameters:
    ///   - mask: the prediction: with two classes any value above 0 is object, otherwise class numbers.
    ///   - objects: the number of the predicted object at each pixel, 0 for none.
    ///   - truth: the annotation as `AnnotatedImage.labels`.
    ///   - name: what the image is called in messages.
    ///     Where it is empty, all that was found is false.
    /// - Throws: a `Failure` when the sizes differ.
    public mutating func add(mask: Plane<UInt8>, objects predicted: Plane<UInt32>, truth: Plane<UInt32>, name: String)
        throws
    {
        let plane = Plane<Float>(width: mask.width, height: mask.height, filledWith: 0)
        let annotated = try AnnotatedImage(name: name, channels: [plane], labels: truth)
        for index in mask.samples.indices {
            let actual = truth.samples[index]
            let said = Int(mask.samples[index])
            let row = classes == 2 ? (actual > 0 ? 1 : 0) : min(Int(actual), classes - 1)
            let column = classes == 2 ? (said > 0 ? 1 : 0) : min(said, classes - 1)
            confusion[row * classes + column] += 1
        }
        var areas: [UInt32: (all: Int, right: Int)] = [:]
        for (label, actual) in zip(predicted.samples, truth.samples) where label > 0 {
            areas[label, default: (0, 0)].all += 1
            if actual > 0 { areas[label, default: (0, 0)].right += 1 }
        }
        falseObjects += areas.values.filter { $0.all >= AnnotatedSet.leastArea_px && 2 * $0.right < $0.all }.count
        let found = areas.mapValues(\.all)
        let large = found.filter { $0.value >= AnnotatedSet.leastArea_px }
        let set: AnnotatedSet
        do { set = try AnnotatedSet([annotated], classes: classes) } catch let failure as Failure {
            guard ["annotation-too-small", "annotation-empty"].contains(failure.code) else { throw failure }
            matching.add(overlaps: [:], truth: [:], found: large)
            return
        }
        let overlaps = count(set, predicted: predicted, areas: found, mask: mask)
        matching.add(
            overlaps: overlaps, truth: Dictionary(uniqueKeysWithValues: set.objects.map { ($0.label, $0.area) }),
            found: large)
    }

    /// Counts the true objects and what is found of each.
    /// - Returns: how many pixels true and found objects of one class share.
    private mutating func count(
        _ set: AnnotatedSet, predicted: Plane<UInt32>, areas: [UInt32: Int], mask: Plane<UInt8>
    ) -> [ObjectMatching.Overlap: Int] {
        var shared: [ObjectMatching.Overlap: Int] = [:]
        for object in set.objects {
            var overlaps: [UInt32: Int] = [:]
            var right: [UInt32: Int] = [:]
            var covered = 0
            for row in object.box.row..<object.box.row + object.box.height {
                for column in object.box.column..<object.box.column + object.box.width {
                    guard set.instances[0][row, column] == object.label else { continue }
                    let isRight = classes == 2 ? mask[row, column] > 0 : mask[row, column] == object.classNumber
                    if isRight { covered += 1 }
                    let label = predicted[row, column]
                    guard label > 0 else { continue }
                    overlaps[label, default: 0] += 1
                    if isRight { right[label, default: 0] += 1 }
                }
            }
            let best =
                overlaps.map { label, overlap in
                    Double(2 * overlap) / Double(object.area + areas[label, default: 0])
                }.max() ?? 0
            objects += 1
            if 2 * covered >= object.area { detected += 1 }
            if best >= 0.75 { good += 1 }
            for (label, pixels) in right { shared[.init(truth: object.label, found: label)] = pixels }
        }
        return shared
    }

    /// The scores of all images counted so far.
    public var scores: SegmentationScores {
        let (dice, accuracy) = diceAndAccuracy(confusion, classes: classes)
        func share(_ part: Int, _ whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
        return SegmentationScores(
            dice: dice, accuracy: accuracy, objects: objects, detected: share(detected, objects),
            objectsDice75: share(good, objects), falseObjects: falseObjects,
            matching: matching)
    }
}

extension SegmentationModel {
    /// The scores on annotated images.
    /// - Parameters:
    ///   - orientations: as in `TiledPrediction`.
    ///   - found: is handed each image and what was found in it.
    /// - Throws: a `Failure` when an image does not fit the model.
    public func scores(
        on images: [AnnotatedImage], orientations: Int = 1,
        found: (AnnotatedImage, SegmentedObjects) throws -> Void = { _, _ in }
    ) throws -> SegmentationScores {
        let classes = description.network.classes
        var tally = ScoreTally(classes: classes)
        let progress = Progress("scoring", total: images.count, unit: "images")
        defer { progress.finish() }
        for image in images {
            try Interruption.check()
            let first = image.channels[0]
            let prediction = try predict(
                Image(
                    width: first.width, height: first.height, channels: image.channels.count,
                    samples: .float32(image.channels.flatMap(\.samples)), pixelSize_um: image.pixelSize_um),
                orientations: orientations)
            let objects = try SegmentedObjects(mask: prediction.mask(), classes: classes)
            try tally.add(
                mask: objects.mask(classes: classes), objects: objects.labels, truth: image.labels, name: image.name)
            try found(image, objects)
            progress.advance()
        }
        return tally.scores
    }
}

/// The Dice coefficient, as the mean over the classes 1 and up that occur, and the share of pixels with the right class.
/// - Parameter confusion: the number of pixels by true class (row) and predicted class (column), row-major.
func diceAndAccuracy(_ confusion: [Int], classes: Int) -> (dice: Double, accuracy: Double) {
    var dices: [Double] = []
    var right = 0
    for number in 0..<classes {
        let hits = confusion[number * classes + number]
        right += hits
        guard number > 0 else { continue }
        let actual = (0..<classes).reduce(0) { $0 + confusion[number * classes + $1] }
        let said = (0..<classes).reduce(0) { $0 + confusion[$1 * classes + number] }
        if actual + said > 0 { dices.append(Double(2 * hits) / Double(actual + said)) }
    }
    let pixels = confusion.reduce(0, +)
    return (
        // Nothing there and nothing found is right.
        dices.isEmpty ? (pixels > 0 ? 1 : 0) : dices.reduce(0, +) / Double(dices.count),
        pixels > 0 ? Double(right) / Double(pixels) : 0
    )
}
