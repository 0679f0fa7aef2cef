import Foundation
import Localization
import Randomness
import Resolution
import Testing
import Work

/// What the Fourier ring correlation says of tables that hold no evidence, and that no table ends the program.
@Suite struct NoEvidenceTests {
    /// Molecules at random places, each seen once.
    private func strangers(_ count: Int, field_nm: Double, seed: UInt64) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        let frames = (0..<count).map { _ in Int32(1 + random.integer(below: 1000)) }
        let x = (0..<count).map { _ in random.uniform() * field_nm }
        let y = (0..<count).map { _ in random.uniform() * field_nm }
        var table = LocalizationTable(frame: frames, x_nm: x, y_nm: y)
        table["uncertainty_nm"] = Array(repeating: 10, count: count)
        return table
    }

    @Test func strangersHaveNoResolution() throws {
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        for seed in 0..<24 {
            let (count, field) = [(200, 1500.0), (60, 700), (1000, 3000), (4000, 5000)][seed % 4]
            let found = try ringCorrelation(strangers(count, field_nm: field, seed: UInt64(seed)), settings)
            #expect(
                found.resolution_nm == nil && found.finding != .resolved && found.finding != .unlimited,
                "\(seed): \(found.evidence)")
            #expect(found.rawResolution_nm == nil && found.readings_nm.isEmpty && found.uncertainty_nm == nil)
            #expect(found.corrected?.resolution_nm == nil && found.periodicity.warning == nil)
        }
        for (index, estimator) in [RingEstimator.stormAnalysis, .stormAnalysis, .stormAnalysis].enumerated() {
            settings.estimator = estimator
            let found = try ringCorrelation(strangers(2000, field_nm: 5000, seed: UInt64(50 + index)), settings)
            #expect(found.resolution_nm == nil, "\(found.evidence)")
        }
    }

    /// Molecules that are seen again correlate, but without the repeats nothing is left.
    @Test func repeatsAloneAreNoStructure() throws {
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        for seed in 0..<6 {
            let table = SimulatedTable.molecules(
                300 + 200 * seed, field_nm: 4000, repeats: 6, sigma_nm: 12, seed: UInt64(70 + seed))
            let found = try ringCorrelation(table, settings)
            #expect(found.finding == .resolved)
            let corrected = try #require(found.corrected)
            #expect(corrected.resolution_nm == nil, "\(seed): \(corrected.resolution_nm ?? 0)")
        }
    }

    /// Any table gives a finite result or one clear line.
    @Test func anyTableIsAnswered() throws {
        var random = RandomSource(seed: 11)
        for round in 0..<400 {
            let count = [0, 1, 2, 49, 50, 60, 200, 400][round % 8]
            let size = [1e-3, 30, 900, 3000, 1e9, 1e15, 1e300][random.integer(below: 7)]
            let flat = random.integer(below: 4)
            func place(_ isFlat: Bool) -> Double { isFlat ? 5 : random.uniform() * size }
            let molecules = (0..<max(1, count)).map { _ in
                (place(flat == 1 || flat == 3), place(flat == 2 || flat == 3))
            }
            let error = size * random.uniform() * 0.01
            var rows: [(Int32, Double, Double)] = []
            for _ in 0..<count {
                let (x, y) = molecules[random.integer(below: max(1, count / (1 + round % 12)))]
                let frame: Int32 = [
                    1, 1 + Int32(random.integer(below: 1000)), .max - Int32(random.integer(below: 9)), .min,
                ][
                    min(3, random.integer(below: 9))]
                rows.append((frame, x + error * random.uniform(), y + error * random.uniform()))
            }
            var table = LocalizationTable(frame: rows.map(\.0), x_nm: rows.map(\.1), y_nm: rows.map(\.2))
            let junk = [10, 0, -1, .nan, .infinity, 1e300, 1e-300]
            if random.chance(0.7) {
                table["uncertainty_nm"] = rows.map { _ in junk[random.integer(below: junk.count)] }
            }
            if random.chance(0.3) {
                table.movie = MovieExtent(
                    pixel_nm: [100, 0, .nan, 1e300][random.integer(below: 4)], width: 64, height: 64, frames: 10)
            }
            var settings = RingCorrelationSettings()
            settings.repeats = 1
            settings.split = HalfSplit.allCases[random.integer(below: 4)]
            settings.estimator = RingEstimator.allCases[random.integer(below: 2)]
            settings.criterion = ResolutionCriterion.allCases[random.integer(below: 3)]
            settings.blocks = [2, 50, 1_000_000, .max][random.integer(below: 4)]
            if random.chance(0.5) { settings.pixel_nm = [1, 10, size / 50, 1e300, .nan][random.integer(below: 5)] }
            if random.chance(0.3) { settings.smoothing_per_nm = [0, 1, 1e300, .infinity][random.integer(below: 4)] }
            if random.chance(0.3) { settings.link_nm = [1e-300, 30, 1e300][random.integer(below: 3)] }
            if random.chance(0.3) { settings.precision_nm = [1e-300, 30, 1e300][random.integer(below: 3)] }
            do {
                let found = try ringCorrelation(table, settings)
                for value in [found.resolution_nm, found.uncertainty_nm, found.corrected?.resolution_nm] {
                    #expect(value.map { $0.isFinite && $0 > 0 || $0 == 0 } ?? true)
                }
                var squares = ResolutionMapSettings()
                squares.tile_nm = [100, 3000, 1e300][random.integer(below: 3)]
                squares.step_nm = [nil, 50, 1e-300][random.integer(below: 3)]
                _ = try resolutionMap(table, settings, squares)
            } catch let failure as Failure {
                #expect(!failure.message.isEmpty && !failure.message.contains("\n"))
            }
        }
    }
}
