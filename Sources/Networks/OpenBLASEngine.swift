import COpenBLAS
import Kernels

/// Convolutions as matrix products of OpenBLAS over unrolled windows (im2col).
final class OpenBLASEngine: ConvolutionEngine {
    func format(channels: [Int]) -> MapFormat { .channelsLast }

    func inputFormat(channels: Int, inner: MapFormat) -> MapFormat { inner }

    func convolution(
        _ shape: ConvolutionShape, source: MapKind, destination: MapKind, task: ConvolutionTask
    ) throws -> any Convolution {
        OpenBLASConvolution(shape, task)
    }
}

private final class OpenBLASConvolution: Convolution {
    private let shape: ConvolutionShape
    private let task: ConvolutionTask
    private let isDepthwise: Bool
    private let isPointwise: Bool
    /// Input channels times kernel area: the length of a window.
    private let window: Int
    /// Rows of the output whose windows are unrolled at once.
    private let rowsAtOnce: Int
    /// [out, kernel, kernel, in], or for depthwise convolutions [kernel, kernel, channels].
    private let weights: UnsafeMutablePointer<Float>
    private let bias: UnsafeMutablePointer<Float>
    private let columns: UnsafeMutablePointer<Float>

    init(_ shape: ConvolutionShape, _ task: ConvolutionTask) {
        self.shape = shape
        self.task = task
        isDepthwise = shape.groups > 1
        isPointwise = shape.kernel == 1 && shape.stride == 1
        window = shape.source.channels / shape.groups * shape.kernel * shape.kernel
        let row = shape.destination.width * window
        rowsAtOnce = max(1, min(shape.destination.height, (1 << 20) / row))
        weights = Tensor.allocate(shape.weightCount)
        bias = Tensor.allocate(shape.outputChannels)
        bias.update(repeating: 0, count: shape.outputChannels)
        columns = Tensor.allocate(isDepthwise || isPointwise ? 0 : rowsAtOnce * row)
    }

    deinit {
        weights.deallocate()
        bias.deallocate()
        columns.deallocate()
    }

    private var area: Int { shape.kernel * shape.kernel }

    func load(weights plain: UnsafePointer<Float>, bias plainBias: UnsafePointer<Float>?) {
        let inputs = shape.source.channels / shape.groups
        for output in 0..<shape.outputChannels {
            for input in 0..<inputs {
                for tap in 0..<area {
                    weights[place(output, input, tap, inputs)] = plain[(output * inputs + input) * area + tap]
                }
            }
        }
        if let plainBias { bias.update(from: plainBias, count: shape.outputChannels) }
    }

    private func place(_ output: Int, _ input: Int, _ tap: Int, _ inputs: Int) -> Int {
        isDepthwise ? tap * shape.outputChannels + output : (output * area + tap) * inputs + input
    }

    /// Calls `body` for groups of output rows: the image, the first row, the number of rows.
    private func forEachGroup(_ body: (_ image: Int, _ row: Int, _ rows: Int) -> Void) {
        for image in 0..<shape.source.batch {
            var row = 0
            while row < shape.destination.height {
                let rows = min(rowsAtOnce, shape.destination.height - row)
                body(image, row, rows)
                row += rows
            }
        }
    }

    private var geometry: kernels_depthwise {
        let size = shape.destination
        return kernels_depthwise(
            height: shape.source.height, width: shape.source.width, stride: shape.source.channels,
            outHeight: size.height, outWidth: size.width, outStride: size.channels, kernel: shape.kernel,
            step: shape.stride, dilation: shape.dilation, padding: shape.padding, tapStride: size.channels)
    }

    /// Calls `body` for parts of the channels of each image on all cores.
    private func forEachDepthwisePart(
        _ body: (_ image: Int, _ channel: Int, _ lanes: Int, _ geometry: UnsafePointer<kernels_depthwise>) -> Void
    ) {
        let parts = (shape.outputChannels + 31) / 32
        let geometry = geometry
        Team.run(shape.source.batch * parts) { index in
            let channel = index % parts * 32
            withUnsafePointer(to: geometry) {
                body(index / parts, channel, min(32, shape.outputChannels - channel), $0)
            }
        }
    }

    /// The windows of some output rows as a matrix [pixels, window]; a pointwise convolution reads the input itself.
    private func windows(_ image: UnsafeMutablePointer<Float>, _ row: Int, _ rows: Int) -> UnsafeMutablePointer<Float> {
        let size = shape.destination
        if isPointwise { return image + row * size.width * window }
        Team.run(rows) { line in
            var target = columns + line * size.width * window
            for column in 0..<size.width {
                forEachTap(row + line, column) { from, inputs in
                    if let from {
                        target.update(from: image + from, count: inputs)
                    } else {
                        target.update(repeating: 0, count: inputs)
                    }
                    target += inputs
                }
            }
        }
        return columns
    }

    /// Adds the matrix of windows back to the image; each thread has some of the channels.
    private func addWindows(to image: UnsafeMutablePointer<Float>, _ row: Int, _ rows: Int) {
        let size = shape.destination
        let inputs = shape.source.channels
        let parts = max(1, min(8, inputs / 8))
        Team.run(parts) { part in
            let channels = inputs * part / parts..<inputs * (part + 1) / parts
            var from = columns
            for line in 0..<rows {
                for column in 0..<size.width {
                    forEachTap(row + line, column) { to, _ in
                        if let to { for channel in channels { image[to + channel] += from[channel] } }
                        from += inputs
                    }
                }
            }
        }
    }

