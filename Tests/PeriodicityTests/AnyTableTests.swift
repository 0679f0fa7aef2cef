import Foundation
import Localization
import Periodicity
import Randomness
import Testing
import Work

@Suite struct AnyTableTests {
    /// Any table gives a refusal, a period or one clear line; molecules at random places give no period.
    @Test func anyTableIsAnswered() throws {
        var random = RandomSource(seed: 13)
        for round in 0..<60 {
            let count = [0, 2, 49, 50, 200, 1000][round % 6]
            let size = [900, 5000, 2e4, 1e9, 1e15, 1e300][random.integer(below: 6)]
            let flat = random.integer(below: 4)
            let shift = [0, 1e11, -1e15][random.integer(below: 3)]
            var table = LocalizationTable(
                frame: (0..<count).map { _ in Int32(1 + random.integer(below: 1000)) },
                x_nm: (0..<count).map { _ in shift + (flat == 1 || flat == 3 ? 5 : random.uniform() * size) },
                y_nm: (0..<count).map { _ in random.chance(0.01) ? .nan : flat > 1 ? 5 : random.uniform() * size })
            if random.chance(0.5) {
                let junk = [10, 0, -1, .nan, .infinity, 1e300]
                table["uncertainty_nm"] = (0..<count).map { _ in junk[random.integer(below: junk.count)] }
            }
            var settings = PeriodicitySettings()
            settings.search.surrogates = 99
            do {
                let axons = try AxonTracing(table, settings.tracing).axons
                let found = try PeriodicityMeasurement(axons.map(\.profile), settings)
                #expect(found.reported_nm.map(\.isFinite) ?? true)
                #expect(flat != 0 || found.reported_nm == nil)
            } catch let failure as Failure {
                #expect(!failure.message.isEmpty && !failure.message.contains("\n"))
            }
        }
    }
}
