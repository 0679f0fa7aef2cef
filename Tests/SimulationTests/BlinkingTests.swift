import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing

/// Blinking against the closed forms of the two-state model.
@Suite struct BlinkingTests {
    @Test func onPeriodsAndBlinksHaveTheirMeans() {
        let dye = Blinking(on_ms: 30, off_ms: 400, blinks: 10, firstFold: 1, reference_mw: 50)
        var population = BlinkingPopulation(count: 4000, dye: dye, random: RandomSource(seed: 1))
        var total = 0.0
        // Long enough for all to bleach: each is on for 10 periods of 30 ms on average.
        for _ in 0..<400 {
            population.illuminate(duration_ms: 100, power_mw: 50, activation_mw: 0) { total += $0.on_ms }
        }
        #expect(population.alive < 8)
        // A geometric number of exponential periods is exponential itself: deviation = mean.
        let mean: Double = total / 4000
        #expect(abs(mean - 300) < 24)
    }

    @Test func shareOfShiningMoleculesIsThatOfTheEquilibrium() {
        let dye = Blinking(on_ms: 20, off_ms: 180, blinks: 1e9, firstFold: 1, reference_mw: 100)
        var population = BlinkingPopulation(count: 20_000, dye: dye, random: RandomSource(seed: 2))
        population.illuminate(duration_ms: 2000, power_mw: 100, activation_mw: 0) { _ in }
        // Five standard errors of a share of 0.1 among 20000.
        let share: Double = Double(population.shiningCount) / 20_000
        #expect(abs(share - 0.1) < 0.0107)
        // Half the power doubles the on time.
        population.illuminate(duration_ms: 3000, power_mw: 50, activation_mw: 0) { _ in }
        let second: Double = Double(population.shiningCount) / 20_000
        let expected: Double = 40.0 / 220
        #expect(abs(second - expected) < 0.0137)
    }

    @Test func nothingHappensInTheDark() {
        var population = BlinkingPopulation(count: 100, dye: Blinking(), random: RandomSource(seed: 2))
        population.illuminate(duration_ms: 1e9, power_mw: 0, activation_mw: 0) { _ in Issue.record("light") }
        #expect(population.shiningCount == 100)
    }

    @Test func movieAndTruthBelongTogether() throws {
        let specimen = SphereSpecimen(seed: 5, density_per_mm2: 200_000)
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100, quantum_efficiency: 0.9))
        var settings = MovieSettings(width: 96, height: 64, frames: 60, drift_nm: [300, 0])
        let movie = try simulateMovie(of: specimen, settings: settings, sensor: sensor, seed: 3)
        #expect(movie.truth.count > 100)
        #expect(movie.truth.frame.allSatisfy { (1...60).contains($0) })
        let photons = try #require(movie.truth["photons"])
        #expect(photons.allSatisfy { $0 > 0 })
        // Mean counts of a frame against the truth's photons inside it.
        for frame in [0, 30, 59] {
            let expected: Double = movie.photons(frame).samples.reduce(0.0) { $0 + Double($1) }
            let counted: Double = movie.frame(frame).samples.reduce(0.0) { $0 + Double($1) } - 100 * 96 * 64
            let light: Double = expected * 0.9
            let allowed: Double = 5 * light.squareRoot() + 10
            #expect(abs(counted - light) < allowed)
        }
        // The same molecule moves with the drift.
        let emitter = try #require(movie.truth["emitter"])
        let rows = emitter.indices.filter { emitter[$0] == emitter[0] }
        for row in rows {
            let frames: Double = Double(movie.truth.frame[row] - movie.truth.frame[rows[0]])
            let moved: Double = movie.truth.x_nm[row] - movie.truth.x_nm[rows[0]]
            #expect(abs(moved - 300 * frames / 59) < 1e-6)
        }
        settings.frames = 0
        #expect(throws: (any Error).self) {
            try simulateMovie(of: specimen, settings: settings, sensor: sensor, seed: 3)
        }
        #expect(throws: (any Error).self) {
            try simulateMovie(
                of: specimen, label: "core", settings: MovieSettings(), sensor: sensor, seed: 3)
        }
    }
}
