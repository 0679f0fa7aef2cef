import Imaging
import Networks

/// Scores a network on the held-out patches, or on patches of the training data where none could be held out.
struct PatchCheck {
    /// Whether the patches are kept out of the training.
    let isHeldOut: Bool
    /// Whether the patches show more than one class, without which scores mean nothing.
    let isTelling: Bool
    private let patches: [TrainingFields.Patch]
    private let classes: Int

    init(_ fields: TrainingFields, classes: Int, side: Int) {
        isHeldOut = !fields.heldOut.isEmpty
        patches = isHeldOut ? fields.heldOut : Self.trainingPatches(fields, side: side)
        self.classes = classes
        isTelling = Set(patches.flatMap(\.target.samples)).subtracting([TrainingField.ignored]).count > 1
    }

    /// What is scored, in words.
    var inWords: String {
        let whole = patches.filter(\.isWholeImage).count
        let parts = patches.filter { !$0.isWholeImage }.map { max($0.target.width, $0.target.height) }
        var words: [String] = []
        if whole > 0 { words.append("\(whole) whole image\(whole == 1 ? "" : "s")") }
        if let least = parts.min(), let most = parts.max() {
            let sides = least == most ? "\(most)" : "\(least) to \(most)"
            words.append("\(parts.count) patch\(parts.count == 1 ? "" : "es") of \(sides) px")
        }
        return words.joined(separator: " and ") + (isHeldOut ? " kept out of the training" : " of the training itself")
    }

    /// The scores of a network, over the pixels of all patches that are annotated, and the share of them that it calls
    /// objects.
    func scores(of network: SegmentationNetwork) throws -> (scores: ModelDescription.Scores, foreground: Double) {
        var confusion = Array(repeating: 0, count: classes * classes)
        for patch in patches {
            let said = try classNumbers(of: patch, by: network)
            for (pixel, actual) in patch.target.samples.enumerated() where actual != TrainingField.ignored {
                confusion[Int(actual) * classes + Int(said[pixel])] += 1
            }
        }
        let (dice, accuracy) = diceAndAccuracy(confusion, classes: classes)
        let background = (0..<classes).reduce(0) { $0 + confusion[$1 * classes] }
        let all = confusion.reduce(0, +)
        return (
            ModelDescription.Scores(dice: dice, accuracy: accuracy, heldOut: isHeldOut, on: inWords),
            all > 0 ? 1 - Double(background) / Double(all) : 0
        )
    }

    /// The likeliest class of each pixel.
    private func classNumbers(of patch: TrainingFields.Patch, by network: SegmentationNetwork) throws -> [UInt8] {
        let (width, height) = (patch.target.width, patch.target.height)
        let input = try Tensor([1, patch.channels.count, height, width], patch.channels.flatMap(\.samples))
        return try network.logits(input).withUnsafePointer { logits in
            (0..<height * width).map { pixel in
                var best = 0
                for number in 1..<classes
                where logits[number * width * height + pixel] > logits[best * width * height + pixel] {
                    best = number
                }
                return UInt8(best)
            }
        }
    }

    private static func trainingPatches(_ fields: TrainingFields, side: Int) -> [TrainingFields.Patch] {
        let patches = fields.training.flatMap { field in
            field.objects.prefix(4).map { object in
                TrainingFields.Patch(
                    field, TrainingFields.region(around: object.box, side: side, within: field.target))
            }
        }
        return TrainingFields.affordable(patches.prefix(8)) { $0.target.samples.count }
    }
}
