import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Work

/// A simulated movie on disk with its truth, in a form that all programs read.
struct BenchMovie {
    let path: String
    let truth: LocalizationTable
    let frames: Int
    let sigma_nm: Double
    let pixel_nm: Double

    /// Writes a movie as `.dax` with its `.inf`.
    init(_ movie: SimulatedMovie, path: String) throws {
        self.path = path
        truth = movie.truth
        frames = movie.frames
        sigma_nm = movie.sigma_nm
        pixel_nm = movie.sensor.calibration.pixel_nm
        var data = Data()
        for index in 0..<movie.frames {
            for count in movie.frame(index).samples {
                data.append(UInt8(count >> 8))
                data.append(UInt8(count & 255))
            }
        }
        try writeWhole(data, to: path)
        let description = """
            binning = 1 x 1
            data type = 16 bit integers (binary, big endian)
            frame dimensions = \(movie.width) x \(movie.height)
            number of frames = \(movie.frames)
            x_start = 1
            x_end = \(movie.width)
            y_start = 1
            y_end = \(movie.height)

            """
        try writeWhole(Data(description.utf8), to: String(path.dropLast(4)) + ".inf")
    }

    /// Like the layout of storm-analysis' diagnostics: 300x200 pixels, 15x10 emitters 20 pixels apart, half of the frames at
    /// 500 and half at 1000 photons, sigma 1.5 pixels, 20 photons of background.
    static func layout(frames: Int, folder: String) throws -> BenchMovie {
        let sensor = SensorModel(CameraCalibration(pixel_nm: 100, offset_counts: 100))
        var tables: [LocalizationTable] = []
        for (part, photons) in [500.0, 1000].enumerated() {
            let movie = try gridMovie(
                width: 300, height: 200, photons: photons, sigma_px: 1.5, background: 20, frames: frames / 2,
                sensor: sensor, seed: UInt64(part + 1))
            let truth = movie.truth
            let first = Int32(part * (frames / 2))
            var moved = LocalizationTable(frame: truth.frame.map { $0 + first }, x_nm: truth.x_nm, y_nm: truth.y_nm)
            moved["photons"] = truth["photons"]
            moved["emitter"] = truth["emitter"]
            tables.append(moved)
        }
        let movie = try SimulatedMovie(
            width: 300, height: 200, frames: frames / 2 * 2, spots: LocalizationTable(joining: tables), sigma_nm: 150,
            background: 20, sensor: sensor, seed: 5)
        return try BenchMovie(movie, path: folder + "/layout.dax")
    }

    /// Emitters at random places.
    /// - Parameters:
    ///   - density: emitters for each square micrometre and frame.
    ///   - seed: of places, photons and noise.
    ///   - photons: the mean; each emitter's number is gamma distributed with shape 4.
    static func random(
        density: Double, side: Int, frames: Int, sigma_nm: Double = 130, photons: Double = 1000,
        background: Double = 20, folder: String, seed: UInt64
    ) throws -> BenchMovie {
        var random = RandomSource(seed: seed)
        let pixel = 100.0
        let edge = Double(side) * pixel
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        var light: [Double] = []
        for index in 1...frames {
            for _ in 0..<random.poisson(mean: density * edge * edge / 1e6) {
                frame.append(Int32(index))
                x.append(random.uniform() * edge)
                y.append(random.uniform() * edge)
                light.append(random.gamma(shape: 4, scale: photons / 4))
            }
        }
        var spots = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        spots["photons"] = light
        spots["emitter"] = x.indices.map(Double.init)
        let movie = try SimulatedMovie(
            width: side, height: side, frames: frames, spots: spots, sigma_nm: sigma_nm, background: background,
            sensor: SensorModel(CameraCalibration(pixel_nm: pixel, offset_counts: 100)), seed: seed &+ 1)
        return try BenchMovie(movie, path: folder + "/density\(density).dax")
    }
}
