import Foundation
import Imaging
import Localization
import Randomness
import Resolution
import Testing
import Work

@Suite struct DecorrelationTests {
    /// White structure up to a sharp limit and weak noise: the resolution is the period of that limit.
    @Test(arguments: [0.3, 0.5, 0.7])
    func findsTheEndOfABand(cutoff: Double) throws {
        let side = 256
        var random = RandomSource(seed: 3)
        let white = (0..<side * side).map { _ in Float(random.normal()) }
        let transform = FourierTransform(width: side, height: side)
        var spectrum = transform.forward(white)
        for row in 0..<side {
            let y = 2 * Double(row <= side / 2 ? row : row - side) / Double(side)
            for column in 0...side / 2 {
                let x = 2 * Double(column) / Double(side)
                if x * x + y * y > cutoff * cutoff { spectrum[row * (side / 2 + 1) + column] = Complex(0, 0) }
            }
        }
        let image = transform.inverse(spectrum).map { $0 + Float(random.normal(deviation: 0.02)) }
        let result = try decorrelation(of: Plane(width: side, height: side, samples: image), pixel_nm: 50)
        print("cut-off \(cutoff): \(result.cutoff), \(result.resolution_nm ?? 0) nm")
        #expect(abs(result.cutoff / cutoff - 1) < 0.03)
        #expect(result.resolution_nm.map { abs($0 - 100 / result.cutoff) < 1e-9 } ?? false)
    }

    /// White noise has no end of its band: no resolution is given.
    @Test(arguments: [64, 100, 256])
    func noiseHasNoResolution(side: Int) throws {
        for seed in 0..<20 {
            var random = RandomSource(seed: UInt64(seed))
            let noise = (0..<side * side).map { _ in Float(random.normal(mean: 100, deviation: 10)) }
            let result = try decorrelation(of: Plane(width: side, height: side, samples: noise), pixel_nm: 50)
            #expect(result.resolution_nm == nil, "\(seed): \(result.resolution_nm ?? 0) nm")
        }
    }

    @Test func refusesSmallAndEmptyImages() {
        #expect(throws: Failure.self) {
            try decorrelation(of: Plane<Float>(width: 20, height: 20, filledWith: 1), pixel_nm: 1)
        }
        #expect(throws: Failure.self) {
            try decorrelation(of: Plane<Float>(width: 100, height: 100, filledWith: 1), pixel_nm: 1)
        }
    }
}
