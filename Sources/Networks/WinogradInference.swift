import Kernels
import Work

/// The forward pass by Winograd's algorithm with kinds of tiles that fit the map, and with the points of many tiles in one
/// product, so that the weights are read from memory once.
///
/// The phases of a strongly dilated convolution have few pixels, all other neighbours of which lie in the padding; small
/// kinds need fewer multiplications there than the taps that fall inside the map.
///
/// Maps may hold bfloat16 numbers; points and weights are floats, of which a processor multiplies half as many in a time.
final class WinogradInference: Convolution {
    private struct Tile {
        let image: Int
        let row: Int
        let column: Int
    }

    /// The tiles of one pair of kinds, with the weights as points.
    private struct Group {
        let rows: Int
        let columns: Int
        let tiles: [Tile]
        let weights: UnsafeMutablePointer<Float>

        var points: Int { kernels_winograd_points(rows) * kernels_winograd_points(columns) }
    }

    private let shape: ConvolutionShape
    private let precision: Precision
    private let activation: Activation
    private let source: WinogradSide
    private let destination: WinogradSide
    private let groups: [Group]
    private let bias: UnsafeMutablePointer<Float>
    private let workspace: WinogradWorkspace

    /// Floats of the points of one product.
    private static let room = 6 << 20
    /// Weights from which on reading them for every chunk of tiles would cost more than the points do.
    private static let manyWeights = 1 << 14

    /// Where tiles begin along an axis, and their kinds: each phase of the dilation has its own.
    private static func axis(_ length: Int, dilation: Int) -> [(first: Int, kind: Int)] {
        var result: [(first: Int, kind: Int)] = []
        for phase in 0..<min(dilation, length) {
            var rest = (length - phase + dilation - 1) / dilation
            var first = phase
            while rest > 0 {
                // Two tiles of 3 or fewer pixels have fewer points than one of 4 and a rest.
                let kind = rest == 5 || rest == 6 || rest == 9 ? 3 : min(rest, 4)
                // Kinds 1 and 2 have no neighbours.
                result.append((first, first == phase ? kind : max(3, kind)))
                rest -= kind
                first += kind * dilation
            }
        }
        return result
    }

    private static func points(_ length: Int, _ dilation: Int) -> Int {
        axis(length, dilation: dilation).reduce(0) { $0 + kernels_winograd_points($1.kind) }
    }

    /// The pixels that each tap finds inside the map, added up.
    private static func taps(_ length: Int, _ dilation: Int) -> Int { length + 2 * max(0, length - dilation) }

    /// Whether there are many weights and clearly fewer multiplications than by the taps.
    static func pays(_ shape: ConvolutionShape, _ precision: Precision) -> Bool {
        let (size, step) = (shape.source, shape.dilation)
        guard size.channels * shape.outputChannels >= manyWeights else { return false }
        let points = points(size.height, step) * points(size.width, step)
        let taps = taps(size.height, step) * taps(size.width, step)
        switch precision {
        case .f32: return 10 * points < 8 * taps
        case .bf16: return 100 * points < 36 * taps && min(size.height, size.width) >= 3 * step
        }
    }

    init(
        _ shape: ConvolutionShape, _ source: MapKind, _ destination: MapKind, _ task: ConvolutionTask,
        _ workspace: WinogradWorkspace
    ) {
        self.shape = shape
        precision = source.precision
        self.workspace = workspace
        activation = task.activation
        self.source = WinogradSide(shape.source, source.format, dilation: shape.dilation)
        self.destination = WinogradSide(shape.destination, destination.format, dilation: shape.dilation)
        let rows = WinogradInference.axis(shape.source.height, dilation: shape.dilation)
        let columns = WinogradInference.axis(shape.source.width, dilation: shape.dilation)
        var groups: [Group] = []
        for (down, across) in (0..<16).map({ ($0 / 4 + 1, $0 % 4 + 1) }) {
            var tiles: [Tile] = []
            for image in 0..<shape.source.batch {
                for row in rows where row.kind == down {
                    for column in columns where column.kind == across {
                        tiles.append(Tile(image: image, row: row.first, column: column.first))
                    }
                }
            }
            guard !tiles.isEmpty else { continue }
            let points = kernels_winograd_points(down) * kernels_winograd_points(across)
            groups.append(
                Group(
                    rows: down, columns: across, tiles: tiles,
                    weights: Tensor.allocate(points * shape.source.channels * shape.outputChannels)))
        }
        self.groups = groups
        bias = Tensor.allocate(shape.outputChannels)
        bias.update(repeating: 0, count: shape.outputChannels)
    }

