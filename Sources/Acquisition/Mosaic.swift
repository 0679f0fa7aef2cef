import Foundation
import Imaging
import Optics
import Work

/// Where the pixels of an image lie on the specimen.
public struct Geometry: Sendable, Codable, Equatable {
    /// The specimen coordinates of the top left corner of the first pixel.
    public var origin: Point
    /// The side of a pixel.
    public var pixel_um: Double
    /// The number of columns.
    public var width: Int
    /// The number of rows.
    public var height: Int

    /// A geometry from its parts.
    public init(origin: Point, pixel_um: Double, width: Int, height: Int) {
        self.origin = origin
        self.pixel_um = pixel_um
        self.width = width
        self.height = height
    }

    /// The rectangle on the specimen.
    public var box: Rectangle {
        Rectangle(
            left_um: origin.x_um, top_um: origin.y_um, right_um: origin.x_um + Double(width) * pixel_um,
            bottom_um: origin.y_um + Double(height) * pixel_um)
    }
}

/// One tile that has been taken.
public struct TileImage: Sendable, Codable, Equatable {
    /// The tile of the plan.
    public var tile: Tile
    /// The file, relative to the folder of the run.
    public var file: String
    /// Where the stage said it was.
    public var x_um: Double
    /// Where the stage said it was.
    public var y_um: Double

    /// A tile from its parts.
    public init(tile: Tile, file: String, x_um: Double, y_um: Double) {
        self.tile = tile
        self.file = file
        self.x_um = x_um
        self.y_um = y_um
    }
}

/// Puts tiles together by their stage coordinates.
///
/// An output pixel is the mean of the tile's pixels under it; where tiles overlap they are blended with weights that
/// fall to zero at the edge of each, which hides what is left of uneven illumination. The work goes by strips, so
/// that memory does not grow with the scanned area.
public struct Mosaic: Sendable {
    /// Where the result lies on the specimen.
    public let geometry: Geometry
    /// The tiles.
    public let tiles: [TileImage]
    /// The side of a tile's pixel.
    public let tilePixel_um: Double
    /// How the pixels of a tile lie on the specimen; nil for along the axes of the stage.
    public let matrix: PixelMatrix?
    /// The columns of a tile.
    public let tileWidth: Int
    /// The rows of a tile.
    public let tileHeight: Int
    /// The correction of uneven illumination.
    public let flatField: FlatField

    /// Plans a mosaic of an area.
    /// - Parameters:
    ///   - area: what the result shows.
    ///   - tiles: the tiles, all of `tileWidth` x `tileHeight` pixels with a side of `tilePixel_um`.
    ///   - matrix: how the pixels of a tile lie on the specimen; nil for along the axes of the stage.
    ///   - pixel_um: the side of its pixels; not below that of the tiles.
    ///   - flatField: the correction of uneven illumination.
    /// - Throws: `Failure` with code `pixel-invalid`.
    public init(
        of area: Rectangle, tiles: [TileImage], tileWidth: Int, tileHeight: Int, tilePixel_um: Double,
        matrix: PixelMatrix? = nil, pixel_um: Double, flatField: FlatField
    ) throws {
        guard pixel_um >= tilePixel_um * 0.999, pixel_um.isFinite else {
            throw Failure(
                "an overview with pixels of \(pixel_um) um is finer than the camera's \(tilePixel_um) um",
                remedy: "choose a greater pixel size", code: "pixel-invalid")
        }
        // A hair of tolerance keeps rounding from adding a pixel.
        let width = max(1, Int((area.width_um / pixel_um - 1e-6).rounded(.up)))
        let height = max(1, Int((area.height_um / pixel_um - 1e-6).rounded(.up)))
        geometry = Geometry(
            origin: Point(x_um: area.left_um, y_um: area.top_um), pixel_um: pixel_um,
            width: width, height: height)
        self.tiles = tiles
        self.tileWidth = tileWidth
        self.tileHeight = tileHeight
        self.tilePixel_um = tilePixel_um
        self.matrix = matrix
        self.flatField = flatField
    }

    /// The rows of a strip, so that one takes about 64 MB.
    public var stripRows: Int { max(16, min(geometry.height, 8 << 20 / max(1, geometry.width))) }

    /// Makes the mosaic strip by strip.
    /// - Parameters:
    ///   - load: reads the counts of a tile.
    ///   - emit: takes the strips from top to bottom, corrected counts of shape [rows, width].
    public func render(
        load: (TileImage) throws -> Plane<UInt16>, emit: (_ firstRow: Int, Plane<UInt16>) throws -> Void
    ) throws {
        let correction = flatField.plane(width: tileWidth, height: tileHeight)
        let reach =
            (matrix?.extent(width: tileWidth, height: tileHeight).height_um ?? Double(tileHeight) * tilePixel_um) / 2
        var first = 0
        while first < geometry.height {
            try Interruption.check()
            let rows = first..<first + min(stripRows, geometry.height - first)
            let top = geometry.origin.y_um + Double(rows.lowerBound) * geometry.pixel_um
            let bottom = geometry.origin.y_um + Double(rows.upperBound) * geometry.pixel_um
            var strip = Strip(rows: rows, width: geometry.width)
            for tile in tiles where tile.y_um + reach > top && tile.y_um - reach < bottom {
                try Interruption.check()
                let counts = try load(tile)
                guard counts.width == tileWidth, counts.height == tileHeight else {
                    throw Failure(
                        "\(tile.file) has \(counts.width)x\(counts.height) pixels, not \(tileWidth)x\(tileHeight)",
                        remedy: "scan again", code: "size-mismatch")
                }
                if let matrix {
                    add(counts, at: tile, turned: matrix, correction: correction, to: &strip)
                } else {
                    add(counts, at: tile, correction: correction, to: &strip)
                }
            }
            try emit(first, strip.counts(background: Float(flatField.background_counts)))
            first = rows.upperBound
        }
    }

