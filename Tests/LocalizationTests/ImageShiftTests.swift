import Foundation
import Imaging
import Localization
import Randomness
import Testing
import Work

/// How far one image has moved against another.
@Suite struct ImageShiftTests {
    /// Spots at random places that are wide enough to be sampled, with noise.
    private func picture(_ dx: Double, _ dy: Double, noise: UInt64, signal: Double = 300) -> Plane<Float> {
        var places = RandomSource(seed: 5)
        var image = Plane(width: 120, height: 96, filledWith: Float(100))
        for _ in 0..<60 {
            let x = places.uniform() * 180 - 30 + dx
            let y = places.uniform() * 156 - 30 + dy
            for row in 0..<96 where abs(Double(row) - y) < 10 {
                for column in 0..<120 where abs(Double(column) - x) < 10 {
                    let (u, v) = (Double(column) + 0.5 - x, Double(row) + 0.5 - y)
                    image[row, column] += Float(signal * exp(-(u * u + v * v) / 12))
                }
            }
        }
        var random = RandomSource(seed: noise)
        return image.map { $0 + Float(random.normal(deviation: 20)) }
    }

    @Test(arguments: [(0.0, 0.0), (3, -7), (21.5, 4.25), (-13.3, 18.8), (-24, -20)])
    func shiftsAreFound(dx: Double, dy: Double) throws {
        let shift = try ImageShift(from: picture(0, 0, noise: 1), to: picture(dx, dy, noise: 2))
        #expect(abs(shift.columns - dx) < 0.3 && abs(shift.rows - dy) < 0.3, "\(shift)")
        #expect(shift.isEvident, "\(shift)")
    }

    /// Noise alone never looks like a shift.
    @Test func noiseIsNoEvidence() throws {
        for seed in UInt64(1)...40 {
            let shift = try ImageShift(
                from: picture(0, 0, noise: 2 * seed, signal: 0), to: picture(0, 0, noise: 2 * seed + 1, signal: 0))
            #expect(!shift.isEvident && shift.height < 1.3 * shift.chance, "\(shift)")
        }
        let flat = Plane(width: 32, height: 32, filledWith: Float(7))
        #expect(try !ImageShift(from: flat, to: flat).isEvident)
        #expect(throws: Failure.self) { try ImageShift(from: flat, to: picture(0, 0, noise: 1)) }
    }
}
