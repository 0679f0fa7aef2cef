import Foundation
import Networks
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct PrecisionTests {
        /// Trains on discs in noise, 40 steps.
        private func trained(_ architecture: Architecture, _ precision: Precision) throws -> SegmentationNetwork {
            let description = NetworkDescription(
                architecture: architecture, inputChannels: 1, classes: 2, baseWidth: 8, depth: 2)
            let network = try SegmentationNetwork(description, seed: 3, precision: precision)
            for step in 0..<40 {
                let (input, target) = try discs(batch: 4, side: 64, seed: UInt64(100 + step))
                try network.trainingStep(input: input, target: target, learningRate: 3e-3)
            }
            return network
        }

        private func mask(_ network: SegmentationNetwork, _ input: Tensor) throws -> [Bool] {
            let scores = try network.logits(input).elements
            let (batch, pixels) = (input.shape[0], input.shape[2] * input.shape[3])
            return (0..<batch * pixels).map { index in
                let first = index / pixels * 2 * pixels + index % pixels
                return scores[first + pixels] > scores[first]
            }
        }

        private func agreement(_ a: [Bool], _ b: [Bool]) -> Double {
            Double(zip(a, b).filter { $0.0 == $0.1 }.count) / Double(a.count)
        }

        /// A network trained in either precision finds the discs, and its masks in the two precisions are the same in
        /// 99.9 % of the pixels.
        @Test(
            .enabled(if: Precision.bf16.isFast, "the processor has no bfloat16 arithmetic"),
            arguments: Precision.allCases)
        func masksAgreeInBothPrecisions(training: Precision) throws {
            let network = try trained(.unet, training)
            let (input, target) = try discs(batch: 4, side: 160, seed: 77)
            let own = try mask(network, input)
            #expect(agreement(own, target.map { $0 == 1 }) > 0.97)
            try withTemporaryFolder { folder in
                let path = folder.appendingPathComponent("weights.safetensors").path
                try network.saveWeights(to: path)
                let other = try SegmentationNetwork(
                    network.description, seed: 0, precision: training == .f32 ? .bf16 : .f32)
                try other.loadWeights(from: path)
                #expect(agreement(own, try mask(other, input)) > 0.999)
            }
        }

        /// A resumed training in bfloat16 goes on bit for bit, for the weights are kept in float.
        @Test(.enabled(if: Precision.bf16.isFast, "the processor has no bfloat16 arithmetic"))
        func halfPrecisionResumesBitForBit() throws {
            let description = NetworkDescription(
                architecture: .deeplabv3_mobilenet_v3_large, inputChannels: 1, classes: 2)
            let (input, target) = try discs(batch: 2, side: 64, seed: 5)
            let network = try SegmentationNetwork(description, seed: 9, precision: .bf16)
            try network.trainingStep(input: input, target: target, learningRate: 1e-3)
            try withTemporaryFolder { folder in
                let path = folder.appendingPathComponent("state.safetensors").path
                try network.saveTrainingState(to: path)
                let resumed = try SegmentationNetwork(description, seed: 9, precision: .bf16)
                try resumed.loadTrainingState(from: path)
                let losses = try [network, resumed].map {
                    try $0.trainingStep(input: input, target: target, learningRate: 1e-3)
                }
                #expect(losses[0] == losses[1])
                let name = "backbone.16.0.weight"
                #expect(network.parameter(name)?.elements == resumed.parameter(name)?.elements)
            }
        }

        @Test func halfPrecisionNeedsOneDNN() throws {
            let failure = #expect(throws: Failure.self) {
                _ = try SegmentationNetwork(NetworkDescription(), seed: 1, computePath: .openBLAS, precision: .bf16)
            }
            #expect(failure?.code == "precision-unsupported")
        }

        /// On a map of 20 x 18 pixels the taps of the pyramid with rate 12 reach the border in part, those with 24 and 36
        /// only at their centres; oneDNN's path cuts windows there, OpenBLAS's unrolls them.
        @Test func dilatedGradientsAgreeOnBothPaths() throws {
            let description = NetworkDescription(
                architecture: .deeplabv3_mobilenet_v3_large, inputChannels: 3, classes: 2, dropout: 0)
            let values = TorchvisionReference.stream("input", 2 * 3 * 320 * 288)
            let input = try Tensor([2, 3, 320, 288], values)
            let target = (0..<2 * 320 * 288).map { UInt8($0 / 19 % 2) }
            let networks = try ComputePath.allCases.map {
                try SegmentationNetwork(description, seed: 4, computePath: $0)
            }
            for network in networks { _ = try network.lossAndGradients(input: input, target: target) }
            let names = [
                "classifier.0.convs.1.0.weight", "classifier.0.convs.2.0.weight", "classifier.0.convs.3.0.weight",
                "backbone.15.block.1.0.weight", "backbone.4.block.1.0.weight", "backbone.16.0.weight",
            ]
            for name in names {
                let gradients = try networks.map { try #require($0.gradient(of: name)).elements.map(Double.init) }
                let size = gradients[1].reduce(0) { $0 + $1 * $1 }.squareRoot()
                let difference = zip(gradients[0], gradients[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                    .squareRoot()
                #expect(size > 0)
                #expect(difference < 2e-3 * size, "\(name): \(difference / size)")
            }
        }
    }
}
