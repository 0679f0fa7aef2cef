import Foundation
import Imaging
import Work

/// The stitched picture of a scan.
public struct Overview: Sendable, Codable, Equatable {
    /// The 16-bit TIFF, relative to the folder of the run.
    public var file: String
    /// A small picture of it for people, relative to the folder of the run.
    public var preview: String
    /// The channel it was taken in.
    public var channel: String
    /// Where it lies on the specimen.
    public var geometry: Geometry
    /// What was corrected.
    public var flatField: FlatField
}

extension AcquisitionRun {
    /// Stitches a scan by its stage coordinates into `overview.tif` and `overview.png`, evenly lit; `overview.json` says
    /// where it lies and in which channel it was taken.
    /// - Parameters:
    ///   - scan: the scan.
    ///   - pixel_um: the side of a pixel of the overview; not below the camera's.
    ///   - offset_counts: the camera's count without light, for the correction of uneven illumination.
    /// - Throws: `Failure` when no tile was taken, a tile cannot be read or the disk is full.
    public func overview(of scan: Scan, pixel_um: Double, offset_counts: Double) throws -> Overview {
        let key = try StepKey(
            scan.channel, inputs: OverviewAsked(scan: scan, pixel_um: pixel_um, offset_counts: offset_counts))
        return try once("overview", key: key, files: { [$0.file, $0.preview] }) {
            guard !scan.tiles.isEmpty else {
                throw Failure("the scan has no tile", remedy: "see the reasons in the journal", code: "no-tiles")
            }
            let progress = Progress("overview", total: scan.tiles.count, unit: "tiles")
            defer { progress.finish() }
            var estimator = FlatField.Estimator()
            for tile in scan.tiles {
                try Interruption.check()
                estimator.add(try counts(of: tile))
                progress.advance()
            }
            let mosaic = try Mosaic(
                of: scan.plan.area, tiles: scan.tiles, tileWidth: scan.tileWidth, tileHeight: scan.tileHeight,
                tilePixel_um: scan.pixel_um, matrix: scan.matrix, pixel_um: pixel_um,
                flatField: estimator.estimate(offset_counts: offset_counts))
            let geometry = mosaic.geometry
            let overview = Overview(
                file: freeName("overview", ".tif", for: key), preview: freeName("overview", ".png", for: key),
                channel: scan.channel, geometry: geometry, flatField: mosaic.flatField)
            let writer = try BandTIFFWriter(
                path(overview.file), width: geometry.width, height: geometry.height, pixelType: .uint16,
                pixelSize_um: geometry.pixel_um)
            var preview = Preview(width: geometry.width, height: geometry.height, longestSide: 2400)
            try mosaic.render(load: counts) { row, strip in
                try writer.append(Image(strip))
                preview.add(strip, firstRow: row)
            }
            try writer.finish()
            try writePNG(preview.image(), to: path(overview.preview))
            let facts: [String: JSONValue] = [
                "program": .string("Stormbench"), "version": .string(programVersion),
                "overview": try JSONValue(encoding: overview), "run": .object(journal.parameters),
            ]
            try writeWhole(
                Data(JSONValue.object(facts).text(pretty: true).utf8), to: path(overview.file.dropLast(4) + ".json"))
            return overview
        }
    }

    private struct OverviewAsked: Encodable {
        var scan: Scan
        var pixel_um: Double
        var offset_counts: Double
    }

    /// The objects of an overview and the picture of their numbers.
    public struct ObjectMap: Sendable {
        /// The objects.
        public var objects: [TargetObject]
        /// The label image, relative to the folder of the run; nil where the objects come from elsewhere.
        public var labels: String?
        /// Where the label image lies.
        public var geometry: Geometry
    }

    private struct StoredObjects: Codable {
        var count: Int
        var labels: String
        var objects: String
    }

