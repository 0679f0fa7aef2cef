/// A network as data: what is computed from what, with the names of the parameters.
struct Graph {
    /// The number of a node.
    typealias Node = Int

    /// What a node computes.
    enum Operation {
        case input
        /// A convolution; parameters NAME.weight and, with `bias`, NAME.bias.
        case convolution(name: String, kernel: Int, stride: Int, dilation: Int, groups: Int, bias: Bool)
        /// Batch norm and an activation; parameters NAME.weight, .bias, .running_mean, .running_var, .num_batches_tracked.
        case normalisation(name: String, epsilon: Float, momentum: Float, activation: Activation)
        case activation(Activation)
        /// The sum of two maps, then an activation.
        case sum(activation: Activation)
        case maximumPooling(kernel: Int, stride: Int, padding: Int)
        /// Bilinear interpolation (corners not aligned) of the first source to the size of the second.
        case interpolation
        case concatenation
        /// The mean over all pixels.
        case globalMean
        /// The first source times the second, which has one pixel.
        case excitation
        case dropout(probability: Float)
    }

    private(set) var operations: [Operation] = []
    private(set) var sources: [[Node]] = []
    private(set) var channels: [Int] = []
    /// The nodes that are dropped out during training draw from a stream each.
    private(set) var parameters: [ParameterDeclaration] = []

    private mutating func append(_ operation: Operation, _ sources: [Node], channels: Int) -> Node {
        operations.append(operation)
        self.sources.append(sources)
        self.channels.append(channels)
        return operations.count - 1
    }

    mutating func input(channels: Int) -> Node { append(.input, [], channels: channels) }

    mutating func convolution(
        _ source: Node, _ name: String, _ outputChannels: Int, kernel: Int, stride: Int = 1, dilation: Int = 1,
        groups: Int = 1, bias: Bool = false, initialisation: ParameterDeclaration.Initialisation = .heOutput
    ) -> Node {
        let inputs = channels[source] / groups
        parameters.append(
            ParameterDeclaration(
                name: name + ".weight", shape: [outputChannels, inputs, kernel, kernel],
                initialisation: initialisation))
        if bias {
            parameters.append(
                ParameterDeclaration(
                    name: name + ".bias", shape: [outputChannels],
                    initialisation: initialisation == .uniform ? .uniformBias(inputs * kernel * kernel) : .constant(0)))
        }
        let operation = Operation.convolution(
            name: name, kernel: kernel, stride: stride, dilation: dilation, groups: groups, bias: bias)
        return append(operation, [source], channels: outputChannels)
    }

    mutating func normalisation(
        _ source: Node, _ name: String, epsilon: Float = 1e-5, momentum: Float = 0.1, activation: Activation
    ) -> Node {
        let shape = [channels[source]]
        parameters += [
            ParameterDeclaration(name: name + ".weight", shape: shape, initialisation: .constant(1)),
            ParameterDeclaration(name: name + ".bias", shape: shape, initialisation: .constant(0)),
            ParameterDeclaration(
                name: name + ".running_mean", shape: shape, initialisation: .constant(0), kind: .statistic),
            ParameterDeclaration(
                name: name + ".running_var", shape: shape, initialisation: .constant(1), kind: .statistic),
            ParameterDeclaration(
                name: name + ".num_batches_tracked", shape: [], initialisation: .constant(0), kind: .counter),
        ]
        let operation = Operation.normalisation(
            name: name, epsilon: epsilon, momentum: momentum, activation: activation)
        return append(operation, [source], channels: channels[source])
    }

    mutating func activation(_ source: Node, _ activation: Activation) -> Node {
        append(.activation(activation), [source], channels: channels[source])
    }

    mutating func sum(_ first: Node, _ second: Node, activation: Activation = .none) -> Node {
        append(.sum(activation: activation), [first, second], channels: channels[first])
    }

    mutating func maximumPooling(_ source: Node, kernel: Int, stride: Int, padding: Int = 0) -> Node {
        append(
            .maximumPooling(kernel: kernel, stride: stride, padding: padding), [source], channels: channels[source])
    }

    mutating func interpolation(_ source: Node, like model: Node) -> Node {
        append(.interpolation, [source, model], channels: channels[source])
    }

    mutating func concatenation(_ sources: [Node]) -> Node {
        append(.concatenation, sources, channels: sources.reduce(0) { $0 + channels[$1] })
    }

    mutating func globalMean(_ source: Node) -> Node { append(.globalMean, [source], channels: channels[source]) }

    mutating func excitation(_ source: Node, by gate: Node) -> Node {
        append(.excitation, [source, gate], channels: channels[source])
    }

    mutating func dropout(_ source: Node, probability: Float) -> Node {
        append(.dropout(probability: probability), [source], channels: channels[source])
    }
}

extension NetworkDescription {
    /// The network's graph: node 0 is the input, the last node the logits at the input's resolution.
    func graph() -> Graph {
        switch architecture {
        case .unet: return unet()
        case .deeplabv3_mobilenet_v3_large, .deeplabv3_resnet50, .deeplabv3_resnet101: return deepLabV3()
        }
    }

    /// The multiplications and additions of all convolutions in one forward pass, padding counted like pixels.
    public func convolutionOperations(batch: Int, height: Int, width: Int) -> Double {
        let input = MapSize(batch: batch, channels: inputChannels, height: height, width: width)
        return Layout.convolutionOperations(graph(), input: input)
    }
}
