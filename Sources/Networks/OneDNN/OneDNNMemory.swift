import COneDNN
import Work

extension Precision {
    var dataType: dnnl_data_type_t { self == .f32 ? dnnl_f32 : dnnl_bf16 }
}

/// The description of a map; no format stands for any.
func description(_ size: MapSize, _ format: MapFormat?, _ precision: Precision) throws -> dnnl_memory_desc_t {
    let tag: dnnl_format_tag_t
    switch format {
    case nil: tag = dnnl_format_tag_any
    case .planar: tag = dnnl_nchw
    case .channelsLast: tag = dnnl_nhwc
    case .blocked(let width): tag = width == 8 ? dnnl_nChw8c : dnnl_nChw16c
    }
    return try description([size.batch, size.channels, size.height, size.width], tag, precision)
}

func description(
    _ dimensions: [Int], _ tag: dnnl_format_tag_t, _ precision: Precision = .f32
) throws -> dnnl_memory_desc_t {
    var result = dnnl_memory_desc_t()
    try check(
        dnnl_memory_desc_init_by_tag(
            &result, Int32(dimensions.count), dimensions.map(Int64.init), precision.dataType, tag),
        "memory description")
    return result
}

/// A memory object for an address that is set before each use.
final class OneDNNMemory {
    let handle: dnnl_memory_t
    /// The size in bytes.
    let bytes: Int

    init(_ description: dnnl_memory_desc_t, _ engine: OneDNNEngine) throws {
        var copy = description
        bytes = dnnl_memory_desc_get_size(&copy)
        var memory: dnnl_memory_t?
        // All bits set in the handle would ask the library to allocate; an empty handle waits for an address.
        try check(dnnl_memory_create(&memory, &copy, engine.engine, nil), "memory")
        guard let memory else { throw Failure("oneDNN: no memory object", code: "onednn") }
        handle = memory
    }

    deinit { dnnl_memory_destroy(handle) }

    func point(to address: UnsafeMutableRawPointer) { dnnl_memory_set_data_handle(handle, address) }
}

/// A primitive with its description.
final class OneDNNPrimitive {
    private let primitive: dnnl_primitive_t
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

    /// Rearranges memory; nil where there is nothing to do.
    static func reorder(
        from: dnnl_memory_desc_t, to: dnnl_memory_desc_t, evenIfEqual: Bool = false, _ engine: OneDNNEngine
    ) throws -> OneDNNPrimitive? {
        var from = from
        var to = to
        if !evenIfEqual, dnnl_memory_desc_equal(&from, &to) != 0 { return nil }
        var description: dnnl_primitive_desc_t?
        try check(
            dnnl_reorder_primitive_desc_create(&description, &from, engine.engine, &to, engine.engine, nil), "reorder")
        guard let description else { throw Failure("oneDNN: no reorder", code: "onednn") }
        return try OneDNNPrimitive(description)
    }

    /// How an operand of the primitive has to lie.
    func memoryDescription(_ query: dnnl_query_t) throws -> dnnl_memory_desc_t {
        guard let pointer = dnnl_primitive_desc_query_md(description, query, 0) else {
            throw Failure("oneDNN: no memory description", code: "onednn")
        }
        return pointer.pointee
    }

    func execute(_ engine: OneDNNEngine, _ arguments: [(Int32, OneDNNMemory)]) throws {
        try withUnsafeTemporaryAllocation(of: dnnl_exec_arg_t.self, capacity: arguments.count) { list in
            for (index, argument) in arguments.enumerated() {
                list.initializeElement(
                    at: index, to: dnnl_exec_arg_t(arg: argument.0, memory: argument.1.handle))
            }
            try check(
                dnnl_primitive_execute(primitive, engine.stream, Int32(arguments.count), list.baseAddress), "execution")
        }
        try check(dnnl_stream_wait(engine.stream), "execution")
    }
}

/// One operand of a primitive: the caller's memory directly, or a rearranged copy of it in working memory.
final class OneDNNOperand {
    private let outer: OneDNNMemory
    let inner: OneDNNMemory
    private let change: OneDNNPrimitive?
    private let engine: OneDNNEngine

    /// - Parameters:
    ///   - given: how the caller's memory lies.
    ///   - wanted: how the primitive wants it.
    ///   - isOutput: whether the primitive writes it.
    ///   - copied: whether to copy even what could be used in place.
    init(
        given: dnnl_memory_desc_t, wanted: dnnl_memory_desc_t, isOutput: Bool = false, copied: Bool = false,
        _ engine: OneDNNEngine
    ) throws {
        self.engine = engine
        outer = try OneDNNMemory(given, engine)
        change = try OneDNNPrimitive.reorder(
            from: isOutput ? wanted : given, to: isOutput ? given : wanted, evenIfEqual: copied, engine)
        inner = change == nil ? outer : try OneDNNMemory(wanted, engine)
    }

    /// Bytes of the copy, rounded up to a cache line; 0 where there is none.
    var bytes: Int { change == nil ? 0 : (inner.bytes + 63) / 64 * 64 }

    /// Takes the caller's memory and a place for the copy.
    func point(to address: UnsafeMutableRawPointer, copy: UnsafeMutableRawPointer) {
        outer.point(to: address)
        if change != nil { inner.point(to: copy) }
    }

    /// Fills the copy of an input.
    func read() throws { try change?.execute(engine, [(DNNL_ARG_FROM, outer), (DNNL_ARG_TO, inner)]) }

    /// Writes the copy of an output back.
    func write() throws { try change?.execute(engine, [(DNNL_ARG_FROM, inner), (DNNL_ARG_TO, outer)]) }
}
