import Foundation
import Imaging
import Localization
import Randomness
import Testing
import Work

/// What estimators return of data that hold no evidence: they say so and change nothing.
@Suite struct EvidenceTests {
    /// Molecules at random places, each seen in some following frames of one blink.
    private func strangers(_ count: Int, field_nm: Double, frames: Int, blink: Int, seed: UInt64) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var (frame, x, y, z): ([Int32], [Double], [Double], [Double]) = ([], [], [], [])
        while frame.count < count {
            let place = (random.uniform() * field_nm, random.uniform() * field_nm, random.uniform() * 600)
            let start = random.integer(below: frames - blink)
            for step in 0...random.integer(below: blink) {
                frame.append(Int32(start + step + 1))
                x.append(place.0 + random.normal(deviation: 8))
                y.append(place.1 + random.normal(deviation: 8))
                z.append(place.2 + random.normal(deviation: 20))
            }
        }
        var table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        table["z_nm"] = z
        return table
    }

    @Test func strangersHaveNoDrift() throws {
        for seed in 0..<16 {
            let (count, field) = [(1000, 5000.0), (5000, 8000), (20_000, 12_000), (400, 2000)][seed % 4]
            let table = strangers(
                count, field_nm: field, frames: 3000, blink: [1, 6][seed / 4 % 2], seed: UInt64(seed))
            for drift in [try table.drift(), try table.driftByIntersection()] {
                #expect(drift.note?.contains("no drift was found") == true, "\(seed)")
                #expect(drift.corrected(table) == table)
            }
        }
    }

    /// Few molecules of a small structure that come back are evidence.
    @Test func whatComesBackHasDrift() throws {
        for seed in 0..<6 {
            var random = RandomSource(seed: UInt64(40 + seed))
            let molecules = (0..<200).map { _ in (random.uniform() * 6000, random.uniform() * 6000) }
            var (frame, x, y): ([Int32], [Double], [Double]) = ([], [], [])
            for number in 1...2000 where random.chance(0.7) {
                let molecule = molecules[random.integer(below: 200)]
                frame.append(Int32(number))
                x.append(molecule.0 + 0.1 * Double(number) + random.normal(deviation: 10))
                y.append(molecule.1 + random.normal(deviation: 10))
            }
            let table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
            for drift in [try table.drift(), try table.driftByIntersection()] {
                #expect(drift.note == nil)
                #expect(abs((drift.x_nm.last! - drift.x_nm[0]) / 200 - 1) < 0.15, "\(seed)")
            }
        }
    }

    /// A localization far away from all others does not spoil the drift of these.
    @Test func oneFarPlaceDoesNotSpoilTheDrift() throws {
        var random = RandomSource(seed: 4)
        let molecules = (0..<300).map { _ in (random.uniform() * 6000, random.uniform() * 6000) }
        var (frame, x, y): ([Int32], [Double], [Double]) = ([1], [4e8], [-3e8])
        for number in 1...3000 {
            let molecule = molecules[random.integer(below: 300)]
            frame.append(Int32(number))
            x.append(molecule.0 + 0.1 * Double(number) + random.normal(deviation: 10))
            y.append(molecule.1 + random.normal(deviation: 10))
        }
        let table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        for drift in [try table.drift(), try table.driftByIntersection()] {
            #expect(abs((drift.x_nm.last! - drift.x_nm[0]) / 300 - 1) < 0.1)
        }
    }

    private func beads(_ places: [(Double, Double)]) -> LocalizationTable {
        LocalizationTable(frame: places.map { _ in 1 }, x_nm: places.map(\.0), y_nm: places.map(\.1))
    }

    @Test func strangersAreNotRegistered() throws {
        for seed in 0..<60 {
            var random = RandomSource(seed: UInt64(seed))
            let count = [3, 10, 40, 150, 400][seed % 5]
            func places() -> [(Double, Double)] {
                (0..<count).map { _ in (1000 + random.uniform() * 49_000, 1000 + random.uniform() * 49_000) }
            }
            let (a, b) = (beads(places()), beads(places()))
            #expect(throws: Failure.self, "\(seed)") { try ChannelRegistration(moving: a, to: b) }
        }
    }

    @Test func sameBeadsAreRegistered() throws {
        for seed in 0..<20 {
            var random = RandomSource(seed: UInt64(100 + seed))
            let count = [4, 8, 40, 150][seed % 4]
            let places = (0..<count).map { _ in (random.uniform() * 50_000, random.uniform() * 50_000) }
            // A third of the beads of each channel is not in the other.
            let extra = (0..<count / 3).map { _ in (random.uniform() * 50_000, random.uniform() * 50_000) }
            let moved = places.map {
                ($0.0 + 1200 + random.normal(deviation: 5), $0.1 - 700 + random.normal(deviation: 5))
            }
            let found = try ChannelRegistration(moving: beads(places + extra), to: beads(moved))
            #expect(found.beads >= count * 3 / 4 && found.residual_nm < 60)
            #expect(try #require(found.chance) < 1e-3)
        }
    }

    /// Detections of rows that were merged before add up.
    @Test func mergingAgainKeepsTheDetections() throws {
        var table = LocalizationTable(
            frame: [10, 11, 12, 50], x_nm: [1000, 1012, 1012, 5000], y_nm: [2000, 2000, 2000, 5000])
        table["detections"] = [4, 1, 1, 1]
        table["photons"] = [4000, 1000, 1000, 1000]
        table["uncertainty_nm"] = [5, 10, 10, 10]
        table["chi2"] = [1, .nan, 2, .nan]
        let merged = table.merged(try table.tracks(radius_nm: 50))
        #expect(merged["detections"] == [6, 1])
        #expect(merged["photons"] == [6000, 1000])
        // Weights 4, 1, 1.
        #expect(abs(merged.x_nm[0] - 1004) < 1e-9)
        #expect(abs(merged["uncertainty_nm"]![0] - 10 / 6.0.squareRoot()) < 1e-9)
        #expect(abs(merged["chi2"]![0] - (4 * 1 + 2) / 5.0) < 1e-9 && merged["chi2"]![1].isNaN)
    }

    @Test func widthsThatDoNotChangeAreNoCalibration() throws {
        for seed in 0..<20 {
            var random = RandomSource(seed: UInt64(seed))
            var table = LocalizationTable(
                frame: (1...61).map(Int32.init), x_nm: Array(repeating: 500, count: 61),
                y_nm: Array(repeating: 500, count: 61))
            table["sigma_x_nm"] = (0..<61).map { _ in 140 + random.normal(deviation: 5) }
            table["sigma_y_nm"] = (0..<61).map { _ in 140 + random.normal(deviation: 5) }
            #expect(throws: Failure.self) { try AstigmatismCalibration(beads: table, step_um: 0.02) }
        }
    }

    /// A stack that was taken downwards gives the same curves with a negative step.
    @Test func stacksGoUpOrDown() throws {
        func width(_ z: Double, _ centre: Double) -> Double { 135 * (1 + pow((z - centre) / 0.35, 2)).squareRoot() }
        func calibration(_ heights: [Double], step: Double) throws -> AstigmatismCalibration {
            var table = LocalizationTable(
                frame: heights.indices.map { Int32($0 + 1) }, x_nm: heights.map { _ in 500 },
                y_nm: heights.map { _ in 500 })
            table["sigma_x_nm"] = heights.map { width($0, -0.2) }
            table["sigma_y_nm"] = heights.map { width($0, 0.2) }
            return try AstigmatismCalibration(beads: table, step_um: step)
        }
        let heights = (0...60).map { -0.6 + 0.02 * Double($0) }
        let up = try calibration(heights, step: 0.02)
        let down = try calibration(heights.reversed(), step: -0.02)
        #expect(abs(up.x.centre_um + 0.2) < 1e-3 && abs(down.x.centre_um + 0.2) < 1e-3)
        #expect(abs(up.y.centre_um - 0.2) < 1e-3 && abs(down.y.centre_um - 0.2) < 1e-3)
    }

    @Test func darkMoviesHaveNoGain() throws {
        for seed in 0..<6 {
            func dark(_ shift: Double, _ number: Int) -> ComputedMovie {
                ComputedMovie(width: 24, height: 24, frameCount: 60) { index in
                    var random = RandomSource(seed: UInt64(seed * 10 + number)).split(index)
                    return Plane(
                        width: 24, height: 24,
                        samples: (0..<576).map { _ in Float(100 + shift + random.normal(deviation: 2)) })
                }
            }
            // The same dark camera twice, and one whose offset wandered.
            #expect(throws: Failure.self) { try PhotonTransfer(dark: dark(0, 1), flats: [dark(0, 2)]) }
            #expect(throws: Failure.self) { try PhotonTransfer(dark: dark(0, 1), flats: [dark(3, 3)]) }
            #expect(throws: Failure.self) { try GainEstimate(dark(0, 4)) }
        }
    }

    /// Five equal sources on a cross, each lit in half of the frames at random: the default picture shows them all.
    @Test func fluctuationsLoseNoSource() throws {
        let places = [(16.5, 16.5), (9.5, 16.5), (23.5, 16.5), (16.5, 9.5), (16.5, 23.5)]
        let movie = ComputedMovie(width: 33, height: 33, frameCount: 100) { index in
            var random = RandomSource(seed: 6).split(index)
            let isOn = places.map { _ in random.chance(0.5) }
            return Plane(
                width: 33, height: 33,
                samples: (0..<33 * 33).map { pixel in
                    let (x, y) = (Double(pixel % 33) + 0.5, Double(pixel / 33) + 0.5)
                    let light = zip(places, isOn).reduce(20.0) { sum, source in
                        let square = pow(x - source.0.0, 2) + pow(y - source.0.1, 2)
                        return source.1 ? sum + 190 * exp(-square / (2 * 1.69)) : sum
                    }
                    return Float(random.poisson(mean: light))
                })
        }
        let image = try RadialFluctuations(magnification: 2).image(of: movie)
        let heights = places.map { image[Int(2 * $0.1), Int(2 * $0.0)] }
        #expect(heights.min()! > 0.6 * heights.max()!, "\(heights)")
    }

    /// Any table gives a finite result or one clear line from every estimator.
    @Test func anyTableIsAnswered() throws {
        var random = RandomSource(seed: 12)
        for round in 0..<200 {
            let count = [0, 1, 2, 60, 200, 400][round % 6]
            let size = [0, 30, 3000, 1e9, 1e15, 1e300][random.integer(below: 6)]
            let flat = random.integer(below: 4)
            let last = [1, 2, 1000, Int(Int32.max)][random.integer(below: 4)]
            var table = LocalizationTable(
                frame: (0..<count).map { _ in
                    random.chance(0.01) ? .min : Int32(last < 2000 ? 1 + random.integer(below: last) : last)
                }, x_nm: (0..<count).map { _ in flat == 1 || flat == 3 ? 5 : random.uniform() * size },
                y_nm: (0..<count).map { _ in random.chance(0.01) ? .nan : flat > 1 ? 5 : random.uniform() * size })
            let junk = [10, 0, -1, .nan, .infinity, 1e300, 1e-300]
            for name in ["uncertainty_nm", "z_nm", "photons", "detections", "sigma_x_nm", "sigma_y_nm"]
            where random.chance(0.5) {
                table[name] = (0..<count).map { _ in junk[random.integer(below: junk.count)] }
            }
            let wide = [1e-300, 50, 1e300][random.integer(below: 3)]
            let estimators: [() throws -> [Double]] = [
                { try table.drift().x_nm }, { try table.drift(blocks: 900, pixel_nm: 1, reach_nm: wide).y_nm },
                { try table.driftByIntersection().x_nm },
                { try table.driftByIntersection(segmentFrames: 1, cell_nm: 1, reach_nm: wide).y_nm },
                {
                    _ = table.merged(try table.tracks(radius_nm: wide, gap: 1_000_000)); return []
                },
                {
                    _ = try table.withoutDuplicates(radius_nm: wide); return []
                },
                { try table.neighbours(radius_nm: wide) },
                { [try ChannelRegistration(moving: table, to: table, reach_nm: wide).residual_nm] },
                { [try AstigmatismCalibration(beads: table, step_um: wide).x.sigma_nm] },
                { [Double(try table.rendered(pixel_nm: max(10, size / 300)).samples.max() ?? 0)] },
                {
                    _ = try table.rendered(pixel_nm: wide, method: .histogram); return []
                },
            ]
            for (number, estimator) in estimators.enumerated() {
                do {
                    #expect(try estimator().allSatisfy(\.isFinite), "\(round) \(number)")
                } catch let failure as Failure {
                    #expect(!failure.message.isEmpty && !failure.message.contains("\n"))
                }
            }
        }
    }
}
