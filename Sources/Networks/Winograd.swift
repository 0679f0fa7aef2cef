import Kernels

/// Runs 3x3 convolutions by Winograd's algorithm where it pays and leaves all others to another engine.
///
/// F(4x4, 3x3) (Lavin and Gray 2016) needs a quarter of the multiplications. A dilated convolution is one of stride 1 on
/// every phase of the image.
final class WinogradEngine: ConvolutionEngine {
    private let base: any ConvolutionEngine
    private let workspace = WinogradWorkspace()

    init(over base: any ConvolutionEngine) { self.base = base }

    func format(channels: [Int]) -> MapFormat { base.format(channels: channels) }

    func inputFormat(channels: Int, inner: MapFormat) -> MapFormat {
        base.inputFormat(channels: channels, inner: inner)
    }

    func convolution(
        _ shape: ConvolutionShape, source: MapKind, destination: MapKind, task: ConvolutionTask
    ) throws -> any Convolution {
        if !task.adds, WinogradEngine.canRun(shape, source.format, destination.format) {
            if !task.training, source.precision == destination.precision,
                WinogradInference.pays(shape, source.precision)
            {
                return WinogradInference(shape, source, destination, task, workspace)
            }
            if source.precision == .f32, WinogradConvolution.pays(shape) {
                return WinogradConvolution(shape, source.format, destination.format, task, workspace)
            }
        }
        return try base.convolution(shape, source: source, destination: destination, task: task)
    }

    /// Whether channels come in groups of 8.
    private static func canRun(_ shape: ConvolutionShape, _ source: MapFormat, _ destination: MapFormat) -> Bool {
        shape.kernel == 3 && shape.stride == 1 && shape.groups == 1 && source != .planar && destination != .planar
            && shape.source.channels % 8 == 0 && shape.outputChannels % 8 == 0 && shape.source.channels >= 16
            && shape.outputChannels >= 16
    }
}

/// Working memory that all convolutions of an engine use in turn.
final class WinogradWorkspace {
    fileprivate let weights = Room()
    private let points = Room()

    /// Memory for the points of tiles, valid until the next call.
    func points(_ count: Int) -> UnsafeMutablePointer<Float> { points.room(count) }
}

/// Memory that grows to the largest use.
private final class Room {
    private var memory: UnsafeMutablePointer<Float>?
    private var count = 0

    deinit { memory?.deallocate() }

    /// Memory for `count` floats, valid until the next call.
    func room(_ count: Int) -> UnsafeMutablePointer<Float> {
        if let memory, self.count >= count { return memory }
        memory?.deallocate()
        let memory = Tensor.allocate(count)
        self.memory = memory
        self.count = count
        return memory
    }
}

/// One of the two maps of a convolution by Winograd's algorithm.
struct WinogradSide {
    let layout: kernels_winograd_map
    let imageStride: Int
    let channels: Int

    init(_ size: MapSize, _ format: MapFormat, dilation: Int) {
        let block = format.block(channels: size.channels)
        // Whole cache lines of a map that is not soon read again.
        let pastCache = block == 8 && dilation == 1 && size.pixels * size.channels * 4 > 1 << 20
        layout = kernels_winograd_map(
            height: size.height, width: size.width, dilation: dilation, pixelStride: block,
            groupsPerBlock: block / 8, blockStride: size.pixels * block, channels: size.channels,
            pastCache: pastCache ? 1 : 0)
        imageStride = (size.channels + block - 1) / block * block * size.pixels
        channels = size.channels
    }

    /// Packs plain weights into the points of a kind of tile.
    static func pack(
        _ weights: UnsafePointer<Float>, _ inputs: Int, _ outputs: Int, transposed: Bool = false, rows: Int = 4,
        columns: Int = 4, _ target: UnsafeMutablePointer<Float>
    ) {
        Team.run((inputs + 7) / 8) { part in
            kernels_winograd_weights(
                weights, inputs, outputs, transposed ? 1 : 0, rows, columns, part * 8, min(inputs, part * 8 + 8),
                target)
        }
    }
}

/// Forward and backward in chunks of tiles whose points stay in the cache of a core: for training, and for few channels.
private final class WinogradConvolution: Convolution {
    private struct Tile {
        let image: Int
        let row: Int
        let column: Int
    }

