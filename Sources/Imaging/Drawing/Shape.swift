/// A point of the plane: `x` to the right and `y` down, in pixels of an image (the top left corner of the first pixel
/// is (0, 0), its centre (0.5, 0.5)) or in points of a page.
public struct ImagePoint: Sendable, Hashable, Codable {
    /// The distance from the left edge.
    public var x: Double
    /// The distance from the top edge.
    public var y: Double

    /// A point by its coordinates.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// A rectangle with sides along the axes, in the same coordinates as `ImagePoint`.
public struct ImageRectangle: Sendable, Hashable, Codable {
    /// The left edge.
    public var x: Double
    /// The top edge.
    public var y: Double
    /// The extent to the right.
    public var width: Double
    /// The extent downwards.
    public var height: Double

    /// A rectangle by its top left corner and its size.
    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The four corners, clockwise from the top left.
    public var corners: [ImagePoint] {
        [
            ImagePoint(x: x, y: y), ImagePoint(x: x + width, y: y), ImagePoint(x: x + width, y: y + height),
            ImagePoint(x: x, y: y + height),
        ]
    }

    func contains(_ point: ImagePoint) -> Bool {
        point.x >= x && point.x <= x + width && point.y >= y && point.y <= y + height
    }

    func overlaps(_ other: ImageRectangle) -> Bool {
        x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
    }

    func grown(by margin: Double) -> ImageRectangle {
        ImageRectangle(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
    }
}

/// How a line is drawn.
struct Stroke {
    var colour: Colour
    var width: Double
    var dash: [Double] = []
}

/// A line of text.
struct Label {
    enum Anchor { case start, middle, end }

    var text: String
    /// Where the anchor lies on the base line.
    var at: ImagePoint
    var size: Double
    var colour: Colour
    var anchor = Anchor.start
    var isBold = false
    /// Whether it reads from the bottom to the top.
    var isVertical = false
    /// The colour around the letters, for text on images.
    var halo: Colour?

    /// The height of a capital letter as a part of the font size (DejaVu Sans).
    static let capHeight = 0.729
}

/// What the drawings consist of: a short vocabulary that is painted on pixels and written as SVG alike.
enum Shape {
    /// Lines through points, several at once; `closed` joins the last point to the first. Filled by the even-odd rule.
    case path([[ImagePoint]], closed: Bool, stroke: Stroke?, fill: Colour?)
    /// Discs of one size.
    case discs([ImagePoint], radius: Double, stroke: Stroke?, fill: Colour?)
    /// A line of text.
    case text(Label)
    /// Shapes of which only the part inside a rectangle shows.
    indirect case clipped(ImageRectangle, [Shape])

    static func rectangle(_ rectangle: ImageRectangle, stroke: Stroke? = nil, fill: Colour? = nil) -> Shape {
        .path([rectangle.corners], closed: true, stroke: stroke, fill: fill)
    }

    static func line(_ from: ImagePoint, _ to: ImagePoint, _ stroke: Stroke) -> Shape {
        .path([[from, to]], closed: false, stroke: stroke, fill: nil)
    }
}
