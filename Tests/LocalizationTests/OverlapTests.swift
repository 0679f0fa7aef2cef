import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing

/// Movies of emitters at random places, whose truth is known.
@Suite struct OverlapTests {
    /// Emitters of sigma 130 nm on 100 nm pixels with 1000 photons on average (gamma distributed, shape 4).
    private func movie(density: Double, side: Int = 64, frames: Int = 6) throws -> SimulatedMovie {
        var random = RandomSource(seed: 17)
        let edge = Double(side) * 100
        var frame: [Int32] = []
        var (x, y, photons): ([Double], [Double], [Double]) = ([], [], [])
        for index in 1...frames {
            for _ in 0..<random.poisson(mean: density * edge * edge / 1e6) {
                frame.append(Int32(index))
                x.append(random.uniform() * edge)
                y.append(random.uniform() * edge)
                photons.append(random.gamma(shape: 4, scale: 250))
            }
        }
        var spots = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        spots["photons"] = photons
        return try SimulatedMovie(
            width: side, height: side, frames: frames, spots: spots, sigma_nm: 130, background: 20,
            sensor: SensorModel(CameraCalibration(pixel_nm: 100)), seed: 3)
    }

    private func scores(_ movie: SimulatedMovie, overlaps: Bool) throws -> LocalizationScores {
        let localizer = try Localizer(
            camera: movie.sensor.calibration,
            settings: LocalizationSettings(sigma_nm: 130, model: .fixed, fitsOverlaps: overlaps, filter: .gaussians))
        let tables = try (0..<movie.frames).map {
            try localizer.localize(movie.frame($0).map(Float.init), number: $0 + 1)
        }
        return scoreLocalizations(LocalizationTable(joining: tables), truth: movie.truth, tolerance_nm: 200)
    }

    @Test(arguments: [1.0, 3, 5]) func jointFitsFindMoreThanSingleOnes(density: Double) throws {
        let movie = try movie(density: density)
        let single = try scores(movie, overlaps: false)
        let joint = try scores(movie, overlaps: true)
        print("density \(density): single \(single.jaccard) \(single.rmse_nm), joint \(joint.jaccard) \(joint.rmse_nm)")
        #expect(joint.jaccard > single.jaccard + 0.1)
        #expect(joint.rmse_nm < single.rmse_nm)
    }

    @Test func twoMoleculesCloserThanTheResolutionAreTwo() throws {
        // Two emitters of 5000 photons 200 nm apart (1.5 standard deviations), many times at random places.
        var random = RandomSource(seed: 5)
        var frame: [Int32] = []
        var (x, y): ([Double], [Double]) = ([], [])
        for index in 1...20 {
            let centre = (1550 + 100 * random.uniform(), 1550 + 100 * random.uniform())
            for side in [-100.0, 100] {
                frame.append(Int32(index))
                x.append(centre.0 + side)
                y.append(centre.1)
            }
        }
        var spots = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        spots["photons"] = x.map { _ in 5000 }
        let movie = try SimulatedMovie(
            width: 32, height: 32, frames: 20, spots: spots, sigma_nm: 130, background: 20,
            sensor: SensorModel(CameraCalibration(pixel_nm: 100)), seed: 8)
        let joint = try scores(movie, overlaps: true)
        #expect(joint.recall > 0.95 && joint.precision > 0.95)
        #expect(joint.rmse_nm < 30)
    }

    /// Real spots have wider skirts than the model: what it leaves over is no molecule. Spots of 2500 photons by
    /// astigmatism, an eighth of their light 2.2 times as wide.
    @Test func skirtsOfSpotsAreNoMolecules() throws {
        let axis = AstigmatismCalibration.Curve(sigma_nm: 135, centre_um: -0.2, depth_um: 0.35)
        var other = axis
        other.centre_um = 0.2
        let astigmatism = AstigmatismCalibration(x: axis, y: other, lowest_um: -0.6, highest_um: 0.6)
        let camera = CameraCalibration(pixel_nm: 100)
        var settings = LocalizationSettings(sigma_nm: 140, model: .astigmatic, fitsOverlaps: true)
        settings.astigmatism = astigmatism
        let localizer = try Localizer(camera: camera, settings: settings)
        var random = RandomSource(seed: 31)
        var (frame, x, y): ([Int32], [Double], [Double]) = ([], [], [])
        var tables: [LocalizationTable] = []
        let side = 64
        for number in 1...30 {
            var light = [Double](repeating: 10, count: side * side)
            for _ in 0..<random.poisson(mean: 12) {
                let (cx, cy, z) = (4 + random.uniform() * 56, 4 + random.uniform() * 56, random.uniform() * 0.8 - 0.4)
                let photons = random.gamma(shape: 10, scale: 250)
                for (share, factor) in [(0.88, 1.0), (0.12, 2.2)] {
                    let (sx, sy) = (factor * axis.width_nm(z) / 100, factor * other.width_nm(z) / 100)
                    func part(_ pixel: Int, _ centre: Double, _ sigma: Double) -> Double {
                        let scale = 1 / (2.0.squareRoot() * sigma)
                        return 0.5 * (erf((Double(pixel + 1) - centre) * scale) - erf((Double(pixel) - centre) * scale))
                    }
                    let rows = (0..<side).map { part($0, cy, sy) }
                    let columns = (0..<side).map { part($0, cx, sx) }
                    for row in 0..<side {
                        for column in 0..<side {
                            light[row * side + column] += share * photons * rows[row] * columns[column]
                        }
                    }
                }
                frame.append(Int32(number))
                x.append(100 * cx)
                y.append(100 * cy)
            }
            let counts = light.map { Float(camera.offset_counts) + Float(random.poisson(mean: $0)) }
            tables.append(try localizer.localize(Plane(width: side, height: side, samples: counts), number: number))
        }
        let scores = scoreLocalizations(
            LocalizationTable(joining: tables), truth: LocalizationTable(frame: frame, x_nm: x, y_nm: y),
            tolerance_nm: 250)
        print("skirts: recall \(scores.recall), precision \(scores.precision), rmse \(scores.rmse_nm)")
        #expect(scores.recall > 0.95 && scores.precision > 0.975)
    }
}
