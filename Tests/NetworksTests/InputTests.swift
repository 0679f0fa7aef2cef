import Foundation
import Networks
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct InputTests {
        private func network(_ description: NetworkDescription = NetworkDescription(baseWidth: 8, depth: 2)) throws
            -> SegmentationNetwork
        { try SegmentationNetwork(description, seed: 1) }

        @Test func descriptionsOutOfRangeAreRefused() throws {
            for bad in [
                NetworkDescription(inputChannels: 0), NetworkDescription(classes: 1), NetworkDescription(classes: 17),
                NetworkDescription(baseWidth: 12), NetworkDescription(depth: 0), NetworkDescription(dropout: 1),
                NetworkDescription(dropout: .nan),
            ] { #expect(throws: Failure.self) { try network(bad) } }
        }

        @Test func sizesThatDoNotFitAreRefused() throws {
            let network = try network()
            let input = try Tensor([1, 1, 16, 16])
            let target = [UInt8](repeating: 0, count: 256)
            #expect(throws: Failure.self) { try network.logits(Tensor([1, 2, 16, 16])) }
            #expect(throws: Failure.self) { try network.logits(Tensor([16, 16])) }
            #expect(throws: Failure.self) { try network.logits(Tensor([1, 1, 0, 16])) }
            #expect(throws: Failure.self) {
                try network.trainingStep(input: input, target: [0, 1], learningRate: 1e-3)
            }
            #expect(throws: Failure.self) {
                try network.trainingStep(input: input, target: [UInt8](repeating: 2, count: 256), learningRate: 1e-3)
            }
            for weights in [[1], [1, -1], [1, .nan]] as [[Float]] {
                #expect(throws: Failure.self) {
                    try network.trainingStep(input: input, target: target, classWeights: weights, learningRate: 1e-3)
                }
            }
        }

        @Test func aLossThatIsNoNumberIsAnError() throws {
            let network = try network()
            let input = try Tensor([1, 1, 16, 16], repeating: .nan)
            let failure = try #require(throws: Failure.self) {
                try network.trainingStep(input: input, target: [UInt8](repeating: 0, count: 256), learningRate: 1e-3)
            }
            #expect(failure.code == "loss-not-finite")
        }

        @Test func aSingleValuePerChannelCannotBeNormalised() throws {
            let network = try network(NetworkDescription(architecture: .deeplabv3_mobilenet_v3_large))
            let failure = try #require(throws: Failure.self) {
                try network.trainingStep(
                    input: Tensor([1, 1, 32, 32]), target: [UInt8](repeating: 0, count: 1024), learningRate: 1e-3)
            }
            #expect(failure.code == "batch-too-small")
        }

        @Test(arguments: [(1, 1), (5, 17), (16, 16), (33, 31)]) func anySizeIsSegmented(height: Int, width: Int) throws
        {
            let network = try network(NetworkDescription(inputChannels: 4, classes: 3, baseWidth: 8, depth: 2))
            let scores = try network.logits(Tensor([2, 4, height, width], repeating: 0.5))
            #expect(scores.shape == [2, 3, height, width])
            #expect(scores.elements.allSatisfy { $0.isFinite })
        }

        @Test func pixelsLeftOutHaveNoInfluence() throws {
            let (input, target) = try discs(batch: 2, side: 16, seed: 3)
            var half = target
            for index in 0..<half.count where index % 2 == 0 { half[index] = 255 }
            let network = try network()
            let all = try network.lossAndGradients(input: input, target: [UInt8](repeating: 255, count: target.count))
            #expect(all == 0)
            #expect(network.gradient(of: "classifier.weight")?.elements.allSatisfy { $0 == 0 } == true)
            let loss = try network.lossAndGradients(input: input, target: half)
            #expect(loss > 0)
        }
    }
}
