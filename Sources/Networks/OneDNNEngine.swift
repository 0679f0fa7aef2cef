import COneDNN
import Work

/// Convolutions by oneDNN 2 (Debian's libdnnl). Every call to the library is in this file.
final class OneDNNEngine: ConvolutionEngine {
    fileprivate let engine: dnnl_engine_t
    fileprivate let stream: dnnl_stream_t

    init() throws {
        var engine: dnnl_engine_t?
        try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine")
        guard let engine else { throw Failure("oneDNN: no engine", code: "onednn") }
        self.engine = engine
        var stream: dnnl_stream_t?
        try check(dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)), "stream")
        guard let stream else { throw Failure("oneDNN: no stream", code: "onednn") }
        self.stream = stream
    }

    deinit {
        dnnl_stream_destroy(stream)
        dnnl_engine_destroy(engine)
    }

    /// Blocks of 8 channels suit AVX2. With AVX-512, blocks of 16 where all channels fill them, channels last elsewhere.
    func format(channels: [Int]) -> MapFormat {
        guard
            dnnl_get_effective_cpu_isa().rawValue & dnnl_cpu_isa_avx512_core.rawValue
                == dnnl_cpu_isa_avx512_core.rawValue
        else { return .blocked(8) }
        return channels.allSatisfy { $0 % 16 == 0 } ? .blocked(16) : .channelsLast
    }

    /// First layers read up to three channels from planes.
    func inputFormat(channels: Int, inner: MapFormat) -> MapFormat { channels <= 3 ? .planar : inner }

    func convolution(
        _ shape: ConvolutionShape, source: MapFormat, destination: MapFormat, bias: Bool, activation: Activation,
        training: Bool
    ) throws -> any Convolution {
        try OneDNNConvolution(
            self, shape, source: source, destination: destination, bias: bias, activation: activation,
            training: training)
    }
}

private func check(_ status: dnnl_status_t, _ what: String) throws {
    guard status == dnnl_success else {
        throw Failure("oneDNN: \(what) failed with status \(status.rawValue)", code: "onednn")
    }
}

private let dataType = dnnl_f32

/// The description of a map; nil stands for any format.
private func description(_ size: MapSize, _ format: MapFormat?) throws -> dnnl_memory_desc_t {
    let tag: dnnl_format_tag_t
    switch format {
    case nil: tag = dnnl_format_tag_any
    case .planar: tag = dnnl_nchw
    case .channelsLast: tag = dnnl_nhwc
    case .blocked(let width): tag = width == 8 ? dnnl_nChw8c : dnnl_nChw16c
    }
    return try description([size.batch, size.channels, size.height, size.width], tag)
}

private func description(_ dimensions: [Int], _ tag: dnnl_format_tag_t) throws -> dnnl_memory_desc_t {
    var result = dnnl_memory_desc_t()
    try check(
        dnnl_memory_desc_init_by_tag(&result, Int32(dimensions.count), dimensions.map(Int64.init), dataType, tag),
        "memory description")
    return result
}

/// A memory object; its own buffer, or somebody's address that is set before each use.
private final class Memory {
    let handle: dnnl_memory_t
    let description: dnnl_memory_desc_t
    private let buffer: UnsafeMutableRawPointer?

    init(_ description: dnnl_memory_desc_t, _ engine: OneDNNEngine, owned: Bool) throws {
        self.description = description
        var copy = description
        buffer =
            owned ? .allocate(byteCount: max(64, dnnl_memory_desc_get_size(&copy)), alignment: 64) : nil
        var memory: dnnl_memory_t?
        // All bits set in the handle would ask the library to allocate; an empty handle waits for an address.
        let status = dnnl_memory_create(&memory, &copy, engine.engine, buffer)
        guard status == dnnl_success, let memory else {
            buffer?.deallocate()
            throw Failure("oneDNN: memory failed with status \(status.rawValue)", code: "onednn")
        }
        handle = memory
    }

    deinit {
        dnnl_memory_destroy(handle)
        buffer?.deallocate()
    }

    func point(to address: UnsafeMutablePointer<Float>) { dnnl_memory_set_data_handle(handle, address) }
}

/// A primitive with its description.
private final class Primitive {
    let primitive: dnnl_primitive_t
    let description: dnnl_primitive_desc_t

    init(_ description: dnnl_primitive_desc_t) throws {
        var primitive: dnnl_primitive_t?
        let status = dnnl_primitive_create(&primitive, description)
        guard status == dnnl_success, let primitive else {
            dnnl_primitive_desc_destroy(description)
            throw Failure("oneDNN: primitive failed with status \(status.rawValue)", code: "onednn")
        }
        self.primitive = primitive
        self.description = description
    }

    deinit {
        dnnl_primitive_destroy(primitive)
        dnnl_primitive_desc_destroy(description)
    }

