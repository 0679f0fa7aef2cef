import Imaging
import Optics

/// What is really there: known of simulated specimens only.
public protocol Truth: Sendable {
    /// The objects whose centre lies in an area of the specimen.
    func objects(in area: Rectangle) -> [TrueObject]
    /// The objects drawn into a mask, 255 in objects.
    /// - Parameters:
    ///   - x_um: the left edge of the mask on the specimen.
    ///   - y_um: the upper edge.
    ///   - pixel_um: the side of a pixel.
    ///   - leastRadius_um: the least radius of fibres in the mask.
    func mask(width: Int, height: Int, x_um: Double, y_um: Double, pixel_um: Double, leastRadius_um: Double)
        -> Plane<UInt8>
}

/// An object of a specimen as it truly is.
public struct TrueObject: Sendable, Equatable {
    /// Its centre.
    public var x_um: Double, y_um: Double
    /// The radius of the circle of equal area, or half the width of a fibre.
    public var radius_um: Double
    /// Its outline, or the centre line of a fibre.
    public var outline_um: [SIMD2<Double>]
    /// Whether the outline is closed; that of a fibre is not.
    public var isClosed: Bool

    /// An object from its parts.
    public init(x_um: Double, y_um: Double, radius_um: Double, outline_um: [SIMD2<Double>], isClosed: Bool) {
        self.x_um = x_um
        self.y_um = y_um
        self.radius_um = radius_um
        self.outline_um = outline_um
        self.isClosed = isClosed
    }
}
