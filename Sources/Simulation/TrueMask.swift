import Imaging
import Optics

extension Specimen {
    /// The mask that a perfect annotator would draw.
    ///
    /// A pixel belongs to an object whose closed outline holds its centre, or to a fibre whose middle line is no farther
    /// than the fibre's radius.
    /// - Parameters:
    ///   - width: the columns of the mask, and `height` the rows.
    ///   - x_um: the left edge of the mask in the specimen.
    ///   - y_um: the upper edge.
    ///   - pixel_um: the side of a pixel.
    ///   - leastRadius_um: fibres are drawn at least this far to both sides of their middle lines: thinner ones are no
    ///     thinner in an image than the light microscope shows them.
    /// - Returns: 255 in objects, 0 elsewhere, shape [height, width].
    public func trueMask(
        width: Int, height: Int, x_um: Double, y_um: Double, pixel_um: Double, leastRadius_um: Double = 0
    ) -> Plane<UInt8> {
        var mask = Plane<UInt8>(width: width, height: height, filledWith: 0)
        let area = Rectangle(
            x_um: x_um...x_um + Double(width) * pixel_um, y_um: y_um...y_um + Double(height) * pixel_um)
        // Objects are listed by their middle, and fibres are long.
        for object in objects(in: area.grown(by: 100)) {
            let points = object.outline_um.map { ($0 - SIMD2(x_um, y_um)) / pixel_um }
            if object.isClosed {
                mask.fill(points)
            } else {
                let radius = max(object.radius_um, leastRadius_um) / pixel_um
                for point in points { mask.fillDisk(at: point, radius: radius) }
            }
        }
        return mask
    }
}

extension Plane<UInt8> {
    /// The indices of pixels along one axis whose centres lie between two places and inside the plane.
    private static func inside(_ from: Double, _ to: Double, _ count: Int) -> Range<Int> {
        let first = max(0, (from - 0.5).rounded(.up))
        let end = min(Double(count), (to - 0.5).rounded(.down) + 1)
        return first < end ? Int(first)..<Int(end) : 0..<0
    }

    /// Marks the pixels whose centres lie in a polygon, by the even-odd rule; pixel (0, 0) has its centre at (0.5, 0.5).
    fileprivate mutating func fill(_ corners: [SIMD2<Double>]) {
        let rows = Self.inside(corners.map(\.y).min() ?? 0, corners.map(\.y).max() ?? 0, height)
        for row in rows {
            let y = Double(row) + 0.5
            var crossings: [Double] = []
            for (index, corner) in corners.enumerated() {
                let next = corners[(index + 1) % corners.count]
                guard (corner.y <= y) != (next.y <= y) else { continue }
                crossings.append(corner.x + (y - corner.y) / (next.y - corner.y) * (next.x - corner.x))
            }
            crossings.sort()
            for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                for column in Self.inside(crossings[pair], crossings[pair + 1], width) { self[row, column] = 255 }
            }
        }
    }

    /// Marks the pixels whose centres lie in a disk.
    fileprivate mutating func fillDisk(at centre: SIMD2<Double>, radius: Double) {
        for row in Self.inside(centre.y - radius, centre.y + radius, height) {
            let away = Double(row) + 0.5 - centre.y
            let half = max(0, radius * radius - away * away).squareRoot()
            for column in Self.inside(centre.x - half, centre.x + half, width) { self[row, column] = 255 }
        }
    }
}
