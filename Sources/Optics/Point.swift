/// A point on the specimen in um.
public struct Point: Sendable, Codable, Equatable {
    /// The horizontal coordinate.
    public var x_um: Double
    /// The vertical coordinate; y points down, as in images.
    public var y_um: Double

    /// A point by its coordinates.
    public init(x_um: Double, y_um: Double) {
        self.x_um = x_um
        self.y_um = y_um
    }
}
