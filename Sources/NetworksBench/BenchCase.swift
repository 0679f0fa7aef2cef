import Networks

/// What is timed: a network, a task and a precision.
struct BenchCase {
    enum Task: String, CaseIterable { case forward, training }

    let network: Architecture
    let task: Task
    let precision: Precision

    var batch: Int { task == .forward ? 1 : 2 }
    var side: Int { task == .forward ? 512 : 256 }

    var title: String { "\(network.rawValue), \(task.rawValue) \(batch)x3x\(side)x\(side), \(precision.rawValue)" }

    /// The options by which a worker or a peer is told of the case.
    var arguments: [String] {
        [
            "--network", network.rawValue, "--task", task.rawValue, "--precision", precision.rawValue, "--batch",
            "\(batch)", "--side", "\(side)",
        ]
    }

    /// Floating point operations of one pass; a training step has three products of the size of the forward pass.
    var operations: Double {
        let forward = NetworkDescription(architecture: network, inputChannels: 3)
            .convolutionOperations(batch: batch, height: side, width: side)
        return task == .forward ? forward : 3 * forward
    }
}
