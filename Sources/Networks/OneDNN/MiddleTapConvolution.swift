/// A convolution that is dilated so far that only the middle one of its taps ever lies inside the map: oneDNN runs it as
/// one of a single tap, for some of its kernels multiply the padding too.
final class MiddleTapConvolution: Convolution {
    private let inner: any Convolution
    private let taps: Int
    /// Of the middle taps alone.
    private let count: Int
    private let weights: UnsafeMutablePointer<Float>

    /// Whether only the middle tap counts.
    static func suits(_ shape: ConvolutionShape) -> Bool {
        shape.kernel == 3 && shape.stride == 1 && shape.dilation >= max(shape.source.height, shape.source.width)
    }

    /// - Parameter make: makes the convolution of a single tap.
    init(_ shape: ConvolutionShape, make: (ConvolutionShape) throws -> any Convolution) rethrows {
        var single = shape
        single.kernel = 1
        single.dilation = 1
        inner = try make(single)
        taps = shape.kernel * shape.kernel
        count = single.weightCount
        weights = Tensor.allocate(count)
    }

    deinit { weights.deallocate() }

    func load(weights plain: UnsafePointer<Float>, bias: UnsafePointer<Float>?) throws {
        for index in 0..<count { weights[index] = plain[index * taps + taps / 2] }
        try inner.load(weights: weights, bias: bias)
    }

    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) throws {
        try inner.forward(source: source, destination: destination)
    }

    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) throws {
        try inner.backwardData(gradient: gradient, sourceGradient: sourceGradient)
    }

    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        try inner.backwardWeights(
            source: source, gradient: gradient, weightGradient: weightGradient, biasGradient: biasGradient)
        // From the last on, so that no number is overwritten before it is moved.
        for index in (0..<count).reversed() {
            let value = weightGradient[index]
            for tap in 0..<taps { weightGradient[index * taps + tap] = tap == taps / 2 ? value : 0 }
        }
    }
}
