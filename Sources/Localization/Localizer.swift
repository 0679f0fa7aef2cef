import Foundation
import Imaging
import Optics
import Work

/// Finds and fits the molecules of a movie: background, detection, fit, filters.
///
/// The table has the columns `sigma_nm` (or `sigma_x_nm` and `sigma_y_nm`, and `z_nm`, with other models), `photons`,
/// `background` (photons per pixel), `background_sd`, `chi2` (likelihood ratio statistic per degree of freedom, about 1
/// for a spot that the model describes; not a number for phasors), `uncertainty_nm` (the Cramér-Rao bound of x and y,
/// root mean square of the two) and, with z, `uncertainty_z_nm`.
public struct Localizer: Sendable {
    /// The camera.
    public let camera: CameraCalibration
    /// How spots are found and fitted.
    public let settings: LocalizationSettings

    /// A localizer.
    /// - Throws: a `Failure` for numbers that no camera or spot can have.
    public init(camera: CameraCalibration, settings: LocalizationSettings = LocalizationSettings()) throws {
        try settings.check(camera)
        self.camera = camera
        self.settings = settings
    }

    /// The localizations of one frame of counts.
    /// - Parameter number: the frame's number in the table, from 1.
    /// - Throws: a `Failure` when the camera's maps have another size.
    public func localize(_ frame: Plane<Float>, number: Int = 1) throws -> LocalizationTable {
        let worker = try worker(width: frame.width, height: frame.height)
        worker.add(frame, number: number)
        return worker.finish()
    }

    /// The candidates of one frame of counts.
    /// - Throws: a `Failure` when the camera's maps have another size.
    public func detect(_ frame: Plane<Float>) throws -> [SpotCandidate] {
        try worker(width: frame.width, height: frame.height).candidates(frame)
    }

    /// Fits spots at given candidates of one frame of counts.
    /// - Throws: a `Failure` when the camera's maps have another size.
    public func fit(
        _ candidates: [SpotCandidate], in frame: Plane<Float>, number: Int = 1
    ) throws -> LocalizationTable {
        let worker = try worker(width: frame.width, height: frame.height)
        worker.add(frame, number: number, candidates: candidates)
        return worker.finish()
    }

    /// The localizations of a movie's frames, in the order of the frames.
    /// - Parameter frames: the frames to use, from 0; all by default.
    /// - Throws: a `Failure` when a frame cannot be read, the range lies outside or the camera's maps have another
    ///   size; `Interrupted`.
    public func localize(_ movie: any Movie, frames: Range<Int>? = nil) throws -> LocalizationTable {
        let frames = frames ?? 0..<movie.frameCount
        guard frames.lowerBound >= 0, frames.upperBound <= movie.frameCount else {
            throw Failure(
                "frames \(frames.lowerBound + 1) to \(frames.upperBound) of \(movie.path), which has \(movie.frameCount)",
                remedy: "choose frames that exist", code: "frame-missing")
        }
        let pixels: PixelCalibration
        do { pixels = try PixelCalibration(camera, width: movie.width, height: movie.height) } catch let failure
            as Failure
        { throw Failure("\(movie.path): \(failure.message)", remedy: failure.remedy, code: failure.code) }
        try checkOffset(movie, frames, pixels)
        let progress = Progress("localizing", total: frames.count, unit: "frames")
        defer { progress.finish() }
        let block = 16
        let blocks = (frames.count + block - 1) / block
        let tables = try concurrentMap(blocks) { index in
            let worker = FrameWorker(pixels, self)
            let first = frames.lowerBound + index * block
            let last = min(first + block, frames.upperBound)
            for number in first..<last {
                try Interruption.check()
                worker.add(try movie.frame(number), number: number + 1)
            }
            progress.advance(by: last - first)
            return worker.finish()
        }
        return LocalizationTable(joining: tables)
    }

    /// Refuses a movie that lies below the camera's offset: its molecules would be taken for darkness.
    private func checkOffset(_ movie: any Movie, _ frames: Range<Int>, _ pixels: PixelCalibration) throws {
        guard !frames.isEmpty else { return }
        let samples = Set([frames.lowerBound, (frames.lowerBound + frames.upperBound) / 2, frames.upperBound - 1])
        let share = try samples.map { pixels.shareBelowOffset(try movie.frame($0)) }.min() ?? 0
        guard share < 0.95 else {
            let offset = camera.maps == nil ? " of \(camera.offset_counts) counts" : "s of its maps"
            throw Failure(
                "\(movie.path): \(Int(share * 100)) % of the pixels lie below the camera's offset\(offset)",
                remedy:
                    "give the camera file of this movie, with offset_counts 0 where the offset was taken off already",
                code: "camera-offset")
        }
    }

    /// One thread's worker for frames of one size.
    func worker(width: Int, height: Int) throws -> FrameWorker {
        FrameWorker(try PixelCalibration(camera, width: width, height: height), self)
    }
}