    func memoryDescription(_ query: dnnl_query_t) -> dnnl_memory_desc_t {
        dnnl_primitive_desc_query_md(description, query, 0).pointee
    }

    func execute(_ engine: OneDNNEngine, _ arguments: [(Int32, Memory)]) throws {
        try withUnsafeTemporaryAllocation(of: dnnl_exec_arg_t.self, capacity: arguments.count) { list in
            for (index, argument) in arguments.enumerated() {
                list.initializeElement(at: index, to: dnnl_exec_arg_t(arg: argument.0, memory: argument.1.handle))
            }
            try check(
                dnnl_primitive_execute(primitive, engine.stream, Int32(arguments.count), list.baseAddress), "execution")
        }
        try check(dnnl_stream_wait(engine.stream), "execution")
    }
}

private func reorder(
    from: dnnl_memory_desc_t, to: dnnl_memory_desc_t, evenIfEqual: Bool, _ engine: OneDNNEngine
) throws -> Primitive? {
    var from = from
    var to = to
    if !evenIfEqual, dnnl_memory_desc_equal(&from, &to) != 0 { return nil }
    var description: dnnl_primitive_desc_t?
    try check(
        dnnl_reorder_primitive_desc_create(&description, &from, engine.engine, &to, engine.engine, nil), "reorder")
    guard let description else { throw Failure("oneDNN: no reorder", code: "onednn") }
    return try Primitive(description)
}

/// One operand of a primitive: the caller's memory directly, or a rearranged copy of it.
private final class Operand {
    let outer: Memory
    let inner: Memory
    private let change: Primitive?
    private let engine: OneDNNEngine

    /// - Parameters:
    ///   - given: how the caller's memory lies.
    ///   - wanted: how the primitive wants it.
    ///   - isOutput: whether the primitive writes it.
    ///   - copied: whether to copy even what could be used in place.
    init(
        given: dnnl_memory_desc_t, wanted: dnnl_memory_desc_t, isOutput: Bool, copied: Bool = false,
        _ engine: OneDNNEngine
    ) throws {
        self.engine = engine
        outer = try Memory(given, engine, owned: false)
        change = try reorder(
            from: isOutput ? wanted : given, to: isOutput ? given : wanted, evenIfEqual: copied, engine)
        if change != nil {
            inner = try Memory(wanted, engine, owned: true)
        } else {
            inner = outer
        }
    }

    func read(_ address: UnsafeMutablePointer<Float>) throws {
        outer.point(to: address)
        if let change {
            try change.execute(engine, [(DNNL_ARG_FROM, outer), (DNNL_ARG_TO, inner)])
        }
    }

    func prepare(_ address: UnsafeMutablePointer<Float>) { outer.point(to: address) }

    func write() throws {
        if let change { try change.execute(engine, [(DNNL_ARG_FROM, inner), (DNNL_ARG_TO, outer)]) }
    }
}

private final class OneDNNConvolution: Convolution {
    private enum Pass { case forward, data, weights }

    private let engine: OneDNNEngine
    private let shape: ConvolutionShape
    private let forwardPass: Primitive
    private let source: Operand
    private let weights: Operand
    private let destination: Operand
    private let bias: Memory?
    private let training: Bool
    private var plainWeights: UnsafePointer<Float>?
    private let biases: UnsafeMutablePointer<Float>

    private struct DataPass {
        let primitive: Primitive
        let weights: Operand
        let gradient: Operand
        let sourceGradient: Operand
    }
    private struct WeightsPass {
        let primitive: Primitive
        let source: Operand
        let gradient: Operand
        let weightGradient: Operand
        let biasGradient: Memory?
    }
    private var dataPass: DataPass?
    private var weightsPass: WeightsPass?
    private var dataWeightsAreFresh = false
    private let makeDataPass: () throws -> DataPass
    private let makeWeightsPass: () throws -> WeightsPass

