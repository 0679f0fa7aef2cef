import Foundation
import Imaging
import Networks
import Randomness
import Work

/// What a model can be exported as.
public enum ExportFormat: String, CaseIterable, Sendable {
    /// An ONNX file that gives a score per class.
    case onnx
    /// A model folder as bioimage.io defines it, which Fiji, ilastik and napari open.
    case bioimageio
}

/// What a person has to say about an exported model.
public struct ExportOptions: Sendable {
    /// The name under which others see the model.
    public var name = "Stormbench model"
    /// Who made the model, several separated by commas; needed for bioimage.io.
    public var authors = ""
    /// The licence by its SPDX identifier, such as CC-BY-4.0; needed for bioimage.io.
    public var licence = ""
    /// An image of the kind that the model is for; needed for bioimage.io, which tests by its middle and shows it.
    public var image: String?
    /// The side of the image's pixels in um; nil takes what the file says.
    public var pixelSize_um: Double?
    /// Which planes of a stack the image is.
    public var planes = PlaneChoice()

    /// Nothing said.
    public init() {}
}

extension SegmentationModel {
    /// Writes the model for other programs, with answers in float, in which these compute.
    /// - Parameters:
    ///   - folder: where the files go; made where it is missing.
    /// - Returns: the paths of the files.
    /// - Throws: a `Failure` when something is missing that the format needs, the image does not fit or a file cannot be
    ///   written.
    public func export(
        as format: ExportFormat, to folder: String, options: ExportOptions = ExportOptions()
    ) throws -> [String] {
        guard network.precision == .f32 else {
            return try SegmentationModel(description: description, network: network.replica(precision: .f32))
                .export(as: format, to: folder, options: options)
        }
        return switch format {
        case .onnx: try exportONNX(to: folder)
        case .bioimageio: try exportBioimage(to: folder, options: options)
        }
    }

    /// model.onnx, an input with the network's answer to it, and how to use them.
    private func exportONNX(to folder: String) throws -> [String] {
        let channels = description.network.inputChannels
        let paths = ["model.onnx", "test_input.npy", "test_output.npy", "README.md"].map { folder + "/" + $0 }
        // Sides that are no multiples of anything, so that a test meets the padding too.
        let shape = [1, channels, 109, 131]
        var random = RandomSource(seed: 1)
        let input = try Tensor(shape, (0..<channels * 109 * 131).map { _ in Float(random.uniform(in: 0...1)) })
        try writeWhole(onnx(.logits), to: paths[0])
        try input.writeNumPy(to: paths[1])
        try network.logits(input).writeNumPy(to: paths[2])
        try writeWhole(Data(exportedCard.utf8), to: paths[3])
        return paths
    }

    /// The model as an ONNX file.
    func onnx(_ result: ExportedResult) -> Data {
        let scaling = description.scaling
        var properties = [
            "low_percentile": "\(scaling.lowPercentile)", "high_percentile": "\(scaling.highPercentile)",
            "noise_floor": "\(scaling.noiseFloor)", "least": "\(scaling.limits.lowerBound)",
            "most": "\(scaling.limits.upperBound)", "halo": "\(description.halo)",
        ]
        if let pixel = description.pixelSize_um { properties["pixel_um"] = "\(pixel)" }
        return network.onnx(result: result, description: scalingInWords, properties: properties)
    }

    /// How the exported network wants its input.
    var scalingInWords: String {
        let scaling = description.scaling
        var text = """
            Each channel of an image is scaled so that its percentile \(scaling.lowPercentile) becomes 0 and its percentile \
            \(scaling.highPercentile) becomes 1, but over no less than \(scaling.noiseFloor) standard deviations of the pixel \
            noise, and limited to \(scaling.limits.lowerBound) to \(scaling.limits.upperBound).
            """
        if let pixel = description.pixelSize_um { text += " Pixels have a side of \(pixel) um." }
        return text
    }

    /// How to use model.onnx.
    private var exportedCard: String {
        let network = description.network
        let scaling = description.scaling
        return """
            # model.onnx

            Input `image`: float32, [batch, \(network.inputChannels), height, width], any height and width.
            Output `logits`: float32, [batch, \(network.classes), height, width], a score per class, background first; their
            softmax over the second axis is a probability, their greatest the class.

            \(scalingInWords)

                import numpy as np, onnxruntime
                low, high = np.percentile(image, [\(scaling.lowPercentile), \(scaling.highPercentile)], axis=(-2, -1), keepdims=True)
                scaled = np.clip((image - low) / (high - low), \(scaling.limits.lowerBound), \(scaling.limits.upperBound)).astype(np.float32)
                logits = onnxruntime.InferenceSession("model.onnx").run(None, {"image": scaled})[0]
                mask = logits.argmax(axis=1)

            For the scaled values in `test_input.npy` the network answers with the logits in `test_output.npy`.

            """
    }
}
