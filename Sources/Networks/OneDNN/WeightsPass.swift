import COneDNN
import Kernels
import Work

/// The gradients of weights, in plain order, and bias.
protocol WeightsPass: AnyObject {
    func run(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?) throws
}

/// By a primitive of oneDNN.
final class PrimitiveWeightsPass: WeightsPass {
    private let engine: OneDNNEngine
    private let primitive: OneDNNPrimitive
    private let source: OneDNNOperand
    private let gradient: OneDNNOperand
    private let weightGradient: OneDNNOperand
    private let biasGradient: OneDNNMemory?

    init(_ primitives: ConvolutionPrimitive, _ primitive: OneDNNPrimitive) throws {
        let shape = primitives.shape
        engine = primitives.engine
        self.primitive = primitive
        source = try OneDNNOperand(
            given: description(shape.source, primitives.source.format, primitives.source.precision),
            wanted: primitive.memoryDescription(dnnl_query_src_md), engine)
        gradient = try OneDNNOperand(
            given: description(shape.destination, primitives.destination.format, primitives.destination.precision),
            wanted: primitive.memoryDescription(dnnl_query_diff_dst_md), engine)
        weightGradient = try OneDNNOperand(
            given: description(shape.groupedWeightShape, shape.groups > 1 ? dnnl_goihw : dnnl_oihw),
            wanted: primitive.memoryDescription(dnnl_query_diff_weights_md), isOutput: true, engine)
        biasGradient =
            primitives.task.bias ? try OneDNNMemory(description([shape.outputChannels], dnnl_a), engine) : nil
    }

    func run(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        let room = engine.workspace.room(self.source.bytes + self.gradient.bytes + self.weightGradient.bytes + 64)
        self.source.point(to: source, copy: room)
        try self.source.read()
        self.gradient.point(to: gradient, copy: room + self.source.bytes)
        try self.gradient.read()
        self.weightGradient.point(to: weightGradient, copy: room + self.source.bytes + self.gradient.bytes)
        var arguments = [
            (DNNL_ARG_SRC, self.source.inner), (DNNL_ARG_DIFF_DST, self.gradient.inner),
            (DNNL_ARG_DIFF_WEIGHTS, self.weightGradient.inner),
        ]
        if let memory = self.biasGradient, let biasGradient {
            memory.point(to: biasGradient)
            arguments.append((DNNL_ARG_DIFF_BIAS, memory))
        }
        try primitive.execute(engine, arguments)
        try self.weightGradient.write()
    }
}

/// Of a depthwise convolution, by our own loop; for maps that are not planar.
final class DepthwiseWeightsPass: WeightsPass {
    private let shape: ConvolutionShape
    /// The channels that lie side by side.
    private let block: Int
    private let precision: Precision
    private let engine: OneDNNEngine

    init(_ primitives: ConvolutionPrimitive) {
        shape = primitives.shape
        block = primitives.source.format.block(channels: shape.outputChannels)
        precision = primitives.source.precision
        engine = primitives.engine
    }

    /// Where a channel of an image begins, in numbers.
    private func place(_ size: MapSize, image: Int, channel: Int) -> Int {
        let blocks = (size.channels + block - 1) / block
        return (image * blocks + channel / block) * size.pixels * block + channel % block
    }

    func run(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) {
        let size = shape.destination
        let channels = size.channels
        let area = shape.kernel * shape.kernel
        let sums = engine.workspace.room(area * channels * 4).bindMemory(to: Float.self, capacity: area * channels)
        let geometry = kernels_depthwise(
            height: shape.source.height, width: shape.source.width, stride: block, outHeight: size.height,
            outWidth: size.width, outStride: block, kernel: shape.kernel, step: shape.stride,
            dilation: shape.dilation, padding: shape.padding, tapStride: channels)
        let most = min(32, block)
        Team.run((channels + most - 1) / most) { part in
            let channel = part * most
            let lanes = min(most, channels - channel)
            for tap in 0..<area { (sums + tap * channels + channel).update(repeating: 0, count: lanes) }
            for image in 0..<size.batch {
                withUnsafePointer(to: geometry) {
                    kernels_depthwise_weight_gradient(
                        source + place(shape.source, image: image, channel: channel) * precision.bytes,
                        gradient + place(size, image: image, channel: channel) * precision.bytes, $0, lanes,
                        sums + channel, precision.element)
                }
            }
            for lane in channel..<channel + lanes {
                for tap in 0..<area { weightGradient[lane * area + tap] = sums[tap * channels + lane] }
            }
        }
    }
}

