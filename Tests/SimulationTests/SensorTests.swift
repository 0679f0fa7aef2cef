import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing

/// Mean and variance of counts against the closed forms of the camera model.
@Suite struct SensorTests {
    private func statistics(_ counts: Plane<UInt16>) -> (mean: Double, variance: Double, fourth: Double) {
        let n = Double(counts.samples.count)
        let mean = counts.samples.reduce(0.0) { $0 + Double($1) } / n
        let variance = counts.samples.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / (n - 1)
        let fourth = counts.samples.reduce(0.0) {
            let d = (Double($1) - mean) * (Double($1) - mean)
            return $0 + d * d
        }
        return (mean, variance, fourth / n)
    }

    @Test(arguments: [0.0, 0.3, 2.0, 20.0, 31.9, 33.0, 900.0], [1.0, 100.0])
    func meanAndVarianceFollowTheModel(photons: Double, gain: Double) {
        let sensor = SensorModel(
            CameraCalibration(
                pixel_nm: 100, offset_counts: 500, electrons_per_count: gain > 1 ? 5 : 0.5, em_gain: gain,
                quantum_efficiency: 0.8, read_noise_electrons: gain > 1 ? 50 : 1.5))
        let plane = Plane(width: 512, height: 400, filledWith: Float(photons))
        let result = statistics(sensor.expose(plane, random: RandomSource(seed: 11)))
        let n = Double(plane.samples.count)
        let variance = sensor.varianceCounts(photons: photons) + 1.0 / 12
        #expect(abs(result.mean - sensor.meanCounts(photons: photons)) < 5 * (variance / n).squareRoot() + 0.001)
        let error = ((result.fourth - variance * variance) / n).squareRoot()
        #expect(abs(result.variance - variance) < 5 * error + 0.01)
    }

    @Test func poissonProbabilitiesMatchTheFormula() {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100, offset_counts: 0))
        let mean = 3.37
        let plane = Plane(width: 1000, height: 1000, filledWith: Float(mean))
        let counts = sensor.expose(plane, random: RandomSource(seed: 3))
        var histogram = [Double](repeating: 0, count: 64)
        for count in counts.samples { histogram[min(63, Int(count))] += 1 }
        var probability = 0.034389670
        for k in 0..<12 {
            let expected = probability * 1e6
            #expect(abs(histogram[k] - expected) < 5 * expected.squareRoot() + 5)
            probability *= mean / Double(k + 1)
        }
    }

    @Test func normalTailsMatchTheErrorFunction() {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100, offset_counts: 10_000, read_noise_electrons: 1000))
        let counts = sensor.expose(Plane(width: 1000, height: 1000, filledWith: 0), random: RandomSource(seed: 8))
        for (deviations, beyond) in [(0.5, 0.3085375), (1.0, 0.1586553), (2, 0.0227501), (3, 0.0013499), (4, 3.167e-5)]
        {
            let limit = 10_000 + deviations * 1000
            let share = Double(counts.samples.count { Double($0) > limit })
            #expect(abs(share - beyond * 1e6) < 5 * (beyond * 1e6).squareRoot() + beyond * 1000)
        }
    }

    @Test func countsAreClippedToTheConverter() {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100), bits: 14)
        let bright = sensor.expose(Plane(width: 8, height: 8, filledWith: 1e9), random: RandomSource(seed: 1))
        #expect(bright.samples.allSatisfy { $0 == 16383 })
    }

    @Test func spotHoldsItsPhotonsAtItsPlace() {
        var image = Plane(width: 40, height: 40, filledWith: Float(0))
        addSpot(to: &image, x_px: 20.3, y_px: 17.9, photons: 1000, sigma_px: 1.4)
        let total = image.samples.reduce(0.0) { $0 + Double($1) }
        var x = 0.0
        var y = 0.0
        for row in 0..<40 {
            for column in 0..<40 {
                x += (Double(column) + 0.5) * Double(image[row, column]) / total
                y += (Double(row) + 0.5) * Double(image[row, column]) / total
            }
        }
        #expect(abs(total - 1000) < 0.01)
        #expect(abs(x - 20.3) < 1e-3 && abs(y - 17.9) < 1e-3)
    }

    @Test func gridMovieHasTheTruthItShows() throws {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100, quantum_efficiency: 0.5))
        let movie = try gridMovie(
            width: 100, height: 80, photons: 1000, sigma_px: 1.3, background: 4, frames: 3, sensor: sensor, seed: 2)
        #expect(movie.truth.count == 3 * 5 * 4)
        #expect(movie.truth["photons"]?.allSatisfy { $0 == 500 } == true)
        let again = movie.frame(1)
        #expect(again == movie.frame(1))
        #expect(again != movie.frame(2))
        let total = movie.photons(0).samples.reduce(0.0) { $0 + Double($1) }
        #expect(abs(total - (20 * 1000 + 4 * 8000)) < 1)
    }

    @Test func impossibleMoviesAreRefused() {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100))
        #expect(throws: (any Error).self) {
            try gridMovie(
                width: 0, height: 80, photons: 1, sigma_px: 1, background: 0, frames: 3, sensor: sensor, seed: 2)
        }
    }
}
