import Foundation
import Imaging
import Optics

/// An object found on the specimen.
public struct TargetObject: Sendable, Codable, Equatable {
    /// The label of the object in the segmentation, from 1.
    public var id: Int
    /// The centre of its area.
    public var centroid: Point
    /// Its extent.
    public var box: Rectangle
    /// Its area.
    public var area_um2: Double
    /// Its outline, a closed polygon.
    public var outline: [Point]
    /// Whether it touches the edge of the scanned area, so that a part of it may lie outside.
    public var touchesBorder: Bool
    /// The eccentricity of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.
    public var eccentricity: Double
    /// Its mean intensity in the overview in counts; nil where it was not measured.
    public var meanIntensity: Double?

    /// An object from its parts.
    public init(
        id: Int, centroid: Point, box: Rectangle, area_um2: Double, outline: [Point], touchesBorder: Bool = false,
        eccentricity: Double = 0, meanIntensity: Double? = nil
    ) {
        self.id = id
        self.centroid = centroid
        self.box = box
        self.area_um2 = area_um2
        self.outline = outline
        self.touchesBorder = touchesBorder
        self.eccentricity = eccentricity
        self.meanIntensity = meanIntensity
    }

    /// The columns that a condition may ask for.
    public static let columns = [
        "x_um", "y_um", "area_um2", "left_um", "top_um", "width_um", "height_um", "mean_intensity", "eccentricity",
        "touches_border",
    ]

    /// The value of a column; nan where there is none.
    func value(_ column: String) -> Double {
        switch column {
        case "x_um": centroid.x_um
        case "y_um": centroid.y_um
        case "area_um2": area_um2
        case "left_um": box.left_um
        case "top_um": box.top_um
        case "width_um": box.width_um
        case "height_um": box.height_um
        case "mean_intensity": meanIntensity ?? .nan
        case "eccentricity": eccentricity
        case "touches_border": touchesBorder ? 1 : 0
        default: .nan
        }
    }

    /// The objects of a label image.
    /// - Parameters:
    ///   - labels: 0 for the background, else the number of the object; shape [height, width].
    ///   - origin: the specimen coordinates of the top left corner of the first pixel.
    ///   - pixel_um: the side of a pixel.
    ///   - intensity: the image, of the same size, for the mean intensities.
    /// - Returns: the objects in the order of their labels.
    public static func objects(
        in labels: Plane<UInt32>, origin: Point, pixel_um: Double, intensity: Plane<Float>? = nil
    ) -> [TargetObject] {
        measureObjects(labels, intensity: intensity).map { object in
            let corner = { (column: Double, row: Double) in
                Point(x_um: origin.x_um + column * pixel_um, y_um: origin.y_um + row * pixel_um)
            }
            let bounds = object.bounds
            let topLeft = corner(Double(bounds.column), Double(bounds.row))
            let bottomRight = corner(Double(bounds.column + bounds.width), Double(bounds.row + bounds.height))
            return TargetObject(
                id: Int(object.label), centroid: corner(object.column + 0.5, object.row + 0.5),
                box: Rectangle(
                    left_um: topLeft.x_um, top_um: topLeft.y_um, right_um: bottomRight.x_um,
                    bottom_um: bottomRight.y_um),
                area_um2: Double(object.area) * pixel_um * pixel_um,
                outline: traceOutline(of: object.label, in: labels, within: bounds).map {
                    corner(Double($0.column), Double($0.row))
                },
                touchesBorder: bounds.column == 0 || bounds.row == 0 || bounds.column + bounds.width == labels.width
                    || bounds.row + bounds.height == labels.height,
                eccentricity: object.eccentricity, meanIntensity: object.meanIntensity)
        }
    }

    /// Whether a point lies inside the outline (even-odd rule).
    public func contains(_ point: Point) -> Bool {
        var isInside = false
        for (a, b) in zip(outline, outline.dropFirst() + outline.prefix(1))
        where (a.y_um > point.y_um) != (b.y_um > point.y_um) {
            let crossing = a.x_um + (point.y_um - a.y_um) / (b.y_um - a.y_um) * (b.x_um - a.x_um)
            if point.x_um < crossing { isInside.toggle() }
        }
        return isInside
    }
}

/// The corner of a pixel.
private struct Corner: Equatable {
    var column: Int
    var row: Int
}

/// Follows the edges between the label's pixels and the others, the label on the right hand, from the upper left
/// corner of its first pixel; then drops the corners that lie within 3/4 pixel of the line without them.
private func traceOutline(of label: UInt32, in labels: Plane<UInt32>, within bounds: Region) -> [Corner] {
    func isInside(_ column: Int, _ row: Int) -> Bool {
        column >= 0 && row >= 0 && column < labels.width && row < labels.height && labels[row, column] == label
    }
    let columns = bounds.column..<bounds.column + bounds.width
    guard let first = columns.first(where: { isInside($0, bounds.row) }) else { return [] }
    let start = Corner(column: first, row: bounds.row)
    var corners: [Corner] = []
    var here = start
    var step = (column: 1, row: 0)
    repeat {
        corners.append(here)
        here = Corner(column: here.column + step.column, row: here.row + step.row)
        // The two pixels ahead: pixel (c, r) has its upper left corner at (c, r).
        let left = (
            column: here.column + min(0, step.column) + min(0, step.row),
            row: here.row + min(0, step.row) + min(0, -step.column)
        )
        let right = (
            column: here.column + min(0, step.column) + min(0, -step.row),
            row: here.row + min(0, step.row) + min(0, step.column)
        )
        if isInside(left.column, left.row) {
            step = (step.row, -step.column)
        } else if !isInside(right.column, right.row) {
            step = (-step.row, step.column)
        }
    } while here != start
    let far = corners.indices.max { distance2(corners[$0], start) < distance2(corners[$1], start) } ?? 0
    return simplified(Array(corners[...far])).dropLast() + simplified(corners[far...] + [start]).dropLast()
}

private func distance2(_ a: Corner, _ b: Corner) -> Int {
    (a.column - b.column) * (a.column - b.column) + (a.row - b.row) * (a.row - b.row)
}

/// Ramer's and Douglas' and Peucker's algorithm with a tolerance of 3/4 pixel.
private func simplified(_ corners: [Corner]) -> [Corner] {
    guard corners.count > 2, let first = corners.first, let last = corners.last else { return corners }
    let dx = Double(last.column - first.column)
    let dy = Double(last.row - first.row)
    let length = hypot(dx, dy)
    var farthest = (index: 0, distance: 0.0)
    for index in 1..<corners.count - 1 {
        let x = Double(corners[index].column - first.column)
        let y = Double(corners[index].row - first.row)
        let distance = length > 0 ? abs(dx * y - dy * x) / length : hypot(x, y)
        if distance > farthest.distance { farthest = (index, distance) }
    }
    guard farthest.distance > 0.75 else { return [first, last] }
    return simplified(Array(corners[...farthest.index])).dropLast() + simplified(Array(corners[farthest.index...]))
}
