/// A rectangle on the specimen by its edges, in um.
public struct Rectangle: Sendable, Codable, Equatable {
    /// The left edge.
    public var left_um: Double
    /// The upper edge, the smaller y.
    public var top_um: Double
    /// The right edge.
    public var right_um: Double
    /// The lower edge, the greater y.
    public var bottom_um: Double

    /// A rectangle by its edges.
    public init(left_um: Double, top_um: Double, right_um: Double, bottom_um: Double) {
        self.left_um = left_um
        self.top_um = top_um
        self.right_um = right_um
        self.bottom_um = bottom_um
    }

    /// A rectangle by its extents along the axes.
    public init(x_um: ClosedRange<Double>, y_um: ClosedRange<Double>) {
        self.init(
            left_um: x_um.lowerBound, top_um: y_um.lowerBound, right_um: x_um.upperBound, bottom_um: y_um.upperBound)
    }

    /// A rectangle by its centre and its size, such as a field of view; a size below 0 counts as 0.
    public init(centre: Point = Point(x_um: 0, y_um: 0), width_um: Double, height_um: Double) {
        let halfWidth_um = max(0, width_um) / 2
        let halfHeight_um = max(0, height_um) / 2
        self.init(
            left_um: centre.x_um - halfWidth_um, top_um: centre.y_um - halfHeight_um,
            right_um: centre.x_um + halfWidth_um, bottom_um: centre.y_um + halfHeight_um)
    }

    /// The extent along x.
    public var width_um: Double { right_um - left_um }
    /// The extent along y.
    public var height_um: Double { bottom_um - top_um }
    /// The area in um2.
    public var area_um2: Double { width_um * height_um }
    /// The centre.
    public var centre: Point { Point(x_um: (left_um + right_um) / 2, y_um: (top_um + bottom_um) / 2) }
    /// From the left edge to the right one.
    public var x_um: ClosedRange<Double> { left_um...max(left_um, right_um) }
    /// From the upper edge to the lower one.
    public var y_um: ClosedRange<Double> { top_um...max(top_um, bottom_um) }

    /// Whether a point lies inside; the left and the upper edge belong to the rectangle, the others do not, so that of
    /// rectangles side by side one has it.
    public func contains(x_um: Double, y_um: Double) -> Bool {
        x_um >= left_um && x_um < right_um && y_um >= top_um && y_um < bottom_um
    }

    /// Whether another rectangle lies wholly inside this one.
    public func contains(_ other: Rectangle) -> Bool {
        left_um <= other.left_um && other.right_um <= right_um && top_um <= other.top_um
            && other.bottom_um <= bottom_um
    }

    /// The rectangle with every edge moved outwards (inwards for a negative length).
    public func grown(by length_um: Double) -> Rectangle {
        Rectangle(
            left_um: left_um - length_um, top_um: top_um - length_um, right_um: right_um + length_um,
            bottom_um: bottom_um + length_um)
    }

    /// The smallest rectangle around two.
    public func union(_ other: Rectangle) -> Rectangle {
        Rectangle(
            left_um: min(left_um, other.left_um), top_um: min(top_um, other.top_um),
            right_um: max(right_um, other.right_um), bottom_um: max(bottom_um, other.bottom_um))
    }
}
