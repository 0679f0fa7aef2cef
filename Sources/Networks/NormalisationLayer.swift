import Kernels
import Work

/// Batch norm over batch and pixels with an activation, in training (Ioffe and Szegedy 2015). At inference batch norm is
/// folded into the convolution before it.
final class NormalisationLayer: Layer {
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: FeatureMap
    private let gradient: FeatureMap
    private let parameters: Parameters
    private let name: String
    private let epsilon: Float
    private let momentum: Float
    private let activation: Activation
    private let sums: ChannelSums
    private let table: UnsafeMutablePointer<Float>
    private let channels: Int

    // Rows of the table, one value per padded channel.
    private var pivot: UnsafeMutablePointer<Float> { table }
    private var mean: UnsafeMutablePointer<Float> { table + channels }
    private var inverse: UnsafeMutablePointer<Float> { table + 2 * channels }
    private var scale: UnsafeMutablePointer<Float> { table + 3 * channels }
    private var shift: UnsafeMutablePointer<Float> { table + 4 * channels }
    private var slopeA: UnsafeMutablePointer<Float> { table + 5 * channels }
    private var slopeB: UnsafeMutablePointer<Float> { table + 6 * channels }
    private var slopeC: UnsafeMutablePointer<Float> { table + 7 * channels }

    /// - Throws: a `Failure` when there is only one value per channel, which has no variance.
    init(
        _ name: String, epsilon: Float, momentum: Float, activation: Activation, source: FeatureMap,
        destination: FeatureMap, sourceGradient: FeatureMap, gradient: FeatureMap, parameters: Parameters
    ) throws {
        guard source.size.batch * source.size.pixels > 1 else {
            throw Failure(
                "batch norm \(name) sees a single value per channel", remedy: "train with batches of at least 2",
                code: "batch-too-small")
        }
        self.name = name
        self.epsilon = epsilon
        self.momentum = momentum
        self.activation = activation
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        self.parameters = parameters
        sums = ChannelSums(source)
        channels = source.paddedChannels
        table = Tensor.allocate(8 * channels)
        table.update(repeating: 0, count: 8 * channels)
    }

    deinit { table.deallocate() }

    func forward() {
        // The first pixel is near enough to the mean to keep the sums of squares exact.
        for block in 0..<source.blocks {
            kernels_read(
                source.address(block * source.blockStride), 1, source.block, pivot + block * source.block,
                source.element)
        }
        sums.run { band, pixel, pixels, sum, square in
            kernels_sums(
                source.address(band, pixel), source.pixelStride, pixels, band.lanes, pivot + band.channel, sum, square,
                source.element)
        }
        let total = sums.total()
        let count = Double(source.size.batch * source.size.pixels)
        let weight = parameters.value(name + ".weight")
        let bias = parameters.value(name + ".bias")
        let runningMean = parameters.value(name + ".running_mean")
        let runningVariance = parameters.value(name + ".running_var")
        for channel in 0..<source.size.channels {
            let offset = total.first[channel] / count
            let variance = max(0, total.second[channel] / count - offset * offset)
            let average = Double(pivot[channel]) + offset
            let inverseDeviation = 1 / (variance + Double(epsilon)).squareRoot()
            mean[channel] = Float(average)
            inverse[channel] = Float(inverseDeviation)
            scale[channel] = Float(Double(weight[channel]) * inverseDeviation)
            shift[channel] = Float(
                Double(bias[channel]) + (Double(mean[channel]) - average) * Double(weight[channel]) * inverseDeviation)
            runningMean[channel] += momentum * (Float(average) - runningMean[channel])
            runningVariance[channel] += momentum * (Float(variance * count / (count - 1)) - runningVariance[channel])
        }
        parameters.counters[name + ".num_batches_tracked", default: 0] += 1
        source.forEachPiece { band, pixel, pixels in
            kernels_affine(
                source.address(band, pixel), source.pixelStride, destination.address(band, pixel),
                destination.pixelStride, pixels, band.lanes, mean + band.channel, scale + band.channel,
                shift + band.channel, activation.rawValue, source.element)
        }
    }

    func backward() {
        sums.run { band, pixel, pixels, sum, product in
            kernels_affine_gradient_sums(
                source.address(band, pixel), source.pixelStride, gradient.address(band, pixel), gradient.pixelStride,
                pixels, band.lanes, scale + band.channel, shift + band.channel, mean + band.channel,
                activation.rawValue, sum, product, source.element)
        }
        let total = sums.total()
        let count = Double(source.size.batch * source.size.pixels)
        let weightGradient = parameters.gradient(name + ".weight")
        let biasGradient = parameters.gradient(name + ".bias")
        for channel in 0..<source.size.channels {
            let (sum, product) = (total.first[channel], total.second[channel])
            let inverseDeviation = Double(inverse[channel])
            let factor = Double(scale[channel])
            weightGradient[channel] = Float(product * inverseDeviation)
            biasGradient[channel] = Float(sum)
            slopeA[channel] = Float(factor)
            slopeB[channel] = Float(-factor * inverseDeviation * inverseDeviation * product / count)
            slopeC[channel] = Float(-factor * sum / count)
        }
        source.forEachPiece { band, pixel, pixels in
            kernels_affine_gradient(
                source.address(band, pixel), source.pixelStride, gradient.address(band, pixel), gradient.pixelStride,
                sourceGradient.address(band, pixel), sourceGradient.pixelStride, pixels, band.lanes,
                scale + band.channel, shift + band.channel, mean + band.channel, activation.rawValue,
                slopeA + band.channel, slopeB + band.channel, slopeC + band.channel, source.element)
        }
    }
}
