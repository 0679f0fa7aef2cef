/// How the pixels of a camera lie on the specimen: the step in um of stage coordinates for a pixel to the right and a pixel
/// down.
public struct PixelMatrix: Sendable, Codable, Equatable {
    /// The step along x for a pixel to the right, and for a pixel down.
    public var xRight: Double, xDown: Double
    /// The step along y for a pixel to the right, and for a pixel down.
    public var yRight: Double, yDown: Double

    /// A camera that looks along the axes of the stage.
    /// - Parameter pixel_um: the side of a pixel.
    public init(pixel_um: Double) {
        (xRight, xDown, yRight, yDown) = (pixel_um, 0, 0, pixel_um)
    }

    /// From rows: `[[x for right, x for down], [y for right, y for down]]` in um.
    public init(rows: [[Double]]) {
        (xRight, xDown, yRight, yDown) = (rows[0][0], rows[0][1], rows[1][0], rows[1][1])
    }

    /// As rows in um.
    public var rows: [[Double]] { [[xRight, xDown], [yRight, yDown]] }

    /// The side of a square pixel of the same area in um.
    public var pixel_um: Double { abs(determinant).squareRoot() }

    private var determinant: Double { xRight * yDown - xDown * yRight }

    /// Whether the camera looks along the axes of the stage, so that images need no turning.
    public var isStraight: Bool { xDown == 0 && yRight == 0 && xRight == yDown && xRight > 0 }

    /// For pixels that are gathered from `binning` x `binning` ones.
    public func binned(_ binning: Int) -> PixelMatrix {
        PixelMatrix(rows: rows.map { $0.map { $0 * Double(binning) } })
    }

    /// The place on the specimen of a point of the image, both from their centres.
    public func place(right: Double, down: Double) -> (x_um: Double, y_um: Double) {
        (xRight * right + xDown * down, yRight * right + yDown * down)
    }

    /// The point of the image of a place on the specimen, both from their centres, in pixels.
    public func pixel(x_um: Double, y_um: Double) -> (right: Double, down: Double) {
        ((yDown * x_um - xDown * y_um) / determinant, (xRight * y_um - yRight * x_um) / determinant)
    }

    /// The extent along the axes of the stage of an image of so many pixels.
    public func extent(width: Int, height: Int) -> (width_um: Double, height_um: Double) {
        (
            abs(xRight) * Double(width) + abs(xDown) * Double(height),
            abs(yRight) * Double(width) + abs(yDown) * Double(height)
        )
    }

    /// The largest upright rectangle about the centre that an image of so many pixels shows wholly.
    public func field(width: Int, height: Int) -> (width_um: Double, height_um: Double) {
        let (columns, rows) = (Double(width), Double(height))
        if isStraight { return (columns * xRight, rows * yDown) }
        // The conditions: a X + b Y <= columns, c X + d Y <= rows.
        let (a, b) = (abs(yDown / determinant), abs(xDown / determinant))
        let (c, d) = (abs(yRight / determinant), abs(xRight / determinant))
        // The area is greatest on the edge of one condition at its middle, or in the corner of both.
        var best = (width_um: 0.0, height_um: 0.0)
        func consider(_ x: Double, _ y: Double) {
            guard x.isFinite, y.isFinite, x > 0, y > 0, a * x + b * y <= columns * (1 + 1e-12),
                c * x + d * y <= rows * (1 + 1e-12), x * y > best.width_um * best.height_um
            else { return }
            best = (x, y)
        }
        consider((columns * d - rows * b) / (a * d - b * c), (a * rows - c * columns) / (a * d - b * c))
        consider(columns / (2 * a), columns / (2 * b))
        consider(rows / (2 * c), rows / (2 * d))
        let side = min(columns / (a + b), rows / (c + d))
        consider(side, side)
        return best
    }
}
