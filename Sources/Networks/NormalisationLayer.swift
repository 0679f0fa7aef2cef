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
    private let pieces: Int
    private static let piece = 8192
    /// Per unit and piece: 32 sums, then 32 second sums.
    private let partial: UnsafeMutablePointer<Double>
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
        pieces = (source.size.pixels + NormalisationLayer.piece - 1) / NormalisationLayer.piece
        partial = .allocate(capacity: source.units * pieces * 64)
        channels = source.paddedChannels
        table = Tensor.allocate(8 * channels)
        table.update(repeating: 0, count: 8 * channels)
    }

    deinit {
        partial.deallocate()
        table.deallocate()
    }

    /// Adds the partial sums of all units and pieces per channel, always in the same order.
    private func totals(_ channel: Int) -> (Double, Double) {
        let perImage = source.units / source.size.batch
        var unit = 0
        while unit + 1 < perImage, source.unit(unit + 1).channel <= channel { unit += 1 }
        let lane = channel - source.unit(unit).channel
        var first = 0.0
        var second = 0.0
        for image in 0..<source.size.batch {
            for piece in 0..<pieces {
                let row = partial + ((image * perImage + unit) * pieces + piece) * 64
                first += row[lane]
                second += row[32 + lane]
            }
        }
        return (first, second)
    }

    private func row(_ unit: Int, _ pixel: Int) -> UnsafeMutablePointer<Double> {
        let row = partial + (unit * pieces + pixel / NormalisationLayer.piece) * 64
        row.update(repeating: 0, count: 64)
        return row
    }

    func forward() {
        // The first pixel is near enough to the mean to keep the sums of squares exact.
        for unit in 0..<source.units / source.size.batch {
            let (base, lanes, channel, _) = source.unit(unit)
            (pivot + channel).update(from: base, count: lanes)
        }
        source.forEachPiece(NormalisationLayer.piece) { unit, pixel, pixels in
            let (base, lanes, channel, _) = source.unit(unit)
            let row = row(unit, pixel)
            kernels_sums(
                base + pixel * source.pixelStride, source.pixelStride, pixels, lanes, pivot + channel, row, row + 32)
        }
        let count = Double(source.size.batch * source.size.pixels)
        let weight = parameters.value(name + ".weight")
        let bias = parameters.value(name + ".bias")
        let runningMean = parameters.value(name + ".running_mean")
        let runningVariance = parameters.value(name + ".running_var")
        for channel in 0..<source.size.channels {
            let (sum, square) = totals(channel)
            let offset = sum / count
            let variance = max(0, square / count - offset * offset)
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
        source.forEachPiece { unit, pixel, pixels in
            let (base, lanes, channel, _) = source.unit(unit)
            kernels_affine(
                base + pixel * source.pixelStride, source.pixelStride,
                destination.unit(unit).base + pixel * destination.pixelStride, destination.pixelStride, pixels, lanes,
                mean + channel, scale + channel, shift + channel, activation.rawValue)
        }
    }

    func backward() {
        source.forEachPiece(NormalisationLayer.piece) { unit, pixel, pixels in
            let (base, lanes, channel, _) = source.unit(unit)
            let row = row(unit, pixel)
            kernels_affine_gradient_sums(
                base + pixel * source.pixelStride, source.pixelStride,
                gradient.unit(unit).base + pixel * gradient.pixelStride, gradient.pixelStride, pixels, lanes,
                scale + channel, shift + channel, mean + channel, activation.rawValue, row, row + 32)
        }
        let count = Double(source.size.batch * source.size.pixels)
        let weightGradient = parameters.gradient(name + ".weight")
        let biasGradient = parameters.gradient(name + ".bias")
        for channel in 0..<source.size.channels {
            let (sum, product) = totals(channel)
            let inverseDeviation = Double(inverse[channel])
            let factor = Double(scale[channel])
            weightGradient[channel] = Float(product * inverseDeviation)
            biasGradient[channel] = Float(sum)
            slopeA[channel] = Float(factor)
            slopeB[channel] = Float(-factor * inverseDeviation * inverseDeviation * product / count)
            slopeC[channel] = Float(-factor * sum / count)
        }
        source.forEachPiece { unit, pixel, pixels in
            let (base, lanes, channel, _) = source.unit(unit)
            kernels_affine_gradient(
                base + pixel * source.pixelStride, source.pixelStride,
                gradient.unit(unit).base + pixel * gradient.pixelStride, gradient.pixelStride,
                sourceGradient.unit(unit).base + pixel * sourceGradient.pixelStride, sourceGradient.pixelStride, pixels,
                lanes, scale + channel, shift + channel, mean + channel, activation.rawValue, slopeA + channel,
                slopeB + channel, slopeC + channel)
        }
    }
}
