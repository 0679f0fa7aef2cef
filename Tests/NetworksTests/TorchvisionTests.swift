import Foundation
import Networks
import Testing

extension NetworkTests {
    @Suite(
        .enabled(if: TorchvisionReference.isPresent, "torchvision's reference numbers are not beside the repository"),
        .serialized)
    struct TorchvisionTests {
        private func network(
            _ architecture: Architecture, _ reference: TorchvisionReference, _ path: ComputePath,
            _ precision: Precision = .f32
        ) throws -> SegmentationNetwork {
            let description = NetworkDescription(
                architecture: architecture, inputChannels: 3, classes: 2, dropout: 0)
            let network = try SegmentationNetwork(description, seed: 1, computePath: path, precision: precision)
            #expect(Set(network.parameterNames) == Set(reference.shapes.keys))
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("weights.safetensors").path
                try reference.writeWeights(to: file)
                try network.loadWeights(from: file)
            }
            return network
        }

        @Test(arguments: [Architecture.deeplabv3_mobilenet_v3_large, .deeplabv3_resnet50, .deeplabv3_resnet101])
        func logitsAgree(architecture: Architecture) throws {
            let reference = try TorchvisionReference(architecture)
            let largest = reference.logits.reduce(0) { max($0, abs($1)) }
            for path in ComputePath.allCases {
                let network = try network(architecture, reference, path)
                let scores = try network.logits(TorchvisionReference.tensor("input", reference.input))
                #expect(scores.shape == [1, 2, 129, 161])
                let worst = zip(scores.elements, reference.logits).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                #expect(worst < 1e-3 * largest)
            }
        }

        @Test(arguments: ComputePath.allCases) func mobileNetTrainsAlike(path: ComputePath) throws {
            let reference = try TorchvisionReference(.deeplabv3_mobilenet_v3_large)
            let network = try network(.deeplabv3_mobilenet_v3_large, reference, path)
            try trainsAlike(network, reference, normTolerance: 1e-3)
        }

        /// Untrained ResNets are badly conditioned. torchvision 0.29 itself, run again, differs from the reference in the
        /// worst norm of a gradient by 1.5 % (resnet50) and 2.4 % (resnet101) in float64, by 1.9 % and 9.4 % in float32
        /// with channels last, and in the losses of later steps by up to 1.5e-2. The bounds are those. Rounding moves values
        /// across the bend of their ReLU, and batch norm sees two pooled values; `scripts/check-interop` compares every
        /// gradient, away from the bends, with float64 beside PyTorch's own distance from it.
        @Test(arguments: [Architecture.deeplabv3_resnet50, .deeplabv3_resnet101], ComputePath.allCases)
        func residualNetTrainsAlike(architecture: Architecture, path: ComputePath) throws {
            let isDeep = architecture == .deeplabv3_resnet101
            let reference = try TorchvisionReference(architecture)
            let network = try network(architecture, reference, path)
            let (input, target) = try reference.trainingBatch()
            for step in 0..<3 {
                let loss = try network.trainingStep(input: input, target: target, learningRate: 1e-4)
                let bound = step == 0 ? 1e-5 : 1.5e-2
                #expect(abs(Double(loss) - reference.losses[step]) < bound, "step \(step)")
                guard step == 0 else { continue }
                let worst = reference.worstGradientNorm(of: network)
                #expect(worst.error < (isDeep ? 0.1 : 0.02), "\(worst.name)")
            }
            for (name, expected) in reference.normsAfterThreeSteps where !reference.gradientIsRounding(name) {
                #expect(abs(norm(network.parameter(name)) / expected - 1) < 5e-3, "\(name)")
            }
        }

        /// bfloat16 has 8 significant bits; each of some hundred layers rounds once.
        @Test(
            .enabled(if: Precision.bf16.isFast, "the processor has no bfloat16 arithmetic"),
            arguments: [Architecture.deeplabv3_mobilenet_v3_large, .deeplabv3_resnet50, .deeplabv3_resnet101])
        func halfPrecisionIsNear(architecture: Architecture) throws {
            let reference = try TorchvisionReference(architecture)
            let largest = reference.logits.reduce(0) { max($0, abs($1)) }
            let network = try network(architecture, reference, .oneDNN, .bf16)
            let scores = try network.logits(TorchvisionReference.tensor("input", reference.input))
            let worst = zip(scores.elements, reference.logits).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(worst < 0.02 * largest)
            #expect(worst > 1e-5 * largest)
            let (input, target) = try reference.trainingBatch()
            let loss = try network.trainingStep(input: input, target: target, learningRate: 1e-4)
            #expect(abs(Double(loss) - reference.losses[0]) < 0.02)
        }

        private func trainsAlike(
            _ network: SegmentationNetwork, _ reference: TorchvisionReference, normTolerance: Double
        ) throws {
            let (input, target) = try reference.trainingBatch()
            var losses: [Float] = []
            for step in 0..<3 {
                losses.append(try network.trainingStep(input: input, target: target, learningRate: 1e-4))
                guard step == 0 else { continue }
                let worst = reference.worstGradientNorm(of: network)
                #expect(worst.error < normTolerance, "\(worst.name)")
            }
            #expect(abs(Double(losses[0]) - reference.losses[0]) < 1e-5)
            #expect(abs(Double(losses[1]) - reference.losses[1]) < 1e-3)
            #expect(abs(Double(losses[2]) - reference.losses[2]) < 1e-3)
            var worst = (0.0, "")
            for (name, expected) in reference.normsAfterThreeSteps {
                let difference = abs(norm(network.parameter(name)) - expected)
                if reference.gradientIsRounding(name) {
                    // Adam makes full steps of random sign here, three in each program.
                    let count = Double(reference.shapes[name]?.reduce(1, *) ?? 0)
                    #expect(difference < 6 * 1e-4 * count.squareRoot(), "\(name)")
                } else if !(difference < worst.0 * expected) {
                    worst = (difference / expected, name)
                }
            }
            #expect(worst.0 < 1e-3, "\(worst.1)")
        }
    }
}
