import Foundation
import Localization
import Randomness
import Resolution
import Testing
import Work

@Suite struct RingCorrelationTests {
    @Test(arguments: [3.3, 8, 16, 25.8])
    func agreesWithTheAnalyticCurveOfMolecules(sigma_nm: Double) throws {
        let table = SimulatedTable.molecules(
            6000, field_nm: 400 * sigma_nm, repeats: 20, sigma_nm: sigma_nm, seed: 3)
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let result = try ringCorrelation(table, settings)
        func analytic(_ frequency: Double) -> Double {
            10 * blur(sigma_nm, frequency) / (1 + 10 * blur(sigma_nm, frequency))
        }
        let expected = length_nm(of: analytic, at: 1.0 / 7)
        let resolution = try #require(result.resolution_nm)
        print(
            "molecules, sigma \(sigma_nm): \(resolution) +- \(result.uncertainty_nm ?? 0), expected \(expected), pixel \(result.pixel_nm)"
        )
        #expect(abs(resolution / expected - 1) < 0.03)
        var worst = 0.0
        for (frequency, value) in zip(result.frequency_per_nm, result.smoothed)
        where frequency > 0.1 / expected && frequency < 1.5 / expected {
            worst = max(worst, abs(value - analytic(frequency)))
        }
        #expect(worst < 0.1)
    }

    /// Lines of density l a nm and half: S/N = l phi / (pi q), as the ring average of sinc^2 is 1 / (pi q L).
    @Test(arguments: [(2.2, 0.5), (8.0, 0.3), (20.0, 0.2)])
    func agreesWithTheAnalyticCurveOfLines(sigma_nm: Double, perHalf: Double) throws {
        let table = SimulatedTable.lines(
            150, field_nm: 1000 * sigma_nm, molecules_per_nm: 2 * perHalf, repeats: nil, sigma_nm: sigma_nm, seed: 7,
            length_nm: max(600, 100 * sigma_nm))
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let result = try ringCorrelation(table, settings)
        let expected = length_nm(
            of: { frequency in
                let signal = perHalf * blur(sigma_nm, frequency) / (Double.pi * frequency)
                return signal / (1 + signal)
            }, at: 1.0 / 7)
        let resolution = try #require(result.resolution_nm)
        print("lines, sigma \(sigma_nm): \(resolution) +- \(result.uncertainty_nm ?? 0), expected \(expected)")
        #expect(abs(resolution / expected - 1) < 0.03)
        #expect(result.periodicity.warning == nil, "\(result.periodicity)")
        // Each molecule is localized once: there is nothing to correct.
        let corrected = try #require(result.corrected)
        print("  repeats \(corrected.repeats) +- \(corrected.repeatsError), corrected \(corrected.resolution_nm ?? 0)")
        #expect(corrected.resolution_nm.map { abs($0 / expected - 1) < 0.1 } ?? false)
    }

    @Test func doesNotDependOnThePixel() throws {
        let table = SimulatedTable.molecules(12000, field_nm: 6000, repeats: 20, sigma_nm: 12, seed: 4)
        var settings = RingCorrelationSettings()
        settings.repeats = 2
        let values = try [3.0, 6, 12].map { pixel in
            settings.pixel_nm = pixel
            return try #require(try ringCorrelation(table, settings).resolution_nm)
        }
        print("pixels 3, 6, 12 nm: \(values)")
        #expect((values.max()! - values.min()!) / values[0] < 0.01)
        // In pixels of 2 nm the field is cut into nine tiles; expected are 37.3 nm.
        settings.pixel_nm = 2
        let tiled = try #require(try ringCorrelation(table, settings).resolution_nm)
        print("nine tiles: \(tiled)")
        #expect(abs(tiled / (2 * Double.pi * 12 / log(60.0).squareRoot()) - 1) < 0.02)
    }

