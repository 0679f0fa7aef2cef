import Foundation
import Localization
import Randomness
import Resolution
import Testing

@Suite struct StormAnalysisEstimatorTests {
    /// storm-analysis' own test of its correlation: 50 clusters of 2000 localizations that scatter by a pixel of 100 nm
    /// in 256x256 pixels, drawn at an eighth of a pixel; 1000 of them at a time, 2 to 16 times, go to even and odd
    /// tracks. Its notebook frc.ipynb gives the values.
    @Test(arguments: [(2, 304.8), (4, 278.3), (8, 263.9), (16, 243.8)])
    func readsItsOwnTestAsPublished(times: Int, published: Double) throws {
        var values: [Double] = []
        for seed in 0..<3 {
            var random = RandomSource(seed: UInt64(40 + seed))
            var all: [(x: Double, y: Double)] = []
            for _ in 0..<50 {
                let (x, y) = (200 + random.uniform() * 25200, 200 + random.uniform() * 25200)
                for _ in 0..<2000 {
                    all.append((x + random.normal(deviation: 100), y + random.normal(deviation: 100)))
                }
            }
            var x: [Double] = []
            var y: [Double] = []
            for _ in 0..<times {
                all.shuffle(using: &random)
                x += all.prefix(1000).map(\.x)
                y += all.prefix(1000).map(\.y)
            }
            var table = LocalizationTable(frame: (1...Int32(x.count)).map { $0 }, x_nm: x, y_nm: y)
            table["track"] = x.indices.map(Double.init)
            var settings = RingCorrelationSettings()
            settings.estimator = .stormAnalysis
            settings.split = .tracks
            settings.pixel_nm = 12.5
            values.append(try #require(try ringCorrelation(table, settings).resolution_nm))
        }
        let mean = values.reduce(0, +) / 3
        print("\(times) times: \(values), published \(published)")
        #expect(abs(mean / published - 1) < 0.04)
    }

    /// A ring-sum correlation r reads (pi/4) r 2F1(1/2, 1/2; 2; r^2).
    @Test func mapsTheCorrelationAsDerived() throws {
        let table = SimulatedTable.molecules(20000, field_nm: 8000, repeats: 20, sigma_nm: 10, seed: 5)
        var settings = RingCorrelationSettings()
        settings.split = .localizations
        settings.repeats = 6
        settings.estimator = .stormAnalysis
        settings.smoothing_per_nm = 0.002
        settings.pixel_nm = 4
        let other = try ringCorrelation(table, settings)
        for (ringSum, expected) in [(0.1429, 0.1125), (0.182, 0.1435), (0.5, 0.406)] {
            // The frequency at which 10 phi / (1 + 10 phi) is the ring sum.
            let frequency =
                log(10 * (1 - ringSum) / ringSum).squareRoot() / (2 * Double.pi * (100 + 16 / 12.0).squareRoot())
            let ring = Int((frequency / other.frequency_per_nm[1]).rounded())
            print("ring sum \(ringSum): \(other.smoothed[ring]), expected \(expected)")
            #expect(abs(other.smoothed[ring] - expected) < 0.015)
        }
    }
}
