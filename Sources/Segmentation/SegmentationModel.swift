import Foundation
import Imaging
import Kernels
import Networks
import Work

/// A trained model: a network with everything that prediction needs.
///
/// It lives in a folder with `weights.safetensors`, `model.json` and `card.md`.
public final class SegmentationModel {
    /// The network's form, input scaling, pixel size, scores and provenance.
    public let description: ModelDescription
    let network: SegmentationNetwork
    /// Networks of the same weights, one for each core; made when they are needed.
    private var replicas: [SegmentationNetwork] = []

    static let weightsFile = "weights.safetensors"
    static let descriptionFile = "model.json"
    static let cardFile = "card.md"

    /// Joins a description and a network with the weights that belong to it.
    init(description: ModelDescription, network: SegmentationNetwork) {
        self.description = description
        self.network = network
    }

    /// Reads a model folder.
    /// - Parameter precision: the numbers that prediction computes with.
    /// - Throws: a `Failure` in one line when the folder is no model or damaged, or the processor lacks the precision.
    public init(folder: String, precision: Precision = .f32) throws {
        let path = folder + "/" + Self.descriptionFile
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(
                "\(folder) is no model: it has no \(Self.descriptionFile)",
                remedy: "give a folder made by train, such as Models/nuclei", code: "model-missing")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let description: ModelDescription
        do { description = try decoder.decode(ModelDescription.self, from: readFile(path)) } catch let failure
            as Failure
        {
            throw failure
        } catch {
            throw Self.damaged(path, "it is not the description of a model (\(Self.reason(error)))")
        }
        guard description.format == 1 else {
            throw Failure(
                "\(path) has form \(description.format), this program reads form 1", remedy: "update the program",
                code: "model-newer")
        }
        guard (64...4096).contains(description.tile), (0...description.tile / 4).contains(description.halo) else {
            throw Self.damaged(path, "tile \(description.tile) and halo \(description.halo) do not fit")
        }
        let scaling = description.scaling
        guard scaling.lowPercentile >= 0, scaling.highPercentile <= 100, scaling.lowPercentile < scaling.highPercentile,
            scaling.noiseFloor >= 0
        else {
            throw Self.damaged(
                path,
                "intensities cannot be scaled by percentiles \(scaling.lowPercentile) to \(scaling.highPercentile)")
        }
        guard description.pixelSize_um.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw Self.damaged(path, "pixels cannot have a side of \(description.pixelSize_um ?? 0) um")
        }
        do { try description.objects?.validate() } catch let failure as Failure {
            throw Self.damaged(path, "objects: \(failure.message)")
        }
        do { try description.network.validate() } catch let failure as Failure {
            throw Self.damaged(path, "\(failure.message), not \(failure.remedy.replacing("use ", with: ""))")
        }
        guard !description.weights.file.contains("/") else {
            throw Self.damaged(path, "the weights lie outside the folder")
        }
        let weights = folder + "/" + description.weights.file
        guard FileManager.default.fileExists(atPath: weights) else {
            throw Failure("\(weights) is missing", remedy: "copy or train the model again", code: "file-missing")
        }
        let data = try readFile(weights)
        guard data.count == description.weights.bytes, Self.hash(data) == description.weights.hash else {
            throw Self.damaged(weights, "it is not the file that the model was saved with")
        }
        // The deepest convolution alone takes 9 numbers for each pair of its channels: nothing larger is built first.
        let deepest = description.network.baseWidth << description.network.depth
        guard description.network.architecture != .unet || 9 * 4 * deepest * deepest <= data.count else {
            throw Self.damaged(
                path, "a U-Net with \(deepest) channels has more weights than the \(data.count) bytes of its file")
        }
        let network = try SegmentationNetwork(description.network, seed: 0, precision: precision)
        try network.loadWeights(from: weights)
        self.description = description
        self.network = network
    }

    /// Writes the folder; `model.json` comes last, so that a folder with one is whole.
    /// - Parameters:
    ///   - network: the network with the weights to keep.
    ///   - describe: makes the description from that of the weights' file.
    static func save(
        _ network: SegmentationNetwork, in folder: String, describe: (ModelDescription.Weights) -> ModelDescription
    ) throws -> SegmentationModel {
        try makeFolder(folder)
        try? FileManager.default.removeItem(atPath: folder + "/" + descriptionFile)
        let path = folder + "/" + weightsFile
        try writeWhole(to: path) { try network.saveWeights(to: $0) }
        let data = try readFile(path)
        let description = describe(ModelDescription.Weights(file: weightsFile, bytes: data.count, hash: hash(data)))
        try writeWhole(Data(modelCard(description).utf8), to: folder + "/" + cardFile)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try writeWhole(encoder.encode(description), to: folder + "/" + descriptionFile)
        return SegmentationModel(description: description, network: network)
    }

    /// A prediction by this model.
    ///
    /// A U-Net takes tiles as large as the memory allows, for less of them is halo, and an image of several tiles is
    /// predicted by a network on each core. Other networks see the whole tile and keep to the size they were made with.
    public var prediction: TiledPrediction {
        var prediction = TiledPrediction(scaling: description.scaling) { tiles in
            let isLight = self.description.network.architecture == .unet
            let count = isLight && tiles >= 2 * processorCount && processorCount > 1 ? processorCount : 0
            guard count > 0 else {
                return [{ [network = self.network] in try Self.probabilities(of: $0, by: network) }]
            }
            while self.replicas.count < count { self.replicas.append(try self.network.replica()) }
            return self.replicas.map { network in
                { tile in
                    SegmentationNetwork.stayOnOneCore()
                    return try Self.probabilities(of: tile, by: network)
                }
            }
        }
        prediction.largestTile = description.tile
        if description.network.architecture == .unet {
            prediction.largestTile = max(description.tile, Self.tile(ofBaseWidth: description.network.baseWidth))
        }
        prediction.halo = description.halo
        prediction.networkPixel_um = description.pixelSize_um
        prediction.classes = description.network.classes
        return prediction
    }

    /// The side of a tile with which the activations of a U-Net take some 300 MB: about 12 bytes a pixel for each feature
    /// at full resolution.
    private static func tile(ofBaseWidth features: Int) -> Int {
        let side = Int((300e6 / Double(12 * features)).squareRoot())
        return min(1280, side / 64 * 64)
    }

    /// Predicts an image that fits into memory.
    /// - Parameters:
    ///   - image: an image with as many channels as the model learned on.
    ///   - ranges: the intensity ranges; nil takes them from the image itself.
    ///   - orientations: as in `TiledPrediction`.
    /// - Throws: a `Failure` when the number of channels or the pixel size does not fit.
    public func predict(
        _ image: Image, ranges: [IntensityRange]? = nil, orientations: Int = 1
    ) throws -> Prediction {
        try check(image)
        var prediction = prediction
        prediction.orientations = orientations
        var planes: [[Float]] = Array(repeating: [], count: description.network.classes - 1)
        try prediction.predict(image, ranges: ranges) { rows in
            for (number, plane) in rows.probabilities.enumerated() { planes[number] += plane.samples }
        }
        return Prediction(probabilities: planes.map { Plane(width: image.width, height: image.height, samples: $0) })
    }

    /// Checks that an image can be predicted.
    /// - Throws: a `Failure` when the number of channels or the pixel size does not fit.
    public func check(_ image: any ImageRows) throws {
        guard image.channels == description.network.inputChannels else {
            func channels(_ count: Int) -> String { count == 1 ? "1 channel" : "\(count) channels" }
            throw Failure(
                "the image has \(channels(image.channels)), the model takes \(channels(description.network.inputChannels))",
                remedy: "choose the channel or another model", code: "channel-mismatch")
        }
        _ = try prediction.magnification(of: image)
    }

    /// The probabilities of the classes 1 and up in one tile.
    static func probabilities(of tile: TileInput, by network: SegmentationNetwork) throws -> [Plane<Float>] {
        let input = try Tensor([1, tile.channels, tile.height, tile.width], tile.samples)
        let logits = try network.logits(input)
        let pixels = tile.height * tile.width
        let classes = network.description.classes
        return logits.withUnsafePointer { logits in
            if classes == 2 {
                let samples = [Float](unsafeUninitializedCapacity: pixels) { samples, count in
                    count = pixels
                    guard let base = samples.baseAddress else { return }
                    kernels_two_class_probability(logits, logits + pixels, base, pixels)
                }
                return [Plane(width: tile.width, height: tile.height, samples: samples)]
            }
            var work = [Float](repeating: 0, count: 2 * pixels)
            let samples = [Float](unsafeUninitializedCapacity: (classes - 1) * pixels) { samples, count in
                count = (classes - 1) * pixels
                guard let base = samples.baseAddress else { return }
                kernels_class_probabilities(logits, base, pixels, pixels, classes, &work)
            }
            return (0..<classes - 1).map { number in
                Plane(
                    width: tile.width, height: tile.height,
                    samples: Array(samples[number * pixels..<(number + 1) * pixels]))
            }
        }
    }

    package static func hash(_ data: Data) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        data.withUnsafeBytes { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return String(hash, radix: 16)
    }

    private static func damaged(_ path: String, _ why: String) -> Failure {
        Failure("\(path) is damaged: \(why)", remedy: "copy or train the model again", code: "model-damaged")
    }

    private static func reason(_ error: any Error) -> String {
        // The names as they are in the file.
        func name(_ path: [any CodingKey]) -> String {
            path.map(\.stringValue).joined(separator: ".")
                .replacing(/[A-Z]/) { "_" + $0.output.lowercased() }
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "\(name(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            return context.codingPath.isEmpty ? "it is not JSON" : "\(name(context.codingPath)) cannot be read"
        default: return "it cannot be read"
        }
    }
}
