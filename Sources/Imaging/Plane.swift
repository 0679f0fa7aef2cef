/// A two-dimensional array of samples, row-major: sample (row, column) lies at `row * width + column`, with the
/// origin at the top left.
@frozen public struct Plane<Sample> {
    /// The number of columns.
    public let width: Int
    /// The number of rows.
    public let height: Int
    /// The samples, `width * height` of them.
    public var samples: [Sample]

    /// Wraps samples; their number must be `width * height`.
    @inlinable public init(width: Int, height: Int, samples: [Sample]) {
        precondition(samples.count == width * height, "a plane of \(width)x\(height) needs \(width * height) samples")
        self.width = width
        self.height = height
        self.samples = samples
    }

    /// A plane filled with one value.
    @inlinable public init(width: Int, height: Int, filledWith value: Sample) {
        self.init(width: width, height: height, samples: Array(repeating: value, count: width * height))
    }

    /// The sample at a row and a column.
    @inlinable public subscript(row: Int, column: Int) -> Sample {
        get { samples[row * width + column] }
        set { samples[row * width + column] = newValue }
    }

    /// A plane of the same size with every sample transformed.
    @inlinable public func map<Other>(_ transform: (Sample) throws -> Other) rethrows -> Plane<Other> {
        Plane<Other>(width: width, height: height, samples: try samples.map(transform))
    }

    /// The part of the plane inside the region, which must lie within the plane.
    @inlinable public func crop(_ region: Region) -> Plane {
        precondition(
            region.column >= 0 && region.row >= 0 && region.column + region.width <= width
                && region.row + region.height <= height, "the region lies outside the plane")
        var part: [Sample] = []
        part.reserveCapacity(region.width * region.height)
        for row in region.row..<region.row + region.height {
            let start = row * width + region.column
            part.append(contentsOf: samples[start..<start + region.width])
        }
        return Plane(width: region.width, height: region.height, samples: part)
    }
}

extension Plane: Sendable where Sample: Sendable {}
extension Plane: Equatable where Sample: Equatable {}

/// A rectangle of whole pixels.
@frozen public struct Region: Sendable, Hashable, Codable {
    /// The leftmost column.
    public var column: Int
    /// The topmost row.
    public var row: Int
    /// The number of columns.
    public var width: Int
    /// The number of rows.
    public var height: Int

    /// A rectangle by its top left pixel and its size.
    public init(column: Int, row: Int, width: Int, height: Int) {
        self.column = column
        self.row = row
        self.width = width
        self.height = height
    }
}
