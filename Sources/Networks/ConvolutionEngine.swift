/// The activations that a network uses; the raw value is the code of the kernels.
enum Activation: Int32 {
    case none = 0
    /// max(x, 0)
    case relu = 1
    /// x * relu6(x + 3) / 6
    case hardSwish = 2
    /// relu6(x + 3) / 6
    case hardSigmoid = 3
}

/// A two-dimensional convolution with square kernel, zero padding and equal strides.
struct ConvolutionShape: Hashable {
    var source: MapSize
    var outputChannels: Int
    var kernel: Int
    var stride = 1
    var dilation = 1
    var groups = 1

    /// The padding on each side that keeps the size at stride 1.
    var padding: Int { (kernel - 1) / 2 * dilation }

    private func outputLength(_ length: Int) -> Int {
        (length + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1
    }

    /// The size of the output.
    var destination: MapSize {
        MapSize(
            batch: source.batch, channels: outputChannels, height: outputLength(source.height),
            width: outputLength(source.width))
    }

    /// [output channels, input channels per group, kernel, kernel]
    var weightShape: [Int] { [outputChannels, source.channels / groups, kernel, kernel] }
    /// The number of weights.
    var weightCount: Int { outputChannels * (source.channels / groups) * kernel * kernel }
}

/// What a convolution does besides multiplying.
struct ConvolutionTask {
    /// Whether there is a bias.
    var bias = false
    /// Whether the product is added to what the destination holds; only for inference.
    var adds = false
    /// Applied to the sum; only for inference.
    var activation = Activation.none
    /// Whether the gradients will be asked for.
    var training = false
}

/// What runs convolutions. oneDNN is the default; OpenBLAS is the portable second path.
protocol ConvolutionEngine: AnyObject {
    /// The format of all inner maps of a network with these channel counts.
    func format(channels: [Int]) -> MapFormat
    /// The format of the network's input.
    func inputFormat(channels: Int, inner: MapFormat) -> MapFormat
    /// Prepares a convolution between dense maps of given kinds.
    func convolution(
        _ shape: ConvolutionShape, source: MapKind, destination: MapKind, task: ConvolutionTask
    ) throws -> any Convolution
}

/// A convolution for fixed sizes. Weights are [out, in / groups, kernel, kernel] in plain order.
protocol Convolution: AnyObject {
    /// Takes new weights. In training they have to stay in place until the next call; in inference they are copied.
    func load(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) throws
    /// Computes the output from the input.
    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) throws
    /// Computes the gradient of the input, which is overwritten.
    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) throws
    /// Computes the gradients of weights and bias, which are overwritten.
    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?) throws
}