    /// A band of the result under work.
    private struct Strip {
        let rows: Range<Int>
        let width: Int
        var sums: [Float]
        var weights: [Float]

        init(rows: Range<Int>, width: Int) {
            self.rows = rows
            self.width = width
            sums = [Float](repeating: 0, count: rows.count * width)
            weights = sums
        }

        func counts(background: Float) -> Plane<UInt16> {
            let samples = zip(sums, weights).map { sum, weight in
                UInt16(max(0, min(65535, (weight > 0 ? sum / weight : background).rounded())))
            }
            return Plane(width: width, height: rows.count, samples: samples)
        }
    }

    private func add(_ counts: Plane<UInt16>, at tile: TileImage, correction: Plane<Float>, to strip: inout Strip) {
        let columns = spans(centre: tile.x_um - geometry.origin.x_um, pixels: tileWidth, limit: 0..<geometry.width)
        let rows = spans(centre: tile.y_um - geometry.origin.y_um, pixels: tileHeight, limit: strip.rows)
        let offset = Float(flatField.offset_counts)
        counts.samples.withUnsafeBufferPointer { counts in
            correction.samples.withUnsafeBufferPointer { correction in
                for row in rows {
                    for column in columns {
                        var sum: Float = 0
                        for y in row.source {
                            for x in column.source {
                                let index = y * tileWidth + x
                                sum += (Float(counts[index]) - offset) / correction[index]
                            }
                        }
                        let weight = min(row.weight, column.weight)
                        let index = (row.target - strip.rows.lowerBound) * strip.width + column.target
                        strip.sums[index] += weight * (sum / Float(row.source.count * column.source.count) + offset)
                        strip.weights[index] += weight
                    }
                }
            }
        }
    }

    /// A tile whose pixels do not lie along the axes of the stage: each output pixel is the mean of some points on it, each
    /// taken from the tile's pixel that it lies in.
    private func add(
        _ counts: Plane<UInt16>, at tile: TileImage, turned matrix: PixelMatrix, correction: Plane<Float>,
        to strip: inout Strip
    ) {
        let (width, height) = (Double(tileWidth), Double(tileHeight))
        let extent = matrix.extent(width: tileWidth, height: tileHeight)
        func range(_ centre: Double, _ extent: Double, _ limit: Range<Int>) -> Range<Int> {
            let low = Int(((centre - extent / 2) / geometry.pixel_um).rounded(.down))
            let high = Int(((centre + extent / 2) / geometry.pixel_um).rounded(.up))
            return max(low, limit.lowerBound)..<max(low, limit.lowerBound, min(high, limit.upperBound))
        }
        let centre = (x: tile.x_um - geometry.origin.x_um, y: tile.y_um - geometry.origin.y_um)
        let points = max(1, Int((geometry.pixel_um / matrix.pixel_um).rounded()))
        let offset = Float(flatField.offset_counts)
        for row in range(centre.y, extent.height_um, strip.rows) {
            for column in range(centre.x, extent.width_um, 0..<geometry.width) {
                func source(_ dx: Double, _ dy: Double) -> (right: Double, down: Double) {
                    matrix.pixel(
                        x_um: (Double(column) + dx) * geometry.pixel_um - centre.x,
                        y_um: (Double(row) + dy) * geometry.pixel_um - centre.y)
                }
                let middle = source(0.5, 0.5)
                let (right, down) = (middle.right + width / 2, middle.down + height / 2)
                guard right >= 0, down >= 0, right < width, down < height else { continue }
                var (sum, count): (Float, Float) = (0, 0)
                for y in 0..<points {
                    for x in 0..<points {
                        let point = source(
                            (Double(x) + 0.5) / Double(points), (Double(y) + 0.5) / Double(points))
                        let (x, y) = (point.right + width / 2, point.down + height / 2)
                        guard x >= 0, y >= 0, x < width, y < height else { continue }
                        let index = Int(y) * tileWidth + Int(x)
                        sum += (Float(counts.samples[index]) - offset) / correction.samples[index]
                        count += 1
                    }
                }
                guard count > 0 else { continue }
                let toEdge = min(min(right, width - right) / width, min(down, height - down) / height)
                let weight = Float(max(toEdge, 1e-3))
                let index = (row - strip.rows.lowerBound) * strip.width + column
                strip.sums[index] += weight * (sum / count + offset)
                strip.weights[index] += weight
            }
        }
    }

    /// What lies under one output pixel along one axis.
    private struct Span {
        var target: Int
        var source: Range<Int>
        var weight: Float
    }

    /// The output pixels whose centre lies in a tile, along one axis.
    private func spans(centre: Double, pixels: Int, limit: Range<Int>) -> [Span] {
        let scale = geometry.pixel_um / tilePixel_um
        // The tile's first edge in output pixels.
        let edge = centre / geometry.pixel_um - Double(pixels) / scale / 2
        let low = max(Double(limit.lowerBound), (edge - 0.5).rounded(.up))
        let high = min(Double(limit.upperBound), (edge + Double(pixels) / scale - 0.5).rounded(.up))
        guard low < high else { return [] }
        return (Int(low)..<Int(high)).map { target in
            let begin = (Double(target) - edge) * scale
            let first = max(0, min(pixels - 1, Int(begin.rounded())))
            let last = max(first + 1, min(pixels, Int((begin + scale).rounded())))
            let middle = begin + scale / 2
            let toEdge = min(middle, Double(pixels) - middle) / Double(pixels)
            return Span(target: target, source: first..<last, weight: Float(max(toEdge, 1e-3)))
        }
    }
}
