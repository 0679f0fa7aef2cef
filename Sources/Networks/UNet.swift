extension NetworkDescription {
    /// The U-Net: two 3x3 convolutions with batch norm and ReLU per level, maximum pooling down; up, a 1x1 convolution
    /// that halves the channels, bilinear interpolation, and concatenation with the level's features.
    func unet() -> Graph {
        var graph = Graph()
        func block(_ source: Graph.Node, _ name: String, _ width: Int) -> Graph.Node {
            var node = source
            for (convolution, norm) in [("0", "1"), ("3", "4")] {
                node = graph.convolution(node, "\(name).\(convolution)", width, kernel: 3)
                node = graph.normalisation(node, "\(name).\(norm)", activation: .relu)
            }
            return node
        }
        var node = block(graph.input(channels: inputChannels), "down.0", baseWidth)
        var skips: [Graph.Node] = []
        for level in 1...depth {
            skips.append(node)
            node = graph.maximumPooling(node, kernel: 2, stride: 2)
            node = block(node, "down.\(level)", baseWidth << level)
        }
        for level in (0..<depth).reversed() {
            let width = baseWidth << level
            let narrow = graph.convolution(node, "reduce.\(level)", width, kernel: 1, bias: true)
            let raised = graph.interpolation(narrow, like: skips[level])
            node = block(graph.concatenation([skips[level], raised]), "up.\(level)", width)
        }
        _ = graph.convolution(node, "classifier", classes, kernel: 1, bias: true, initialisation: .uniform)
        return graph
    }
}
