import COneDNN
import Kernels
import Work

/// A convolution by oneDNN's primitives. In inference the weights are copied into the order of the primitive once; in
/// training they are new each time and pass through the engine's workspace.
final class OneDNNConvolution: Convolution {
    private let engine: OneDNNEngine
    private let shape: ConvolutionShape
    private let primitives: ConvolutionPrimitive
    private let forwardPass: ForwardPass
    private let biases: UnsafeMutablePointer<Float>
    private var plainWeights: UnsafePointer<Float>?
    private var dataPass: DataPass?
    private var weightsPass: (any WeightsPass)?

    init(
        _ engine: OneDNNEngine, _ shape: ConvolutionShape, source: MapKind, destination: MapKind,
        _ task: ConvolutionTask
    ) throws {
        self.engine = engine
        self.shape = shape
        primitives = ConvolutionPrimitive(
            engine: engine, shape: shape, source: source, destination: destination, task: task)
        forwardPass = try ForwardPass(primitives)
        biases = Tensor.allocate(shape.outputChannels)
        biases.update(repeating: 0, count: shape.outputChannels)
    }

    deinit { biases.deallocate() }

    func load(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) throws {
        if let bias { biases.update(from: bias, count: shape.outputChannels) }
        plainWeights = weights
        if !primitives.task.training { try forwardPass.keep(weights) }
    }

    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) throws {
        try forwardPass.run(source: source, destination: destination, weights: plainWeights, biases: biases)
    }

    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) throws {
        guard let plainWeights else { return }
        let pass = try dataPass ?? DataPass(primitives, hint: forwardPass.primitive)
        dataPass = pass
        try pass.run(gradient: gradient, sourceGradient: sourceGradient, weights: plainWeights)
    }

    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        let pass = try weightsPass ?? makeWeightsPass()
        weightsPass = pass
        try pass.run(source: source, gradient: gradient, weightGradient: weightGradient, biasGradient: biasGradient)
    }

    private func makeWeightsPass() throws -> any WeightsPass {
        let format = primitives.source.format
        let isDilated = shape.stride == 1 && shape.groups == 1 && shape.dilation > 1
        let canReplace = shape.isDepthwise ? format != .planar : isDilated && format == .channelsLast
        if canReplace, !primitives.task.bias {
            if let primitive = try primitives.make(.weights, hint: forwardPass.primitive, directOnly: true) {
                return try PrimitiveWeightsPass(primitives, primitive)
            }
            return shape.isDepthwise ? DepthwiseWeightsPass(primitives) : try TapWeightsPass(primitives)
        }
        guard let primitive = try primitives.make(.weights, hint: forwardPass.primitive) else {
            throw Failure("oneDNN: no convolution", code: "onednn")
        }
        return try PrimitiveWeightsPass(primitives, primitive)
    }
}

/// The forward pass, also that of the turned convolution that gives the gradient of the input.
final class ForwardPass {
    let primitive: OneDNNPrimitive
    private let engine: OneDNNEngine
    private let source: OneDNNOperand
    private let weights: OneDNNOperand
    private let destination: OneDNNOperand
    private let bias: OneDNNMemory?
    private var kept: UnsafeMutableRawPointer?

    convenience init(_ primitives: ConvolutionPrimitive) throws {
        guard let primitive = try primitives.make(.forward) else {
            throw Failure("oneDNN: no convolution", code: "onednn")
        }
        try self.init(primitives, primitive)
    }

    init(_ primitives: ConvolutionPrimitive, _ primitive: OneDNNPrimitive) throws {
        let shape = primitives.shape
        engine = primitives.engine
        self.primitive = primitive
        source = try OneDNNOperand(
            given: description(shape.source, primitives.source.format, primitives.source.precision),
            wanted: primitive.memoryDescription(dnnl_query_src_md), engine)
        weights = try OneDNNOperand(
            given: description(shape.groupedWeightShape, shape.groups > 1 ? dnnl_goihw : dnnl_oihw),
            wanted: primitive.memoryDescription(dnnl_query_weights_md), copied: !primitives.task.training, engine)
        destination = try OneDNNOperand(
            given: description(shape.destination, primitives.destination.format, primitives.destination.precision),
            wanted: primitive.memoryDescription(dnnl_query_dst_md), isOutput: true, engine)
        bias = primitives.task.bias ? try OneDNNMemory(description([shape.outputChannels], dnnl_a), engine) : nil
        guard !primitives.task.adds || destination.bytes == 0 else {
            throw Failure("oneDNN cannot add to the destination of \(shape)", code: "onednn")
        }
    }

    deinit { kept?.deallocate() }

    /// Copies the weights for all runs to come.
    func keep(_ plain: UnsafePointer<Float>) throws {
        let copy = kept ?? .allocate(byteCount: weights.bytes, alignment: 64)
        kept = copy
        weights.point(to: UnsafeMutableRawPointer(mutating: plain), copy: copy)
        try weights.read()
    }

