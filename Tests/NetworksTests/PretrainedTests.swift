import Foundation
import Networks
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct PretrainedTests {
        private let unet = NetworkDescription(inputChannels: 1, classes: 3, baseWidth: 8, depth: 1)

        /// The input i % 7 / 6 that PyTorch's logits belong to, in each of some channels.
        private func input(channels: Int = 1) throws -> Tensor {
            try Tensor([1, channels, 13, 11], (0..<channels).flatMap { _ in (0..<143).map { Float($0 % 7) / 6 } })
        }

        private func torchLogits() throws -> [Float] {
            try Data(contentsOf: TorchFiles.folder.appendingPathComponent("unet-logits.f32")).withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
        }

        @Test func answersAsInPyTorch() throws {
            let network = try SegmentationNetwork(unet, seed: 9)
            let start = try network.start(fromPretrained: TorchFiles.path("unet.pth"))
            #expect(start.notes.isEmpty)
            #expect(start.taken == network.parameterNames.filter { !$0.hasSuffix("num_batches_tracked") }.count)
            let found = try network.logits(input()).elements
            let expected = try torchLogits()
            #expect(found.count == expected.count)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }

        @Test func otherClassesBeginALastLayerAnew() throws {
            var description = unet
            description.classes = 2
            let network = try SegmentationNetwork(description, seed: 9)
            let fresh = try SegmentationNetwork(description, seed: 9)
            let start = try network.start(fromPretrained: TorchFiles.path("unet.pth"))
            #expect(start.notes.count == 1 && start.inWords.contains("3 classes and the training 2"))
            for name in ["classifier.weight", "classifier.bias"] {
                #expect(network.parameter(name)?.elements == fresh.parameter(name)?.elements)
            }
            #expect(network.parameter("up.0.0.weight")?.elements != fresh.parameter("up.0.0.weight")?.elements)
        }

        /// Equal channels are answered as the one channel that was trained on.
        @Test(arguments: [2, 3, 5]) func otherChannelsAreFitted(channels: Int) throws {
            var description = unet
            description.inputChannels = channels
            let network = try SegmentationNetwork(description, seed: 9)
            let start = try network.start(fromPretrained: TorchFiles.path("unet.pth"))
            #expect(start.inWords.contains("1 channels are fitted to \(channels)"))
            let found = try network.logits(input(channels: channels)).elements
            #expect(try zip(found, torchLogits()).allSatisfy { abs($0 - $1) < 1e-5 })
        }

        @Test func otherNetworksAreRefused() throws {
            func message(_ description: NetworkDescription) throws -> String {
                let network = try SegmentationNetwork(description, seed: 9)
                let before = try network.logits(input()).elements
                let failure = try #require(throws: Failure.self) {
                    try network.start(fromPretrained: TorchFiles.path("unet.pth"))
                }
                #expect(failure.code == "weights-mismatch")
                #expect(try network.logits(input()).elements == before)
                return failure.message
            }
            var description = unet
            description.baseWidth = 16
            #expect(try message(description).contains("down.0.0.weight has the shape [8, 1, 3, 3]"))
            description = unet
            description.depth = 2
            #expect(try message(description).contains("has no down.2.0.weight"))
            #expect(
                try message(NetworkDescription(architecture: .deeplabv3_mobilenet_v3_large)).contains("has no "))
        }

        /// torchvision's own files: 21 classes, an auxiliary classifier, three channels; and a classifier's backbone.
        @Test func torchvisionsFilesStartATraining() throws {
            try withTemporaryFolder { folder in
                let path = folder.appendingPathComponent("torchvision.safetensors").path
                let source = try SegmentationNetwork(
                    NetworkDescription(
                        architecture: .deeplabv3_mobilenet_v3_large, inputChannels: 3, classes: 16), seed: 1)
                try source.saveWeights(to: path)
                var file = try Safetensors(path: path)
                file.entries["classifier.4.weight"] = Safetensors.Entry(
                    shape: [21, 256, 1, 1], values: Array(repeating: 1, count: 21 * 256))
                file.entries["classifier.4.bias"] = Safetensors.Entry(
                    shape: [21], values: Array(repeating: 1, count: 21))
                file.entries["aux_classifier.4.weight"] = Safetensors.Entry(
                    shape: [21, 10, 1, 1], values: Array(repeating: 1, count: 210))
                try file.write(to: path)
                let description = NetworkDescription(architecture: .deeplabv3_mobilenet_v3_large)
                let network = try SegmentationNetwork(description, seed: 2)
                let start = try network.start(fromPretrained: path)
                #expect(start.notes.count == 2)
                #expect(start.inWords.contains("21 classes") && start.inWords.contains("3 channels are fitted to 1"))
                let name = "classifier.0.project.0.weight"
                #expect(network.parameter(name)?.elements == source.parameter(name)?.elements)

                var classifier = Safetensors()
                for (name, entry) in file.entries where name.hasPrefix("backbone.") {
                    classifier.entries["features." + name.dropFirst("backbone.".count)] = entry
                }
                classifier.entries["classifier.0.weight"] = Safetensors.Entry(shape: [2, 2], values: [1, 2, 3, 4])
                try classifier.write(to: path)
                let other = try SegmentationNetwork(description, seed: 3)
                let fresh = try SegmentationNetwork(description, seed: 3)
                #expect(try other.start(fromPretrained: path).inWords.contains("only a backbone"))
                #expect(other.parameter(name)?.elements == fresh.parameter(name)?.elements)
                #expect(
                    other.parameter("backbone.16.0.weight")?.elements
                        == source.parameter("backbone.16.0.weight")?.elements)
            }
        }
    }
}
