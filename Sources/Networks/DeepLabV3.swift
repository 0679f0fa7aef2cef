extension NetworkDescription {
    /// DeepLabV3 (Chen et al. 2017) without auxiliary classifier, with torchvision's structure and parameter names.
    func deepLabV3() -> Graph {
        var graph = Graph()
        let input = graph.input(channels: inputChannels)
        let features: Graph.Node
        switch architecture {
        case .deeplabv3_resnet50: features = graph.resNet(input, blocks: [3, 4, 6, 3])
        case .deeplabv3_resnet101: features = graph.resNet(input, blocks: [3, 4, 23, 3])
        default: features = graph.mobileNetV3Large(input)
        }
        let pooled = graph.pyramid(features, "classifier.0", width: 256, dropout: dropout)
        let mixed = graph.convolution(pooled, "classifier.1", 256, kernel: 3, initialisation: .uniform)
        let normalised = graph.normalisation(mixed, "classifier.2", activation: .relu)
        let scores = graph.convolution(
            normalised, "classifier.4", classes, kernel: 1, bias: true, initialisation: .uniform)
        _ = graph.interpolation(scores, like: input)
        return graph
    }
}

extension Graph {
    /// Atrous spatial pyramid pooling with rates 12, 24 and 36.
    fileprivate mutating func pyramid(_ source: Node, _ name: String, width: Int, dropout probability: Float) -> Node {
        func branch(_ source: Node, _ name: String, _ places: (Int, Int), kernel: Int, dilation: Int = 1) -> Node {
            let node = convolution(
                source, "\(name).\(places.0)", width, kernel: kernel, dilation: dilation, initialisation: .uniform)
            return normalisation(node, "\(name).\(places.1)", activation: .relu)
        }
        var branches = [branch(source, "\(name).convs.0", (0, 1), kernel: 1)]
        for (index, rate) in [12, 24, 36].enumerated() {
            branches.append(branch(source, "\(name).convs.\(index + 1)", (0, 1), kernel: 3, dilation: rate))
        }
        let mean = branch(globalMean(source), "\(name).convs.4", (1, 2), kernel: 1)
        branches.append(interpolation(mean, like: source))
        let projected = branch(concatenation(branches), "\(name).project", (0, 1), kernel: 1)
        return probability > 0 ? dropout(projected, probability: probability) : projected
    }

    /// ResNet with bottlenecks (He et al. 2016), the strides of its last two stages replaced by dilation.
    fileprivate mutating func resNet(_ source: Node, blocks: [Int]) -> Node {
        var node = convolution(source, "backbone.conv1", 64, kernel: 7, stride: 2)
        node = normalisation(node, "backbone.bn1", activation: .relu)
        node = maximumPooling(node, kernel: 3, stride: 2, padding: 1)
        let stages: [(width: Int, stride: Int, dilation: Int)] = [(64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4)]
        var previousDilation = 1
        for (number, stage) in stages.enumerated() {
            for block in 0..<blocks[number] {
                node = bottleneck(
                    node, "backbone.layer\(number + 1).\(block)", stage.width, stride: block == 0 ? stage.stride : 1,
                    dilation: block == 0 ? previousDilation : stage.dilation)
            }
            previousDilation = stage.dilation
        }
        return node
    }

    private mutating func bottleneck(
        _ source: Node, _ name: String, _ width: Int, stride: Int, dilation: Int
    ) -> Node {
        var node = convolution(source, "\(name).conv1", width, kernel: 1)
        node = normalisation(node, "\(name).bn1", activation: .relu)
        node = convolution(node, "\(name).conv2", width, kernel: 3, stride: stride, dilation: dilation)
        node = normalisation(node, "\(name).bn2", activation: .relu)
        node = convolution(node, "\(name).conv3", 4 * width, kernel: 1)
        node = normalisation(node, "\(name).bn3", activation: .none)
        var identity = source
        if stride != 1 || channels[source] != 4 * width {
            identity = convolution(source, "\(name).downsample.0", 4 * width, kernel: 1, stride: stride)
            identity = normalisation(identity, "\(name).downsample.1", activation: .none)
        }
        return sum(node, identity, activation: .relu)
    }

