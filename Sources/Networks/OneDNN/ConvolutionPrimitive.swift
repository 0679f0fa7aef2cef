import COneDNN
import Work

/// Asks oneDNN for the primitives of a convolution.
struct ConvolutionPrimitive {
    enum Pass { case forward, data, weights }

    let engine: OneDNNEngine
    let shape: ConvolutionShape
    let source: MapKind
    let destination: MapKind
    let task: ConvolutionTask

    /// How well oneDNN runs a primitive.
    private enum Quality: Int, Comparable {
        case reference, product, direct
        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    /// The best of the primitives for the maps' own formats and any others, the former where they are as good.
    /// - Parameter directOnly: whether to give nil rather than a matrix product over unrolled windows, which is slow where
    ///   windows are large, dilated, or have one channel.
    func make(_ pass: Pass, hint: OneDNNPrimitive? = nil, directOnly: Bool = false) throws -> OneDNNPrimitive? {
        var best: (quality: Quality, description: dnnl_primitive_desc_t)?
        let own = (Optional(source.format), Optional(destination.format))
        for formats in [own, (nil, nil), (.channelsLast, .channelsLast)] {
            guard let made = try? describe(pass, formats, hint) else { continue }
            let quality = quality(made)
            if let found = best, found.quality >= quality {
                dnnl_primitive_desc_destroy(made)
                continue
            }
            if let found = best { dnnl_primitive_desc_destroy(found.description) }
            best = (quality, made)
            if quality == .direct { break }
        }
        guard let best else { throw Failure("oneDNN cannot run the convolution \(shape)", code: "onednn") }
        guard !directOnly || best.quality == .direct else {
            dnnl_primitive_desc_destroy(best.description)
            return nil
        }
        return try OneDNNPrimitive(best.description)
    }

    private func quality(_ description: dnnl_primitive_desc_t) -> Quality {
        var text: UnsafePointer<CChar>?
        guard dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &text) == dnnl_success, let text
        else { return .reference }
        let name = String(cString: text)
        if name.hasPrefix("ref") { return .reference }
        // Depthwise convolutions have kernels of their own; the general ones for groups waste most of their work.
        let isDepthwise = shape.groups > 1
        return name.contains("gemm") || (isDepthwise && !name.contains("dw")) ? .product : .direct
    }

    private func describe(
        _ pass: Pass, _ formats: (source: MapFormat?, destination: MapFormat?), _ hint: OneDNNPrimitive?
    ) throws -> dnnl_primitive_desc_t {
        let precision = source.precision
        var source = try description(shape.source, formats.source, precision)
        // Gradients have the precision of the products; only the scores of the classes are written in another one.
        var destination = try description(
            shape.destination, formats.destination, pass == .forward ? self.destination.precision : precision)
        var weights = try description(
            shape.groupedWeightShape, dnnl_format_tag_any, pass == .weights ? .f32 : precision)
        var biases = try description([shape.outputChannels], dnnl_a)
        let strides = [Int64](repeating: Int64(shape.stride), count: 2)
        let dilations = [Int64](repeating: Int64(shape.dilation - 1), count: 2)
        let padding = [Int64](repeating: Int64(shape.padding), count: 2)
        var operation = dnnl_convolution_desc_t()
        try withUnsafePointer(to: &biases) { pointer in
            let biases = task.bias ? pointer : nil
            switch pass {
            case .forward:
                try check(
                    dnnl_dilated_convolution_forward_desc_init(
                        &operation, task.training ? dnnl_forward_training : dnnl_forward_inference,
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
        let attributes = pass == .forward ? try attributes() : nil
        defer { if let attributes { dnnl_primitive_attr_destroy(attributes) } }
        var result: dnnl_primitive_desc_t?
        try check(
            dnnl_primitive_desc_create(&result, &operation, attributes, engine.engine, hint?.description),
            "convolution")
        guard let result else { throw Failure("oneDNN: no convolution", code: "onednn") }
        return result
    }

    /// What is done to the product before it is stored.
    private func attributes() throws -> dnnl_primitive_attr_t? {
        guard task.activation != .none || task.adds else { return nil }
        var attributes: dnnl_primitive_attr_t?
        try check(dnnl_primitive_attr_create(&attributes), "attributes")
        var operations: dnnl_post_ops_t?
        try check(dnnl_post_ops_create(&operations), "attributes")
        defer { dnnl_post_ops_destroy(operations) }
        if task.adds { try check(dnnl_post_ops_append_sum(operations, 1), "attributes") }
        switch task.activation {
        case .none: break
        case .relu:
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
}

extension ConvolutionShape {
    /// The shape of the weights with the groups as a dimension of their own where there are some.
    var groupedWeightShape: [Int] {
        groups > 1 ? [groups, outputChannels / groups] + weightShape.dropFirst() : weightShape
    }

    /// Whether every group has one channel.
    var isDepthwise: Bool { groups > 1 && groups == source.channels && groups == outputChannels }

    /// The convolution of the output's gradient with the turned weights that gives the gradient of the input, for stride 1.
    var turned: ConvolutionShape {
        ConvolutionShape(
            source: destination, outputChannels: source.channels, kernel: kernel, dilation: dilation, groups: groups)
    }
}
