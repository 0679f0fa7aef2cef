/// In inference, the nodes whose work convolutions do besides their own: batch norm, an activation, the sum with the
/// result of a shortcut.
struct Fusion {
    /// What a convolution does beside multiplying.
    private struct Work {
        var norm: (name: String, epsilon: Float)?
        var adds = false
        var activation = Activation.none
        /// The first and the last of the other nodes whose work it does.
        let first: Graph.Node
        var last: Graph.Node
        /// Of a sum, the node whose map it adds to.
        var target: Graph.Node?
    }
    private var works: [Work?]
    private var absorbed: [Bool]

    /// Nothing but the convolutions themselves.
    init(nodes: Int) {
        works = Array(repeating: nil, count: nodes)
        absorbed = Array(repeating: false, count: nodes)
    }

    /// Finds what can be fused.
    init(_ graph: Graph, readers: [[Graph.Node]]) {
        self.init(nodes: graph.operations.count)
        for node in graph.operations.indices {
            guard case .convolution = graph.operations[node], readers[node].count == 1 else { continue }
            let next = readers[node][0]
            switch graph.operations[next] {
            case .normalisation(let name, let epsilon, _, let activation):
                works[node] = Work(norm: (name, epsilon), activation: activation, first: next, last: next)
            case .activation(let activation): works[node] = Work(activation: activation, first: next, last: next)
            default: continue
            }
            absorbed[next] = true
        }
        for node in graph.operations.indices {
            guard case .sum(let activation) = graph.operations[node] else { continue }
            absorb(sum: node, activation, graph, readers)
        }
    }

    /// A sum becomes part of the later of its convolutions, which adds to the map of the other source, if that is complete
    /// and nobody reads it any more.
    private mutating func absorb(
        sum: Graph.Node, _ activation: Activation, _ graph: Graph, _ readers: [[Graph.Node]]
    ) {
        let sources = graph.sources[sum]
        for (own, other) in [(sources[0], sources[1]), (sources[1], sources[0])] {
            guard own != other, let convolution = works.firstIndex(where: { $0?.last == own }),
                works[convolution]?.activation == Activation.none, works[convolution]?.adds == false,
                readers[own] == [sum], other != 0
            else { continue }
            let made = works.firstIndex { $0?.last == other } ?? other
            guard made < convolution, readers[other].allSatisfy({ $0 == sum || $0 < convolution }) else { continue }
            works[convolution]?.adds = true
            works[convolution]?.activation = activation
            works[convolution]?.last = sum
            works[convolution]?.target = other
            absorbed[sum] = true
            return
        }
    }

    /// Whether a convolution does the node's work.
    func isAbsorbed(_ node: Graph.Node) -> Bool { absorbed[node] }

    /// The node in whose map the result of a node lies, if not in its own; nodes have to be asked in their order.
    func result(of node: Graph.Node) -> Graph.Node? {
        if let work = works[node] { return work.target ?? work.last }
        return works.first { $0?.target != nil && ($0?.first == node || $0?.last == node) }??.target
    }

    /// What the convolution does besides multiplying.
    func work(
        of convolution: Graph.Node
    ) -> (norm: (name: String, epsilon: Float)?, adds: Bool, activation: Activation) {
        guard let work = works[convolution] else { return (nil, false, .none) }
        return (work.norm, work.adds, work.activation)
    }
}
