import Foundation
import Networks
import Randomness
import Testing
import Work

/// Noisy images with bright discs, and the discs as class 1.
func discs(batch: Int, side: Int, seed: UInt64) throws -> (input: Tensor, target: [UInt8]) {
    var random = RandomSource(seed: seed)
    let input = try Tensor([batch, 1, side, side])
    var target = [UInt8](repeating: 0, count: batch * side * side)
    for image in 0..<batch {
        let centre = (random.uniform(in: 0...Double(side)), random.uniform(in: 0...Double(side)))
        let radius = random.uniform(in: Double(side) / 8...Double(side) / 3)
        for row in 0..<side {
            for column in 0..<side {
                let inside = hypot(Double(row) - centre.0, Double(column) - centre.1) < radius
                let index = (image * side + row) * side + column
                target[index] = inside ? 1 : 0
                input[index] = Float(random.normal(mean: inside ? 1 : 0, deviation: 1))
            }
        }
    }
    return (input, target)
}

/// Each test keeps all cores busy, so they run one after another.
@Suite(.serialized) enum NetworkTests {}

extension NetworkTests {
    @Suite(.serialized) struct UNetTests {
        @Test(arguments: ComputePath.allCases) func learnsDiscsInNoise(path: ComputePath) throws {
            let network = try SegmentationNetwork(
                NetworkDescription(baseWidth: 8, depth: 2), seed: 3, computePath: path)
            let (input, target) = try discs(batch: 4, side: 32, seed: 8)
            var losses: [Float] = []
            for _ in 0..<80 {
                losses.append(try network.trainingStep(input: input, target: target, learningRate: 3e-3))
            }
            #expect(losses[0] < 1.5)
            #expect(losses[79] < 0.1)
            let scores = try network.logits(input)
            #expect(scores.shape == [4, 2, 32, 32])
            var right = 0
            for image in 0..<4 {
                for pixel in 0..<1024 {
                    let one = scores[(image * 2 + 1) * 1024 + pixel] > scores[image * 2 * 1024 + pixel]
                    if one == (target[image * 1024 + pixel] == 1) { right += 1 }
                }
            }
            #expect(Double(right) / 4096 > 0.95)
        }
    }
}