    @Test func readsTheOtherCriteria() throws {
        let table = SimulatedTable.molecules(6000, field_nm: 6000, repeats: 20, sigma_nm: 12, seed: 5)
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let result = try ringCorrelation(table, settings)
        // Pixels of a ring: 2 pi q L of the field's side L, of which the taper leaves (0.84375 / 0.90460)^4.
        for (name, level) in [
            ("3-sigma", { (n: Double) in 3 / (n / 2).squareRoot() }),
            (
                "half-bit",
                { (n: Double) in (0.2071 + 1.9102 / n.squareRoot()) / (1.2071 + 0.9102 / n.squareRoot()) }
            ),
        ] {
            let expected = length_nm(
                of: { frequency in
                    let pixels = 2 * Double.pi * frequency * 6000 * 6000 / (result.frequencySide_nm) * 0.757
                    return 10 * blur(12, frequency) / (1 + 10 * blur(12, frequency)) - level(pixels)
                }, at: 0)
            let reading = try #require(result.readings_nm[name])
            print("\(name): \(reading), expected \(expected)")
            #expect(abs(reading / expected - 1) < 0.03)
        }
        #expect(result.readings_nm["fixed"] == result.resolution_nm)
    }

    /// The error that is told is that between independent measurements of the same kind, whose spread is known to 11 %.
    @Test(arguments: [1, 4, 20])
    func tellsItsUncertainty(splits: Int) throws {
        var settings = RingCorrelationSettings()
        settings.repeats = splits
        settings.pixel_nm = 7
        let results = try (0..<40).map { seed in
            try ringCorrelation(
                SimulatedTable.molecules(
                    400, field_nm: 3000, repeats: 20, sigma_nm: 12, seed: 100 + UInt64(seed)), settings)
        }
        let values = try results.map { try #require($0.resolution_nm) }
        let mean = values.reduce(0, +) / 40
        let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 39).squareRoot()
        let told = try results.map { try #require($0.uncertainty_nm) }.reduce(0, +) / 40
        print("\(splits) splits: mean \(mean), spread \(spread), told \(told)")
        #expect(told > 0.75 * spread && told < 1.35 * spread)
    }

    @Test func refusesWhatHasNoResolution() {
        func message(_ table: LocalizationTable) -> String {
            do {
                return "\(try ringCorrelation(table))"
            } catch { return "\(error)" }
        }
        let few = SimulatedTable.molecules(5, field_nm: 100, repeats: 3, sigma_nm: 1, seed: 1)
        #expect(message(few).contains("too few"))
        let point = LocalizationTable(
            frame: (1...100).map(Int32.init), x_nm: Array(repeating: 5, count: 100),
            y_nm: Array(repeating: 5, count: 100))
        #expect(message(point).contains("one place"))
        // Nor is a spot as wide as the error of localization resolved at its own size.
        let spot = SimulatedTable.molecules(1, field_nm: 1, repeats: 2000, sigma_nm: 8, seed: 2)
        #expect(message(spot).contains("one place within their error of 8.0 nm"))
        let frame = LocalizationTable(
            frame: Array(repeating: 1, count: 100), x_nm: (0..<100).map { Double($0 * 17 % 100) },
            y_nm: (0..<100).map { Double($0 * 31 % 100) })
        #expect(message(frame).contains("one frame"))
        let far = LocalizationTable(
            frame: (1...100).map(Int32.init), x_nm: (0..<100).map { Double($0) * 1e12 },
            y_nm: Array(repeating: 5, count: 100))
        #expect(message(far).contains("too large"))
    }

    @Test func warnsOfHarmonics() throws {
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        let periodic = SimulatedTable.lines(
            40, field_nm: 12000, molecules_per_nm: 0.1, repeats: 5, sigma_nm: 15, seed: 9, period_nm: 190)
        let signs = try ringCorrelation(periodic, settings).periodicity
        print("period 190: \(signs)")
        #expect(signs.peaks_nm.contains { abs($0 / 190 - 1) < 0.05 })
        #expect(signs.warning != nil)
        for seed in 0..<4 {
            let plain = [
                SimulatedTable.lines(
                    40, field_nm: 12000, molecules_per_nm: 0.1, repeats: 5, sigma_nm: 15, seed: UInt64(20 + seed)),
                SimulatedTable.molecules(1000, field_nm: 6000, repeats: 10, sigma_nm: 12, seed: UInt64(30 + seed)),
            ]
            for table in plain {
                let signs = try ringCorrelation(table, settings).periodicity
                #expect(signs.warning == nil, "\(signs)")
            }
        }
    }
}

extension RingCorrelation {
    /// The side of a tile.
    fileprivate var frequencySide_nm: Double { 1 / frequency_per_nm[1] }
}
