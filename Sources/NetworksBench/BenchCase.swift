import Networks

/// What is timed: a network, a task and a precision.
struct BenchCase {
    enum Task: String, CaseIterable { case forward, training }

    let network: Architecture
    let task: Task
    let precision: Precision

    var batch: Int { task == .forward ? 1 : network == .unet ? 8 : 2 }
    var side: Int { task == .forward ? 512 : network == .unet ? 128 : 256 }

    /// The network as it is used: the U-Net in the form in which `train` makes it.
    var description: NetworkDescription { BenchCase.description(network) }

    static func description(_ network: Architecture) -> NetworkDescription {
        network == .unet
            ? NetworkDescription(baseWidth: 16, depth: 3)
            : NetworkDescription(architecture: network, inputChannels: 3)
    }

    /// Whether the peers have the same network.
    var hasPeers: Bool { network != .unet }

    var title: String {
        "\(network.rawValue), \(task.rawValue) \(batch)x\(description.inputChannels)x\(side)x\(side), \(precision.rawValue)"
    }

    /// The options by which a worker or a peer is told of the case.
    var arguments: [String] {
        [
            "--network", network.rawValue, "--task", task.rawValue, "--precision", precision.rawValue, "--batch",
            "\(batch)", "--side", "\(side)",
        ]
    }

    /// Floating point operations of one pass; a training step has three products of the size of the forward pass.
    var operations: Double {
        let forward = description.convolutionOperations(batch: batch, height: side, width: side)
        return task == .forward ? forward : 3 * forward
    }
}
