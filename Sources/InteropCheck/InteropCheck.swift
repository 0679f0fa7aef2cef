import ArgumentParser
import Foundation
import Networks
import Randomness
import Work

/// Starts a network from a checkpoint of PyTorch, and writes an input with the network's answer and the network as ONNX,
/// for `scripts/interop.py` to compare with PyTorch and ONNX Runtime.
@main struct InteropCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts a network from a checkpoint, and writes its answer to an input and the network as ONNX.")

    @Option(help: "Kind of network: unet, deeplabv3_mobilenet_v3_large, deeplabv3_resnet50 or deeplabv3_resnet101.")
    var network = "unet"
    @Option(help: "The checkpoint: a file of torch.save, or safetensors.") var checkpoint: String
    @Option(help: "Image channels.") var channels = 3
    @Option(help: "Classes with the background.") var classes = 2
    @Option(help: "Features of the U-Net at full resolution.") var baseWidth = 16
    @Option(help: "How often the U-Net halves the resolution.") var depth = 3
    @Option(help: "Rows of the input.") var height = 129
    @Option(help: "Columns of the input.") var width = 161
    @Option(help: "Seed of the input.") var seed: UInt64 = 1
    @Option(help: "Folder for input.npy, logits.npy and model.onnx.") var output: String
    @Flag(help: "Write target.npy, loss.npy and gradients.safetensors of a training step without dropout instead.")
    var gradients = false

    func run() throws {
        guard let architecture = Architecture(rawValue: network) else {
            throw Failure("there is no network \(network)", remedy: "see --help", code: "out-of-range")
        }
        var description = NetworkDescription(
            architecture: architecture, inputChannels: channels, classes: classes, baseWidth: baseWidth, depth: depth)
        if gradients { description.dropout = 0 }
        let network = try SegmentationNetwork(description, seed: seed)
        let start = try network.start(fromPretrained: checkpoint)
        print(start.inWords)
        var random = RandomSource(seed: seed)
        let shape = [2, channels, height, width]
        let input = try Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(in: 0...1)) })
        try input.writeNumPy(to: output + "/input.npy")
        if gradients { return try writeGradients(of: network, input) }
        try network.logits(input).writeNumPy(to: output + "/logits.npy")
        try writeWhole(
            network.onnx(result: .logits, description: "", properties: [:]), to: output + "/model.onnx")
    }

    private func writeGradients(of network: SegmentationNetwork, _ input: Tensor) throws {
        var random = RandomSource(seed: seed).split(1)
        let target = (0..<2 * height * width).map { _ in UInt8(random.uniform() * Double(classes)) }
        let loss = try network.lossAndGradients(input: input, target: target)
        try Tensor([2, height, width], target.map(Float.init)).writeNumPy(to: output + "/target.npy")
        try Tensor([1], [loss]).writeNumPy(to: output + "/loss.npy")
        var file = Safetensors()
        for name in network.parameterNames {
            guard let gradient = network.gradient(of: name) else { continue }
            file.entries[name] = Safetensors.Entry(shape: gradient.shape, values: gradient.elements)
        }
        try file.write(to: output + "/gradients.safetensors")
    }
}
