import Imaging
import Networks

/// Scores a network on the held-out patches, or on patches of the training data where none could be held out.
struct PatchCheck {
    /// Whether the patches are kept out of the training.
    let isHeldOut: Bool
    private let patches: [TrainingFields.Patch]
    private let classes: Int

    init(_ fields: TrainingFields, classes: Int, side: Int) {
        isHeldOut = !fields.heldOut.isEmpty
        patches = isHeldOut ? fields.heldOut : Self.trainingPatches(fields, side: side)
        self.classes = classes
    }

    /// The scores of a network, over the pixels of all patches that are annotated.
    func scores(of network: SegmentationNetwork) throws -> ModelDescription.Scores {
        var confusion = Array(repeating: 0, count: classes * classes)
        for patch in patches {
            let height = patch.target.height
            let width = patch.target.width
            let input = try Tensor([1, patch.channels.count, height, width], patch.channels.flatMap(\.samples))
            let logits = try network.logits(input)
            logits.withUnsafePointer { logits in
                for (pixel, actual) in patch.target.samples.enumerated() where actual != TrainingField.ignored {
                    var best = 0
                    for number in 1..<classes
                    where logits[number * width * height + pixel] > logits[best * width * height + pixel] {
                        best = number
                    }
                    confusion[Int(actual) * classes + best] += 1
                }
            }
        }
        let (dice, accuracy) = diceAndAccuracy(confusion, classes: classes)
        return ModelDescription.Scores(dice: dice, accuracy: accuracy, heldOut: isHeldOut)
    }

    private static func trainingPatches(_ fields: TrainingFields, side: Int) -> [TrainingFields.Patch] {
        fields.training.flatMap { field in
            field.objects.prefix(4).map { object in
                let region = square(side, around: object.box, within: field.target)
                return TrainingFields.Patch(
                    channels: field.channels.map { $0.crop(region) }, target: field.drawn.crop(region))
            }
        }.prefix(8).map { $0 }
    }
}
