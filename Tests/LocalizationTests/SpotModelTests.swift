import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing
import Work

@Suite struct SpotModelTests {
    private let camera = CameraCalibration(pixel_nm: 100)

    /// The integral of a Gaussian over the pixels, by the error function.
    private func spots(
        _ places: [(x: Double, y: Double)], photons: Double, sigmaX_px: Double, sigmaY_px: Double, side: Int
    ) -> Plane<Float> {
        var image = Plane(width: side, height: side, filledWith: Float(20))
        func share(_ pixel: Int, _ centre: Double, _ sigma: Double) -> Double {
            let scale = sigma * 2.0.squareRoot()
            return (erf((Double(pixel) + 1 - centre) / scale) - erf((Double(pixel) - centre) / scale)) / 2
        }
        for place in places {
            let columns = (0..<side).map { share($0, place.x, sigmaX_px) }
            for row in 0..<side {
                let weight = photons * share(row, place.y, sigmaY_px)
                for column in 0..<side { image[row, column] += Float(weight * columns[column]) }
            }
        }
        return image
    }

    private func grid(_ random: inout RandomSource, side: Int, spacing: Int) -> [(x: Double, y: Double)] {
        stride(from: spacing / 2, to: side, by: spacing).flatMap { row in
            stride(from: spacing / 2, to: side, by: spacing).map { column in
                (Double(column) + random.uniform(), Double(row) + random.uniform())
            }
        }
    }

