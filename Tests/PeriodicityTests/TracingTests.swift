import Foundation
import Localization
import Optics
import Periodicity
import Randomness
import Simulation
import Testing
import Work

/// From localization tables to arc lengths and periods.
@Suite struct TracingTests {
    /// Molecules about the curve y = a sin(2 pi x / p), whose arc length is a known integral.
    @Test func anAxisHasTheLengthOfItsCurve() throws {
        let (amplitude, wave, end) = (1500.0, 24_000.0, 20_000.0)
        func slope(_ x: Double) -> Double { amplitude * 2 * Double.pi / wave * cos(2 * Double.pi * x / wave) }
        let fine = 20_000
        let length = (0..<fine).reduce(0.0) { sum, step in
            let x = (Double(step) + 0.5) * end / Double(fine)
            return sum + (1 + slope(x) * slope(x)).squareRoot() * end / Double(fine)
        }
        var random = RandomSource(seed: 3)
        var (frame, x, y): ([Int32], [Double], [Double]) = ([], [], [])
        for index in 0..<1500 {
            let place = random.uniform() * end
            let across = 400 * cos(random.uniform(in: 0...2 * Double.pi))
            let norm = (1 + slope(place) * slope(place)).squareRoot()
            frame.append(Int32(index + 1))
            x.append(3000 + place - across * slope(place) / norm)
            y.append(6000 + amplitude * sin(2 * Double.pi * place / wave) + across / norm)
        }
        let tracing = try AxonTracing(LocalizationTable(frame: frame, x_nm: x, y_nm: y), TracingSettings())
        let axon = try #require(tracing.axons.first)
        #expect(tracing.axons.count == 1)
        // Between the first and last molecule on the axis, whose ends the ridge does not quite reach.
        let (from, to) = (axon.axis.points_nm.first!.x - 3000, axon.axis.points_nm.last!.x - 3000)
        let (low, high) = (min(from, to), max(from, to))
        let expected = (0..<fine).reduce(0.0) { sum, step in
            let x = low + (Double(step) + 0.5) * (high - low) / Double(fine)
            return sum + (1 + slope(x) * slope(x)).squareRoot() * (high - low) / Double(fine)
        }
        print("axis of \(axon.axis.length_nm) nm, expected \(expected), the whole curve \(length)")
        #expect(abs(axon.axis.length_nm / expected - 1) < 0.002)
        #expect(expected > 0.9 * length)
    }

    @Test func theTableOfAFieldGivesThePeriod() throws {
        let specimen = FiberSpecimen(.axons(SpectrinRings()), seed: 5, labelling: 1)
        let place = specimen.placeOfObject()
        let area = Rectangle(centre: Point(x_um: place.x, y_um: place.y), width_um: 40, height_um: 40)
        let table = try simulateLocalizations(of: specimen, in: area, LocalizationStatistics(), seed: 5).found
        let tracing = try AxonTracing(table, TracingSettings())
        let found = try PeriodicityMeasurement(tracing.axons.map(\.profile), PeriodicitySettings())
        print(
            "\(tracing.axons.count) axons, period \(found.reported_nm ?? 0), \(String(describing: found.interval_nm))")
        let period = try #require(found.reported_nm)
        #expect(abs(period - 190) < 0.5)
        #expect(tracing.axons.reduce(0) { $0 + $1.axis.length_nm } > 100_000)
    }

    /// Fields of axons of 6 um, some of them crossing or side by side: they are found with their ends, and whatever is
    /// traced wrongly does not change the common period.
    @Test(arguments: [(190.0, 1.0, 0.5), (230, 1, 0.5), (190, 0.25, 0.5), (190, 0.1, 2)])
    func shortAxonsGiveThePeriod(period_nm: Double, labelling: Double, tolerance_nm: Double) throws {
        let specimen = FiberSpecimen(
            .axons(SpectrinRings(period_nm: period_nm)), seed: 11, density_per_mm2: 5000, labelling: labelling,
            length_um: 6...6)
        let table = try simulateLocalizations(
            of: specimen, in: Rectangle(x_um: 0...90, y_um: 0...90), LocalizationStatistics(), seed: 12
        ).found
        let axons = try AxonTracing(table, TracingSettings()).axons
        let found = try PeriodicityMeasurement(axons.map(\.profile), PeriodicitySettings())
        let lengths = axons.map(\.axis.length_nm).sorted()
        print(
            "\(period_nm) nm at \(labelling): \(axons.count) axons, median length \(lengths[lengths.count / 2]), period \(found.reported_nm ?? 0), \(String(describing: found.interval_nm))"
        )
        #expect(axons.count > 20)
        // From the first molecule to the last; at each end the distance of two is missing.
        #expect(abs(lengths[lengths.count / 2] - (6000 - 2 * 19 / labelling)) < 200)
        let period = try #require(found.reported_nm)
        #expect(abs(period - period_nm) < tolerance_nm)
    }

    @Test func aMaskKeepsAxonsOut() throws {
        let specimen = FiberSpecimen(
            .axons(SpectrinRings()), seed: 7, density_per_mm2: 5000, labelling: 0.5, length_um: 6...6)
        let table = try simulateLocalizations(
            of: specimen, in: Rectangle(x_um: 0...60, y_um: 0...60), LocalizationStatistics(), seed: 8
        ).found
        let mask = AxonMask(.init(width: 30, height: 60, filledWith: 1), pixel_nm: 1000)
        let inside = try AxonTracing(table, TracingSettings(), mask: mask).axons
        #expect(!inside.isEmpty)
        #expect(inside.allSatisfy { axon in axon.axis.points_nm.allSatisfy { $0.x < 31_000 } })
        #expect(inside.count < (try AxonTracing(table, TracingSettings()).axons.count))
    }

    @Test func refusesWhatHasNoPeriod() {
        func code(_ table: LocalizationTable) -> String? {
            do {
                _ = try AxonTracing(table, TracingSettings())
                return nil
            } catch { return (error as? Failure)?.code }
        }
        let few = LocalizationTable(
            frame: (1...49).map { Int32($0) }, x_nm: (0..<49).map { Double($0) * 190 },
            y_nm: [Double](repeating: 0, count: 49))
        #expect(code(few) == "too-few")
        let one = LocalizationTable(
            frame: [Int32](repeating: 1, count: 400), x_nm: (0..<400).map { Double($0) * 19 },
            y_nm: [Double](repeating: 0, count: 400))
        #expect(code(one) == "one-frame")
        let point = LocalizationTable(
            frame: (1...400).map { Int32($0) }, x_nm: [Double](repeating: 500, count: 400),
            y_nm: [Double](repeating: 500, count: 400))
        #expect(code(point) == "no-structure")
    }
}