    private let shape: ConvolutionShape
    private let task: ConvolutionTask
    private let source: WinogradSide
    private let destination: WinogradSide
    private let tiles: [Tile]
    private let bias: UnsafeMutablePointer<Float>
    private let noBias: UnsafeMutablePointer<Float>
    private var plain: UnsafePointer<Float>?
    /// The weights as points, kept for inference; training has new ones each time.
    private let packed: UnsafeMutablePointer<Float>?
    private let workspace: WinogradWorkspace

    private static let points = 36
    /// Floats of the working memory of one thread, and of the one shared by all for the gradient of the weights.
    private static let room = 96 << 10
    private static let sharedRoom = 1 << 18

    /// Whether tiles fill the image well enough.
    static func pays(_ shape: ConvolutionShape) -> Bool {
        func tiles(_ length: Int) -> Int {
            (0..<shape.dilation).reduce(0) { $0 + (max(0, length - $1 + shape.dilation - 1) / shape.dilation + 3) / 4 }
        }
        return tiles(shape.source.height) * tiles(shape.source.width) * 16 * 10 < shape.source.pixels * 22
    }

    init(
        _ shape: ConvolutionShape, _ source: MapFormat, _ destination: MapFormat, _ task: ConvolutionTask,
        _ workspace: WinogradWorkspace
    ) {
        self.workspace = workspace
        self.shape = shape
        self.task = task
        self.source = WinogradSide(shape.source, source, dilation: shape.dilation)
        self.destination = WinogradSide(shape.destination, destination, dilation: shape.dilation)
        var tiles: [Tile] = []
        let step = shape.dilation
        for image in 0..<shape.source.batch {
            for phase in 0..<step * step {
                for row in stride(from: phase / step, to: shape.source.height, by: 4 * step) {
                    for column in stride(from: phase % step, to: shape.source.width, by: 4 * step) {
                        tiles.append(Tile(image: image, row: row, column: column))
                    }
                }
            }
        }
        self.tiles = tiles
        bias = Tensor.allocate(shape.outputChannels)
        bias.update(repeating: 0, count: shape.outputChannels)
        noBias = Tensor.allocate(shape.source.channels)
        noBias.update(repeating: 0, count: shape.source.channels)
        packed =
            task.training
            ? nil
            : Tensor.allocate(WinogradConvolution.points * shape.source.channels * shape.outputChannels)
    }

    deinit {
        bias.deallocate()
        noBias.deallocate()
        packed?.deallocate()
    }

    func load(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
        if let bias { self.bias.update(from: bias, count: shape.outputChannels) }
        if let packed {
            WinogradSide.pack(weights, shape.source.channels, shape.outputChannels, packed)
        } else {
            plain = weights
        }
    }

