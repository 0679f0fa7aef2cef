import Kernels
import Networks
import Randomness
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

        /// One output channel of 256 input channels on tiles of both kinds, against sums in double precision: the rounding
        /// error is at most twice that of adding up the products one by one.
        @Test(arguments: [3, 4]) func roundsLikeDirectSums(kind: Int) {
            let (inputs, outputs, side) = (256, 16, 12)
            var random = RandomSource(seed: 3)
            let image = (0..<side * side * inputs).map { _ in Float(max(0, random.normal())) }
            let weights = (0..<outputs * inputs * 9).map { _ in Float(random.normal()) }
            var map = kernels_winograd_map(
                height: side, width: side, dilation: 1, pixelStride: inputs, groupsPerBlock: inputs / 8, blockStride: 0,
                channels: inputs, pastCache: 0)
            var target = map
            (target.pixelStride, target.groupsPerBlock, target.channels) = (outputs, outputs / 8, outputs)
            let count = kernels_winograd_points(kind) * kernels_winograd_points(kind)
            func room(_ count: Int) -> UnsafeMutablePointer<Float> {
                let room = UnsafeMutablePointer<Float>.allocate(capacity: count)
                room.initialize(repeating: 0, count: count)
                return room
            }
            let (packed, points) = (room(count * inputs * outputs), room(count * inputs))
            let (products, result) = (room(count * outputs), room(side * side * outputs))
            defer { for room in [packed, points, products, result] { room.deallocate() } }
            kernels_winograd_weights(weights, inputs, outputs, 0, kind, kind, 0, inputs, packed)
            for row in stride(from: 0, to: side, by: kind) {
                for column in stride(from: 0, to: side, by: kind) {
                    kernels_winograd_input(
                        image, &map, row, column, kind, kind, points, inputs, Int32(kernels_f32))
                    for point in 0..<count {
                        kernels_winograd_multiply(
                            points + point * inputs, inputs, packed + point * inputs * outputs,
                            products + point * outputs, 1, inputs, outputs, 0, outputs)
                    }
                    kernels_winograd_output(
                        products, outputs, result, &target, row, column, kind, kind,
                        [Float](repeating: 0, count: outputs), 0, Int32(kernels_f32))
                }
            }
            var (error, directError) = (0.0, 0.0)
            for row in 1..<side - 1 {
                for column in 1..<side - 1 {
                    var (sum, direct) = (0.0, Float(0))
                    for input in 0..<inputs {
                        for tap in 0..<9 {
                            let value = image[((row + tap / 3 - 1) * side + column + tap % 3 - 1) * inputs + input]
                            sum += Double(value) * Double(weights[input * 9 + tap])
                            direct += value * weights[input * 9 + tap]
                        }
                    }
                    let difference = Double(result[(row * side + column) * outputs]) - sum
                    error += difference * difference
                    directError += (Double(direct) - sum) * (Double(direct) - sum)
                }
            }
            #expect(error > 0 && error < 4 * directError)
        }

        /// bfloat16 numbers are the upper halves of floats, so floats of 8 bits must give the same points.
        @Test(arguments: [(3, 3), (4, 3), (4, 4)], [8, 16]) func readsHalvesAsFloats(kinds: (Int, Int), block: Int) {
            let (height, width, channels, pointStride) = (11, 13, 16, 20)
            var random = RandomSource(seed: 6)
            let count = height * width * channels
            let halves = (0..<count).map { _ in UInt16(Float(random.normal()).bitPattern >> 16) }
            let floats = halves.map { Float(bitPattern: UInt32($0) << 16) }
            var map = kernels_winograd_map(
                height: height, width: width, dilation: 1, pixelStride: block, groupsPerBlock: block / 8,
                blockStride: height * width * block, channels: channels, pastCache: 0)
            let pointCount = kernels_winograd_points(kinds.0) * kernels_winograd_points(kinds.1)
            for (row, column) in [(0, 0), (4, 5), (8, 9)] {
                func points(_ image: UnsafeRawPointer, _ element: Int32) -> [Float] {
                    var points = [Float](repeating: 0, count: pointCount * pointStride)
                    kernels_winograd_input(
                        image, &map, row, column, kinds.0, kinds.1, &points, pointStride, element)
                    return points
                }
                let fromHalves = points(halves, Int32(kernels_bf16))
                #expect(fromHalves == points(floats, Int32(kernels_f32)))
                #expect(fromHalves.contains { $0 != 0 })
            }
        }

        /// Tiles at the right and the lower border are cut there.
        @Test func writesTheSamePastTheCache() {
            let (height, width, channels) = (10, 14, 16)
            var random = RandomSource(seed: 5)
            var results: [[Float]] = []
            let products = (0..<36 * channels).map { _ in Float(random.normal()) }
            let bias = (0..<channels).map { _ in Float(random.normal()) }
            for pastCache in 0...1 {
                var map = kernels_winograd_map(
                    height: height, width: width, dilation: 1, pixelStride: 8, groupsPerBlock: 1,
                    blockStride: height * width * 8, channels: channels, pastCache: pastCache)
                let count = height * width * channels
                let image = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
                    .bindMemory(to: Float.self, capacity: count)
                defer { image.deallocate() }
                image.update(repeating: .infinity, count: count)
                for (row, column) in [(0, 0), (4, 8), (8, 12)] {
                    kernels_winograd_output(products, channels, image, &map, row, column, 4, 4, bias, 1, 0)
                }
                kernels_winograd_finish()
                results.append(Array(UnsafeBufferPointer(start: image, count: count)))
            }
            #expect(results[0] == results[1])
            #expect(results[0].filter { $0.isFinite }.count == (16 + 16 + 4) * channels)
        }
    }
}