    init(
        _ engine: OneDNNEngine, _ shape: ConvolutionShape, source sourceFormat: MapFormat,
        destination destinationFormat: MapFormat, bias: Bool, activation: Activation, training: Bool
    ) throws {
        self.engine = engine
        self.shape = shape
        let source = try description(shape.source, sourceFormat)
        let destination = try description(shape.destination, destinationFormat)
        let plain: dnnl_memory_desc_t
        var dimensions = shape.weightShape
        if shape.groups > 1 {
            dimensions = [shape.groups, shape.outputChannels / shape.groups] + dimensions.dropFirst()
            plain = try description(dimensions, dnnl_goihw)
        } else {
            plain = try description(dimensions, dnnl_oihw)
        }
        let forward = try OneDNNConvolution.primitive(
            .forward, engine, shape, [(sourceFormat, destinationFormat), (nil, nil), (.channelsLast, .channelsLast)],
            bias: bias, activation: activation, hint: nil, training: training)
        forwardPass = forward
        self.source = try Operand(
            given: source, wanted: forward.memoryDescription(dnnl_query_src_md), isOutput: false, engine)
        weights = try Operand(
            given: plain, wanted: forward.memoryDescription(dnnl_query_weights_md), isOutput: false,
            copied: !training, engine)
        self.destination = try Operand(
            given: destination, wanted: forward.memoryDescription(dnnl_query_dst_md), isOutput: true, engine)
        self.training = training
        biases = Tensor.allocate(shape.outputChannels)
        biases.update(repeating: 0, count: shape.outputChannels)
        self.bias =
            bias ? try Memory(description([shape.outputChannels], dnnl_a), engine, owned: false) : nil
        self.bias?.point(to: biases)
        makeDataPass = {
            let primitive = try OneDNNConvolution.primitive(
                .data, engine, shape, [(sourceFormat, destinationFormat), (.channelsLast, .channelsLast), (nil, nil)],
                bias: false, activation: .none, hint: forward, training: true)
            return DataPass(
                primitive: primitive,
                weights: try Operand(
                    given: plain, wanted: primitive.memoryDescription(dnnl_query_weights_md), isOutput: false, engine),
                gradient: try Operand(
                    given: destination, wanted: primitive.memoryDescription(dnnl_query_diff_dst_md), isOutput: false,
                    engine),
                sourceGradient: try Operand(
                    given: source, wanted: primitive.memoryDescription(dnnl_query_diff_src_md), isOutput: true, engine))
        }
        makeWeightsPass = {
            let primitive = try OneDNNConvolution.primitive(
                .weights, engine, shape,
                [(sourceFormat, destinationFormat), (.channelsLast, .channelsLast), (nil, nil)], bias: bias,
                activation: .none, hint: forward, training: true)
            return WeightsPass(
                primitive: primitive,
                source: try Operand(
                    given: source, wanted: primitive.memoryDescription(dnnl_query_src_md), isOutput: false, engine),
                gradient: try Operand(
                    given: destination, wanted: primitive.memoryDescription(dnnl_query_diff_dst_md), isOutput: false,
                    engine),
                weightGradient: try Operand(
                    given: plain, wanted: primitive.memoryDescription(dnnl_query_diff_weights_md), isOutput: true,
                    engine),
                biasGradient: bias
                    ? try Memory(description([shape.outputChannels], dnnl_a), engine, owned: false) : nil)
        }
    }

    deinit {
        biases.deallocate()
    }

    /// The first of the layouts for which oneDNN has more than its reference implementation.
    private static func primitive(
        _ pass: Pass, _ engine: OneDNNEngine, _ shape: ConvolutionShape, _ layouts: [(MapFormat?, MapFormat?)],
        bias: Bool, activation: Activation, hint: Primitive?, training: Bool
    ) throws -> Primitive {
        var reference: dnnl_primitive_desc_t?
        for (sourceFormat, destinationFormat) in layouts {
            guard
                let made = try? describe(
                    pass, engine, shape, sourceFormat, destinationFormat, bias: bias, activation: activation,
                    hint: hint, training: training)
            else { continue }
            if !implementation(made).hasPrefix("ref") {
                if let reference { dnnl_primitive_desc_destroy(reference) }
                return try Primitive(made)
            }
            if reference == nil { reference = made } else { dnnl_primitive_desc_destroy(made) }
        }
        guard let reference else { throw Failure("oneDNN cannot run the convolution \(shape)", code: "onednn") }
        return try Primitive(reference)
    }

