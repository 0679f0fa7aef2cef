import Randomness

/// Where the maps and gradients of a plan lie and when they are needed.
///
/// Time runs through the nodes forward, and in training back again.
final class Layout {
    let graph: Graph
    let training: Bool
    private(set) var maps: [FeatureMap] = []
    private(set) var gradients: [FeatureMap?]
    private var scratches: [FeatureMap?]
    private let sizes: [MapSize]
    private let readers: [[Graph.Node]]
    private let fusion: Fusion
    /// Concatenated nodes that are views of the whole.
    private var isView: [Bool]

    init(_ graph: Graph, input: MapSize, precision: Precision, engine: any ConvolutionEngine, training: Bool) {
        self.graph = graph
        self.training = training
        let count = graph.operations.count
        var readers = [[Graph.Node]](repeating: [], count: count)
        for node in 0..<count {
            for source in graph.sources[node] where !readers[source].contains(node) { readers[source].append(node) }
        }
        self.readers = readers
        sizes = Layout.sizes(graph, input)
        fusion = training ? Fusion(nodes: count) : Fusion(graph, readers: readers)
        gradients = Array(repeating: nil, count: count)
        scratches = Array(repeating: nil, count: count)
        isView = Array(repeating: false, count: count)
        makeMaps(engine, precision)
        if training { makeGradients() }
        touchForward()
        if training { touchBackward() }
    }

