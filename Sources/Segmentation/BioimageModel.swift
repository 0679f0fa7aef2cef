import Foundation
import Imaging
import Networks
import Work

/// The model folder of bioimage.io, as https://bioimage-io.github.io/spec-bioimage-io defines it in version 0.5.
extension SegmentationModel {
    private static let specification = "0.5.4"
    /// The side of the test image in pixels.
    private static let testSide = 256
    /// What bioimage.io's `scale_range` adds to the range of intensities.
    private static let scaleEpsilon: Float = 1e-6

    /// rdf.yaml, weights.onnx, a test and a sample of input and output, cover.png and README.md; rdf.yaml comes last.
    func exportBioimage(to folder: String, options: ExportOptions) throws -> [String] {
        func needed(_ what: String, _ option: String) -> Failure {
            Failure("a bioimage.io model needs \(what)", remedy: "give \(option)", code: "export-incomplete")
        }
        let authors = options.authors.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !authors.isEmpty else { throw needed("the names of its authors", "authors") }
        guard !options.licence.isEmpty else { throw needed("a licence", "licence, such as CC-BY-4.0") }
        guard let path = options.image else { throw needed("an image of the kind it is for", "image") }
        let image = try testImage(path, pixelSize_um: options.pixelSize_um, planes: options.planes)
        let planes = (0..<image.channels).map { image.plane($0) }
        let probabilities = try probabilities(of: planes)

        let files = [
            "rdf.yaml", "weights.onnx", "test_input.npy", "test_output.npy", "sample_input.tif", "sample_output.tif",
            "cover.png", "README.md",
        ]
        let paths = files.map { folder + "/" + $0 }
        let form = [1, image.channels, image.height, image.width]
        try makeFolder(folder)
        try? FileManager.default.removeItem(atPath: paths[0])
        try writeWhole(onnx(.probabilities), to: paths[1])
        try Tensor(form, planes.flatMap(\.samples)).writeNumPy(to: paths[2])
        let answer = probabilities.flatMap(\.samples)
        try Tensor([1, probabilities.count, image.height, image.width], answer).writeNumPy(to: paths[3])
        try writeTIFF(image, to: paths[4])
        try writeTIFF(
            Image(
                width: image.width, height: image.height, channels: probabilities.count, samples: .float32(answer),
                pixelSize_um: description.pixelSize_um), to: paths[5])
        let found = Prediction(probabilities: Array(probabilities.dropFirst()))
        try writePNG(cover(planes, found), to: paths[6])
        try writeWhole(Data(bioimageCard.utf8), to: paths[7])
        let text = bioimageDescription(name: options.name, authors: authors, licence: options.licence).document
        try writeWhole(Data(text.utf8), to: paths[0])
        return paths
    }

    /// The middle of an image, at the pixel size of the model.
    private func testImage(_ path: String, pixelSize_um: Double?, planes: PlaneChoice) throws -> Image {
        let rows = try rows(of: path, pixelSize_um: pixelSize_um, planes: planes)
        try check(rows, of: path)
        let factor = try prediction.magnification(of: rows)
        let width = Int((Double(rows.width) * factor).rounded())
        let height = Int((Double(rows.height) * factor).rounded())
        let side = Self.testSide
        guard width >= side, height >= side else {
            throw Failure(
                "\(path) has \(width) x \(height) px at the pixel size of the model",
                remedy: "give an image of at least \(side) x \(side) px", code: "size-mismatch")
        }
        let top = (height - side) / 2
        let middle = try ResampledRows(rows, width: width, height: height).rows(top..<top + side)
            .crop(Region(column: (width - side) / 2, row: 0, width: side, height: side))
        for channel in 0..<middle.channels {
            let samples = middle.plane(channel).samples
            let isFinite = samples.allSatisfy(\.isFinite)
            guard isFinite, samples.contains(where: { $0 != samples[0] }) else {
                let problem = isFinite ? "shows nothing, all of it is \(samples[0])" : "holds what is no number"
                throw Failure(
                    "the middle of \(path), \(side) x \(side) px, \(problem)",
                    remedy: "give an image with objects there", code: "image-empty")
            }
        }
        return middle
    }

