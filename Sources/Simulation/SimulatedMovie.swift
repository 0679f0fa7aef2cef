import Imaging
import Localization
import Randomness
import Work

/// A movie with its ground truth. Frames are made when they are asked for, in any order and on any thread, and are the
/// same each time.
public struct SimulatedMovie: Sendable {
    /// The number of columns.
    public let width: Int
    /// The number of rows.
    public let height: Int
    /// The number of frames.
    public let frames: Int
    /// The sensor that takes the frames.
    public let sensor: SensorModel
    /// The standard deviation of the spots in nm.
    public let sigma_nm: Double
    /// Photons a pixel that lie under the spots in every frame.
    public let background: Double
    /// Every emitter in every frame in which it shines: `frame` from 1, `x_nm`, `y_nm` from the top left corner of the
    /// first pixel, and the columns `photons` (photo-electrons expected of the whole spot, with the quantum
    /// efficiency), `sigma_nm`, `background` (photo-electrons a pixel) and `emitter` (its number).
    public let truth: LocalizationTable
    /// The rows of `truth` of frame `i` (from 0) are `starts[i]..<starts[i + 1]`.
    private let starts: [Int]
    private let random: RandomSource

    /// A movie from the spots in it.
    /// - Parameters:
    ///   - truth: `frame`, `x_nm`, `y_nm` and the columns `photons` (at the sensor, before its quantum efficiency) and
    ///     `emitter`; rows outside frames 1 to `frames` are left out.
    ///   - background: photons a pixel at the sensor.
    /// - Throws: a `Failure` when a size is not positive or the column `photons` is missing.
    public init(
        width: Int, height: Int, frames: Int, spots: LocalizationTable, sigma_nm: Double, background: Double,
        sensor: SensorModel, seed: UInt64
    ) throws {
        guard (1...65_536).contains(width), (1...65_536).contains(height) else {
            throw Failure(
                "a movie of \(width) x \(height) pixels cannot be made", remedy: "give 1 to 65536 pixels a side",
                code: "bad-size")
        }
        guard (1...10_000_000).contains(frames) else {
            throw Failure("\(frames) frames cannot be made", remedy: "give 1 to 10000000", code: "bad-size")
        }
        guard sigma_nm > 0, background >= 0, sensor.calibration.pixel_nm > 0,
            sensor.calibration.quantum_efficiency > 0, let photons = spots["photons"]
        else {
            throw Failure(
                "a movie needs spots with photons, a width, a pixel size and a quantum efficiency above 0 and a background of at least 0",
                code: "bad-parameter")
        }
        self.width = width
        self.height = height
        self.frames = frames
        self.sensor = sensor
        self.sigma_nm = sigma_nm
        self.background = background
        random = RandomSource(seed: seed)

        let inside = spots.frame.indices.filter { (1...frames).contains(Int(spots.frame[$0])) }
        let rows = inside.sorted { (spots.frame[$0], $0) < (spots.frame[$1], $1) }
        var truth = spots.rows(rows)
        let efficiency = sensor.calibration.quantum_efficiency
        truth["photons"] = rows.map { photons[$0] * efficiency }
        truth["sigma_nm"] = rows.map { _ in sigma_nm }
        truth["background"] = rows.map { _ in background * efficiency }
        self.truth = truth
        var starts = [Int](repeating: 0, count: frames + 1)
        for frame in truth.frame { starts[Int(frame)] += 1 }
        for frame in 1...frames { starts[frame] += starts[frame - 1] }
        self.starts = starts
    }

    /// The photons expected in each pixel of a frame, shape [height, width].
    /// - Parameter index: the frame, from 0.
    public func photons(_ index: Int) -> Plane<Float> {
        var image = Plane(width: width, height: height, filledWith: Float(background))
        guard (0..<frames).contains(index), let detected = truth["photons"] else { return image }
        let pixel = sensor.calibration.pixel_nm
        let efficiency = sensor.calibration.quantum_efficiency
        for row in starts[index]..<starts[index + 1] {
            addSpot(
                to: &image, x_px: truth.x_nm[row] / pixel, y_px: truth.y_nm[row] / pixel,
                photons: detected[row] / efficiency, sigma_px: sigma_nm / pixel)
        }
        return image
    }

    /// The counts of a frame, shape [height, width].
    /// - Parameter index: the frame, from 0.
    public func frame(_ index: Int) -> Plane<UInt16> {
        sensor.expose(photons(index), random: random.split(index))
    }
}
