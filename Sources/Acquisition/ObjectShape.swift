import Foundation
import Imaging
import Optics

/// Where an object lies: the small squares of a grid over the specimen that hold some of it.
public struct ObjectShape: Sendable, Equatable {
    /// One square.
    public struct Cell: Sendable, Equatable {
        /// The centre.
        public var x_um: Double, y_um: Double
        /// How much of the object lies in it.
        public var area_um2: Double
    }

    /// The side of a square.
    public let step_um: Double
    /// The squares, row by row.
    public let cells: [Cell]

    /// The area of the object.
    public var area_um2: Double { cells.reduce(0) { $0 + $1.area_um2 } }

    /// The share of the object that lies in at least one of several rectangles.
    public func share(in boxes: [Rectangle]) -> Double {
        let all = area_um2
        guard all > 0 else { return 0 }
        let inside = cells.reduce(0) { sum, cell in
            boxes.contains { $0.contains(x_um: cell.x_um, y_um: cell.y_um) } ? sum + cell.area_um2 : sum
        }
        return inside / all
    }

    /// The shapes of some objects of a label image.
    /// - Parameters:
    ///   - labels: 0 for the background, else the number of the object.
    ///   - geometry: where the image lies.
    ///   - wanted: the numbers of the objects.
    ///   - step_um: the side of a square.
    public static func shapes(
        in labels: Plane<UInt32>, _ geometry: Geometry, of wanted: Set<Int>, step_um: Double
    ) -> [Int: ObjectShape] {
        guard !wanted.isEmpty else { return [:] }
        let pixelArea = geometry.pixel_um * geometry.pixel_um
        let columns = (0..<labels.width).map {
            Int(((geometry.origin.x_um + (Double($0) + 0.5) * geometry.pixel_um) / step_um).rounded(.down))
        }
        var areas: [Int: [Place: Double]] = [:]
        for row in 0..<labels.height {
            let y = geometry.origin.y_um + (Double(row) + 0.5) * geometry.pixel_um
            let gridRow = Int((y / step_um).rounded(.down))
            var column = 0
            while column < labels.width {
                // Pixels of one object in one square at once.
                let (label, square) = (labels[row, column], columns[column])
                let start = column
                repeat {
                    column += 1
                } while column < labels.width && labels[row, column] == label && columns[column] == square
                guard label > 0, wanted.contains(Int(label)) else { continue }
                areas[Int(label), default: [:]][Place(row: gridRow, column: square), default: 0] +=
                    Double(column - start) * pixelArea
            }
        }
        return areas.mapValues { ObjectShape($0, step_um: step_um) }
    }

    /// The shape of what lies inside a closed outline (even-odd rule).
    /// - Parameters:
    ///   - outline: its corners.
    ///   - step_um: the side of a square.
    public init(outline: [Point], step_um: Double) {
        let (top, bottom) = (outline.map(\.y_um).min() ?? 0, outline.map(\.y_um).max() ?? 0)
        var areas: [Place: Double] = [:]
        for row in Int((top / step_um).rounded(.down))...Int((bottom / step_um).rounded(.down)) {
            let y = (Double(row) + 0.5) * step_um
            var crossings: [Double] = []
            for (a, b) in zip(outline, outline.dropFirst() + outline.prefix(1)) where (a.y_um > y) != (b.y_um > y) {
                crossings.append(a.x_um + (y - a.y_um) / (b.y_um - a.y_um) * (b.x_um - a.x_um))
            }
            crossings.sort()
            for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                let first = Int((crossings[pair] / step_um + 0.5).rounded(.down))
                let end = Int((crossings[pair + 1] / step_um + 0.5).rounded(.down))
                for column in first..<max(first, end) {
                    areas[Place(row: row, column: column)] = step_um * step_um
                }
            }
        }
        self.init(areas, step_um: step_um)
    }

    private struct Place: Hashable {
        var row: Int
        var column: Int
    }

    private init(_ areas: [Place: Double], step_um: Double) {
        self.step_um = step_um
        cells = areas.sorted { ($0.key.row, $0.key.column) < ($1.key.row, $1.key.column) }.map {
            Cell(
                x_um: (Double($0.key.column) + 0.5) * step_um, y_um: (Double($0.key.row) + 0.5) * step_um,
                area_um2: $0.value)
        }
    }
}

extension Rectangle {
    /// The area that two rectangles share.
    func overlap_um2(with other: Rectangle) -> Double {
        max(0, min(right_um, other.right_um) - max(left_um, other.left_um))
            * max(0, min(bottom_um, other.bottom_um) - max(top_um, other.top_um))
    }
}