    /// The probabilities of all classes after bioimage.io's preprocessing, which knows no noise floor.
    private func probabilities(of planes: [Plane<Float>]) throws -> [Plane<Float>] {
        let scaling = description.scaling
        let ranges = planes.map { plane in
            let ends = plane.quantiles([scaling.lowPercentile / 100, scaling.highPercentile / 100])
            return IntensityRange(low: ends[0], span: ends[1] - ends[0] + Self.scaleEpsilon)
        }
        let samples = scaling.scaled(planes, by: ranges).flatMap(\.samples)
        let (height, width) = (planes[0].height, planes[0].width)
        let objects = try Self.probabilities(
            of: TileInput(channels: planes.count, height: height, width: width, samples: samples), by: network)
        let background = Prediction.object(of: objects).map { 1 - $0 }
        return [background] + objects
    }

    /// The test image, and beside it the same with its objects outlined.
    private func cover(_ planes: [Plane<Float>], _ prediction: Prediction) throws -> Image {
        let (height, width) = (planes[0].height, planes[0].width)
        var plain = Overview(width: width, height: height, channels: planes.count)
        plain.add(planes, firstRow: 0)
        var outlined = plain
        let objects = try SegmentedObjects(mask: prediction.mask(), classes: description.network.classes)
        outlined.add(labels: objects.labels, firstRow: 0)
        let (left, right) = (plain.image(), outlined.image())
        var samples: [UInt8] = []
        for channel in 0..<3 {
            for row in 0..<left.height {
                for half in [left, right] {
                    guard case .uint8(let values) = half.samples else { continue }
                    let first = (channel * half.height + row) * half.width
                    samples += values[first..<first + half.width]
                }
            }
        }
        return Image(width: left.width + right.width, height: left.height, channels: 3, samples: .uint8(samples))
    }

    private var classNames: [String] {
        description.network.classes == 2
            ? ["background", "object"] : ["background"] + (1..<description.network.classes).map { "class \($0)" }
    }

    private func bioimageDescription(name: String, authors: [String], licence: String) -> YAMLNode {
        let network = description.network
        let training = description.training
        let letters = name.unicodeScalars.map {
            CharacterSet.alphanumerics.contains($0) && $0.isASCII || "_+- ()".unicodeScalars.contains($0)
                ? Character($0) : " "
        }
        let what = network.classes == 2 ? "objects" : "objects of \(network.classes - 1) classes"
        return .members([
            ("format_version", .text(Self.specification)), ("type", .text("model")),
            ("name", .text(String(letters.prefix(128)))),
            (
                "description",
                .text(
                    "Finds \(what) in images; \(network.inWords), trained on \(training.objects) annotated objects of \(training.images.count) images."
                )
            ),
            ("authors", .list(authors.map { .members([("name", .text($0))]) })),
            ("license", .text(licence)),
            ("documentation", .text("README.md")), ("covers", .list([.text("cover.png")])),
            ("tags", .list(["segmentation", "2d", network.architecture.rawValue, "stormbench"].map { .text($0) })),
            ("cite", .list([citation])),
            ("inputs", .list([inputTensor])), ("outputs", .list([outputTensor])),
            (
                "weights",
                .members([
                    (
                        "onnx",
                        .members([
                            ("source", .text("weights.onnx")),
                            ("opset_version", .number(SegmentationNetwork.onnxOperatorSet)),
                        ])
                    )
                ])
            ),
            (
                "config",
                .members([
                    (
                        "stormbench",
                        .members([
                            ("noise_floor", .number(description.scaling.noiseFloor)),
                            ("dice", .number(description.scores.dice)),
                            ("accuracy", .number(description.scores.accuracy)),
                            ("iterations", .number(training.iterations)),
                            ("images", .list(training.images.map { .text($0) })),
                        ])
                    )
                ])
            ),
        ])
    }

