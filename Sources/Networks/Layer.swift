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
        map.forEachPiece { band, pixel, pixels in
            kernels_copy(zeros, 0, map.address(band, pixel), map.pixelStride, pixels, band.lanes, 0, map.element)
        }
    }
}

/// As many zeros and ones as a loop handles channels at once.
let zeros = [Float](repeating: 0, count: FeatureMap.widestBand)
let ones = [Float](repeating: 1, count: FeatureMap.widestBand)

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
    source.forEachPiece { band, pixel, pixels in
        kernels_copy(
            source.address(band, pixel), source.pixelStride, destination.address(band, pixel), destination.pixelStride,
            pixels, band.lanes, accumulating ? 1 : 0, source.element)
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
        source.forEachPiece { band, pixel, pixels in
            kernels_affine(
                source.address(band, pixel), source.pixelStride, destination.address(band, pixel),
                destination.pixelStride, pixels, band.lanes, zeros, ones, zeros, activation.rawValue, source.element)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        source.forEachPiece { band, pixel, pixels in
            kernels_activation_gradient(
                source.address(band, pixel), source.pixelStride, gradient.address(band, pixel), gradient.pixelStride,
                target.map.address(band, pixel), target.map.pixelStride, pixels, band.lanes, activation.rawValue,
                target.flag, source.element)
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
        destination.forEachPiece { band, pixel, pixels in
            kernels_add(
                first.address(band, pixel), first.pixelStride, second.address(band, pixel), second.pixelStride,
                destination.address(band, pixel), destination.pixelStride, pixels, band.lanes, activation.rawValue,
                destination.element)
        }
    }

    func backward() {
        guard let gradient else { return }
        for target in sourceGradients {
            destination.forEachPiece { band, pixel, pixels in
                kernels_activation_gradient(
                    destination.address(band, pixel), destination.pixelStride, gradient.address(band, pixel),
                    gradient.pixelStride, target.map.address(band, pixel), target.map.pixelStride, pixels, band.lanes,
                    activation.rawValue, target.flag, destination.element)
            }
        }
    }
}
