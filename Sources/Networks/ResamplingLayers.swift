import Kernels

/// The largest value of each window.
final class MaximumPoolingLayer: Layer {
    private let kernel: Int
    private let stride: Int
    private let padding: Int
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let winners: UnsafeMutablePointer<UInt8>

    init(
        kernel: Int, stride: Int, padding: Int, source: FeatureMap, destination: FeatureMap,
        sourceGradient: GradientTarget?, gradient: FeatureMap?
    ) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        winners = .allocate(capacity: destination.units * destination.size.pixels * 32)
    }

    deinit { winners.deallocate() }

    func forward() {
        let size = destination.size
        Team.run(destination.units) { unit in
            let (to, lanes, _, _) = destination.unit(unit)
            kernels_maximum_pool(
                source.unit(unit).base, source.pixelStride, source.size.height, source.size.width, to,
                destination.pixelStride, size.height, size.width, lanes, kernel, stride, padding,
                winners + unit * size.pixels * 32)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        target.clearUnlessAccumulating()
        let size = destination.size
        Team.run(destination.units) { unit in
            let (from, lanes, _, _) = gradient.unit(unit)
            kernels_maximum_pool_gradient(
                from, gradient.pixelStride, size.height, size.width, target.map.unit(unit).base,
                target.map.pixelStride, source.size.height, source.size.width, lanes, kernel, stride, padding,
                winners + unit * size.pixels * 32)
        }
    }
}

/// Where bilinear interpolation without aligned corners reads along one axis.
struct InterpolationAxis {
    var low: [Int32] = []
    var high: [Int32] = []
    /// The weight of `high`.
    var weight: [Float] = []

    init(from source: Int, to destination: Int) {
        let scale = Float(source) / Float(destination)
        for index in 0..<destination {
            let position = max(0, scale * (Float(index) + 0.5) - 0.5)
            let low = min(Int(position), source - 1)
            self.low.append(Int32(low))
            high.append(Int32(min(low + 1, source - 1)))
            weight.append(position - Float(low))
        }
    }
}

/// Bilinear interpolation to another size.
final class InterpolationLayer: Layer {
    private let source: FeatureMap
    private let destination: FeatureMap
    private let sourceGradient: GradientTarget?
    private let gradient: FeatureMap?
    private let rows: InterpolationAxis
    private let columns: InterpolationAxis

    init(
        source: FeatureMap, destination: FeatureMap, sourceGradient: GradientTarget?, gradient: FeatureMap?
    ) {
        self.source = source
        self.destination = destination
        self.sourceGradient = sourceGradient
        self.gradient = gradient
        rows = InterpolationAxis(from: source.size.height, to: destination.size.height)
        columns = InterpolationAxis(from: source.size.width, to: destination.size.width)
    }

    func forward() {
        let height = destination.size.height
        let parts = max(1, min(height, 8 / destination.units))
        Team.run(destination.units * parts) { index in
            let (unit, part) = (index / parts, index % parts)
            let (to, lanes, _, _) = destination.unit(unit)
            kernels_interpolate(
                source.unit(unit).base, source.pixelStride, source.size.width, to, destination.pixelStride,
                destination.size.width, lanes, height * part / parts, height * (part + 1) / parts, rows.low, rows.high,
                rows.weight, columns.low, columns.high, columns.weight)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        target.clearUnlessAccumulating()
        Team.run(gradient.units) { unit in
            let (from, lanes, _, _) = gradient.unit(unit)
            kernels_interpolate_gradient(
                from, gradient.pixelStride, gradient.size.height, gradient.size.width, target.map.unit(unit).base,
                target.map.pixelStride, source.size.width, lanes, rows.low, rows.high, rows.weight, columns.low,
                columns.high, columns.weight)
        }
    }
}
