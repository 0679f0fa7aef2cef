import Kernels
import Randomness

/// The mean over all pixels of each image and channel.
final class GlobalMeanLayer: Layer {
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let sums: ChannelSums

    init(
        source: FeatureMap, destination: FeatureMap, sourceGradient: GradientTarget?, gradient: FeatureMap?
    ) {
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        sums = ChannelSums(source)
    }

    func forward() {
        sums.run { band, pixel, pixels, sum, square in
            kernels_sums(
                source.address(band, pixel), source.pixelStride, pixels, band.lanes, zeros, sum, square, source.element)
        }
        for image in 0..<source.size.batch {
            destination.write(sums.total(image).first, of: image, times: 1 / Double(source.size.pixels))
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        spread(gradient, to: target.map, times: 1 / Float(source.size.pixels), accumulating: target.accumulates)
    }
}

/// Repeats a map of one pixel over a larger one: its bilinear interpolation.
final class RepetitionLayer: Layer {
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: FeatureMap?
    private let gradient: FeatureMap?
    private let sums: ChannelSums

    /// - Parameter sourceGradient: is overwritten.
    init(source: FeatureMap, destination: FeatureMap, sourceGradient: FeatureMap?, gradient: FeatureMap?) {
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        sums = ChannelSums(destination)
    }

    func forward() { spread(source, to: destination, times: 1, accumulating: false) }

    func backward() {
        guard let sourceGradient, let gradient else { return }
        sums.run { band, pixel, pixels, sum, square in
            kernels_sums(
                gradient.address(band, pixel), gradient.pixelStride, pixels, band.lanes, zeros, sum, square,
                gradient.element)
        }
        for image in 0..<gradient.size.batch { sourceGradient.write(sums.total(image).first, of: image, times: 1) }
    }
}

/// Writes a map of one pixel, times a factor, to all pixels of another, or adds it.
private func spread(_ source: FeatureMap, to destination: FeatureMap, times factor: Float, accumulating: Bool) {
    destination.forEachPiece { band, pixel, pixels in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * band.lanes) { room in
            guard let values = room.baseAddress else { return }
            let own = UnsafeMutableRawPointer(values + band.lanes)
            kernels_read(source.address(band), 1, band.lanes, values, source.element)
            for lane in 0..<band.lanes { values[lane] *= factor }
            kernels_write(values, band.lanes, own, 1, destination.element)
            kernels_copy(
                own, 0, destination.address(band, pixel), destination.pixelStride, pixels, band.lanes,
                accumulating ? 1 : 0, destination.element)
        }
    }
}

extension FeatureMap {
    /// Sets the one pixel of an image.
    fileprivate func write(_ values: UnsafePointer<Double>, of image: Int, times factor: Double) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: paddedChannels) { numbers in
            for channel in 0..<paddedChannels {
                numbers.initializeElement(at: channel, to: Float(values[channel] * factor))
            }
            kernels_write(numbers.baseAddress, paddedChannels, address(place(image, 0, 0)), 1, element)
        }
    }
}

/// Multiplies every channel by a gate, a map of one pixel (Hu et al. 2018). It has to be the last reader of its source.
final class ExcitationLayer: Layer {
    private let source: FeatureMap
    private let gate: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gateGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let sums: ChannelSums

    init(
        source: FeatureMap, gate: FeatureMap, destination: FeatureMap, sourceGradient: GradientTarget?,
        gateGradient: GradientTarget?, gradient: FeatureMap?
    ) {
        self.source = source
        self.gate = gate
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gateGradient = gateGradient
        self.gradient = gradient
        sums = ChannelSums(source)
    }

    func forward() { multiply(source, into: destination) }

    private func multiply(_ map: FeatureMap, into result: FeatureMap) {
        map.forEachPiece { band, pixel, pixels in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: band.lanes) { factors in
                kernels_read(gate.address(band), 1, band.lanes, factors.baseAddress, gate.element)
                kernels_affine(
                    map.address(band, pixel), map.pixelStride, result.address(band, pixel), result.pixelStride, pixels,
                    band.lanes, zeros, factors.baseAddress, zeros, Activation.none.rawValue, map.element)
            }
        }
    }

    func backward() {
        guard let sourceGradient, let gateGradient, let gradient else { return }
        sums.run { band, pixel, pixels, sum, product in
            kernels_affine_gradient_sums(
                source.address(band, pixel), source.pixelStride, gradient.address(band, pixel), gradient.pixelStride,
                pixels, band.lanes, zeros, zeros, zeros, Activation.none.rawValue, sum, product, source.element)
        }
        for image in 0..<source.size.batch { gateGradient.map.write(sums.total(image).second, of: image, times: 1) }
        multiply(gradient, into: sourceGradient.map)
    }
}

/// Sets features to zero with a probability and scales the others up (Srivastava et al. 2014), in training.
final class DropoutLayer: Layer {
    private let probability: Float
    private let stream: () -> RandomSource
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget
    private let gradient: FeatureMap

    /// - Parameter stream: the random stream of the present training step; backward draws it again.
    init(
        probability: Float, stream: @escaping () -> RandomSource, source: FeatureMap, destination: FeatureMap,
        sourceGradient: GradientTarget, gradient: FeatureMap
    ) {
        self.probability = probability
        self.stream = stream
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
    }

    func forward() { apply(from: source, to: destination, accumulating: false) }

    func backward() { apply(from: gradient, to: sourceGradient.map, accumulating: sourceGradient.accumulates) }

    private func apply(from: FeatureMap, to: FeatureMap, accumulating: Bool) {
        let stream = stream()
        let threshold = UInt32(Double(probability) * 65536)
        let scale = 1 / (1 - probability)
        Team.run(from.units) { index in
            var random = stream.split(index)
            let unit = from.unit(index)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * unit.lanes) { room in
                guard let values = room.baseAddress else { return }
                let earlier = values + unit.lanes
                for pixel in 0..<from.size.pixels {
                    let target = to.address(unit, pixel)
                    kernels_read(from.address(unit, pixel), 1, unit.lanes, values, from.element)
                    if accumulating { kernels_read(target, 1, unit.lanes, earlier, to.element) }
                    var bits: UInt64 = 0
                    for lane in 0..<unit.lanes {
                        if lane % 4 == 0 { bits = random.next() }
                        let keep = UInt32(truncatingIfNeeded: bits & 0xFFFF) >= threshold
                        bits >>= 16
                        values[lane] = (keep ? values[lane] * scale : 0) + (accumulating ? earlier[lane] : 0)
                    }
                    kernels_write(values, unit.lanes, target, 1, to.element)
                }
            }
        }
    }
}
