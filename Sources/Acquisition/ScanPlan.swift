import Foundation
import Optics
import Work

extension Rectangle {
    /// Reads `WIDTHxHEIGHT` in um, such as `500x400`; one number alone means a square.
    /// - Throws: `Failure` with code `area-invalid`.
    public init(parsing text: String) throws {
        let parts = text.lowercased().replacingOccurrences(of: "×", with: "x")
            .split(separator: "x", omittingEmptySubsequences: false)
            .map { Double($0.trimmingCharacters(in: .whitespaces)) }
        guard let width = parts.first ?? nil, let height = parts.last ?? nil, parts.count <= 2, width.isFinite,
            height.isFinite, width > 0, height > 0
        else {
            throw Failure(
                "the area '\(text)' is not WIDTHxHEIGHT in um", remedy: "write for example 500x400",
                code: "area-invalid")
        }
        self.init(width_um: width, height_um: height)
    }
}

/// One field of view of a scan.
public struct Tile: Sendable, Codable, Equatable {
    /// The number of the tile in the order of the scan, from 1.
    public var number: Int
    /// The row of the grid, from 0.
    public var row: Int
    /// The column of the grid, from 0.
    public var column: Int
    /// The stage position of the tile's centre.
    public var x_um: Double
    /// The stage position of the tile's centre.
    public var y_um: Double

    /// A tile from its parts.
    public init(number: Int, row: Int, column: Int, x_um: Double, y_um: Double) {
        self.number = number
        self.row = row
        self.column = column
        self.x_um = x_um
        self.y_um = y_um
    }
}

/// A grid of overlapping tiles that covers an area, in the order in which the stage visits them.
public struct ScanPlan: Sendable, Codable, Equatable {
    /// What is covered.
    public let area: Rectangle
    /// The width of one field of view.
    public let fieldWidth_um: Double
    /// The height of one field of view.
    public let fieldHeight_um: Double
    /// The number of columns of the grid.
    public let columns: Int
    /// The number of rows of the grid.
    public let rows: Int
    /// The tiles in serpentine order: every second row is run from right to left.
    public let tiles: [Tile]

    /// Plans a scan. The tiles cover the area exactly where it is larger than a field of view; neighbours share at
    /// least the fraction `overlap` of a field.
    /// - Throws: `Failure` with code `overlap-invalid` or `area-too-large` (more than 250,000 tiles).
    public init(area: Rectangle, fieldWidth_um: Double, fieldHeight_um: Double, overlap: Double) throws {
        guard (0...0.9).contains(overlap) else {
            throw Failure(
                "an overlap of \(overlap) is not possible", remedy: "choose a fraction from 0 to 0.9",
                code: "overlap-invalid")
        }
        let x = Self.centres(of: area.x_um, field: fieldWidth_um, overlap: overlap)
        let y = Self.centres(of: area.y_um, field: fieldHeight_um, overlap: overlap)
        guard let x, let y, x.count * y.count <= 250_000 else {
            throw Failure(
                "the area of \(tenths(area.width_um)) x \(tenths(area.height_um)) um needs more than 250,000 tiles",
                remedy: "choose a smaller area", code: "area-too-large")
        }
        self.area = area
        self.fieldWidth_um = fieldWidth_um
        self.fieldHeight_um = fieldHeight_um
        columns = x.count
        rows = y.count
        var tiles: [Tile] = []
        for (row, y_um) in y.enumerated() {
            let order = row % 2 == 0 ? Array(x.indices) : x.indices.reversed()
            for column in order {
                tiles.append(Tile(number: tiles.count + 1, row: row, column: column, x_um: x[column], y_um: y_um))
            }
        }
        self.tiles = tiles
    }

    /// A field of the grid's size about a place.
    public func field(x_um: Double, y_um: Double) -> Rectangle {
        Rectangle(centre: Point(x_um: x_um, y_um: y_um), width_um: fieldWidth_um, height_um: fieldHeight_um)
    }

    /// The centres along one axis; nil when there would be too many.
    private static func centres(of range: ClosedRange<Double>, field: Double, overlap: Double) -> [Double]? {
        let length = range.upperBound - range.lowerBound
        // A hair of tolerance keeps rounding from adding a tile.
        let needed = ((length - field) / (field * (1 - overlap)) - 1e-9).rounded(.up) + 1
        guard needed <= 250_000 else { return nil }
        guard needed > 1 else { return [(range.lowerBound + range.upperBound) / 2] }
        let count = Int(needed)
        let step = (length - field) / Double(count - 1)
        return (0..<count).map { range.lowerBound + field / 2 + Double($0) * step }
    }
}
