import Foundation

/// A seeded stream of random numbers (xoshiro256**, Blackman and Vigna 2018, seeded through SplitMix64).
///
/// The same seed gives the same stream on every machine. `split(_:)` derives independent streams for parts of a
/// computation that run in parallel, so that the result does not depend on their order.
@frozen public struct RandomSource: RandomNumberGenerator, Sendable {
    @usableFromInline var s0: UInt64
    @usableFromInline var s1: UInt64
    @usableFromInline var s2: UInt64
    @usableFromInline var s3: UInt64

    /// A stream for the seed.
    public init(seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        s0 = next()
        s1 = next()
        s2 = next()
        s3 = next()
    }

    /// The independent stream number `index` of the stream's present state. The stream itself does not advance.
    public func split(_ index: Int) -> RandomSource {
        RandomSource(
            seed: s0 ^ (s3 &* 0x2545_F491_4F6C_DD1D) ^ (UInt64(bitPattern: Int64(index)) &+ 1) &* 0xD6E8_FEB8_6659_FD93)
    }

    /// The next 64 random bits.
    @inlinable public mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let t = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = (s3 << 45) | (s3 >> 19)
        return result
    }

    /// A number in [0, 1).
    @inlinable public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in [range.lowerBound, range.upperBound).
    @inlinable public mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// A whole number in 0..<bound.
    @inlinable public mutating func integer(below bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True with the given probability.
    @inlinable public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }
}