    /// Where each tap of an output pixel's window lies in the image; nil in the padding.
    @inline(__always)
    private func forEachTap(_ row: Int, _ column: Int, _ body: (Int?, Int) -> Void) {
        let inputs = shape.source.channels
        for u in 0..<shape.kernel {
            let r = row * shape.stride - shape.padding + u * shape.dilation
            for v in 0..<shape.kernel {
                let s = column * shape.stride - shape.padding + v * shape.dilation
                let inside = r >= 0 && r < shape.source.height && s >= 0 && s < shape.source.width
                body(inside ? (r * shape.source.width + s) * inputs : nil, inputs)
            }
        }
    }

    private func imageSize(_ size: MapSize) -> Int { size.pixels * size.channels }

    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) {
        forward(
            source: source.assumingMemoryBound(to: Float.self),
            destination: destination.assumingMemoryBound(to: Float.self)
        )
    }

    private func forward(source: UnsafeMutablePointer<Float>, destination: UnsafeMutablePointer<Float>) {
        let size = shape.destination
        if isDepthwise {
            forEachDepthwisePart { image, channel, lanes, geometry in
                kernels_depthwise_forward(
                    source + image * imageSize(shape.source) + channel,
                    destination + image * imageSize(size) + channel, geometry, lanes, weights + channel)
            }
        } else {
            forEachGroup { image, row, rows in
                let windows = self.windows(source + image * imageSize(shape.source), row, rows)
                cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows * size.width), Int32(size.channels),
                    Int32(window), 1, windows, Int32(window), weights, Int32(window), task.adds ? 1 : 0,
                    destination + image * imageSize(size) + row * size.width * size.channels, Int32(size.channels))
            }
        }
        let map = size.batch * size.pixels
        let piece = 4096
        Team.run((map + piece - 1) / piece) { index in
            let first = index * piece
            var channel = 0
            while channel < size.channels {
                let lanes = min(32, size.channels - channel)
                let base = destination + first * size.channels + channel
                kernels_affine(
                    base, size.channels, base, size.channels, min(piece, map - first), lanes, zeros, ones,
                    bias + channel,
                    task.activation.rawValue, Precision.f32.element)
                channel += lanes
            }
        }
    }

    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) {
        let gradient = gradient.assumingMemoryBound(to: Float.self)
        let sourceGradient = sourceGradient.assumingMemoryBound(to: Float.self)
        let size = shape.destination
        if !isPointwise {
            sourceGradient.update(repeating: 0, count: shape.source.batch * imageSize(shape.source))
        }
        if isDepthwise {
            return forEachDepthwisePart { image, channel, lanes, geometry in
                kernels_depthwise_gradient(
                    sourceGradient + image * imageSize(shape.source) + channel,
                    gradient + image * imageSize(size) + channel, geometry, lanes, weights + channel)
            }
        }
        forEachGroup { image, row, rows in
            let target = sourceGradient + image * imageSize(shape.source)
            let product = isPointwise ? target + row * size.width * window : columns
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows * size.width), Int32(window),
                Int32(size.channels), 1, gradient + image * imageSize(size) + row * size.width * size.channels,
                Int32(size.channels), weights, Int32(window), 0, product, Int32(window))
            if !isPointwise { addWindows(to: target, row, rows) }
        }
    }

    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) {
        let source = source.assumingMemoryBound(to: Float.self)
        let gradient = gradient.assumingMemoryBound(to: Float.self)
        let size = shape.destination
        let result = Tensor.allocate(shape.weightCount)
        defer { result.deallocate() }
        result.update(repeating: 0, count: shape.weightCount)
        if isDepthwise {
            let geometry = geometry
            Team.run((size.channels + 31) / 32) { part in
                let channel = part * 32
                let lanes = min(32, size.channels - channel)
                for image in 0..<size.batch {
                    withUnsafePointer(to: geometry) {
                        kernels_depthwise_weight_gradient(
                            source + image * imageSize(shape.source) + channel,
                            gradient + image * imageSize(size) + channel, $0, lanes, result + channel,
                            Precision.f32.element)
                    }
                }
            }
        } else {
            forEachGroup { image, row, rows in
                let windows = self.windows(source + image * imageSize(shape.source), row, rows)
                cblas_sgemm(
                    CblasRowMajor, CblasTrans, CblasNoTrans, Int32(size.channels), Int32(window),
                    Int32(rows * size.width), 1, gradient + image * imageSize(size) + row * size.width * size.channels,
                    Int32(size.channels), windows, Int32(window), 1, result, Int32(window))
            }
        }
        let inputs = shape.source.channels / shape.groups
        for output in 0..<shape.outputChannels {
            for input in 0..<inputs {
                for tap in 0..<area {
                    weightGradient[(output * inputs + input) * area + tap] = result[place(output, input, tap, inputs)]
                }
            }
        }
        if let biasGradient {
            var sums = [Double](repeating: 0, count: size.channels)
            for pixel in 0..<size.batch * size.pixels {
                for channel in 0..<size.channels { sums[channel] += Double(gradient[pixel * size.channels + channel]) }
            }
            for channel in 0..<size.channels { biasGradient[channel] = Float(sums[channel]) }
        }
    }
}
