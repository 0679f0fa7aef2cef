import Foundation
import Networks
import Randomness
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct GradientTests {
        /// Reads a network's weights, lets `change` alter them, and loads them again.
        private func alter(_ network: SegmentationNetwork, _ change: (inout Safetensors) -> Void) throws {
            try withTemporaryFolder { folder in
                let path = folder.appendingPathComponent("weights.safetensors").path
                try network.saveWeights(to: path)
                var file = try Safetensors(path: path)
                change(&file)
                try file.write(to: path)
                try network.loadWeights(from: path)
            }
        }

        /// The derivative of the loss along a random direction of one parameter, against central differences.
        @Test(arguments: [Architecture.unet, .deeplabv3_mobilenet_v3_large], ComputePath.allCases)
        func gradientsAgreeWithDifferences(architecture: Architecture, path: ComputePath) throws {
            let description = NetworkDescription(
                architecture: architecture, inputChannels: 2, classes: 3, baseWidth: 8, depth: 2, dropout: 0)
            let network = try SegmentationNetwork(description, seed: 5, computePath: path)
            var random = RandomSource(seed: 6)
            let input = try Tensor([3, 2, 24, 40], (0..<3 * 2 * 960).map { _ in Float(random.normal()) })
            let target = (0..<3 * 960).map { _ in UInt8(random.integer(below: 4)) }.map { $0 == 3 ? 255 : $0 }
            let weights: [Float] = [1, 3, 0.5]
            func present() throws -> Double {
                Double(try network.lossAndGradients(input: input, target: target, classWeights: weights))
            }
            let names =
                architecture == .unet
                ? [
                    "down.0.0.weight", "down.1.4.weight", "down.2.1.bias", "reduce.1.weight", "reduce.0.bias",
                    "up.0.3.weight", "classifier.weight", "classifier.bias",
                ]
                : ["backbone.4.block.2.fc1.weight"]
            for name in names {
                _ = try present()
                let gradient = try #require(network.gradient(of: name)).elements
                let size = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                // Half along the gradient, half at random, so that the derivative stands out of the rounding.
                let noise = gradient.map { _ in random.normal() / Double(gradient.count).squareRoot() }
                let direction = zip(gradient, noise).map { Double($0) / size + $1 }
                let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
                let original = try #require(network.parameter(name)).elements
                let step = 3e-4 / size.squareRoot()
                func loss(at distance: Double) throws -> Double {
                    try alter(network) { file in
                        file.entries[name]?.values = zip(original, direction).map { Float(Double($0) + distance * $1) }
                    }
                    return try present()
                }
                let difference = try (loss(at: step) - loss(at: -step)) / (2 * step)
                try alter(network) { $0.entries[name]?.values = original }
                #expect(abs(difference / expected - 1) < 0.02, "\(name): \(difference), expected \(expected)")
            }
        }

        /// With all weights of the classifier zero the logits are its bias, and everything has a closed form.
        @Test func weightedCrossEntropyHasItsClosedForm() throws {
            let network = try SegmentationNetwork(NetworkDescription(classes: 3, baseWidth: 8, depth: 1), seed: 2)
            let bias = [0.3, -1.2, 2.0]
            try alter(network) { file in
                let count = file.entries["classifier.weight"]?.values.count ?? 0
                file.entries["classifier.weight"]?.values = [Float](repeating: 0, count: count)
                file.entries["classifier.bias"]?.values = bias.map(Float.init)
            }
            let target: [UInt8] = (0..<64).map { $0 < 40 ? 0 : $0 < 50 ? 1 : $0 < 54 ? 2 : 255 }
            let counts = [40.0, 10, 4]
            let weights = [0.5, 2.0, 7.0]
            let input = try Tensor([1, 1, 8, 8], (0..<64).map { Float($0 % 7) })
            let sum = bias.map(exp).reduce(0, +)
            let probabilities = bias.map { exp($0) / sum }
            let total = zip(counts, weights).reduce(0) { $0 + $1.0 * $1.1 }
            let expected = (0..<3).reduce(0) { $0 - counts[$1] * weights[$1] * log(probabilities[$1]) / total }
            let loss = try network.lossAndGradients(
                input: input, target: target, classWeights: weights.map(Float.init))
            #expect(abs(Double(loss) - expected) < 1e-5)
            let gradient = try #require(network.gradient(of: "classifier.bias"))
            for index in 0..<3 {
                let slope = probabilities[index] - counts[index] * weights[index] / total
                #expect(abs(Double(gradient[index]) - slope) < 1e-5)
            }
        }

        /// Adam's first step is the learning rate against the sign of the gradient, but for epsilon.
        @Test func firstAdamStepHasItsClosedForm() throws {
            let network = try SegmentationNetwork(NetworkDescription(baseWidth: 8, depth: 1), seed: 2)
            let (input, target) = try discs(batch: 2, side: 16, seed: 3)
            let before = try #require(network.parameter("up.0.0.weight")).elements
            try network.trainingStep(input: input, target: target, learningRate: 1e-3)
            let gradient = try #require(network.gradient(of: "up.0.0.weight")).elements
            let after = try #require(network.parameter("up.0.0.weight")).elements
            for index in before.indices {
                let g = Double(gradient[index])
                let expected = Double(before[index]) - 1e-3 * g / (abs(g) + 1e-8)
                #expect(abs(Double(after[index]) - expected) < 1e-6)
            }
        }

        /// Running statistics after one step: a tenth of the batch's, with the variance of the sample.
        @Test(arguments: ComputePath.allCases) func runningStatisticsFollowTheBatch(path: ComputePath) throws {
            let network = try SegmentationNetwork(
                NetworkDescription(baseWidth: 8, depth: 1), seed: 2, computePath: path)
            // A 3x3 kernel with only its centre set copies the input, scaled.
            var kernels = [Float](repeating: 0, count: 72)
            for channel in 0..<8 { kernels[channel * 9 + 4] = Float(channel + 1) }
            try alter(network) { $0.entries["down.0.0.weight"]?.values = kernels }
            let (input, target) = try discs(batch: 2, side: 16, seed: 3)
            _ = try network.lossAndGradients(input: input, target: target)
            let values = input.elements.map(Double.init)
            let mean = values.reduce(0, +) / 512
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 511
            let means = try #require(network.parameter("down.0.1.running_mean"))
            let variances = try #require(network.parameter("down.0.1.running_var"))
            for channel in 0..<8 {
                let scale = Double(channel + 1)
                #expect(abs(Double(means[channel]) - 0.1 * mean * scale) < 1e-5)
                #expect(abs(Double(variances[channel]) / (0.9 + 0.1 * variance * scale * scale) - 1) < 1e-5)
            }
        }
    }
}
