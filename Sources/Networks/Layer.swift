import Kernels

/// One step of a plan, bound to its maps.
protocol Layer: AnyObject {
    func forward() throws
    /// Computes the gradients of the sources and of the parameters from the gradient of the result.
    func backward() throws
}

/// A map's gradient as one of its readers sees it: the first reader that runs backward writes it, later ones add.
struct GradientTarget {
    let map: FeatureMap
    let accumulates: Bool

    var flag: Int32 { accumulates ? 1 : 0 }

    /// Sets the gradient to zero before a layer adds scattered parts to it, unless there is something in it already.
    func clearUnlessAccumulating() {
        guard !accumulates else { return }
        map.forEachPiece { unit, pixel, pixels in
            let (base, lanes, _, _) = map.unit(unit)
            zeros.withUnsafeBufferPointer {
                kernels_copy($0.baseAddress, 0, base + pixel * map.pixelStride, map.pixelStride, pixels, lanes, 0)
            }
        }
    }
}

/// As many zeros as a unit can have lanes.
let zeros = [Float](repeating: 0, count: 32)

/// A convolution with its parameters.
final class ConvolutionLayer: Layer {
    let convolution: any Convolution
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let scratch: FeatureMap?
    private let weightGradient: UnsafeMutablePointer<Float>?
    private let biasGradient: UnsafeMutablePointer<Float>?

    /// - Parameter scratch: a map like the source, needed where the source's gradient is added to.
    init(
        _ convolution: any Convolution, source: FeatureMap, destination: FeatureMap,
        sourceGradient: GradientTarget? = nil, gradient: FeatureMap? = nil, scratch: FeatureMap? = nil,
        weightGradient: UnsafeMutablePointer<Float>? = nil, biasGradient: UnsafeMutablePointer<Float>? = nil
    ) {
        self.convolution = convolution
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        self.scratch = scratch
        self.weightGradient = weightGradient
        self.biasGradient = biasGradient
    }

    func forward() throws { try convolution.forward(source: source.base, destination: destination.base) }

    func backward() throws {
        guard let gradient, let weightGradient else { return }
        try convolution.backwardWeights(
            source: source.base, gradient: gradient.base, weightGradient: weightGradient, biasGradient: biasGradient)
        guard let target = sourceGradient else { return }
        guard let scratch else {
            return try convolution.backwardData(gradient: gradient.base, sourceGradient: target.map.base)
        }
        try convolution.backwardData(gradient: gradient.base, sourceGradient: scratch.base)
        copy(scratch, to: target.map, accumulating: target.accumulates)
    }
}

/// Copies a map to one of the same size, or adds it.
func copy(_ source: FeatureMap, to destination: FeatureMap, accumulating: Bool) {
    source.forEachPiece { unit, pixel, pixels in
        let (from, lanes, _, _) = source.unit(unit)
        let (to, _, _, _) = destination.unit(unit)
        kernels_copy(
            from + pixel * source.pixelStride, source.pixelStride, to + pixel * destination.pixelStride,
            destination.pixelStride, pixels, lanes, accumulating ? 1 : 0)
    }
}

/// Copies maps into the channels of a larger one, for those sources that could not be made views of it.
final class ConcatenationLayer: Layer {
    /// A source, its place in the whole, and the same for gradients.
    struct Part {
        let source: FeatureMap
        let place: FeatureMap
        let sourceGradient: GradientTarget?
        let gradient: FeatureMap?
    }
    private let parts: [Part]

    init(_ parts: [Part]) { self.parts = parts }

    func forward() { for part in parts { copy(part.source, to: part.place, accumulating: false) } }

    func backward() {
        for part in parts {
            if let target = part.sourceGradient, let gradient = part.gradient {
                copy(gradient, to: target.map, accumulating: target.accumulates)
            }
        }
    }
}

/// An activation of its own.
final class ActivationLayer: Layer {
    private let activation: Activation
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let ones = [Float](repeating: 1, count: 32)

    init(
        _ activation: Activation, source: FeatureMap, destination: FeatureMap, sourceGradient: GradientTarget?,
        gradient: FeatureMap?
    ) {
        self.activation = activation
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
    }

    func forward() {
        source.forEachPiece { unit, pixel, pixels in
            let (from, lanes, _, _) = source.unit(unit)
            let (to, _, _, _) = destination.unit(unit)
            kernels_affine(
                from + pixel * source.pixelStride, source.pixelStride, to + pixel * destination.pixelStride,
                destination.pixelStride, pixels, lanes, zeros, ones, zeros, activation.rawValue)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        source.forEachPiece { unit, pixel, pixels in
            let (from, lanes, _, _) = source.unit(unit)
            kernels_activation_gradient(
                from + pixel * source.pixelStride, source.pixelStride,
                gradient.unit(unit).base + pixel * gradient.pixelStride, gradient.pixelStride,
                target.map.unit(unit).base + pixel * target.map.pixelStride, target.map.pixelStride, pixels, lanes,
                activation.rawValue, target.flag)
        }
    }
}

/// The sum of two maps and a ReLU or nothing.
final class SumLayer: Layer {
    private let activation: Activation
    private let sources: [FeatureMap]
    private let destination: FeatureMap
    private let sourceGradients: [GradientTarget]
    private let gradient: FeatureMap?

    init(
        _ activation: Activation, sources: [FeatureMap], destination: FeatureMap, sourceGradients: [GradientTarget],
        gradient: FeatureMap?
    ) {
        self.activation = activation
        self.sources = sources
        self.destination = destination
        self.sourceGradients = sourceGradients
        self.gradient = gradient
    }

    func forward() {
        let (first, second) = (sources[0], sources[1])
        destination.forEachPiece { unit, pixel, pixels in
            let (to, lanes, _, _) = destination.unit(unit)
            kernels_add(
                first.unit(unit).base + pixel * first.pixelStride, first.pixelStride,
                second.unit(unit).base + pixel * second.pixelStride, second.pixelStride,
                to + pixel * destination.pixelStride, destination.pixelStride, pixels, lanes, activation.rawValue)
        }
    }

    func backward() {
        guard let gradient else { return }
        for target in sourceGradients {
            destination.forEachPiece { unit, pixel, pixels in
                let (result, lanes, _, _) = destination.unit(unit)
                kernels_activation_gradient(
                    result + pixel * destination.pixelStride, destination.pixelStride,
                    gradient.unit(unit).base + pixel * gradient.pixelStride, gradient.pixelStride,
                    target.map.unit(unit).base + pixel * target.map.pixelStride, target.map.pixelStride, pixels,
                    lanes, activation.rawValue, target.flag)
            }
        }
    }
}
