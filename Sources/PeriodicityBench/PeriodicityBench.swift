import ArgumentParser
import Foundation
import Localization
import Optics
import Periodicity
import Simulation
import Work

/// Compares the three estimators on simulated axons, from the localization table on.
@main struct PeriodicityBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench periodicity",
        abstract: "Compares three estimators of the period of simulated axons; times a million localizations.")

    @Option(help: "Axons of each condition.") var axons = 30
    @Option(help: "Runs for the coverage of the interval, of a quarter of the axons each.") var runs = 200
    @Option(help: "Axons without rings.") var aperiodic = 500
    @Option(help: "Localizations of the large table.") var localizations = 1_000_000
    @Option(help: "Seed.") var seed: UInt64 = 1

    /// A condition with the published means of 30 axons, where they are known: pairwise and autocorrelation.
    private static let conditions: [(period_nm: Double, labelling: Double, pairwise: String, autocorrelation: String)] =
        [
            (190, 1, "", ""), (200, 1, "", ""), (210, 1, "", ""), (220, 1, "", ""), (230, 1, "", ""),
            (190, 0.1, "224.2", "256.7"), (190, 0.25, "200.7", "200.7"), (190, 0.5, "", ""), (190, 0.75, "", ""),
        ]

    func run() throws {
        print(
            "mean period of \(axons) axons of 6 um, from the table on; in brackets the root mean square error of an axon"
        )
        print(
            "  d (nm)  labelling  ours, pooled         ours             pairwise         autocorrelation  published pw, ac"
        )
        for (number, condition) in PeriodicityBench.conditions.enumerated() {
            let profiles = try field(
                period_nm: condition.period_nm, labelling: condition.labelling, count: axons, number)
            let found = try PeriodicityMeasurement(profiles, PeriodicitySettings())
            func column(_ periods: [Double?]) -> String {
                let known = periods.compactMap { $0 }
                guard !known.isEmpty else { return "-" }
                let mean = known.reduce(0, +) / Double(known.count)
                let square = known.reduce(0) { $0 + ($1 - condition.period_nm) * ($1 - condition.period_nm) }
                return String(format: "%.2f (%.2f)", mean, (square / Double(known.count)).squareRoot())
            }
            let pooled = found.reported_nm.map { String(format: "%.2f", $0) } ?? "-"
            let interval = found.interval_nm.map { String(format: " %.2f-%.2f", $0.lowerBound, $0.upperBound) } ?? ""
            print(
                String(format: "%8.0f %9.0f %%", condition.period_nm, 100 * condition.labelling),
                (pooled + interval).padded(22), column(found.axons.map { $0.likelihood?.period_nm }).padded(16),
                column(found.axons.map(\.pairwise_nm)).padded(16),
                column(found.axons.map(\.autocorrelation_nm)).padded(16), condition.pairwise,
                condition.autocorrelation)
        }
        print("published over the five periods: mean bias +0.70 nm pairwise, -2.02 nm autocorrelation")
        try coverage()
        try falsePeriods()
        try largeTable()
    }

    /// Traced axons of 6 um in a field.
    private func field(
        period_nm: Double?, labelling: Double, count: Int, _ number: Int, spacingJitter_nm: Double = 0
    ) throws -> [AxonProfile] {
        let rings = SpectrinRings(period_nm: period_nm, spacingJitter_nm: spacingJitter_nm)
        var profiles: [AxonProfile] = []
        var part: UInt64 = 0
        while profiles.count < count {
            let stream = seed &* 1_000_003 &+ UInt64(number) &* 1009 &+ part
            let specimen = FiberSpecimen(
                .axons(rings), seed: stream, density_per_mm2: 5000, labelling: labelling, length_um: 6...6)
            let side = max(30, Double(count).squareRoot() * 16)
            let table = try simulateLocalizations(
                of: specimen, in: Rectangle(x_um: 0...side, y_um: 0...side), LocalizationStatistics(), seed: stream
            ).found
            profiles += try AxonTracing(table, TracingSettings()).axons.map(\.profile)
            part += 1
        }
        return Array(profiles.prefix(count))
    }

    private func coverage() throws {
        let few = max(1, axons / 4)
        for (labelling, jitter) in [(1.0, 0.0), (0.5, 4.0)] {
            let hits = try concurrentMap(runs) { run -> (covers: Bool, half_nm: Double)? in
                let profiles = try field(
                    period_nm: 190, labelling: labelling, count: few, 1000 + run, spacingJitter_nm: jitter)
                var settings = PeriodicitySettings()
                settings.search.surrogates = 199
                guard let interval = try PeriodicityMeasurement(profiles, settings).interval_nm else { return nil }
                return (interval.contains(190), 0.5 * (interval.upperBound - interval.lowerBound))
            }.compactMap { $0 }
            let covered = Double(hits.count { $0.covers }) / Double(max(1, hits.count))
            let half = hits.reduce(0) { $0 + $1.half_nm } / Double(max(1, hits.count))
            print(
                String(
                    format:
                        "95 %% interval of %d axons at %.0f %%, spacing jitter %.0f nm: +-%.3f nm, covers the truth in %.1f %% of %d runs",
                    few, 100 * labelling, jitter, half, 100 * covered, hits.count))
        }
    }

    private func falsePeriods() throws {
        for labelling in [0.25, 1] {
            let profiles = try field(period_nm: nil, labelling: labelling, count: aperiodic, 9000)
            let verdicts = try concurrentMap(profiles.count) { index in
                try PeriodicityMeasurement([profiles[index]], PeriodicitySettings()).reported_nm != nil
            }
            print(
                String(
                    format: "axons without rings at %.0f %%: %d of %d are given a period", 100 * labelling,
                    verdicts.count { $0 }, verdicts.count))
        }
    }

    private func largeTable() throws {
        let specimen = FiberSpecimen(.axons(SpectrinRings()), seed: seed)
        // The usual specimen has about 6 localizations a um2.
        let side = (Double(localizations) / 5).squareRoot()
        var table = try simulateLocalizations(
            of: specimen, in: Rectangle(x_um: 0...side, y_um: 0...side), LocalizationStatistics(), seed: seed
        ).found
        if table.count > localizations {
            let share = Double(localizations) / Double(table.count)
            table = table.rows((0..<localizations).map { Int(Double($0) / share) })
        }
        let start = DispatchTime.now().uptimeNanoseconds
        let tracing = try AxonTracing(table, TracingSettings())
        let traced = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        let found = try PeriodicityMeasurement(tracing.axons.map(\.profile), PeriodicitySettings())
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        print(
            String(
                format: "%d localizations, %d molecules, %d axons: %.2f nm in %.1f s (%.1f s for tracing)", table.count,
                tracing.molecules.count, tracing.axons.count, found.reported_nm ?? .nan, seconds, traced))
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        padding(toLength: max(width, count), withPad: " ", startingAt: 0)
    }
}