    private static func implementation(_ description: dnnl_primitive_desc_t) -> String {
        var name: UnsafePointer<CChar>?
        guard dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name) == dnnl_success, let name
        else { return "" }
        return String(cString: name)
    }

    private static func describe(
        _ pass: Pass, _ engine: OneDNNEngine, _ shape: ConvolutionShape, _ sourceFormat: MapFormat?,
        _ destinationFormat: MapFormat?, bias: Bool, activation: Activation, hint: Primitive?, training: Bool
    ) throws -> dnnl_primitive_desc_t {
        var source = try description(shape.source, sourceFormat)
        var destination = try description(shape.destination, destinationFormat)
        var dimensions = shape.weightShape
        if shape.groups > 1 {
            dimensions = [shape.groups, shape.outputChannels / shape.groups] + dimensions.dropFirst()
        }
        var weights = try description(dimensions, dnnl_format_tag_any)
        var biases = try description([shape.outputChannels], dnnl_a)
        let strides = [Int64](repeating: Int64(shape.stride), count: 2)
        let dilations = [Int64](repeating: Int64(shape.dilation - 1), count: 2)
        let padding = [Int64](repeating: Int64(shape.padding), count: 2)
        var operation = dnnl_convolution_desc_t()
        try withUnsafePointer(to: &biases) { pointer in
            let biases = bias ? pointer : nil
            switch pass {
            case .forward:
                try check(
                    dnnl_dilated_convolution_forward_desc_init(
                        &operation, training ? dnnl_forward_training : dnnl_forward_inference,
                        dnnl_convolution_direct, &source, &weights, biases, &destination, strides, dilations, padding,
                        padding), "convolution")
            case .data:
                try check(
                    dnnl_dilated_convolution_backward_data_desc_init(
                        &operation, dnnl_convolution_direct, &source, &weights, &destination, strides, dilations,
                        padding, padding), "convolution")
            case .weights:
                try check(
                    dnnl_dilated_convolution_backward_weights_desc_init(
                        &operation, dnnl_convolution_direct, &source, &weights, biases, &destination, strides,
                        dilations, padding, padding), "convolution")
            }
        }
        let attributes = try attributes(activation)
        defer { if let attributes { dnnl_primitive_attr_destroy(attributes) } }
        var result: dnnl_primitive_desc_t?
        try check(
            dnnl_primitive_desc_create(&result, &operation, attributes, engine.engine, hint?.description),
            "convolution")
        guard let result else { throw Failure("oneDNN: no convolution", code: "onednn") }
        return result
    }

    private static func attributes(_ activation: Activation) throws -> dnnl_primitive_attr_t? {
        guard activation != .none else { return nil }
        var attributes: dnnl_primitive_attr_t?
        try check(dnnl_primitive_attr_create(&attributes), "attributes")
        var operations: dnnl_post_ops_t?
        try check(dnnl_post_ops_create(&operations), "attributes")
        defer { dnnl_post_ops_destroy(operations) }
        switch activation {
        case .none, .relu:
            try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "attributes")
        case .hardSwish:
            try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_hardswish, 0, 0), "attributes")
        case .hardSigmoid:  // clip(x / 6 + 1 / 2, 0, 1)
            try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_linear, 1.0 / 6, 0.5), "attributes")
            try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_clip, 0, 1), "attributes")
        }
        try check(dnnl_primitive_attr_set_post_ops(attributes, operations), "attributes")
        return attributes
    }

    func load(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) throws {
        if let bias { biases.update(from: bias, count: shape.outputChannels) }
        if training {
            plainWeights = weights
            dataWeightsAreFresh = false
        }
        try self.weights.read(UnsafeMutablePointer(mutating: weights))
    }

    func forward(source: UnsafeMutablePointer<Float>, destination: UnsafeMutablePointer<Float>) throws {
        try self.source.read(source)
        self.destination.prepare(destination)
        var arguments = [
            (DNNL_ARG_SRC, self.source.inner), (DNNL_ARG_WEIGHTS, weights.inner),
            (DNNL_ARG_DST, self.destination.inner),
        ]
        if let bias { arguments.append((DNNL_ARG_BIAS, bias)) }
        try forwardPass.execute(engine, arguments)
        try self.destination.write()
    }

    func backwardData(gradient: UnsafeMutablePointer<Float>, sourceGradient: UnsafeMutablePointer<Float>) throws {
        if dataPass == nil { dataPass = try makeDataPass() }
        guard let pass = dataPass else { return }
        if !dataWeightsAreFresh, let plainWeights {
            try pass.weights.read(UnsafeMutablePointer(mutating: plainWeights))
            dataWeightsAreFresh = true
        }
        try pass.gradient.read(gradient)
        pass.sourceGradient.prepare(sourceGradient)
        try pass.primitive.execute(
            engine,
            [
                (DNNL_ARG_DIFF_DST, pass.gradient.inner), (DNNL_ARG_WEIGHTS, pass.weights.inner),
                (DNNL_ARG_DIFF_SRC, pass.sourceGradient.inner),
            ])
        try pass.sourceGradient.write()
    }

    func backwardWeights(
        source: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        if weightsPass == nil { weightsPass = try makeWeightsPass() }
        guard let pass = weightsPass else { return }
        try pass.source.read(source)
        try pass.gradient.read(gradient)
        pass.weightGradient.prepare(weightGradient)
        var arguments = [
            (DNNL_ARG_SRC, pass.source.inner), (DNNL_ARG_DIFF_DST, pass.gradient.inner),
            (DNNL_ARG_DIFF_WEIGHTS, pass.weightGradient.inner),
        ]
        if let memory = pass.biasGradient, let biasGradient {
            memory.point(to: biasGradient)
            arguments.append((DNNL_ARG_DIFF_BIAS, memory))
        }
        try pass.primitive.execute(engine, arguments)
        try pass.weightGradient.write()
    }
}
