import Foundation
import Networks

/// The card of a model in plain words, as Markdown.
func modelCard(_ model: ModelDescription) -> String {
    let training = model.training
    let settings = training.settings
    let classes =
        model.network.classes == 2
        ? "objects from background" : "\(model.network.classes - 1) classes from each other and from background"
    let pixel =
        model.pixelSize_um.map {
            "The images had pixels of \(number($0, 4)) um; images with other pixels are resampled to that size first."
                + (training.pixelSizes.map { " " + $0 } ?? "")
        } ?? training.pixelSizes
        ?? "The pixel size of the images was not given: images are predicted at their own resolution, so objects should be about as large in pixels as in training."
    let start =
        settings.pretrained.map { " It started from the weights in `\(($0 as NSString).lastPathComponent)`." } ?? ""
    let check =
        model.scores.heldOut
        ? "On \(model.scores.on ?? "patches kept out of the training") it reached a Dice coefficient of \(number(model.scores.dice, 4)) and \(number(100 * model.scores.accuracy, 2)) % of pixels right."
        : "There were too few objects to keep any out of the training. On \(model.scores.on ?? "the training patches themselves") the Dice coefficient is \(number(model.scores.dice, 4)); how well it does elsewhere has to be seen on other images."
    let test =
        model.scores.test.map { scores in
            """


            On test images, none of which was learned from, the Dice coefficient is \(number(scores.dice, 4)) and \(number(100 * scores.accuracy, 2)) % of the pixels are right; of \(scores.objects) objects \(number(100 * scores.detected, 1)) % are detected, and \(number(100 * scores.objectsDice75, 1)) % have a Dice coefficient of 0.75 or more of their own, touching objects not being cut apart.\(scores.matching.map(matchingInWords) ?? "")
            """
        } ?? ""
    let origin =
        training.data.map {
            """
            ## Data and licence

            Trained on \($0.source). Licence of data and model: \($0.licence).


            """
        } ?? ""
    let objects =
        model.objects.map {
            """
            ## Objects

            Its objects are \($0.inWords). Those larger than a field of view are imaged \($0.largeMethod.inWords).


            """
        } ?? ""
    let outlines =
        training.outlineShift_px.map {
            " Their outlines were learned moved to the edges in the images, by \(number($0, 2)) pixels on average; scores compare with the outlines as drawn."
        } ?? ""
    let warnings =
        (model.warnings ?? []).isEmpty
        ? "" : "\n\n" + (model.warnings ?? []).map { "**Warning:** \($0)." }.joined(separator: "\n\n")
    let unmarked =
        training.unmarked.map {
            " Not all objects were marked: \($0) unmarked places that look like them were not taken for background."
        } ?? ""
    return """
        # Model

        Tells \(classes) in images of \(model.network.inputChannels) channel\(model.network.inputChannels == 1 ? "" : "s"). The network is \(model.network.inWords).

        ## Training

        \(training.iterations) steps of \(settings.batch) crops of \(settings.crop)x\(settings.crop) pixels in \(number(training.seconds, 0)) s (\(number(training.processorSeconds, 0)) s of processor time) on \(training.objects) annotated object\(training.objects == 1 ? "" : "s") in \(training.images.count) image\(training.images.count == 1 ? "" : "s"), seed \(settings.seed).\(outlines)\(unmarked)
        \(pixel)\(start)

        Images: \(training.images.joined(separator: ", ")).

        ## Scores

        \(check)\(test)\(warnings)

        \(origin)\(objects)## Use

        Intensities are scaled between the percentiles \(number(model.scaling.lowPercentile, 1)) and \(number(model.scaling.highPercentile, 1)) of each image, so exposure and gain may differ from training. Specimens, stains and magnifications unlike those of the training images need a check by eye, or a new training.

        """
}

/// How found and true objects pair up, as a sentence after others.
private func matchingInWords(_ matching: ObjectMatching) -> String {
    func two(_ value: Double?) -> String { value.map { number($0, 3) } ?? "-" }
    return
        " Paired one to one with an IoU of at least 0.5, F1 is \(two(matching.f1At50)) and the average precision \(two(matching.apAt50)) (at 0.75: \(two(matching.f1At75)) and \(two(matching.apAt75))); \(matching.found) objects were found, of which \(matching.found - matching.pairs50) are in no pair, \(matching.merges) hold several true ones, and \(matching.splits) true ones are in several parts."
}

extension NetworkDescription {
    /// What kind of network it is.
    var inWords: String {
        switch architecture {
        case .unet: "a U-Net with \(baseWidth) base channels and depth \(depth)"
        case .deeplabv3_mobilenet_v3_large: "DeepLabV3 on MobileNetV3-Large"
        case .deeplabv3_resnet50: "DeepLabV3 on ResNet-50"
        case .deeplabv3_resnet101: "DeepLabV3 on ResNet-101"
        }
    }
}

private func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