    private var packedCount: Int { WinogradConvolution.points * shape.source.channels * shape.outputChannels }

    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) {
        let from = source.assumingMemoryBound(to: Float.self)
        let to = destination.assumingMemoryBound(to: Float.self)
        if let packed {
            run(from, self.source, packed, to, self.destination, bias, task.activation)
        } else if let plain {
            let weights = workspace.weights.room(packedCount)
            WinogradSide.pack(plain, shape.source.channels, shape.outputChannels, weights)
            run(from, self.source, weights, to, self.destination, bias, .none)
        }
    }

    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) {
        guard let plain else { return }
        let weights = workspace.weights.room(packedCount)
        WinogradSide.pack(plain, shape.outputChannels, shape.source.channels, transposed: true, weights)
        run(
            gradient.assumingMemoryBound(to: Float.self), destination, weights,
            sourceGradient.assumingMemoryBound(to: Float.self), source, noBias, .none)
    }

    /// Convolves one map to the other in chunks of tiles whose points stay in the cache of a core.
    private func run(
        _ from: UnsafeMutablePointer<Float>, _ fromSide: WinogradSide, _ weights: UnsafeMutablePointer<Float>,
        _ to: UnsafeMutablePointer<Float>, _ toSide: WinogradSide, _ bias: UnsafeMutablePointer<Float>,
        _ activation: Activation
    ) {
        let channels = fromSide.channels + toSide.channels
        let fitting = max(12, WinogradConvolution.room / (WinogradConvolution.points * channels) / 12 * 12)
        let pieces = max(1, (tiles.count + fitting - 1) / fitting)
        let chunks = (pieces + Team.size - 1) / Team.size * Team.size
        let longest = (tiles.count + chunks - 1) / chunks
        // A little room after each point keeps the points of a tile out of one cache set.
        let fromStride = longest * fromSide.channels + 16
        let toStride = longest * toSide.channels + 16
        let share = WinogradConvolution.points * (fromStride + toStride)
        let memory = workspace.points(share * Team.size)
        let fromLayout = fromSide.layout
        let toLayout = toSide.layout
        Team.runOnThreads(chunks) { thread, chunk in
            let range = tiles.count * chunk / chunks..<tiles.count * (chunk + 1) / chunks
            let points = memory + thread * share
            let products = points + WinogradConvolution.points * fromStride
            withUnsafePointer(to: fromLayout) { layout in
                for (place, index) in range.enumerated() {
                    let tile = tiles[index]
                    kernels_winograd_input(
                        from + tile.image * fromSide.imageStride, layout, tile.row, tile.column, 4,
                        4, points + place * fromSide.channels, fromStride, Precision.f32.element)
                }
            }
            for point in 0..<WinogradConvolution.points {
                kernels_winograd_multiply(
                    points + point * fromStride, fromSide.channels,
                    weights + point * fromSide.channels * toSide.channels, products + point * toStride, range.count,
                    fromSide.channels, toSide.channels, 0, toSide.channels)
            }
            withUnsafePointer(to: toLayout) { layout in
                for (place, index) in range.enumerated() {
                    let tile = tiles[index]
                    kernels_winograd_output(
                        products + place * toSide.channels, toStride, to + tile.image * toSide.imageStride, layout,
                        tile.row, tile.column, 4, 4, bias, activation.rawValue, Precision.f32.element)
                }
            }
            if toLayout.pastCache != 0 { kernels_winograd_finish() }
        }
    }

    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) {
        let source = source.assumingMemoryBound(to: Float.self)
        let gradient = gradient.assumingMemoryBound(to: Float.self)
        let (inputs, outputs) = (shape.source.channels, shape.outputChannels)
        let area = inputs * outputs
        let perTile = WinogradConvolution.points * (inputs + outputs)
        let most = min(tiles.count, max(48, WinogradConvolution.sharedRoom / perTile))
        let inputStride = most * inputs + 16
        let outputStride = most * outputs + 16
        let count = WinogradConvolution.points
        let points = workspace.points(count * (inputStride + outputStride + area))
        let sums = points + count * (inputStride + outputStride)
        sums.update(repeating: 0, count: count * area)
        let gradients = points + WinogradConvolution.points * inputStride
        let sourceLayout = self.source.layout
        let destinationLayout = destination.layout
        var first = 0
        while first < tiles.count {
            let count = min(most, tiles.count - first)
            Team.run(count) { place in
                let tile = tiles[first + place]
                withUnsafePointer(to: sourceLayout) {
                    kernels_winograd_input(
                        source + tile.image * self.source.imageStride, $0, tile.row, tile.column, 4, 4,
                        points + place * inputs, inputStride, Precision.f32.element)
                }
                withUnsafePointer(to: destinationLayout) {
                    kernels_winograd_gradient(
                        gradient + tile.image * destination.imageStride, $0, tile.row, tile.column,
                        gradients + place * outputs, outputStride)
                }
            }
            Team.run(WinogradConvolution.points) { point in
                kernels_winograd_accumulate(
                    points + point * inputStride, gradients + point * outputStride, sums + point * area, count, inputs,
                    outputs)
            }
            first += count
        }
        Team.run((inputs + 7) / 8) { part in
            kernels_winograd_weight_gradient(
                sums, inputs, outputs, part * 8, min(inputs, part * 8 + 8), weightGradient)
        }
        guard let biasGradient else { return }
        for output in 0..<outputs {
            let layout = destination.layout
            var sum = 0.0
            for image in 0..<shape.source.batch {
                let base =
                    gradient + image * destination.imageStride + output / layout.pixelStride * layout.blockStride
                    + output % layout.pixelStride
                for pixel in 0..<shape.destination.pixels { sum += Double(base[pixel * layout.pixelStride]) }
            }
            biasGradient[output] = Float(sum)
        }
    }
}
