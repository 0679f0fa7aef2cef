import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing

@Suite struct LocalizerTests {
    /// The Cramér-Rao bound of x in nm by Rieger and Stallinga (2014).
    private func bound_nm(photons: Double, background: Double, sigma_nm: Double, pixel_nm: Double) -> Double {
        let widened = sigma_nm * sigma_nm + pixel_nm * pixel_nm / 12
        let tau = 2 * Double.pi * widened * background / (photons * pixel_nm * pixel_nm)
        return (widened / photons * (1 + 4 * tau + (2 * tau / (1 + 4 * tau)).squareRoot())).squareRoot()
    }

    private func grid(
        photons: Double, camera: CameraCalibration, settings: LocalizationSettings, frames: Int = 40
    ) throws -> (found: LocalizationTable, truth: LocalizationTable, pairs: [(found: Int, truth: Int)]) {
        let movie = try gridMovie(
            width: 200, height: 200, photons: photons, sigma_px: 1.5, background: 20, frames: frames,
            sensor: SensorModel(camera), seed: 7)
        let localizer = try Localizer(camera: camera, settings: settings)
        let tables = try (0..<movie.frames).map { index in
            try localizer.localize(movie.frame(index).map(Float.init), number: index + 1)
        }
        let found = LocalizationTable(joining: tables)
        return (found, movie.truth, matchLocalizations(found, movie.truth, tolerance_nm: 100))
    }

    @Test(arguments: [500.0, 1000, 5000], [false, true])
    func reachesTheBoundForIsolatedSpots(photons: Double, fitsSigma: Bool) throws {
        let camera = CameraCalibration(pixel_nm: 100)
        let settings = LocalizationSettings(sigma_nm: 150, model: fitsSigma ? .circular : .fixed, side: 11)
        let (found, truth, pairs) = try grid(photons: photons, camera: camera, settings: settings)
        let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
        let bound = bound_nm(photons: photons, background: 20, sigma_nm: 150, pixel_nm: 100)
        let ratio = (scores.rmse_nm / 2.0.squareRoot()) / bound
        let uncertainty = try #require(found["uncertainty_nm"])
        let stated = (pairs.map { uncertainty[$0.found] * uncertainty[$0.found] }.reduce(0, +) / Double(pairs.count))
            .squareRoot()
        let true_nm = scores.rmse_nm / 2.0.squareRoot()
        print(
            "photons \(photons) sigma fitted \(fitsSigma): recall \(scores.recall) precision \(scores.precision)",
            "rmse/bound \(ratio) stated/true \(stated / true_nm)")
        #expect(scores.recall > 0.99 && scores.precision > 0.99)
        #expect(ratio < 1.03)
        #expect(abs(stated / true_nm - 1) < 0.05)
        let photonsColumn = try #require(found["photons"])
        let mean = pairs.map { photonsColumn[$0.found] }.reduce(0, +) / Double(pairs.count)
        #expect(abs(mean / photons - 1) < 0.02)
    }

    @Test func multiplicationAndReadNoiseAreInTheStatedPrecision() throws {
        let multiplying = CameraCalibration(
            pixel_nm: 100, offset_counts: 100, electrons_per_count: 10, em_gain: 200, quantum_efficiency: 1,
            read_noise_electrons: 50)
        let noisy = CameraCalibration(pixel_nm: 100, electrons_per_count: 0.5, read_noise_electrons: 4)
        for (camera, excess) in [(multiplying, 2.0), (noisy, 1.0)] {
            let settings = LocalizationSettings(sigma_nm: 150, model: .fixed, side: 11)
            let (found, truth, pairs) = try grid(photons: 1000, camera: camera, settings: settings)
            let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
            let read = camera.read_noise_electrons / camera.em_gain
            let bound =
                excess.squareRoot()
                * bound_nm(
                    photons: 1000, background: 20 + read * read / excess, sigma_nm: 150, pixel_nm: 100)
            let uncertainty = try #require(found["uncertainty_nm"])
            let stated =
                (pairs.map { uncertainty[$0.found] * uncertainty[$0.found] }.reduce(0, +)
                / Double(pairs.count)).squareRoot()
            let true_nm = scores.rmse_nm / 2.0.squareRoot()
            print(
                "em gain \(camera.em_gain): recall \(scores.recall) rmse/bound \(true_nm / bound) stated/true \(stated / true_nm)"
            )
            #expect(scores.recall > 0.98)
            #expect(true_nm / bound < 1.04)
            #expect(abs(stated / true_nm - 1) < 0.05)
        }
    }

