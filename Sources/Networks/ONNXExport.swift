import Foundation
import Work

/// What an exported network gives for each pixel.
public enum ExportedResult: String, Sendable {
    /// A score per class, as `logits` does.
    case logits
    /// A probability per class.
    case probabilities
}

extension SegmentationNetwork {
    /// The version of ONNX's operators that `onnx` uses.
    public static var onnxOperatorSet: Int { ONNXGraph.operatorSet }

    /// The network in evaluation mode as an ONNX model.
    ///
    /// Its input `image` is [batch, channels, height, width], its output, named after `result`, [batch, classes, height,
    /// width]; batch, height and width are free. Sides are padded inside by repetition of the last row and column where
    /// the network needs it, as in `logits`. Parameters keep their names.
    /// - Parameters:
    ///   - description: for people, such as how intensities have to be scaled.
    ///   - properties: for programs.
    public func onnx(result: ExportedResult, description text: String, properties: [String: String]) -> Data {
        var onnx = ONNXGraph()
        let free: [ONNXGraph.Dimension] = [.free("height"), .free("width")]
        onnx.declareInput("image", [.free("batch"), .fixed(description.inputChannels)] + free)
        onnx.declareOutput(result.rawValue, [.free("batch"), .fixed(description.classes)] + free)
        for declaration in parameters.declarations where declaration.kind != .counter {
            onnx.add(declaration.name, shape: declaration.shape, parameters.value(declaration.name))
        }
        let size = onnx.size(of: "image")
        let isPadded = description.stride > 1
        let input = isPadded ? onnx.padded("image", size: size, multiple: description.stride) : "image"
        var scores = onnx.add(description.graph(), input: input)
        if isPadded {
            scores = onnx.add("Slice", [scores, onnx.constant([0, 0]), size, onnx.constant([2, 3])])
        }
        switch result {
        case .logits: _ = onnx.add("Identity", [scores], name: result.rawValue)
        case .probabilities: _ = onnx.add("Softmax", [scores], name: result.rawValue, [("axis", .integer(1))])
        }
        return onnx.model(
            name: description.architecture.rawValue, producer: "Stormbench", description: text, properties: properties)
    }
}

extension ONNXGraph {
    /// Adds the network's graph.
    /// - Returns: the name of its result.
    fileprivate mutating func add(_ graph: Graph, input: String) -> String {
        var names: [String] = []
        for node in graph.operations.indices {
            let sources = graph.sources[node].map { names[$0] }
            switch graph.operations[node] {
            case .input: names.append(input)
            case .convolution(let name, let kernel, let stride, let dilation, let groups, let bias):
                let padding = (kernel - 1) / 2 * dilation
                names.append(
                    add(
                        "Conv", sources + [name + ".weight"] + (bias ? [name + ".bias"] : []), name: name,
                        [
                            ("kernel_shape", .integers([kernel, kernel])), ("strides", .integers([stride, stride])),
                            ("dilations", .integers([dilation, dilation])), ("group", .integer(groups)),
                            ("pads", .integers([padding, padding, padding, padding])),
                        ]))
            case .normalisation(let name, let epsilon, _, let activation):
                let normalised = add(
                    "BatchNormalization",
                    sources + [".weight", ".bias", ".running_mean", ".running_var"].map { name + $0 }, name: name,
                    [("epsilon", .number(epsilon))])
                names.append(activated(normalised, activation))
            case .activation(let activation): names.append(activated(sources[0], activation))
            case .sum(let activation): names.append(activated(add("Add", sources), activation))
            case .maximumPooling(let kernel, let stride, let padding):
                names.append(
                    add(
                        "MaxPool", sources,
                        [
                            ("kernel_shape", .integers([kernel, kernel])), ("strides", .integers([stride, stride])),
                            ("pads", .integers([padding, padding, padding, padding])),
                        ]))
            case .interpolation: names.append(interpolated(sources[0], like: sources[1]))
            case .concatenation: names.append(add("Concat", sources, [("axis", .integer(1))]))
            case .globalMean: names.append(add("GlobalAveragePool", sources))
            case .excitation: names.append(add("Mul", sources))
            case .dropout: names.append(sources[0])
            }
        }
        return names[names.count - 1]
    }

    private mutating func activated(_ source: String, _ activation: Activation) -> String {
        // relu6(x + 3) / 6
        func gate() -> String {
            add("HardSigmoid", [source], [("alpha", .number(1 / 6)), ("beta", .number(0.5))])
        }
        switch activation {
        case .none: return source
        case .relu: return add("Relu", [source])
        case .hardSigmoid: return gate()
        case .hardSwish: return add("Mul", [source, gate()])
        }
    }

    /// Height and width of a map, two whole numbers.
    fileprivate mutating func size(of map: String) -> String {
        add("Slice", [add("Shape", [map]), constant([2]), constant([4])])
    }

    /// A map with rows and columns repeated at the end until its sides are multiples.
    fileprivate mutating func padded(_ map: String, size: String, multiple: Int) -> String {
        // The remainder has the sign of the divisor.
        let missing = add("Mod", [add("Sub", [constant([0]), size]), constant([multiple])])
        let pads = add("Concat", [constant([0, 0, 0, 0, 0, 0]), missing], [("axis", .integer(0))])
        return add("Pad", [map, pads], [("mode", .text("edge"))])
    }

    private mutating func interpolated(_ source: String, like model: String) -> String {
        let front = add("Slice", [add("Shape", [source]), constant([0]), constant([2])])
        let sizes = add("Concat", [front, size(of: model)], [("axis", .integer(0))])
        return add(
            "Resize", [source, "", "", sizes],
            [("mode", .text("linear")), ("coordinate_transformation_mode", .text("half_pixel"))])
    }
}
