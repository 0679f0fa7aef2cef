import Foundation
import Imaging
import Instruments
import Optics
import Work

/// A scan that has been taken.
public struct Scan: Sendable, Codable, Equatable {
    /// The fingerprint of all that it was asked for.
    public var inputs: Fingerprint
    /// The grid.
    public var plan: ScanPlan
    /// The channel it was taken in.
    public var channel: String
    /// The side of a tile's pixel.
    public var pixel_um: Double
    /// How the pixels of a tile lie on the specimen; nil for along the axes of the stage.
    public var matrix: PixelMatrix?
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

    private struct Asked: Encodable {
        var view: View
        var area: Rectangle
        var channel: Channel
        var overlap: Double
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
        _ area: Rectangle, on microscope: Microscope, channel channelName: String, overlap: Double
    ) throws -> Scan {
        let channel = try microscope.channel(named: channelName)
        let key = try StepKey(
            channelName,
            inputs: Asked(view: View(microscope, motion), area: area, channel: channel, overlap: overlap))
        return try once("scan", key: key) {
            let size = try microscope.camera.frameSize()
            let field = try microscope.fieldOfView()
            let plan = try ScanPlan(
                area: area, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: overlap)
            try plan.checkTravel(of: microscope.stage)
            try FreeSpace.require(
                plan.tiles.count * (size.width * size.height * 2 + 4096), in: folder, for: "the scan")
            let progress = Progress("scan", total: plan.tiles.count, unit: "tiles")
            defer { progress.finish() }
            let matrix = try microscope.pixelMatrix()
            var result = Scan(
                inputs: key.inputs, plan: plan, channel: channelName,
                pixel_um: try microscope.camera.framePixel_nm() / 1000,
                matrix: matrix.isStraight ? nil : matrix, tileWidth: size.width, tileHeight: size.height, tiles: [],
                skipped: [], seconds: StepSeconds())
            for tile in plan.tiles {
                let before = skipped.count
                let stored = try orSkipping("tile \(tile.number)") {
                    let key = try StepKey("\(channelName)/\(tile.number)", inputs: [key.text, "\(tile.number)"])
                    return try once("tile", key: key, files: { [$0.image.file] }) {
                        try take(tile, in: channel, key: key, on: microscope)
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
        _ tile: Tile, in channel: Channel, key: StepKey, on microscope: Microscope
    ) throws -> StoredTile {
        var watch = Stopwatch(microscope)
        let place = try watch.moving { try microscope.stage.move(x_um: tile.x_um, y_um: tile.y_um, policy: motion) }
        let frame = try microscope.snap(channel, slack_ms: slack_ms)
        watch.exposed(channel.exposure_ms)
        let image = TileImage(
            tile: tile,
            file: freeName(
                String(format: "tiles/tile-%05d-", tile.number) + fileName(channel.name), ".ome.tif", for: key),
            x_um: place.x_um, y_um: place.y_um)
        try write(frame, of: channel, at: place, name: "tile \(tile.number)", on: microscope, to: image.file)
        return StoredTile(image: image, seconds: watch.read())
    }
}

extension ScanPlan {
    /// Checks that the stage reaches every tile.
    /// - Throws: `Failure` with code `area-outside`.
    func checkTravel(of stage: any Stage) throws {
        let travel = stage.travel
        guard let outside = tiles.first(where: { !travel.x_um.contains($0.x_um) || !travel.y_um.contains($0.y_um) })
        else {
            return
        }
        throw Failure(
            "the stage cannot reach tile \(outside.number) at (\(tenths(outside.x_um)), \(tenths(outside.y_um))) um",
            remedy: "choose a smaller area or another centre; it reaches x \(tenths(travel.x_um.lowerBound)) to "
                + "\(tenths(travel.x_um.upperBound)), y \(tenths(travel.y_um.lowerBound)) to \(tenths(travel.y_um.upperBound)) um",
            code: "area-outside")
    }
}
