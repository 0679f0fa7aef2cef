import Foundation
import Kernels
import Randomness
import Testing

/// The vector loops of prediction against plain Swift.
@Suite struct SegmentationKernelTests {
    private func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Double>) -> [Float] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in Float(random.uniform(in: range)) }
    }

    @Test(arguments: [1, 7, 16, 33, 1000])
    func scaling(count: Int) {
        let floats = numbers(count, seed: 1, in: -500...70_000) + [.nan, .infinity, -.infinity]
        let words = floats.prefix(count).map { UInt16(clamping: Int($0)) }
        let bytes = words.map { UInt8(truncatingIfNeeded: $0) }
        func expected(_ value: Float) -> Float {
            let scaled = (value - 300) * 0.01
            return scaled.isNaN ? 0 : min(max(scaled, -1), 4)
        }
        var out = [Float](repeating: 9, count: floats.count)
        kernels_scale_f32(floats, &out, floats.count, 300, 0.01, -1, 4)
        #expect(out == floats.map(expected))
        kernels_scale_u16(words, &out, count, 300, 0.01, -1, 4)
        #expect(Array(out.prefix(count)) == words.map { expected(Float($0)) })
        kernels_scale_u8(bytes, &out, count, 300, 0.01, -1, 4)
        #expect(Array(out.prefix(count)) == bytes.map { expected(Float($0)) })
    }

    @Test func probabilityOfTwoClasses() {
        var background = numbers(4001, seed: 2, in: -60...60)
        let object = numbers(4001, seed: 3, in: -60...60)
        background[0] = 1e30
        background[1] = -1e30
        background[2] = object[2]
        background[3] = .nan
        var out = [Float](repeating: 9, count: object.count)
        kernels_two_class_probability(background, object, &out, object.count)
        for index in object.indices where index != 3 {
            let expected = 1 / (1 + exp(Double(background[index]) - Double(object[index])))
            #expect(abs(Double(out[index]) - expected) < 3e-7)
        }
        #expect(out[2] == 0.5 && out[3].isNaN)
    }

    @Test func probabilitiesOfManyClasses() {
        let (classes, count, stride) = (5, 700, 1000)
        let scores = numbers(classes * stride, seed: 4, in: -30...30)
        var out = [Float](repeating: 9, count: (classes - 1) * stride)
        var work = [Float](repeating: 0, count: 2 * count)
        kernels_class_probabilities(scores, &out, stride, count, classes, &work)
        for pixel in 0..<count {
            let powers = (0..<classes).map { exp(Double(scores[$0 * stride + pixel])) }
            let sum = powers.reduce(0, +)
            for number in 1..<classes {
                #expect(abs(Double(out[(number - 1) * stride + pixel]) - powers[number] / sum) < 1e-6)
            }
        }
        #expect(out[count] == 9)
    }

    @Test func sums() {
        let values = numbers(999, seed: 5, in: 0...1)
        let shares = numbers(999, seed: 6, in: 0...1)
        var blended = numbers(999, seed: 7, in: 0...1)
        var added = blended
        let start = blended
        kernels_blend(&blended, values, shares, 0.25, 999)
        kernels_add_scaled(&added, values, 0.5, 999)
        for index in values.indices {
            #expect(abs(blended[index] - (start[index] + 0.25 * shares[index] * values[index])) < 1e-6)
            #expect(abs(added[index] - (start[index] + 0.5 * values[index])) < 1e-6)
        }
        var mask = [UInt8](repeating: 7, count: 999)
        kernels_threshold_half(values, &mask, 999)
        #expect(mask == values.map { $0 > 0.5 ? 255 : 0 })
    }

    @Test(arguments: [0, 1, 31, 32, 33, 200])
    func placesOfZeros(count: Int) {
        var random = RandomSource(seed: UInt64(count))
        for density in [0.0, 0.01, 0.5, 0.99, 1.0] {
            let bytes = (0..<count).map { _ in random.chance(density) ? UInt8(3) : 0 }
            for place in 0...count {
                let zero = bytes[place...].firstIndex(of: 0) ?? count
                let other = bytes[place...].firstIndex { $0 != 0 } ?? count
                #expect(kernels_next_zero(bytes, place, count) == zero)
                #expect(kernels_next_nonzero(bytes, place, count) == other)
            }
        }
    }
}
