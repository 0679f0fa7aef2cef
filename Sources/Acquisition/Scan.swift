import Foundation
import Imaging
import Instruments
import Work

/// A scan that has been taken.
public struct Scan: Sendable, Codable, Equatable {
    /// The grid.
    public var plan: ScanPlan
    /// The channel it was taken in.
    public var channel: String
    /// The side of a tile's pixel.
    public var pixel_um: Double
    /// The columns of a tile.
    public var tileWidth: Int
    /// The rows of a tile.
    public var tileHeight: Int
    /// The tiles that were taken.
    public var tiles: [TileImage]
    /// The tiles that were not.
    public var skipped: [SkippedStep]
    /// The time it took.
    public var seconds: StepSeconds
}

extension AcquisitionRun {
    private struct StoredTile: Codable {
        var image: TileImage
        var seconds: StepSeconds
    }

    /// Scans an area tile by tile into `tiles/`; the light is on during exposures only.
    /// - Parameters:
    ///   - area: what is scanned.
    ///   - microscope: the microscope.
    ///   - channelName: the channel.
    ///   - overlap: the least fraction of a field that neighbours share.
    /// - Throws: `Failure` with code `area-outside` when the stage cannot reach it, `disk-full`, and what ends a run;
    ///   `Interrupted`.
    public func scan(
        _ area: ScanArea, on microscope: Microscope, channel channelName: String, overlap: Double
    ) throws -> Scan {
        try once("scan", key: channelName) {
            let channel = try microscope.channel(named: channelName)
            let region = try microscope.camera.region()
            let field = try microscope.fieldOfView()
            let plan = try ScanPlan(
                area: area, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: overlap)
            try checkTravel(of: microscope.stage, for: plan)
            try FreeSpace.require(
                plan.tiles.count * (region.width * region.height * 2 + 4096), in: folder, for: "the scan")
            let progress = Progress("scan", total: plan.tiles.count, unit: "tiles")
            defer { progress.finish() }
            var result = Scan(
                plan: plan, channel: channelName, pixel_um: microscope.camera.pixel_nm / 1000,
                tileWidth: region.width, tileHeight: region.height, tiles: [], skipped: [], seconds: StepSeconds())
            for tile in plan.tiles {
                let before = skipped.count
                let stored = try orSkipping("tile \(tile.number)") {
                    try once("tile", key: "\(channelName)/\(tile.number)") {
                        try take(tile, in: channel, on: microscope)
                    }
                }
                if let stored {
                    result.tiles.append(stored.image)
                    result.seconds += stored.seconds
                }
                result.skipped += skipped[before...]
                progress.advance()
            }
            return result
        }
    }

    private func take(
        _ tile: Tile, in channel: Channel, on microscope: Microscope
    ) throws -> StoredTile {
        var watch = Stopwatch(microscope)
        let place = try watch.moving { try microscope.stage.move(x_um: tile.x_um, y_um: tile.y_um, policy: motion) }
        let frame = try microscope.snap(channel, slack_ms: slack_ms)
        watch.exposed(channel.exposure_ms)
        let image = TileImage(
            tile: tile, file: "tiles/" + String(format: "tile-%05d.ome.tif", tile.number), x_um: place.x_um,
            y_um: place.y_um)
        try write(frame, of: channel, at: place, pixel_nm: microscope.camera.pixel_nm, to: image.file)
        return StoredTile(image: image, seconds: watch.read())
    }

    /// Writes one frame as OME-TIFF.
    func write(
        _ frame: Frame, of channel: Channel, at place: (x_um: Double, y_um: Double), pixel_nm: Double, to file: String
    ) throws {
        let movie = try MovieFile(
            path(file), width: frame.counts.width, height: frame.counts.height, frames: 1, channel: channel,
            place: place, pixel_nm: pixel_nm)
        try movie.append(frame)
        try movie.finish()
    }

    private func checkTravel(of stage: any Stage, for plan: ScanPlan) throws {
        let outside = plan.tiles.first {
            !stage.travel_um.x.contains($0.x_um) || !stage.travel_um.y.contains($0.y_um)
        }
        if let outside {
            throw Failure(
                "the stage cannot reach tile \(outside.number) at (\(tenths(outside.x_um)), \(tenths(outside.y_um))) um",
                remedy: "choose a smaller area or another centre", code: "area-outside")
        }
    }
}

/// A movie or a single frame in its OME-TIFF file. The file has its name only after `finish()`.
final class MovieFile: FrameSink {
    private let writer: OMETIFFWriter
    private let exposure_ms: Double
    private let place: (x_um: Double, y_um: Double)

    init(
        _ path: String, width: Int, height: Int, frames: Int, channel: Channel, place: (x_um: Double, y_um: Double),
        pixel_nm: Double
    ) throws {
        writer = try OMETIFFWriter(
            path, width: width, height: height, channels: [channel.name], pixelSize_um: pixel_nm / 1000,
            expectedFrames: frames)
        exposure_ms = channel.exposure_ms
        self.place = place
    }

    func append(_ frame: Frame) throws {
        try writer.append(
            frame.counts,
            info: OMETIFFWriter.FrameInfo(
                deltaT_ms: frame.time_ms, exposure_ms: exposure_ms, x_um: place.x_um, y_um: place.y_um))
    }

    func finish() throws { try writer.finish() }
}