    @Test func heightsFollowFromACalibrationByBeads() throws {
        // Widths of a cylindrical lens with foci at -0.2 and 0.2 um and a depth of 0.4 um.
        func widths(_ z: Double) -> (Double, Double) {
            func width(_ focus: Double) -> Double { 1.4 * (1 + (z - focus) * (z - focus) / 0.16).squareRoot() }
            return (width(0.2), width(-0.2))
        }
        let sensor = SensorModel(camera)
        var random = RandomSource(seed: 3)
        let beadSettings = LocalizationSettings(sigma_nm: 140, model: .elliptical, filter: .gaussians)
        let beads = try Localizer(camera: camera, settings: beadSettings)
        let places = grid(&random, side: 128, spacing: 32)
        let tables = try (0...24).map { index in
            let (x, y) = widths(-0.6 + 0.05 * Double(index))
            let image = spots(places, photons: 20_000, sigmaX_px: x, sigmaY_px: y, side: 128)
            return try beads.localize(
                sensor.expose(image, random: random.split(index)).map(Float.init), number: index + 1)
        }
        let calibration = try AstigmatismCalibration(beads: LocalizationTable(joining: tables), step_um: 0.05)
        for z in [-0.4, 0, 0.3] {
            #expect(abs(calibration.x.width_nm(z) / 100 - widths(z).0) < 0.03)
            #expect(abs(calibration.y.width_nm(z) / 100 - widths(z).1) < 0.03)
        }
        let settings = LocalizationSettings(
            sigma_nm: 140, model: .astigmatic, astigmatism: calibration, filter: .gaussians)
        let localizer = try Localizer(camera: camera, settings: settings)
        for z in [-0.3, -0.1, 0, 0.2] {
            let (x, y) = widths(z)
            let image = spots(
                grid(&random, side: 256, spacing: 20), photons: 3000, sigmaX_px: x, sigmaY_px: y, side: 256)
            let found = try localizer.localize(sensor.expose(image, random: random.split(100)).map(Float.init))
            let heights = try #require(found["z_nm"])
            let stated = try #require(found["uncertainty_z_nm"])
            let errors = heights.map { $0 - 1000 * z }
            let mean = errors.reduce(0, +) / Double(errors.count)
            let rms = (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot()
            let bound = (stated.reduce(0) { $0 + $1 * $1 } / Double(stated.count)).squareRoot()
            print("z \(z): \(found.count) spots, bias \(mean), rms \(rms), stated \(bound)")
            #expect(found.count > 130)
            #expect(abs(mean) < 8)
            // Some 150 spots: the standard deviation of their error is known to 6 %; z has a bias besides.
            #expect(rms / bound > 0.8 && rms / bound < 1.25)
        }
    }

    @Test(arguments: [FitMethod.leastSquares, .phasor]) func otherEstimatorsFindTheSpots(method: FitMethod) throws {
        // Least squares without weights: the error of Mortensen et al. (2010), Nat. Methods 7, eq. 6 without the
        // excess factor; the phasor comes near it (Martens et al., 2018).
        let movie = try gridMovie(
            width: 200, height: 200, photons: 2000, sigma_px: 1.3, background: 5, frames: 20,
            sensor: SensorModel(camera), seed: 9)
        let localizer = try Localizer(
            camera: camera, settings: LocalizationSettings(sigma_nm: 130, model: .fixed, method: method))
        let found = LocalizationTable(
            joining: try (0..<movie.frames).map {
                try localizer.localize(movie.frame($0).map(Float.init), number: $0 + 1)
            })
        let scores = scoreLocalizations(found, truth: movie.truth, tolerance_nm: 100)
        let widened = 1.3 * 1.3 + 1.0 / 12
        let error = 100 * (widened / 2000 * (16.0 / 9 + 8 * Double.pi * widened * 5 / 2000)).squareRoot()
        print(method, scores.rmse_nm / 2.0.squareRoot() / error)
        #expect(scores.recall > 0.98 && scores.precision > 0.98)
        #expect(scores.rmse_nm / 2.0.squareRoot() < (method == .phasor ? 1.6 : 1.05) * error)
    }

    @Test func mapsOfAnSCMOSCameraWithBadPixelsKeepThePrecision() throws {
        // Offsets, gains and noise that differ from pixel to pixel, 1 % of hot pixels and 0.3 % without gain.
        var random = RandomSource(seed: 21)
        let side = 200
        var offset = Plane(width: side, height: side, filledWith: Float(100))
        var variance = offset
        var gain = offset
        for pixel in 0..<side * side {
            offset.samples[pixel] = Float(100 + 5 * random.normal())
            gain.samples[pixel] = random.chance(0.003) ? 0 : Float(2.2 * (1 + 0.05 * random.normal()))
            variance.samples[pixel] = random.chance(0.01) ? 2000 : Float(8 + 4 * random.uniform())
        }
        var camera = CameraCalibration(pixel_nm: 100, electrons_per_count: 1 / 2.2)
        camera.maps = try CameraMaps(offset: offset, variance: variance, gain: gain)
        let movie = try gridMovie(
            width: side, height: side, photons: 1000, sigma_px: 1.5, background: 20, frames: 40,
            sensor: SensorModel(camera), seed: 7)
        let localizer = try Localizer(
            camera: camera, settings: LocalizationSettings(sigma_nm: 150, model: .fixed, side: 11))
        let found = LocalizationTable(
            joining: try (0..<movie.frames).map {
                try localizer.localize(movie.frame($0).map(Float.init), number: $0 + 1)
            })
        let scores = scoreLocalizations(found, truth: movie.truth, tolerance_nm: 100)
        let pairs = matchLocalizations(found, movie.truth, tolerance_nm: 100)
        let uncertainty = try #require(found["uncertainty_nm"])
        let stated = (pairs.reduce(0) { $0 + uncertainty[$1.found] * uncertainty[$1.found] } / Double(pairs.count))
            .squareRoot()
        let true_nm = scores.rmse_nm / 2.0.squareRoot()
        print("sCMOS: recall \(scores.recall) precision \(scores.precision) true/stated \(true_nm / stated)")
        #expect(scores.recall > 0.954 && scores.precision > 0.954)
        #expect(true_nm / stated < 1.05 && true_nm / stated > 0.95)
    }

    @Test func mapsOfAnotherSizeAreRefused() throws {
        let plane = Plane(width: 8, height: 8, filledWith: Float(1))
        var camera = CameraCalibration(pixel_nm: 100)
        camera.maps = try CameraMaps(offset: plane, variance: plane, gain: plane)
        let localizer = try Localizer(camera: camera)
        #expect {
            try localizer.localize(Plane(width: 16, height: 16, filledWith: 0))
        } throws: { ($0 as? Failure)?.message.contains("8x8") == true }
    }

    @Test func aStreamGivesWhatTheMovieGives() throws {
        let movie = try gridMovie(
            width: 100, height: 80, photons: 1000, sigma_px: 1.4, background: 10, frames: 12,
            sensor: SensorModel(camera), seed: 2)
        let localizer = try Localizer(camera: camera)
        let stream = try LocalizationStream(localizer, width: 100, height: 80)
        let frames = (0..<movie.frames).map { movie.frame($0).map(Float.init) }
        for frame in frames { try stream.add(frame) }
        let alone = try frames.enumerated().map { try localizer.localize($1, number: $0 + 1) }
        #expect(try stream.wait(for: 5) == alone[4])
        #expect(try stream.finish() == LocalizationTable(joining: alone))
        #expect(throws: Failure.self) { try stream.add(frames[0]) }
        #expect(throws: Failure.self) { try stream.wait(for: 13) }
    }
}