    deinit {
        bias.deallocate()
        for group in groups { group.weights.deallocate() }
    }

    func load(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
        if let bias { self.bias.update(from: bias, count: shape.outputChannels) }
        for group in groups {
            WinogradSide.pack(
                weights, source.channels, destination.channels, rows: group.rows, columns: group.columns, group.weights)
        }
    }

    func forward(source: UnsafeMutableRawPointer, destination: UnsafeMutableRawPointer) {
        for group in groups {
            let perTile = group.points * (self.source.channels + self.destination.channels)
            let most = max(1, WinogradInference.room / perTile)
            let chunks = (group.tiles.count + most - 1) / most
            for chunk in 0..<chunks {
                run(
                    group, group.tiles.count * chunk / chunks..<group.tiles.count * (chunk + 1) / chunks, from: source,
                    to: destination)
            }
        }
    }

    private func run(
        _ group: Group, _ range: Range<Int>, from: UnsafeMutableRawPointer, to: UnsafeMutableRawPointer
    ) {
        let (inputs, outputs) = (source.channels, destination.channels)
        let (points, rows, columns) = (group.points, group.rows, group.columns)
        // A little room after each tile and each point keeps what is read at once out of one cache set.
        let tileStride = inputs + 16
        let inputStride = range.count * tileStride + 16
        let outputStride = range.count * outputs + 16
        let memory = workspace.points(points * (inputStride + outputStride))
        let products = memory + points * inputStride
        let panels = (outputs + 15) / 16
        let (sourceLayout, destinationLayout) = (source.layout, destination.layout)
        Team.run(range.count) { place in
            let tile = group.tiles[range.lowerBound + place]
            withUnsafePointer(to: sourceLayout) {
                kernels_winograd_input(
                    from + tile.image * source.imageStride * precision.bytes, $0, tile.row, tile.column, rows, columns,
                    memory + place * tileStride, inputStride, precision.element)
            }
        }
        Team.run(points * panels) { index in
            let (point, output) = (index / panels, index % panels * 16)
            kernels_winograd_multiply(
                memory + point * inputStride, tileStride, group.weights + point * inputs * outputs,
                products + point * outputStride, range.count, inputs, outputs, output, min(output + 16, outputs))
        }
        Team.run(range.count) { place in
            let tile = group.tiles[range.lowerBound + place]
            withUnsafePointer(to: destinationLayout) {
                kernels_winograd_output(
                    products + place * outputs, outputStride,
                    to + tile.image * destination.imageStride * precision.bytes, $0, tile.row, tile.column, rows,
                    columns, bias, activation.rawValue, precision.element)
            }
            if destinationLayout.pastCache != 0 { kernels_winograd_finish() }
        }
    }

    // Training takes another convolution.
    func backwardData(gradient: UnsafeMutableRawPointer, sourceGradient: UnsafeMutableRawPointer) throws {
        throw Failure("no gradient was asked for", code: "internal")
    }

    func backwardWeights(
        source: UnsafeMutableRawPointer, gradient: UnsafeMutableRawPointer,
        weightGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>?
    ) throws {
        throw Failure("no gradient was asked for", code: "internal")
    }
}