/// Of a strongly dilated convolution with channels last: every tap is a 1x1 convolution of the part of the map that it
/// does not move into the padding.
final class TapWeightsPass: WeightsPass {
    private struct Window: Hashable {
        let height: Int
        let width: Int
    }
    private struct Product {
        let primitive: OneDNNPrimitive
        let source: OneDNNMemory
        let gradient: OneDNNMemory
        let result: OneDNNOperand
    }
    private let engine: OneDNNEngine
    private let shape: ConvolutionShape
    private let precision: Precision
    private var products: [Window: Product] = [:]

    init(_ primitives: ConvolutionPrimitive) throws {
        engine = primitives.engine
        shape = primitives.shape
        precision = primitives.source.precision
        for tap in 0..<shape.kernel * shape.kernel {
            let window = window(tap)
            guard window.height > 0, window.width > 0, products[window] == nil else { continue }
            products[window] = try product(window)
        }
    }

    /// How far a tap moves the source against the output.
    private func shift(_ tap: Int) -> (rows: Int, columns: Int) {
        let middle = shape.kernel / 2
        return ((tap / shape.kernel - middle) * shape.dilation, (tap % shape.kernel - middle) * shape.dilation)
    }

    private func window(_ tap: Int) -> Window {
        let (rows, columns) = shift(tap)
        return Window(height: shape.source.height - abs(rows), width: shape.source.width - abs(columns))
    }

    private func product(_ window: Window) throws -> Product {
        var source = shape.source
        source.height = window.height
        source.width = window.width
        let kind = MapKind(format: .channelsLast, precision: precision)
        let pointwise = ConvolutionPrimitive(
            engine: engine, shape: ConvolutionShape(source: source, outputChannels: shape.outputChannels, kernel: 1),
            source: kind, destination: kind, task: ConvolutionTask(training: true))
        guard let hint = try pointwise.make(.forward), let primitive = try pointwise.make(.weights, hint: hint) else {
            throw Failure("oneDNN: no convolution", code: "onednn")
        }
        return Product(
            primitive: primitive, source: try OneDNNMemory(primitive.memoryDescription(dnnl_query_src_md), engine),
            gradient: try OneDNNMemory(primitive.memoryDescription(dnnl_query_diff_dst_md), engine),
            result: try OneDNNOperand(
                given: description([shape.outputChannels, shape.source.channels, 1, 1], dnnl_oihw),
                wanted: primitive.memoryDescription(dnnl_query_diff_weights_md), isOutput: true, engine))
    }

    func run(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        let area = shape.kernel * shape.kernel
        let perTap = shape.source.channels * shape.outputChannels
        let sourceBytes = bytes(shape.source)
        let gradientBytes = bytes(shape.destination)
        let room = engine.workspace.room(area * perTap * 4 + sourceBytes + gradientBytes + perTap * 4 + 256)
        let sums = room.bindMemory(to: Float.self, capacity: area * perTap)
        let sourceCopy = room + (area * perTap * 4 + 63) / 64 * 64
        let gradientCopy = sourceCopy + sourceBytes
        var isSet = [Bool](repeating: false, count: area)
        for tap in 0..<area {
            let window = window(tap)
            guard let product = products[window] else { continue }
            isSet[tap] = true
            let (rows, columns) = shift(tap)
            cut(window, from: source, shape.source, (max(0, rows), max(0, columns)), to: sourceCopy)
            cut(window, from: gradient, shape.destination, (max(0, -rows), max(0, -columns)), to: gradientCopy)
            product.source.point(to: sourceCopy)
            product.gradient.point(to: gradientCopy)
            product.result.point(
                to: UnsafeMutableRawPointer(sums + tap * perTap), copy: gradientCopy + gradientBytes)
            try product.primitive.execute(
                engine,
                [
                    (DNNL_ARG_SRC, product.source), (DNNL_ARG_DIFF_DST, product.gradient),
                    (DNNL_ARG_DIFF_WEIGHTS, product.result.inner),
                ])
            try product.result.write()
        }
        Team.run(shape.outputChannels) { output in
            for index in output * shape.source.channels..<(output + 1) * shape.source.channels {
                for tap in 0..<area { weightGradient[index * area + tap] = isSet[tap] ? sums[tap * perTap + index] : 0 }
            }
        }
    }

    private func bytes(_ size: MapSize) -> Int {
        (size.batch * size.pixels * size.channels * precision.bytes + 63) / 64 * 64
    }

    /// Copies a window of a map to dense memory.
    private func cut(
        _ window: Window, from map: UnsafeMutableRawPointer, _ size: MapSize, _ corner: (row: Int, column: Int),
        to copy: UnsafeMutableRawPointer
    ) {
        let pixel = size.channels * precision.bytes
        Team.run(size.batch * window.height) { line in
            let (image, row) = (line / window.height, line % window.height + corner.row)
            (copy + line * window.width * pixel).copyMemory(
                from: map + ((image * size.height + row) * size.width + corner.column) * pixel,
                byteCount: window.width * pixel)
        }
    }
}
