import Kernels
import Randomness

/// The mean over all pixels of each image and channel.
final class GlobalMeanLayer: Layer {
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?

    init(
        source: FeatureMap, destination: FeatureMap, sourceGradient: GradientTarget?, gradient: FeatureMap?
    ) {
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
    }

    func forward() {
        Team.run(source.units) { unit in
            let (from, lanes, _, _) = source.unit(unit)
            let (to, _, _, _) = destination.unit(unit)
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 64) { sums in
                sums.initialize(repeating: 0)
                guard let base = sums.baseAddress else { return }
                kernels_sums(from, source.pixelStride, source.size.pixels, lanes, zeros, base, base + 32)
                for lane in 0..<lanes { to[lane] = Float(base[lane] / Double(source.size.pixels)) }
            }
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        let share = 1 / Float(source.size.pixels)
        Team.run(source.units) { unit in
            let (from, lanes, _, _) = gradient.unit(unit)
            let (to, _, _, _) = target.map.unit(unit)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { values in
                for lane in 0..<lanes { values.initializeElement(at: lane, to: from[lane] * share) }
                kernels_copy(
                    values.baseAddress, 0, to, target.map.pixelStride, source.size.pixels, lanes, target.flag)
            }
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
    }

    func forward() {
        source.forEachPiece { unit, pixel, pixels in
            let (from, lanes, _, _) = source.unit(unit)
            kernels_affine(
                from + pixel * source.pixelStride, source.pixelStride,
                destination.unit(unit).base + pixel * destination.pixelStride, destination.pixelStride, pixels, lanes,
                zeros, gate.unit(unit).base, zeros, Activation.none.rawValue)
        }
    }

    func backward() {
        guard let sourceGradient, let gateGradient, let gradient else { return }
        Team.run(source.units) { unit in
            let (from, lanes, _, _) = source.unit(unit)
            let (above, _, _, _) = gradient.unit(unit)
            let factors = gate.unit(unit).base
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 64) { sums in
                sums.initialize(repeating: 0)
                guard let base = sums.baseAddress else { return }
                kernels_affine_gradient_sums(
                    from, source.pixelStride, above, gradient.pixelStride, source.size.pixels, lanes, zeros, zeros,
                    zeros, Activation.none.rawValue, base, base + 32)
                let to = gateGradient.map.unit(unit).base
                for lane in 0..<lanes { to[lane] = Float(base[32 + lane]) }
            }
            kernels_affine(
                above, gradient.pixelStride, sourceGradient.map.unit(unit).base, sourceGradient.map.pixelStride,
                source.size.pixels, lanes, zeros, factors, zeros, Activation.none.rawValue)
        }
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
        Team.run(from.units) { unit in
            var random = stream.split(unit)
            let (input, lanes, _, _) = from.unit(unit)
            let (output, _, _, _) = to.unit(unit)
            for pixel in 0..<from.size.pixels {
                let source = input + pixel * from.pixelStride
                let target = output + pixel * to.pixelStride
                var bits: UInt64 = 0
                for lane in 0..<lanes {
                    if lane % 4 == 0 { bits = random.next() }
                    let keep = UInt32(truncatingIfNeeded: bits & 0xFFFF) >= threshold
                    bits >>= 16
                    let value = keep ? source[lane] * scale : 0
                    target[lane] = accumulating ? target[lane] + value : value
                }
            }
        }
    }
}