    /// The memory that has to be placed, each once.
    var storages: [Storage] {
        var seen = Set<ObjectIdentifier>()
        return (maps + gradients.compactMap { $0 } + scratches.compactMap { $0 }).map(\.storage)
            .filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    private static func sizes(_ graph: Graph, _ input: MapSize) -> [MapSize] {
        var sizes: [MapSize] = []
        for node in 0..<graph.operations.count {
            let sources = graph.sources[node]
            var size = sources.isEmpty ? input : sizes[sources[0]]
            switch graph.operations[node] {
            case .convolution:
                size = shape(graph, node, source: size).destination
            case .maximumPooling(let kernel, let stride, let padding):
                size.height = (size.height + 2 * padding - kernel) / stride + 1
                size.width = (size.width + 2 * padding - kernel) / stride + 1
            case .interpolation:
                size.height = sizes[sources[1]].height
                size.width = sizes[sources[1]].width
            case .globalMean:
                size.height = 1
                size.width = 1
            default: break
            }
            size.channels = graph.channels[node]
            sizes.append(size)
        }
        return sizes
    }

    private static func shape(_ graph: Graph, _ node: Graph.Node, source: MapSize) -> ConvolutionShape {
        guard case .convolution(_, let kernel, let stride, let dilation, let groups, _) = graph.operations[node] else {
            fatalError("node \(node) is no convolution")
        }
        return ConvolutionShape(
            source: source, outputChannels: graph.channels[node], kernel: kernel, stride: stride, dilation: dilation,
            groups: groups)
    }

    /// Multiplications and additions of all convolutions in a forward pass.
    static func convolutionOperations(_ graph: Graph, input: MapSize) -> Double {
        let sizes = sizes(graph, input)
        return graph.operations.indices.reduce(0) { total, node in
            guard case .convolution = graph.operations[node] else { return total }
            let shape = shape(graph, node, source: sizes[graph.sources[node][0]])
            return total + 2 * Double(shape.weightCount) * Double(shape.source.batch * shape.destination.pixels)
        }
    }

    private func makeMaps(_ engine: any ConvolutionEngine, _ precision: Precision) {
        let count = graph.operations.count
        let inner = engine.format(
            channels: (1..<count).filter {
                if case .normalisation = graph.operations[$0] { return true }
                return false
            }.map { graph.channels[$0] })
        let last = graph.operations.lastIndex { if case .convolution = $0 { true } else { false } } ?? count
        maps = (0..<count).map { node in
            FeatureMap(
                sizes[node],
                MapKind(
                    format: node == 0 ? engine.inputFormat(channels: sizes[0].channels, inner: inner) : inner,
                    precision: node < last ? precision : .f32))
        }
        for node in 0..<count {
            if let whole = fusion.result(of: node) { maps[node] = maps[whole] }
        }
        for node in 0..<count {
            guard case .concatenation = graph.operations[node] else { continue }
            var first = 0
            for source in graph.sources[node] {
                if canBeView(source, in: node), first % maps[node].block == 0 || inner == .channelsLast {
                    isView[source] = true
                    maps[source] = FeatureMap(channels: sizes[source].channels, from: first, of: maps[node])
                }
                first += sizes[source].channels
            }
        }
    }

    /// Convolutions need dense maps; others can write to a part of a larger one, if the whole is their last reader.
    private func canBeView(_ source: Graph.Node, in whole: Graph.Node) -> Bool {
        guard !isView[source], readers[source].last == whole else { return false }
        switch graph.operations[source] {
        case .convolution, .input, .concatenation: return false
        default: if fusion.isAbsorbed(source) { return false }
        }
        return readers[source].allSatisfy {
            if case .convolution = graph.operations[$0] { return false }
            return true
        }
    }

    private func makeGradients() {
        for node in graph.operations.indices.reversed() where node > 0 {
            guard gradients[node] == nil else { continue }
            let gradient = FeatureMap(sizes[node], maps[node].kind)
            gradients[node] = gradient
            if case .concatenation = graph.operations[node] {
                var first = 0
                for source in graph.sources[node] {
                    if isView[source] {
                        gradients[source] = FeatureMap(
                            channels: sizes[source].channels, from: first, of: gradient)
                    }
                    first += sizes[source].channels
                }
            }
        }
        for node in graph.operations.indices {
            if case .convolution = graph.operations[node], target(node, 0)?.accumulates == true {
                scratches[node] = FeatureMap(sizes[graph.sources[node][0]], maps[graph.sources[node][0]].kind)
            }
        }
    }

    private func touchForward() {
        for node in graph.operations.indices {
            maps[node].storage.touch(node)
            for source in graph.sources[node] { maps[source].storage.touch(node) }
        }
        // The output is read, and the input written, outside of the layers' time.
        maps[0].storage.touch(-1)
        maps[maps.count - 1].storage.touch(graph.operations.count)
    }

    private func touchBackward() {
        let count = graph.operations.count
        maps[0].storage.touch(2 * count)
        gradients[count - 1]?.storage.touch(count)
        for node in 1..<count {
            let time = 2 * count - node
            gradients[node]?.storage.touch(time)
            scratches[node]?.storage.touch(time)
            switch graph.operations[node] {
            case .convolution, .normalisation, .activation, .excitation:
                for source in graph.sources[node] { maps[source].storage.touch(time) }
            case .sum: maps[node].storage.touch(time)
            default: break
            }
            for source in graph.sources[node] { gradients[source]?.storage.touch(time) }
        }
    }

    /// The gradient of source number `index` of a node; nil for the network's input.
    private func target(_ node: Graph.Node, _ index: Int) -> GradientTarget? {
        let source = graph.sources[node][index]
        guard let gradient = gradients[source] else { return nil }
        if case .interpolation = graph.operations[node], index == 1 { return nil }
        return GradientTarget(map: gradient, accumulates: gradientReaders(source).last != node)
    }

    /// The readers that contribute to a node's gradient: all but those that only take its size.
    private func gradientReaders(_ source: Graph.Node) -> [Graph.Node] {
        readers[source].filter {
            if case .interpolation = graph.operations[$0] { return graph.sources[$0][0] == source }
            return true
        }
    }

    /// The layer of a node; nil where there is nothing left to do.
    func layer(
        _ node: Graph.Node, engine: any ConvolutionEngine, parameters: Parameters, weights: WeightLoader,
        dropout: ((Graph.Node) -> RandomSource)?
    ) throws -> (any Layer)? {
        let sources = graph.sources[node]
        guard let first = sources.first, !fusion.isAbsorbed(node) else { return nil }
        let source = maps[first]
        let destination = maps[node]
        let sourceGradient = target(node, 0)
        let gradient = gradients[node]
        switch graph.operations[node] {
        case .input: return nil
        case .convolution: return try convolutionLayer(node, engine, parameters, weights)
        case .normalisation(let name, let epsilon, let momentum, let activation):
            guard let sourceGradient, let gradient else {
                fatalError("batch norm \(name) does not follow a convolution")
            }
            return try NormalisationLayer(
                name, epsilon: epsilon, momentum: momentum, activation: activation, source: source,
                destination: destination, sourceGradient: sourceGradient.map, gradient: gradient,
                parameters: parameters)
        case .activation(let activation):
            return ActivationLayer(
                activation, source: source, destination: destination, sourceGradient: sourceGradient,
                gradient: gradient)
        case .sum(let activation):
            return SumLayer(
                activation, sources: sources.map { maps[$0] }, destination: destination,
                sourceGradients: sources.indices.compactMap { target(node, $0) }, gradient: gradient)
        case .maximumPooling(let kernel, let stride, let padding):
            return MaximumPoolingLayer(
                kernel: kernel, stride: stride, padding: padding, source: source, destination: destination,
                sourceGradient: sourceGradient, gradient: gradient)
        case .interpolation where source.size.pixels == 1 && sourceGradient?.accumulates != true:
            return RepetitionLayer(
                source: source, destination: destination, sourceGradient: sourceGradient?.map, gradient: gradient)
        case .interpolation:
            return InterpolationLayer(
                source: source, destination: destination, sourceGradient: sourceGradient, gradient: gradient)
        case .concatenation: return concatenationLayer(node)
        case .globalMean:
            return GlobalMeanLayer(
                source: source, destination: destination, sourceGradient: sourceGradient, gradient: gradient)
        case .excitation:
            return ExcitationLayer(
                source: source, gate: maps[sources[1]], destination: destination, sourceGradient: sourceGradient,
                gateGradient: target(node, 1), gradient: gradient)
        case .dropout(let probability):
            guard let dropout, let sourceGradient, let gradient else {
                return ActivationLayer(
                    .none, source: source, destination: destination, sourceGradient: nil, gradient: nil)
            }
            return DropoutLayer(
                probability: probability, stream: { dropout(node) }, source: source, destination: destination,
                sourceGradient: sourceGradient, gradient: gradient)
        }
    }

    private func convolutionLayer(
        _ node: Graph.Node, _ engine: any ConvolutionEngine, _ parameters: Parameters, _ weights: WeightLoader
    ) throws -> any Layer {
        guard case .convolution(let name, _, _, _, _, let bias) = graph.operations[node] else {
            fatalError("node \(node) is no convolution")
        }
        let source = maps[graph.sources[node][0]]
        let destination = maps[node]
        let shape = Layout.shape(graph, node, source: source.size)
        let (norm, adds, activation) = fusion.work(of: node)
        let convolution = try engine.convolution(
            shape, source: source.kind, destination: destination.kind,
            task: ConvolutionTask(
                bias: bias || norm != nil, adds: adds, activation: activation, training: training))
        weights.add(convolution, name, shape, bias: bias, norm: norm)
        return ConvolutionLayer(
            convolution, source: source, destination: destination, sourceGradient: target(node, 0),
            gradient: gradients[node], scratch: scratches[node],
            weightGradient: training ? parameters.gradient(name + ".weight") : nil,
            biasGradient: training && bias ? parameters.gradient(name + ".bias") : nil)
    }

    private func concatenationLayer(_ node: Graph.Node) -> (any Layer)? {
        var first = 0
        var parts: [ConcatenationLayer.Part] = []
        for (index, source) in graph.sources[node].enumerated() {
            let channels = sizes[source].channels
            if !isView[source] {
                parts.append(
                    ConcatenationLayer.Part(
                        source: maps[source], place: FeatureMap(channels: channels, from: first, of: maps[node]),
                        sourceGradient: target(node, index),
                        gradient: gradients[node].map { FeatureMap(channels: channels, from: first, of: $0) }))
            }
            first += channels
        }
        return parts.isEmpty ? nil : ConcatenationLayer(parts)
    }
}