    private var inputTensor: YAMLNode {
        let scaling = description.scaling
        let channels = (1...description.network.inputChannels).map { "channel \($0)" }
        let least = max(128, 4 * description.halo)
        let size = YAMLNode.members([("min", .number(least)), ("step", .number(description.network.stride))])
        return .members([
            ("id", .text("image")), ("description", .text("An image as it comes from the microscope.")),
            ("axes", .list(axes(channels: channels) { _ in [("size", size)] })),
            ("data", .members([("type", .text("float32"))])),
            ("test_tensor", .members([("source", .text("test_input.npy"))])),
            ("sample_tensor", .members([("source", .text("sample_input.tif"))])),
            (
                "preprocessing",
                .list([
                    .members([
                        ("id", .text("scale_range")),
                        (
                            "kwargs",
                            .members([
                                ("axes", .list([.text("y"), .text("x")])),
                                ("min_percentile", .number(scaling.lowPercentile)),
                                ("max_percentile", .number(scaling.highPercentile)),
                                ("eps", .number(1e-6)),
                            ])
                        ),
                    ]),
                    .members([
                        ("id", .text("clip")),
                        (
                            "kwargs",
                            .members([
                                ("min", .number(Double(scaling.limits.lowerBound))),
                                ("max", .number(Double(scaling.limits.upperBound))),
                            ])
                        ),
                    ]),
                ])
            ),
        ])
    }

    private var outputTensor: YAMLNode {
        .members([
            ("id", .text("probabilities")), ("description", .text("The probability of each class.")),
            (
                "axes",
                .list(
                    axes(channels: classNames) { axis in
                        [
                            ("size", .members([("tensor_id", .text("image")), ("axis_id", .text(axis))])),
                            ("halo", .number(description.halo)),
                        ]
                    })
            ),
            ("data", .members([("type", .text("float32")), ("range", .list([.number(0), .number(1)]))])),
            ("test_tensor", .members([("source", .text("test_output.npy"))])),
            ("sample_tensor", .members([("source", .text("sample_output.tif"))])),
        ])
    }

    private func axes(channels: [String], _ length: (_ axis: String) -> [(String, YAMLNode)]) -> [YAMLNode] {
        var scale: [(String, YAMLNode)] = []
        if let pixel = description.pixelSize_um {
            scale = [("unit", .text("micrometer")), ("scale", .number(pixel))]
        }
        return [
            .members([("type", .text("batch"))]),
            .members([("type", .text("channel")), ("channel_names", .list(channels.map { .text($0) }))]),
        ]
            + ["y", "x"].map { axis in
                .members([("type", .text("space")), ("id", .text(axis))] + length(axis) + scale)
            }
    }

    private var citation: YAMLNode {
        description.network.architecture == .unet
            ? .members([
                (
                    "text",
                    .text("Ronneberger et al. 2015: U-Net: convolutional networks for biomedical image segmentation")
                ), ("doi", .text("10.1007/978-3-319-24574-4_28")),
            ])
            : .members([
                ("text", .text("Chen et al. 2017: Rethinking atrous convolution for semantic image segmentation")),
                ("doi", .text("10.48550/arXiv.1706.05587")),
            ])
    }

    private var bioimageCard: String {
        modelCard(description) + """

            ## In other programs

            The network takes the image scaled as rdf.yaml says, and gives a probability for each of \
            \(classNames.joined(separator: ", ")). Stormbench also scales over no less than \
            \(description.scaling.noiseFloor) standard deviations of the pixel noise, which rdf.yaml cannot say: in an image \
            that holds nothing but noise other programs may find objects where Stormbench finds none.

            ## Validation

            Segment annotated images that were not trained on, and compare the mask, where the probability of background is \
            below 0.5, with the annotation by the Dice coefficient of the pixels.

            """
    }
}
