import Networks
import Testing

extension NetworkTests {
    @Suite(.serialized) struct WinogradTests {
        /// Maps on which the dilated layers have phases of 1 to 6 pixels and the others whole and cut tiles: the scores are
        /// those of the matrix products of the other path.
        @Test(arguments: [(512, 512), (304, 1040), (80, 208)])
        func dilatedLayersAgreeWithMatrixProducts(height: Int, width: Int) throws {
            let description = NetworkDescription(
                architecture: .deeplabv3_mobilenet_v3_large, inputChannels: 3, classes: 4)
            let values = (0..<3 * height * width).map { Float(($0 &* 2_654_435_761) >> 7 & 0xFFFF) / 32768 - 1 }
            let input = try Tensor([1, 3, height, width], values)
            let scores = try ComputePath.allCases.map {
                try SegmentationNetwork(description, seed: 4, computePath: $0).logits(input).elements
            }
            let spread = scores[1].reduce(0) { max($0, abs($1)) }
            let worst = zip(scores[0], scores[1]).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(spread > 0)
            #expect(worst < 1e-4 * spread)
        }
    }
}
