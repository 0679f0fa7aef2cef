import Foundation
import Localization
import Randomness
import Resolution
import Testing
import Work

@Suite struct RingCorrelationTests {
    /// Molecules at random places, each localized a Poisson distributed number of times with normal error, each time in
    /// a frame of its own: the correlation is a phi / (1 + a phi) with phi = exp(-4 pi^2 sigma^2 q^2) and a localizations
    /// of a molecule in each half.
    private func molecules(
        _ count: Int, field_nm: Double, repeats: Double, sigma_nm: Double, seed: UInt64
    ) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        for _ in 0..<count {
            let (cx, cy) = (random.uniform() * field_nm, random.uniform() * field_nm)
            for _ in 0..<random.poisson(mean: repeats) {
                frame.append(Int32(random.integer(below: 100_000)) + 1)
                x.append(cx + random.normal(deviation: sigma_nm))
                y.append(cy + random.normal(deviation: sigma_nm))
            }
        }
        return LocalizationTable(frame: frame, x_nm: x, y_nm: y)
    }

    private func expected_nm(perHalf: Double, sigma_nm: Double, threshold: Double = 1.0 / 7) -> Double {
        // a phi / (1 + a phi) = t at phi = t / (a (1 - t)).
        2 * Double.pi * sigma_nm / log(perHalf * (1 - threshold) / threshold).squareRoot()
    }

    @Test(arguments: [4.0, 10, 25])
    func agreesWithTheAnalyticCurve(sigma_nm: Double) throws {
        let table = molecules(6000, field_nm: 400 * sigma_nm, repeats: 20, sigma_nm: sigma_nm, seed: 3)
        var settings = RingCorrelationSettings()
        settings.split = .localizations
        settings.repeats = 4
        let result = try ringCorrelation(table, settings)
        let expected = expected_nm(perHalf: 10, sigma_nm: sigma_nm)
        let resolution = try #require(result.resolution_nm)
        print(
            "sigma \(sigma_nm): \(resolution) +- \(result.uncertainty_nm ?? 0), expected \(expected), raw \(result.rawResolution_nm ?? 0), pixel \(result.pixel_nm)"
        )
        #expect(abs(resolution / expected - 1) < 0.03)
        var worst = 0.0
        for (frequency, value) in zip(result.frequency_per_nm, result.smoothed)
        where frequency > 0.1 / expected && frequency < 1.5 / expected {
            let phi = exp(-4 * Double.pi * Double.pi * sigma_nm * sigma_nm * frequency * frequency)
            worst = max(worst, abs(value - 10 * phi / (1 + 10 * phi)))
        }
        print("largest difference of the curve \(worst)")
        #expect(worst < 0.1)
    }

    @Test func doesNotDependOnThePixel() throws {
        let table = molecules(6000, field_nm: 6000, repeats: 20, sigma_nm: 12, seed: 4)
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let values = try [1.5, 3, 6].map { pixel in
            settings.pixel_nm = pixel
            return try #require(try ringCorrelation(table, settings).resolution_nm)
        }
        print("pixels 1.5, 3, 6 nm: \(values)")
        #expect((values.max()! - values.min()!) / values[0] < 0.02)
    }

    @Test func stormAnalysisEstimatorReadsAsPublished() throws {
        // A ring-sum correlation r is (pi/4) r 2F1(1/2, 1/2; 2; r^2) there: 0.5 becomes 0.406.
        let table = molecules(8000, field_nm: 4000, repeats: 20, sigma_nm: 10, seed: 5)
        var settings = RingCorrelationSettings()
        settings.split = .localizations
        settings.repeats = 6
        settings.estimator = .stormAnalysis
        settings.pixel_nm = 2
        let other = try ringCorrelation(table, settings)
        // The frequency where the ring-sum correlation is 0.5: 10 phi = 1.
        let frequency = log(10.0).squareRoot() / (2 * Double.pi * 10)
        let ring = Int((frequency / other.frequency_per_nm[1]).rounded())
        print("storm-analysis at 0.5: \(other.smoothed[ring])")
        #expect(abs(other.smoothed[ring] - 0.406) < 0.02)
    }

    @Test func splitsOfTheSameBlinkFlatter() throws {
        // Every molecule blinks once for ten frames with a common error of 15 nm.
        var random = RandomSource(seed: 6)
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        for _ in 0..<400 {
            let (cx, cy) = (random.uniform() * 4000, random.uniform() * 4000)
            for _ in 0..<10 {
                let (bx, by) = (random.normal(deviation: 15), random.normal(deviation: 15))
                let start = random.integer(below: 20000)
                for step in 0..<10 {
                    frame.append(Int32(start + step + 1))
                    x.append(cx + bx + random.normal(deviation: 5))
                    y.append(cy + by + random.normal(deviation: 5))
                }
            }
        }
        let table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let honest = try #require(try ringCorrelation(table, settings).resolution_nm)
        settings.split = .localizations
        let flattered = try #require(try ringCorrelation(table, settings).resolution_nm)
        print("blocks \(honest), localizations \(flattered)")
        #expect(flattered < 0.75 * honest)
    }

    @Test func refusesWhatHasNoResolution() {
        func message(_ table: LocalizationTable) -> String {
            do {
                return "\(try ringCorrelation(table))"
            } catch { return "\(error)" }
        }
        let few = molecules(5, field_nm: 100, repeats: 3, sigma_nm: 1, seed: 1)
        #expect(message(few).contains("too few"))
        let point = LocalizationTable(
            frame: (1...100).map(Int32.init), x_nm: Array(repeating: 5, count: 100),
            y_nm: Array(repeating: 5, count: 100))
        #expect(message(point).contains("one place"))
        let frame = LocalizationTable(
            frame: Array(repeating: 1, count: 100), x_nm: (0..<100).map { Double($0 * 17 % 100) },
            y_nm: (0..<100).map { Double($0 * 31 % 100) })
        #expect(message(frame).contains("one frame"))
        let far = LocalizationTable(
            frame: (1...100).map(Int32.init), x_nm: (0..<100).map { Double($0) * 1e12 },
            y_nm: Array(repeating: 5, count: 100))
        #expect(message(far).contains("too large"))
    }
}