    @Test func errorDoesNotDependOnThePlaceInThePixel() throws {
        let settings = LocalizationSettings(sigma_nm: 150, model: .circular)
        let (found, truth, pairs) = try grid(
            photons: 5000, camera: CameraCalibration(pixel_nm: 100), settings: settings, frames: 60)
        var sums = [Double](repeating: 0, count: 10)
        var counts = [Double](repeating: 0, count: 10)
        for pair in pairs {
            let bin = min(9, Int((truth.x_nm[pair.truth] / 100).truncatingRemainder(dividingBy: 1) * 10))
            sums[bin] += found.x_nm[pair.found] - truth.x_nm[pair.truth]
            counts[bin] += 1
        }
        // About 600 spots of 2.5 nm error a bin: a standard error of 0.1 nm.
        for bin in 0..<10 { #expect(abs(sums[bin] / counts[bin]) < 0.45) }
    }

    @Test(.enabled(if: sharedFileExists("storm-analysis"), "the shared data are not here"))
    func findsTheMoleculesOfStormAnalysisMovies() throws {
        for (name, width, least) in [("test", 256, 0.9), ("test_300x200", 300, 0.8), ("test_low_snr", 400, 0.9)] {
            let list = name == "test_low_snr" ? "test_low_snr_list.bin" : "\(name)_olist.bin"
            let movie = try openMovie("\(sharedData)/storm-analysis/\(name).dax")
            #expect(movie.width == width)
            let truth = try insight3("\(sharedData)/storm-analysis/\(list)", pixel_nm: 100)
            let camera = CameraCalibration(pixel_nm: 100, offset_counts: 100)
            for filter in DetectionFilter.allCases {
                let localizer = try Localizer(
                    camera: camera,
                    settings: LocalizationSettings(sigma_nm: 100, model: .fixed, filter: filter, threshold: 6))
                let found = try localizer.localize(movie)
                let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
                print(name, filter, found.count, truth.count, scores)
                #expect(scores.recall > least)
            }
        }
    }

    /// Beside what storm-analysis 2.2 finds in its own movies at its best settings (scripts/check-movies): recall, share of
    /// false ones and root mean square error in nm.
    @Test(
        .enabled(if: sharedFileExists("storm-analysis"), "the shared data are not here"),
        arguments: [
            ("test", "test_olist", 0.9965, 0.0124, 7.23), ("test_300x200", "test_300x200_olist", 0.999, 0.0089, 4.65),
            ("test_low_snr", "test_low_snr_list", 0.9725, 0.0077, 22.26),
        ])
    func jointFitsAreNoWorseThanStormAnalysis(
        name: String, list: String, recall: Double, wrong: Double, rmse_nm: Double
    ) throws {
        let truth = try insight3("\(sharedData)/storm-analysis/\(list).bin", pixel_nm: 100)
        let localizer = try Localizer(
            camera: CameraCalibration(pixel_nm: 100, offset_counts: 100),
            settings: LocalizationSettings(sigma_nm: 100, model: .fixed, fitsOverlaps: true))
        let found = try localizer.localize(try openMovie("\(sharedData)/storm-analysis/\(name).dax"))
        let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
        print("joint", name, scores)
        #expect(scores.recall >= recall - 0.0005)
        #expect(1 - scores.precision <= wrong)
        #expect(scores.rmse_nm <= rmse_nm)
    }

    @Test(.enabled(if: sharedFileExists("picasso"), "the shared data are not here"))
    func agreesWithPicasso() throws {
        // x, y in pixels from the centre of the first, photons and background of isolated spots by Picasso
        // (maximum likelihood, testdata_locs.hdf5), by frame from 0.
        let reference: [(frame: Int32, x: Double, y: Double, photons: Double, background: Double)] = [
            (11, 5.618, 5.306, 5788, 249.22), (12, 5.503, 5.437, 19462, 249.95), (30, 5.395, 15.564, 14184, 247.23),
            (45, 25.515, 5.662, 7878, 249.62), (60, 15.623, 5.557, 14466, 246.72), (78, 15.587, 5.443, 3388, 246.87),
            (90, 25.629, 25.434, 3496, 246.6), (97, 15.375, 25.68, 21087, 248.17),
        ]
        let movie = try openMovie("\(sharedData)/picasso/testdata.raw")
        let camera = CameraCalibration(pixel_nm: 160, offset_counts: 0)
        let found = try Localizer(camera: camera, settings: LocalizationSettings(sigma_nm: 131, side: 7)).localize(
            movie)
        let photons = try #require(found["photons"])
        let background = try #require(found["background"])
        for spot in reference {
            let row = (0..<found.count).first {
                found.frame[$0] == spot.frame + 1 && abs(found.x_nm[$0] / 160 - 0.5 - spot.x) < 0.5
                    && abs(found.y_nm[$0] / 160 - 0.5 - spot.y) < 0.5
            }
            guard let row else {
                Issue.record("no localization in frame \(spot.frame + 1)")
                continue
            }
            #expect(abs(found.x_nm[row] / 160 - 0.5 - spot.x) < 0.01)
            #expect(abs(found.y_nm[row] / 160 - 0.5 - spot.y) < 0.01)
            // Picasso fits two widths, which takes other shares of the 7x7 pixels for background.
            #expect(abs(photons[row] / spot.photons - 1) < 0.1)
            #expect(abs(background[row] - spot.background) < 10)
        }
    }

    /// The molecules of an Insight3 list (72-byte records of 4-byte numbers, positions from 1).
    private func insight3(_ path: String, pixel_nm: Double) throws -> LocalizationTable {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        func float(_ at: Int) -> Double {
            Double(Float(bitPattern: data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }))
        }
        func integer(_ at: Int) -> Int32 {
            data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Int32.self) }
        }
        let count = (data.count - 16) / 72
        return LocalizationTable(
            frame: (0..<count).map { integer(16 + $0 * 72 + 13 * 4) },
            x_nm: (0..<count).map { (float(16 + $0 * 72) - 0.5) * pixel_nm },
            y_nm: (0..<count).map { (float(16 + $0 * 72 + 4) - 0.5) * pixel_nm })
    }
}
