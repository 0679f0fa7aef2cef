import Foundation
import Imaging
import Work

/// Finds and fits the molecules of a movie: background, detection, maximum-likelihood fit, filters.
///
/// The table has the columns `sigma_nm`, `photons`, `background` (photons per pixel), `background_sd`, `chi2`
/// (likelihood ratio statistic per degree of freedom, about 1 for a spot that the model describes) and
/// `uncertainty_nm` (the Cramér-Rao bound of x and y, root mean square of the two).
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
    public func localize(_ frame: Plane<Float>, number: Int = 1) -> LocalizationTable {
        let worker = FrameWorker(width: frame.width, height: frame.height, self)
        worker.add(frame, number: number)
        return worker.finish()
    }

    /// The candidates of one frame of counts.
    public func detect(_ frame: Plane<Float>) -> [SpotCandidate] {
        FrameWorker(width: frame.width, height: frame.height, self).candidates(frame)
    }

    /// Fits spots at given candidates of one frame of counts.
    public func fit(_ candidates: [SpotCandidate], in frame: Plane<Float>, number: Int = 1) -> LocalizationTable {
        let worker = FrameWorker(width: frame.width, height: frame.height, self)
        worker.add(frame, number: number, candidates: candidates)
        return worker.finish()
    }

    /// The localizations of a movie's frames, in the order of the frames.
    /// - Parameter frames: the frames to use, from 0; all by default.
    /// - Throws: a `Failure` when a frame cannot be read or the range lies outside; `Interrupted`.
    public func localize(_ movie: any Movie, frames: Range<Int>? = nil) throws -> LocalizationTable {
        let frames = frames ?? 0..<movie.frameCount
        guard frames.lowerBound >= 0, frames.upperBound <= movie.frameCount else {
            throw Failure(
                "frames \(frames.lowerBound + 1) to \(frames.upperBound) of \(movie.path), which has \(movie.frameCount)",
                remedy: "choose frames that exist", code: "frame-missing")
        }
        let progress = Progress("localizing", total: frames.count, unit: "frames")
        defer { progress.finish() }
        let block = 16
        let blocks = (frames.count + block - 1) / block
        let tables = try concurrentMap(blocks) { index in
            let worker = FrameWorker(width: movie.width, height: movie.height, self)
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
}

/// One thread's work: buffers, detector and fitter, used for many frames of one size.
private final class FrameWorker {
    private struct Spot {
        var frame: Int32
        var candidate: SpotCandidate
    }

    private let localizer: Localizer
    private let width: Int
    private let height: Int
    private let side: Int
    private let detector: SpotDetector
    private var fitter: SpotFitter<Spot>!
    private var photons: [Float]
    private var rows: [(spot: Spot, estimate: SpotEstimate)] = []

    init(width: Int, height: Int, _ localizer: Localizer) {
        self.localizer = localizer
        self.width = width
        self.height = height
        // Small frames are fitted in smaller squares.
        let largest = min(width, height)
        side = min(localizer.settings.side(pixel_nm: localizer.camera.pixel_nm), largest - 1 + largest % 2)
        detector = SpotDetector(
            width: width, height: height, camera: localizer.camera, settings: localizer.settings)
        photons = Array(repeating: 0, count: width * height)
        guard side >= 5 else { return }
        fitter = SpotFitter(
            side: side, fitsSigma: localizer.settings.fitsSigma, excess: localizer.camera.excessNoise
        ) { [unowned self] spot, estimate in rows.append((spot, estimate)) }
    }

    func candidates(_ frame: Plane<Float>) -> [SpotCandidate] {
        convert(frame)
        return detector.candidates(photons)
    }

    func add(_ frame: Plane<Float>, number: Int, candidates given: [SpotCandidate]? = nil) {
        guard let fitter else { return }
        convert(frame)
        let candidates = given ?? detector.candidates(photons)
        let sigma = Float(localizer.settings.sigma_nm / localizer.camera.pixel_nm)
        let read = localizer.camera.read_noise_electrons / localizer.camera.em_gain
        photons.withUnsafeBufferPointer { photons in
            guard let base = photons.baseAddress else { return }
            for candidate in candidates {
                guard (0..<width).contains(candidate.column), (0..<height).contains(candidate.row) else { continue }
                let column = max(0, min(width - side, candidate.column - side / 2))
                let row = max(0, min(height - side, candidate.row - side / 2))
                fitter.add(
                    Spot(frame: Int32(clamping: number), candidate: candidate), photons: base, width: width,
                    column: column, row: row, peakColumn: candidate.column, peakRow: candidate.row,
                    background: candidate.background, sigma: sigma, readVariance: Float(read * read))
            }
        }
    }

    /// The table of all frames added so far.
    func finish() -> LocalizationTable {
        fitter?.finish()
        let camera = localizer.camera
        let kept = distinct(rows.filter { isSound($0.spot, $0.estimate) })
        let freedom = Double(max(1, side * side - (localizer.settings.fitsSigma ? 5 : 4)))
        let read = camera.read_noise_electrons / camera.em_gain
        var table = LocalizationTable(
            frame: kept.map(\.spot.frame), x_nm: kept.map { (Double($0.estimate.x) + 0.5) * camera.pixel_nm },
            y_nm: kept.map { (Double($0.estimate.y) + 0.5) * camera.pixel_nm })
        table["sigma_nm"] = kept.map { Double($0.estimate.sigma) * camera.pixel_nm }
        table["photons"] = kept.map { Double($0.estimate.photons) }
        table["background"] = kept.map { Double($0.estimate.background) }
        table["background_sd"] = kept.map {
            (camera.excessNoise * Double($0.estimate.background) + read * read).squareRoot()
        }
        table["chi2"] = kept.map { Double($0.estimate.deviance) / freedom }
        table["uncertainty_nm"] = kept.map {
            Double(($0.estimate.bounds.x + $0.estimate.bounds.y) / 2).squareRoot() * camera.pixel_nm
        }
        rows.removeAll(keepingCapacity: true)
        return table
    }

    private func convert(_ frame: Plane<Float>) {
        precondition(frame.width == width && frame.height == height, "a frame of another size")
        let offset = Float(localizer.camera.offset_counts)
        let factor = Float(localizer.camera.photonsPerCount)
        frame.samples.withUnsafeBufferPointer { counts in
            photons.withUnsafeMutableBufferPointer { photons in
                for pixel in 0..<min(counts.count, photons.count) {
                    photons[pixel] = (counts[pixel] - offset) * factor
                }
            }
        }
    }

    /// Whether a fit is a molecule: it came to rest near its candidate with a width and brightness that make sense.
    private func isSound(_ spot: Spot, _ estimate: SpotEstimate) -> Bool {
        guard estimate.converged, estimate.bounds.x.isFinite, estimate.bounds.y.isFinite else { return false }
        let sigma = Float(localizer.settings.sigma_nm / localizer.camera.pixel_nm)
        let reach = max(1.5, 1.5 * sigma)
        guard abs(estimate.x - Float(spot.candidate.column)) <= reach,
            abs(estimate.y - Float(spot.candidate.row)) <= reach,
            estimate.x > -0.5, estimate.y > -0.5, estimate.x < Float(width) - 0.5, estimate.y < Float(height) - 0.5
        else { return false }
        if localizer.settings.fitsSigma {
            guard estimate.sigma > 0.5 * sigma, estimate.sigma < 2 * sigma else { return false }
        }
        let significance = Float(localizer.settings.significance)
        return estimate.photons * estimate.photons > significance * significance * estimate.bounds.photons
    }

    /// Of fits in one frame that ended within a spot's standard deviation of each other, the brightest.
    private func distinct(_ rows: [(spot: Spot, estimate: SpotEstimate)]) -> [(spot: Spot, estimate: SpotEstimate)] {
        let reach = Float(localizer.settings.sigma_nm / localizer.camera.pixel_nm)
        var dropped = [Bool](repeating: false, count: rows.count)
        var start = 0
        while start < rows.count {
            var end = start
            while end < rows.count, rows[end].spot.frame == rows[start].spot.frame { end += 1 }
            let order = (start..<end).sorted { rows[$0].estimate.x < rows[$1].estimate.x }
            for (position, index) in order.enumerated() where !dropped[index] {
                for other in order[(position + 1)...] {
                    if rows[other].estimate.x - rows[index].estimate.x > reach { break }
                    let dx = rows[other].estimate.x - rows[index].estimate.x
                    let dy = rows[other].estimate.y - rows[index].estimate.y
                    guard !dropped[other], dx * dx + dy * dy < reach * reach else { continue }
                    if rows[other].estimate.photons > rows[index].estimate.photons {
                        dropped[index] = true
                        break
                    }
                    dropped[other] = true
                }
            }
            start = end
        }
        return rows.indices.filter { !dropped[$0] }.map { rows[$0] }
    }
}
