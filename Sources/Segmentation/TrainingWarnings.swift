import Foundation
import Imaging

/// What should make one doubt the annotation or the scores of a training.
enum TrainingWarnings {
    /// The share of objects among the annotated pixels from which on masks look inverted.
    private static let mostForeground = 0.9
    /// The Dice coefficient that real images never reach.
    private static let perfect = 0.9999
    /// The steps before which a network cannot have learned real objects, and the Dice coefficient that belies this.
    private static let early = (steps: 20, dice: 0.98)

    /// Looks at images and masks before the training.
    static func ofInput(_ set: AnnotatedSet, test: [AnnotatedImage]) -> [String] {
        var warnings: [String] = []
        func tell(_ names: [String], _ one: String, _ several: String, _ remedy: String) {
            guard let first = names.first else { return }
            let who = names.count == 1 ? "\(first): \(one)" : "\(first) and \(names.count - 1) more: \(several)"
            warnings.append("\(who); \(remedy)")
        }
        if set.classes == 2 {
            let full = set.images.filter { image in
                Double(image.labels.samples.count { $0 > 0 }) > mostForeground * Double(image.labels.samples.count)
            }
            tell(
                full.map(\.name), "the mask calls nearly every pixel an object",
                "the masks call nearly every pixel an object", "check that background is 0, not the objects")
        }
        tell(
            set.images.filter(isItsMask).map(\.name), "the image shows just its mask",
            "the images show just their masks",
            "check that images and masks are not the same files")
        var names: [[[Float]]: String] = [:]
        for image in set.images {
            if let other = names.updateValue(image.name, forKey: image.channels.map(\.samples)) {
                warnings.append("\(other) and \(image.name) have the same pixels; give each image once")
            }
        }
        for image in test {
            if let other = names[image.channels.map(\.samples)] {
                warnings.append(
                    "the test image \(image.name) has the same pixels as \(other), which is learned from; its score says "
                        + "nothing about new images")
            }
        }
        return warnings
    }

    /// Looks at the scores after the training.
    static func ofResult(_ scores: ModelDescription.Scores, curve: LearningCurve, isTelling: Bool, foreground: Double)
        -> [String]
    {
        let on = scores.on ?? "the patches scored"
        guard isTelling else {
            return ["all annotated pixels of \(on) are of one class, so the scores mean nothing; score on other images"]
        }
        var warnings: [String] = []
        if let first = curve.points.first(where: { $0.iteration <= early.steps && $0.dice >= early.dice }) {
            warnings.append(
                String(format: "the Dice coefficient was %.4f after %d steps", first.dice, first.iteration)
                    + ", which is too good to be true; check that images and masks are not the same and show more than "
                    + "their objects")
        } else if scores.dice >= perfect {
            warnings.append(
                String(format: "the Dice coefficient of %.4f on \(on)", scores.dice)
                    + " is too good to be true; check images and masks, and score on other images")
        }
        if foreground > 0.99 || foreground == 0 {
            warnings.append(
                "the network calls \(foreground == 0 ? "no" : "nearly every") pixel of \(on) an object; train longer, and "
                    + "check that objects are above 0 in the masks")
        }
        return warnings
    }

    /// Whether a channel of an image takes one value where its mask does and tells objects from background, as masks do.
    private static func isItsMask(_ image: AnnotatedImage) -> Bool {
        guard !image.isEmpty else { return false }
        return image.channels.contains { channel in
            var values: [UInt32: Float] = [:]
            for (intensity, label) in zip(channel.samples, image.labels.samples) {
                if let known = values[label] {
                    guard known == intensity else { return false }
                } else {
                    values[label] = intensity
                }
            }
            let background = values[0]
            return values.allSatisfy { $0.key == 0 || $0.value != background }
        }
    }
}