    /// - Parameters:
    ///   - weights: in plain order, unless they are kept.
    ///   - biases: one per output channel, for a convolution that has some.
    func run(
        source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer, weights plain: UnsafePointer<Float>?,
        biases: UnsafeMutablePointer<Float>?
    ) throws {
        let ownWeights = kept == nil ? weights.bytes : 0
        let room = engine.workspace.room(ownWeights + self.source.bytes + self.destination.bytes + 64)
        if kept == nil, let plain {
            weights.point(to: UnsafeMutableRawPointer(mutating: plain), copy: room)
            try weights.read()
        }
        self.source.point(to: source, copy: room + ownWeights)
        try self.source.read()
        self.destination.point(to: destination, copy: room + ownWeights + self.source.bytes)
        if let bias, let biases {
            bias.point(to: biases)
            try primitive.execute(
                engine,
                [
                    (DNNL_ARG_SRC, self.source.inner), (DNNL_ARG_WEIGHTS, weights.inner),
                    (DNNL_ARG_DST, self.destination.inner), (DNNL_ARG_BIAS, bias),
                ])
        } else {
            try primitive.execute(
                engine,
                [
                    (DNNL_ARG_SRC, self.source.inner), (DNNL_ARG_WEIGHTS, weights.inner),
                    (DNNL_ARG_DST, self.destination.inner),
                ])
        }
        try self.destination.write()
    }
}

/// The gradient of the input: a primitive of its own, or, where oneDNN would unroll windows, the convolution of the
/// output's gradient with the turned weights, which skips what lies in the padding.
final class DataPass {
    private enum Way {
        case primitive(
            OneDNNPrimitive, weights: OneDNNOperand, gradient: OneDNNOperand, sourceGradient: OneDNNOperand)
        case turned(ForwardPass, weights: UnsafeMutablePointer<Float>)
    }
    private let engine: OneDNNEngine
    private let shape: ConvolutionShape
    private let way: Way

    init(_ primitives: ConvolutionPrimitive, hint: OneDNNPrimitive) throws {
        engine = primitives.engine
        shape = primitives.shape
        let canTurn =
            shape.stride == 1 && (shape.groups == 1 || shape.isDepthwise)
            && primitives.destination.precision == primitives.source.precision
        if canTurn, try primitives.make(.data, hint: hint, directOnly: true) == nil {
            let turned = ConvolutionPrimitive(
                engine: engine, shape: shape.turned, source: primitives.destination, destination: primitives.source,
                task: ConvolutionTask(training: true))
            if let primitive = try turned.make(.forward, directOnly: true) {
                way = .turned(
                    try ForwardPass(turned, primitive), weights: Tensor.allocate(shape.weightCount))
                return
            }
        }
        guard let primitive = try primitives.make(.data, hint: hint) else {
            throw Failure("oneDNN: no convolution", code: "onednn")
        }
        way = .primitive(
            primitive,
            weights: try OneDNNOperand(
                given: description(shape.groupedWeightShape, shape.groups > 1 ? dnnl_goihw : dnnl_oihw),
                wanted: primitive.memoryDescription(dnnl_query_weights_md), engine),
            gradient: try OneDNNOperand(
                given: description(shape.destination, primitives.destination.format, primitives.destination.precision),
                wanted: primitive.memoryDescription(dnnl_query_diff_dst_md), engine),
            sourceGradient: try OneDNNOperand(
                given: description(shape.source, primitives.source.format, primitives.source.precision),
                wanted: primitive.memoryDescription(dnnl_query_diff_src_md), isOutput: true, engine))
    }

    deinit { if case .turned(_, let weights) = way { weights.deallocate() } }

    func run(
        gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer, weights: UnsafePointer<Float>
    ) throws {
        switch way {
        case .primitive(let primitive, let weightOperand, let gradientOperand, let result):
            let room = engine.workspace.room(weightOperand.bytes + gradientOperand.bytes + result.bytes + 64)
            weightOperand.point(to: UnsafeMutableRawPointer(mutating: weights), copy: room)
            try weightOperand.read()
            gradientOperand.point(to: gradient, copy: room + weightOperand.bytes)
            try gradientOperand.read()
            result.point(to: sourceGradient, copy: room + weightOperand.bytes + gradientOperand.bytes)
            try primitive.execute(
                engine,
                [
                    (DNNL_ARG_DIFF_DST, gradientOperand.inner), (DNNL_ARG_WEIGHTS, weightOperand.inner),
                    (DNNL_ARG_DIFF_SRC, result.inner),
                ])
            try result.write()
        case .turned(let pass, let turned):
            turn(weights, into: turned)
            try pass.run(source: gradient, destination: sourceGradient, weights: turned, biases: nil)
        }
    }

    /// Input and output channels change places, and the kernel is turned by half a turn.
    private func turn(_ weights: UnsafePointer<Float>, into turned: UnsafeMutablePointer<Float>) {
        let area = shape.kernel * shape.kernel
        let inputs = shape.source.channels / shape.groups
        let outputs = shape.outputChannels / shape.groups
        Team.run(shape.source.channels) { input in
            for output in 0..<outputs {
                let from = weights + (shape.groups > 1 ? input : output * inputs + input) * area
                let to = turned + (input * outputs + output) * area
                for tap in 0..<area { to[tap] = from[area - 1 - tap] }
            }
        }
    }
}
