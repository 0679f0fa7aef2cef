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
        winners = .allocate(capacity: destination.size.batch * destination.paddedChannels * destination.size.pixels)
    }

    deinit { winners.deallocate() }

    /// Where the winners of a unit lie.
    private func winners(_ unit: FeatureMap.Stretch) -> UnsafeMutablePointer<UInt8> {
        winners + (unit.image * destination.paddedChannels + unit.channel) * destination.size.pixels
    }

    func forward() {
        let size = destination.size
        Team.run(destination.units) { index in
            let unit = destination.unit(index)
            kernels_maximum_pool(
                source.address(unit), source.pixelStride, source.size.height, source.size.width,
                destination.address(unit), destination.pixelStride, size.height, size.width, unit.lanes, kernel, stride,
                padding, winners(unit), source.element)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        target.clearUnlessAccumulating()
        let size = destination.size
        Team.run(destination.units) { index in
            let unit = destination.unit(index)
            kernels_maximum_pool_gradient(
                gradient.address(unit), gradient.pixelStride, size.height, size.width, target.map.address(unit),
                target.map.pixelStride, source.size.height, source.size.width, unit.lanes, kernel, stride, padding,
                winners(unit), gradient.element)
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
            let part = index % parts
            let unit = destination.unit(index / parts)
            kernels_interpolate(
                source.address(unit), source.pixelStride, source.size.width, destination.address(unit),
                destination.pixelStride, destination.size.width, unit.lanes, height * part / parts,
                height * (part + 1) / parts, rows.low, rows.high, rows.weight, columns.low, columns.high,
                columns.weight, source.element)
        }
    }

    func backward() {
        guard let target = sourceGradient, let gradient else { return }
        Team.run(gradient.units) { index in
            let unit = gradient.unit(index)
            let pixels = source.size.pixels
            withUnsafeTemporaryAllocation(of: Float.self, capacity: pixels * unit.lanes) { room in
                room.initialize(repeating: 0)
                guard let sums = room.baseAddress else { return }
                kernels_interpolate_gradient(
                    gradient.address(unit), gradient.pixelStride, gradient.size.height, gradient.size.width, sums,
                    unit.lanes, source.size.width, unit.lanes, rows.low, rows.high, rows.weight, columns.low,
                    columns.high, columns.weight, gradient.element)
                kernels_take(
                    sums, unit.lanes, target.map.address(unit), target.map.pixelStride, pixels, unit.lanes, target.flag,
                    target.map.element)
            }
        }
    }
}
