import Foundation

/// The boundary of the pixels of one label: closed lines along the edges of pixels.
///
/// Outer lines run clockwise as the picture is seen, those around holes counter-clockwise, so that the signed areas
/// add up to the number of pixels. A label in several pieces has several outer lines.
public struct Outline: Sendable, Equatable {
    /// The label that is bounded.
    public let label: UInt32
    /// The closed lines by their corners, without repeating the first; in image coordinates.
    public let rings: [[ImagePoint]]

    /// An outline by its rings.
    public init(label: UInt32, rings: [[ImagePoint]]) {
        self.label = label
        self.rings = rings
    }

    /// The enclosed area in square pixels; holes don't count.
    public var area: Double { rings.reduce(0) { $0 + Outline.area(of: $1) } }

    /// The outline through the middles of the pixel edges, as marching squares draws it half-way between pixel centres
    /// (W. E. Lorensen and H. E. Cline, Computer Graphics 21 (1987) 163, in two dimensions): 45° lines instead of stairs.
    ///
    /// Each convex corner loses and each concave one wins an eighth of a pixel.
    public var smoothed: Outline {
        Outline(
            label: label,
            rings: rings.map { ring in
                var middles: [ImagePoint] = []
                for (index, corner) in ring.enumerated() {
                    let next = ring[(index + 1) % ring.count]
                    let length = max(1, abs(next.x - corner.x) + abs(next.y - corner.y))
                    for place in length > 1 ? [0.5, length - 0.5] : [0.5] {
                        let t = place / length
                        middles.append(
                            ImagePoint(x: corner.x + t * (next.x - corner.x), y: corner.y + t * (next.y - corner.y)))
                    }
                }
                return middles
            })
    }

    /// The signed area of a ring by the shoelace formula, positive where it runs clockwise as seen.
    private static func area(of ring: [ImagePoint]) -> Double {
        guard var last = ring.last else { return 0 }
        var twice = 0.0
        for point in ring {
            twice += last.x * point.y - point.x * last.y
            last = point
        }
        return twice / 2
    }
}

/// The outlines of all labels of a label image, in ascending order of the labels; 0 is background.
///
/// Pixels of a label that touch only at a corner lie in separate rings.
public func outlines(of labels: Plane<UInt32>) -> [Outline] {
    var tracer = BoundaryTracer(labels)
    return tracer.trace()
}

/// Follows the boundaries along the cracks between pixels, the labelled pixels on the right hand.
///
/// Every ring has at least one edge that runs to the right along the top of a pixel; these are the starts.
private struct BoundaryTracer {
    private let labels: Plane<UInt32>
    private var isVisited: [Bool]

    init(_ labels: Plane<UInt32>) {
        self.labels = labels
        isVisited = Array(repeating: false, count: labels.samples.count)
    }

    mutating func trace() -> [Outline] {
        var rings: [UInt32: [[ImagePoint]]] = [:]
        for row in 0..<labels.height {
            for column in 0..<labels.width {
                let label = labels[row, column]
                guard label != 0, !isVisited[row * labels.width + column], at(row - 1, column) != label else {
                    continue
                }
                rings[label, default: []].append(ring(row: row, column: column, label: label))
            }
        }
        return rings.sorted { $0.key < $1.key }.map { Outline(label: $0.key, rings: $0.value) }
    }

    private func at(_ row: Int, _ column: Int) -> UInt32 {
        row >= 0 && column >= 0 && row < labels.height && column < labels.width ? labels[row, column] : 0
    }

    private mutating func ring(row: Int, column: Int, label: UInt32) -> [ImagePoint] {
        var corners = [ImagePoint(x: Double(column), y: Double(row))]
        var x = column, y = row
        var dx = 1, dy = 0
        repeat {
            if dx == 1 { isVisited[y * labels.width + x] = true }
            x += dx
            y += dy
            // The pixels ahead: right hand and left hand of the crack that goes straight on.
            let right = at(y + (dx + dy - 1) / 2, x + (dx - dy - 1) / 2)
            let left = at(y + (-dx + dy - 1) / 2, x + (dx + dy - 1) / 2)
            let turn: (dx: Int, dy: Int) = right != label ? (-dy, dx) : left == label ? (dy, -dx) : (dx, dy)
            if turn != (dx, dy), (x, y, turn.dx) != (column, row, 1) {
                corners.append(ImagePoint(x: Double(x), y: Double(y)))
            }
            (dx, dy) = turn
        } while (x, y, dx) != (column, row, 1)
        return corners
    }
}
