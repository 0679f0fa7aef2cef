import Foundation
import Periodicity
import Randomness
import Simulation
import Testing

/// The estimators on arc lengths of known rings.
@Suite struct EstimatorTests {
    private let search = PeriodSearch(surrogates: 199)

    private func axons(
        _ rings: SpectrinRings, count: Int, labelling: Double, seed: UInt64
    ) -> [AxonProfile] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in profile(rings, labelling: labelling, random: &random) }
    }

    @Test(arguments: [190.0, 200, 210, 220, 230])
    func findsEachPeriod(period_nm: Double) throws {
        let axons = axons(SpectrinRings(period_nm: period_nm), count: 8, labelling: 0.5, seed: 3)
        let scan = try #require(try FrequencyScan(axons, search))
        #expect(scan.pValue == 1.0 / 200)
        let fit = try #require(try scan.period_nm.flatMap { try CombFit(axons, near: $0) })
        #expect(abs(fit.comb.period_nm - period_nm) < 0.5)
        #expect(fit.axons.allSatisfy { abs(($0?.period_nm ?? 0) - period_nm) < 2 })
    }

    @Test func findsThePeriodOfSparselyLabelledAxons() throws {
        for labelling in [0.1, 0.25] {
            let axons = axons(SpectrinRings(period_nm: 190), count: 30, labelling: labelling, seed: 5)
            let scan = try #require(try FrequencyScan(axons, search))
            let fit = try #require(try scan.period_nm.flatMap { try CombFit(axons, near: $0) })
            #expect(abs(fit.comb.period_nm - 190) < 0.5)
        }
    }

    /// For N molecules of standard deviation s about rigid rings over a length L, sd(d) >= d s sqrt(12) / (L sqrt N).
    @Test func reachesTheCramerRaoBoundOfARigidComb() throws {
        var random = RandomSource(seed: 11)
        let rings = SpectrinRings(period_nm: 190, ringJitter_nm: 0, sites: 3, label_nm: 12)
        let axons = (0..<60).map { _ in profile(rings, background: 0, error_nm: 0, random: &random) }
        let fit = try #require(try CombFit(axons, near: 190))
        var squares = 0.0
        for (axon, found) in zip(axons, fit.axons) {
            let error = try #require(found).period_nm - 190
            let bound: Double =
                190 * 12 * 12.0.squareRoot() / (6000 * Double(axon.molecules_nm.count).squareRoot())
            squares += error * error / (bound * bound)
        }
        let ratio = (squares / 60).squareRoot()
        print("error of an axon over the Cramér-Rao bound: \(ratio)")
        #expect(ratio > 0.75 && ratio < 1.25)
        #expect(abs(fit.comb.spread_nm - 12) < 1)
    }

    /// Rings whose distances vary lose the count: the floor is s_J sqrt(d / L) for an axon.
    @Test func knowsHowFarSpacingJitterSpoilsThePeriod() throws {
        let axons = axons(SpectrinRings(period_nm: 190, spacingJitter_nm: 8), count: 40, labelling: 0.5, seed: 21)
        let fit = try #require(try CombFit(axons, near: 190))
        let floor: Double = 8 * (190.0 / 6000).squareRoot()
        let half: Double = (fit.interval_nm.upperBound - fit.interval_nm.lowerBound) / 2
        #expect(abs(fit.comb.spacingJitter_nm - 8) < 1.5)
        #expect(half > 0.8 * 1.96 * floor / 40.0.squareRoot() && half < 2 * 1.96 * floor / 40.0.squareRoot())
        #expect(abs(fit.comb.period_nm - 190) < 2 * half)
    }

    @Test func intervalsCoverTheTruth() throws {
        var covered = 0
        for run in 0..<60 {
            let axons = axons(
                SpectrinRings(period_nm: 190, spacingJitter_nm: run % 2 == 0 ? 0 : 5), count: 4, labelling: 0.5,
                seed: UInt64(100 + run))
            let fit = try #require(try CombFit(axons, near: 190))
            if fit.interval_nm.contains(190) { covered += 1 }
        }
        print("95 % interval: \(covered) of 60 runs")
        // Of 60 runs at 95 %, fewer than 52 happen once in 200 times.
        #expect(covered >= 52)
    }

    /// Rings at random places, each with several dyes: clusters without a period.
    @Test(arguments: [1.0, 0.2]) func declinesAxonsWithoutRings(labelling: Double) throws {
        let axons = axons(SpectrinRings(period_nm: nil), count: 150, labelling: labelling, seed: 31)
        var (low, reported) = (0, 0)
        for axon in axons {
            let found = try PeriodicityMeasurement([axon], PeriodicitySettings())
            if found.pValue <= 0.1 { low += 1 }
            if found.reported_nm != nil { reported += 1 }
        }
        print("p <= 0.1 in \(low) of 150, a period in \(reported)")
        // A p-value is uniform: 15 of 150 are expected, 27 or more once in 1000 times.
        #expect(low < 28)
        #expect(reported <= 1)
        let together = try PeriodicityMeasurement(axons, PeriodicitySettings())
        #expect(together.reported_nm == nil)
        #expect(together.refusal != nil)
    }

    /// A comb without any noise has its pairs at multiples of the period and a maximum of the autocorrelation there.
    @Test func theOldEstimatorsReadAPerfectComb() throws {
        let places = (0..<40).flatMap { ring in (0..<5).map { Double(ring) * 200 + Double($0) * 4 } }
        let axon = AxonProfile(molecules_nm: places, length_nm: 8000)
        #expect(abs(try #require(PairwiseDistances([axon], search)?.period_nm) - 200) < 0.5)
        #expect(abs(try #require(ProfileAutocorrelation([axon], search)?.period_nm) - 200) < 1)
    }

    @Test func resultsRepeat() throws {
        let axons = axons(SpectrinRings(period_nm: 190), count: 3, labelling: 0.3, seed: 41)
        let first = try PeriodicityMeasurement(axons, PeriodicitySettings())
        let second = try PeriodicityMeasurement(axons, PeriodicitySettings())
        #expect(first == second)
    }
}
