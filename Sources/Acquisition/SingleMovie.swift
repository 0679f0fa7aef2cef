import Foundation
import Imaging
import Instruments
import Optics
import Synchronization
import Work

extension Microscope {
    /// Takes one movie where the stage stands, to an OME-TIFF file of its own with what recorded it.
    ///
    /// The frames of a movie that is cut short are kept beside it, as `NAME.partial.ome.tif`, marked with their number and
    /// the reason, which the error names too.
    /// - Parameters:
    ///   - path: the file; it appears when it is whole.
    ///   - policy: how much waits for the disk, and what is done after a stall.
    ///   - attach: gets the ring before the first frame, for readers of its own.
    ///   - each: called on this thread with the number of frames that have come since the last call.
    /// - Throws: as `record(_:into:)`; `Failure` with code `disk-full` before it begins.
    public func record(
        _ movie: AcquisitionPlan.Movie, to path: String, policy: RecordingPolicy = RecordingPolicy(),
        attach: (FrameRing) throws -> Void = { _ in }, each: (Int) throws -> Void = { _ in }
    ) throws -> MovieRecord {
        guard movie.frames > 0 else {
            throw Failure("a movie of \(movie.frames) frames cannot be taken", code: "frames-range")
        }
        let size = try camera.frameSize()
        try FreeSpace.require(
            movie.frames * (size.width * size.height * 2 + 512),
            in: URL(fileURLWithPath: path).deletingLastPathComponent().path, for: "the movie \(path)")
        try prepare(movie.channel)
        let here = hasStage ? try stage.position() : Point(x_um: 0, y_um: 0)
        let name = URL(fileURLWithPath: path).lastPathComponent
        let stem = name.hasSuffix(".ome.tif") ? String(name.dropLast(8)) : name
        let place = RecordedPlace(name: stem, x_um: here.x_um, y_um: here.y_um, z_um: try? focus?.position())
        let facts = try recording(of: movie.channel, at: place, more: ["frames": .number(Double(movie.frames))])
        let keptPath = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(
            "\(stem).partial.ome.tif"
        ).relativePath
        let kept = Mutex(0)
        let file = try MovieFile(
            path, width: size.width, height: size.height, frames: movie.frames, channel: movie.channel,
            place: place, pixel_nm: try camera.framePixel_nm(), recording: facts,
            partial: .init(
                path: keptPath, recording: { facts.marked(frames: $0, of: movie.frames, reason: $1) },
                kept: { count, _ in kept.withLock { $0 = count } }))
        do { return try record(movie, into: file, policy: policy, attach: attach, each: each) } catch let failure
            as Failure
        {
            let count = kept.withLock { $0 }
            guard count > 0 else { throw failure }
            throw Failure(
                "\(failure.message); \(count) of \(movie.frames) frames are kept in \(keptPath)",
                remedy: failure.remedy, code: failure.code)
        }
    }
}
