import COneDNN
import Work

/// Convolutions by oneDNN 2 (Debian's libdnnl). Every call to the library is in this folder.
final class OneDNNEngine: ConvolutionEngine {
    let engine: dnnl_engine_t
    let stream: dnnl_stream_t
    /// Memory for the rearranged operands of the primitive that runs.
    let workspace = OneDNNWorkspace()

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

    /// Whether the processor has dot products of bfloat16 numbers.
    static var multipliesBFloat16: Bool { supports(dnnl_cpu_isa_avx512_core_bf16) }

    private static func supports(_ set: dnnl_cpu_isa_t) -> Bool {
        dnnl_get_effective_cpu_isa().rawValue & set.rawValue == set.rawValue
    }

    /// Blocks of 8 channels suit AVX2. With AVX-512 channels last are as fast and need no padding, and strongly dilated
    /// convolutions skip what lies in the padding.
    func format(channels: [Int]) -> MapFormat {
        OneDNNEngine.supports(dnnl_cpu_isa_avx512_core) ? .channelsLast : .blocked(8)
    }

    /// First layers read up to three channels from planes where the other maps are blocked.
    func inputFormat(channels: Int, inner: MapFormat) -> MapFormat {
        channels == 1 || (channels <= 3 && inner != .channelsLast) ? .planar : inner
    }

    func convolution(
        _ shape: ConvolutionShape, source: MapKind, destination: MapKind, task: ConvolutionTask
    ) throws -> any Convolution {
        guard MiddleTapConvolution.suits(shape) else {
            return try OneDNNConvolution(self, shape, source: source, destination: destination, task)
        }
        return try MiddleTapConvolution(shape) {
            try OneDNNConvolution(self, $0, source: source, destination: destination, task)
        }
    }
}

/// Turns a status of the library into an error.
func check(_ status: dnnl_status_t, _ what: String) throws {
    guard status == dnnl_success else {
        throw Failure("oneDNN: \(what) failed with status \(status.rawValue)", code: "onednn")
    }
}

/// Memory that all convolutions of an engine use in turn.
final class OneDNNWorkspace {
    private var memory: UnsafeMutableRawPointer?
    private var bytes = 0

    deinit { memory?.deallocate() }

    /// Memory valid until the next call.
    func room(_ bytes: Int) -> UnsafeMutableRawPointer {
        if let memory, self.bytes >= bytes { return memory }
        memory?.deallocate()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        self.memory = memory
        self.bytes = bytes
        return memory
    }
}
