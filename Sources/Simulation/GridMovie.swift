import Localization
import Randomness

/// A movie of isolated emitters on a grid, all of the same brightness and lit in every frame, for comparison with the
/// Cramér-Rao bound. Each emitter lies at a fresh random place inside the pixel around its grid point in every frame,
/// so that all sub-pixel positions occur.
/// - Parameters:
///   - width: columns.
///   - height: rows.
///   - spacing_px: distance between grid points; emitters keep at least this distance less one pixel.
///   - photons: photons of one emitter in one frame at the sensor (before its quantum efficiency).
///   - sigma_px: standard deviation of the spots in pixels.
///   - background: photons a pixel at the sensor.
///   - frames: the number of frames.
///   - sensor: the camera.
///   - seed: of positions and noise.
/// - Returns: the movie with its truth.
/// - Throws: a `Failure` when a size is not positive.
public func gridMovie(
    width: Int, height: Int, spacing_px: Int = 20, photons: Double, sigma_px: Double, background: Double,
    frames: Int, sensor: SensorModel, seed: UInt64
) throws -> SimulatedMovie {
    let spacing = max(1, spacing_px)
    var random = RandomSource(seed: seed)
    var frame: [Int32] = []
    var x_nm: [Double] = []
    var y_nm: [Double] = []
    var emitter: [Double] = []
    for index in 0..<max(0, frames) {
        var number = 0.0
        for row in stride(from: spacing / 2, through: height - spacing / 2, by: spacing) {
            for column in stride(from: spacing / 2, through: width - spacing / 2, by: spacing) {
                frame.append(Int32(truncatingIfNeeded: index + 1))
                x_nm.append((Double(column) + random.uniform()) * sensor.calibration.pixel_nm)
                y_nm.append((Double(row) + random.uniform()) * sensor.calibration.pixel_nm)
                emitter.append(number)
                number += 1
            }
        }
    }
    var spots = LocalizationTable(frame: frame, x_nm: x_nm, y_nm: y_nm)
    spots["photons"] = emitter.map { _ in photons }
    spots["emitter"] = emitter
    return try SimulatedMovie(
        width: width, height: height, frames: frames, spots: spots,
        sigma_nm: sigma_px * sensor.calibration.pixel_nm, background: background, sensor: sensor,
        seed: random.next())
}