    /// MobileNetV3-Large (Howard et al. 2019), the stride of its last stage replaced by dilation.
    fileprivate mutating func mobileNetV3Large(_ source: Node) -> Node {
        var node = mobileUnit(source, "backbone.0", 16, kernel: 3, stride: 2, activation: .hardSwish)
        for (index, block) in mobileBlocks.enumerated() {
            node = invertedResidual(node, "backbone.\(index + 1).block", block)
        }
        return mobileUnit(node, "backbone.16", 960, kernel: 1, activation: .hardSwish)
    }

    private mutating func mobileUnit(
        _ source: Node, _ name: String, _ width: Int, kernel: Int, stride: Int = 1, dilation: Int = 1,
        groups: Int = 1, activation: Activation
    ) -> Node {
        let node = convolution(
            source, "\(name).0", width, kernel: kernel, stride: stride, dilation: dilation, groups: groups)
        return normalisation(node, "\(name).1", epsilon: 0.001, momentum: 0.01, activation: activation)
    }

    private mutating func invertedResidual(_ source: Node, _ name: String, _ block: MobileBlock) -> Node {
        let activation: Activation = block.isHardSwish ? .hardSwish : .relu
        var node = source
        var place = 0
        func next() -> String {
            place += 1
            return "\(name).\(place - 1)"
        }
        if block.expanded != channels[source] {
            node = mobileUnit(node, next(), block.expanded, kernel: 1, activation: activation)
        }
        node = mobileUnit(
            node, next(), block.expanded, kernel: block.kernel, stride: block.dilation > 1 ? 1 : block.stride,
            dilation: block.dilation, groups: block.expanded, activation: activation)
        if block.isExcited {
            let name = next()
            let squeezed = MobileBlock.squeezed(block.expanded)
            var gate = convolution(globalMean(node), "\(name).fc1", squeezed, kernel: 1, bias: true)
            gate = self.activation(gate, .relu)
            gate = convolution(gate, "\(name).fc2", block.expanded, kernel: 1, bias: true)
            gate = self.activation(gate, .hardSigmoid)
            node = excitation(node, by: gate)
        }
        node = mobileUnit(node, next(), block.output, kernel: 1, activation: .none)
        let isResidual = block.stride == 1 && channels[source] == block.output
        return isResidual ? sum(node, source) : node
    }
}

/// One inverted residual of MobileNetV3.
private struct MobileBlock {
    let kernel: Int
    let expanded: Int
    let output: Int
    let isExcited: Bool
    let isHardSwish: Bool
    let stride: Int
    let dilation: Int

    init(
        _ kernel: Int, _ expanded: Int, _ output: Int, excited: Bool, hardSwish: Bool, stride: Int = 1,
        dilation: Int = 1
    ) {
        self.kernel = kernel
        self.expanded = expanded
        self.output = output
        isExcited = excited
        isHardSwish = hardSwish
        self.stride = stride
        self.dilation = dilation
    }

    /// A quarter of the channels, to the nearest multiple of 8, never more than a tenth below.
    static func squeezed(_ expanded: Int) -> Int {
        let quarter = expanded / 4
        let rounded = max(8, (quarter + 4) / 8 * 8)
        return rounded * 10 < quarter * 9 ? rounded + 8 : rounded
    }
}

private let mobileBlocks = [
    MobileBlock(3, 16, 16, excited: false, hardSwish: false),
    MobileBlock(3, 64, 24, excited: false, hardSwish: false, stride: 2),
    MobileBlock(3, 72, 24, excited: false, hardSwish: false),
    MobileBlock(5, 72, 40, excited: true, hardSwish: false, stride: 2),
    MobileBlock(5, 120, 40, excited: true, hardSwish: false),
    MobileBlock(5, 120, 40, excited: true, hardSwish: false),
    MobileBlock(3, 240, 80, excited: false, hardSwish: true, stride: 2),
    MobileBlock(3, 200, 80, excited: false, hardSwish: true),
    MobileBlock(3, 184, 80, excited: false, hardSwish: true),
    MobileBlock(3, 184, 80, excited: false, hardSwish: true),
    MobileBlock(3, 480, 112, excited: true, hardSwish: true),
    MobileBlock(3, 672, 112, excited: true, hardSwish: true),
    MobileBlock(5, 672, 160, excited: true, hardSwish: true, stride: 2, dilation: 2),
    MobileBlock(5, 960, 160, excited: true, hardSwish: true, dilation: 2),
    MobileBlock(5, 960, 160, excited: true, hardSwish: true, dilation: 2),
]
