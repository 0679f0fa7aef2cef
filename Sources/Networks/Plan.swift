import Randomness
import Work

/// A graph laid out for one size of input: maps, gradients and layers, with memory shared where times allow it.
final class Plan {
    let input: FeatureMap
    let output: FeatureMap
    let outputGradient: FeatureMap?
    /// Bytes of activations and gradients.
    var memory: Int { arena.bytes }

    private let arena: Arena
    private let layers: [any Layer]
    private let weights: WeightLoader

    /// Lays out a graph.
    /// - Parameters:
    ///   - input: the size of the input.
    ///   - precision: of the maps before the last convolution; its own scores are in Float32.
    ///   - dropout: the random stream of a dropout node in the present step; nil lays out for inference.
    init(
        _ graph: Graph, input: MapSize, precision: Precision, engine: any ConvolutionEngine, parameters: Parameters,
        dropout: ((Graph.Node) -> RandomSource)?
    ) throws {
        let layout = Layout(graph, input: input, precision: precision, engine: engine, training: dropout != nil)
        arena = Arena(layout.storages)
        weights = WeightLoader(parameters, training: dropout != nil)
        self.input = layout.maps[0]
        output = layout.maps[graph.operations.count - 1]
        outputGradient = layout.gradients[graph.operations.count - 1]
        var layers: [any Layer] = []
        for node in 1..<graph.operations.count {
            if let layer = try layout.layer(
                node, engine: engine, parameters: parameters, weights: weights, dropout: dropout)
            {
                layers.append(layer)
            }
        }
        self.layers = layers
    }

    /// Computes the output from the input with the present parameters.
    func forward() throws {
        try weights.load()
        for layer in layers { try layer.forward() }
    }

    /// Computes all gradients from the gradient of the output.
    func backward() throws { for layer in layers.reversed() { try layer.backward() } }
}

/// Gives the convolutions of a plan their weights when these have changed, in inference with batch norm folded in.
final class WeightLoader {
    private struct Entry {
        let convolution: any Convolution
        let name: String
        let shape: ConvolutionShape
        let bias: Bool
        let norm: (name: String, epsilon: Float)?
    }
    private let parameters: Parameters
    private let training: Bool
    private var entries: [Entry] = []
    private var version = -1

    init(_ parameters: Parameters, training: Bool) {
        self.parameters = parameters
        self.training = training
    }

    func add(
        _ convolution: any Convolution, _ name: String, _ shape: ConvolutionShape, bias: Bool,
        norm: (name: String, epsilon: Float)?
    ) {
        entries.append(Entry(convolution: convolution, name: name, shape: shape, bias: bias, norm: norm))
    }

    func load() throws {
        guard version != parameters.version else { return }
        for entry in entries {
            let values = UnsafePointer(parameters.value(entry.name + ".weight"))
            let bias = entry.bias ? UnsafePointer(parameters.value(entry.name + ".bias")) : nil
            if let norm = entry.norm {
                try fold(entry, norm, values, bias)
            } else {
                try entry.convolution.load(weights: values, bias: bias)
            }
        }
        version = parameters.version
    }

    /// w' = w * s and b' = (b - mean) * s + beta with s = gamma / sqrt(variance + epsilon).
    private func fold(
        _ entry: Entry, _ norm: (name: String, epsilon: Float), _ values: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?
    ) throws {
        let outputs = entry.shape.outputChannels
        let perOutput = entry.shape.weightCount / outputs
        let gamma = parameters.value(norm.name + ".weight")
        let beta = parameters.value(norm.name + ".bias")
        let mean = parameters.value(norm.name + ".running_mean")
        let variance = parameters.value(norm.name + ".running_var")
        let folded = Tensor.allocate(entry.shape.weightCount)
        let shifts = Tensor.allocate(outputs)
        defer {
            folded.deallocate()
            shifts.deallocate()
        }
        for output in 0..<outputs {
            let scale = gamma[output] / (variance[output] + norm.epsilon).squareRoot()
            for index in output * perOutput..<(output + 1) * perOutput { folded[index] = values[index] * scale }
            shifts[output] = ((bias?[output] ?? 0) - mean[output]) * scale + beta[output]
        }
        try entry.convolution.load(weights: folded, bias: shifts)
    }
}