    /// Finds the objects of an overview. The labels go to `labels.tif` and the objects to `objects.json`.
    /// - Parameters:
    ///   - overview: the overview.
    ///   - inputs: what the segmentation depends on beside the overview, such as the fingerprint of a model.
    ///   - settled: the same when it is done, where that tells more.
    ///   - segment: gets the path of the overview and gives labels of its size, 0 for the background.
    /// - Throws: what `segment` throws; `Failure` with code `size-mismatch` for labels of another size.
    public func objects(
        in overview: Overview, inputs: Fingerprint, settled: @escaping () throws -> Fingerprint,
        segment: (_ path: String) throws -> Image
    ) throws -> ObjectMap {
        func asked(_ inputs: Fingerprint) throws -> StepKey {
            try StepKey(overview.file, inputs: [Fingerprint(of: overview), inputs])
        }
        let key = try asked(inputs)
        let stored = try once(
            "objects", key: key, files: { [$0.labels, $0.objects] }, settled: { try asked(try settled()) }
        ) {
            let labels = try segment(path(overview.file)).labels()
            let geometry = overview.geometry
            guard labels.width == geometry.width, labels.height == geometry.height else {
                throw Failure(
                    "the segmentation has \(labels.width)x\(labels.height) pixels, the overview "
                        + "\(geometry.width)x\(geometry.height)", remedy: "return labels of the overview's size",
                    code: "size-mismatch")
            }
            let objects = TargetObject.objects(
                in: labels, origin: geometry.origin, pixel_um: geometry.pixel_um,
                intensity: try readImage(path(overview.file)).plane(0))
            let stored = StoredObjects(
                count: objects.count, labels: freeName("labels", ".tif", for: key),
                objects: freeName("objects", ".json", for: key))
            try writeTIFF(Image(labels, pixelSize_um: geometry.pixel_um), to: path(stored.labels))
            try writeWhole(JSONEncoder().encode(objects), to: path(stored.objects))
            return stored
        }
        let data = try readFile(path(stored.objects))
        do {
            return ObjectMap(
                objects: try JSONDecoder().decode([TargetObject].self, from: data), labels: stored.labels,
                geometry: overview.geometry)
        } catch {
            throw Failure(
                "\(path(stored.objects)) cannot be read", remedy: "begin anew in another folder",
                code: "journal-damaged")
        }
    }

    private func counts(of tile: TileImage) throws -> Plane<UInt16> {
        let image = try readImage(path(tile.file))
        guard case .uint16(let samples) = image.samples, image.channels == 1 else {
            throw Failure("\(tile.file) is not a 16-bit image", remedy: "scan again", code: "not-supported")
        }
        return Plane(width: image.width, height: image.height, samples: samples)
    }
}

/// Shrinks an image that comes in strips to a picture of bounded size.
private struct Preview {
    private let factor: Int
    private let width: Int
    private let height: Int
    private var sums: [Float]
    private var counts: [Float]

    init(width: Int, height: Int, longestSide: Int) {
        factor = max(1, (max(width, height) + longestSide - 1) / longestSide)
        self.width = (width + factor - 1) / factor
        self.height = (height + factor - 1) / factor
        sums = [Float](repeating: 0, count: self.width * self.height)
        counts = sums
    }

    mutating func add(_ strip: Plane<UInt16>, firstRow: Int) {
        for row in 0..<strip.height {
            let target = (firstRow + row) / factor * width
            for column in 0..<strip.width {
                sums[target + column / factor] += Float(strip[row, column])
                counts[target + column / factor] += 1
            }
        }
    }

    /// The picture, the darkest 0.5 % black and the brightest 0.2 % white, a little lifted in the shadows.
    func image() -> Plane<UInt8> {
        let values = zip(sums, counts).map { $0 / max(1, $1) }
        let sorted = values.sorted()
        let low = sorted[sorted.count / 200]
        let high = max(low + 1, sorted[sorted.count - 1 - sorted.count / 500])
        return Plane(
            width: width, height: height,
            samples: values.map { UInt8((max(0, min(1, ($0 - low) / (high - low))).squareRoot() * 255).rounded()) })
    }
}
