import Work

/// One connected region of a mask or label image.
public struct ImageObject: Sendable, Equatable {
    /// The number of the object in the label plane, 1 or more.
    public let label: UInt32
    /// The number of pixels.
    public let area: Int
    /// The mean position of the pixels; the centre of the first pixel is (0, 0).
    public let row: Double, column: Double
    /// The smallest rectangle that holds the object.
    public let bounds: Region
    /// The mean of the measured image over the object, where there was one.
    public let meanIntensity: Double?
    /// The eccentricity of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.
    public let eccentricity: Double

    /// An object by its measurements.
    public init(
        label: UInt32, area: Int, row: Double, column: Double, bounds: Region, meanIntensity: Double? = nil,
        eccentricity: Double = 0
    ) {
        self.label = label
        self.area = area
        self.row = row
        self.column = column
        self.bounds = bounds
        self.meanIntensity = meanIntensity
        self.eccentricity = eccentricity
    }
}

/// Which pixels touch each other.
public enum Connectivity: Int, Sendable {
    /// Those that share a side.
    case four = 4
    /// Those that share a side or a corner.
    case eight = 8
}

/// Numbers the connected regions of the pixels that are not zero, in reading order of their first pixels.
///
/// - Parameters:
///   - mask: zero is background.
///   - minimumArea: smaller regions become background.
///   - intensity: a plane of the same size that is averaged over every object.
/// - Returns: the label plane (0 = background) and the objects in the order of their labels.
public func labelComponents(
    _ mask: Plane<UInt8>, connectivity: Connectivity = .eight, minimumArea: Int = 1, intensity: Plane<Float>? = nil
) -> (labels: Plane<UInt32>, objects: [ImageObject]) {
    var stream = ComponentStream(width: mask.width, connectivity: connectivity)
    stream.mostRuns = .max
    stream.mostRunsInAll = .max
    var found: [(first: PixelRun, part: ConnectedPart)] = []
    func take(_ event: ComponentStream.Event) {
        guard case .part(let part) = event, part.runs.reduce(0, { $0 + $1.count }) >= minimumArea else { return }
        found.append((part.first, part))
    }
    mask.samples.withUnsafeBufferPointer { samples in
        for row in 0..<mask.height {
            guard let base = samples.baseAddress else { break }
            stream.append(base + row * mask.width, handle: take)
        }
    }
    stream.finish(handle: take)
    found.sort { ($0.first.row, $0.first.start) < ($1.first.row, $1.first.start) }
    var labels = Plane<UInt32>(width: mask.width, height: mask.height, filledWith: 0)
    var objects: [ImageObject] = []
    for (index, entry) in found.enumerated() {
        var tally = Tally()
        for run in entry.part.runs {
            tally.add(row: Int(run.row), columns: Int(run.start)..<Int(run.end), intensity)
            let base = Int(run.row) * mask.width
            for column in base + Int(run.start)..<base + Int(run.end) { labels.samples[column] = UInt32(index + 1) }
        }
        objects.append(tally.object(label: UInt32(index + 1), hasIntensity: intensity != nil))
    }
    return (labels, objects)
}

/// Measures the objects of a label image; labels without pixels are left out.
/// - Parameter intensity: a plane of the same size that is averaged over every object.
public func measureObjects(_ labels: Plane<UInt32>, intensity: Plane<Float>? = nil) -> [ImageObject] {
    var tallies: [UInt32: Tally] = [:]
    labels.samples.withUnsafeBufferPointer { samples in
        for row in 0..<labels.height {
            var column = 0
            while column < labels.width {
                let label = samples[row * labels.width + column]
                let start = column
                repeat { column += 1 } while column < labels.width && samples[row * labels.width + column] == label
                if label > 0 { tallies[label, default: Tally()].add(row: row, columns: start..<column, intensity) }
            }
        }
    }
    return tallies.sorted { $0.key < $1.key }.map { $0.value.object(label: $0.key, hasIntensity: intensity != nil) }
}

/// Sums over the pixels of an object.
private struct Tally {
    var area = 0
    private var rowSum = 0, columnSum = 0
    private var rowSquares = 0.0, columnSquares = 0.0, products = 0.0
    private var intensitySum = 0.0
    private var top = Int.max, bottom = -1, left = Int.max, right = -1

    mutating func add(row: Int, columns: Range<Int>, _ intensity: Plane<Float>?) {
        area += columns.count
        rowSum += row * columns.count
        let columnsHere = (columns.lowerBound + columns.upperBound - 1) * columns.count / 2
        columnSum += columnsHere
        let count = Double(columns.count)
        let middle = Double(columns.lowerBound + columns.upperBound - 1) / 2
        rowSquares += Double(row) * Double(row) * count
        columnSquares += middle * middle * count + count * (count * count - 1) / 12
        products += Double(row) * Double(columnsHere)
        top = min(top, row)
        bottom = max(bottom, row)
        left = min(left, columns.lowerBound)
        right = max(right, columns.upperBound - 1)
        if let intensity {
            for column in columns { intensitySum += Double(intensity[row, column]) }
        }
    }

    func object(label: UInt32, hasIntensity: Bool) -> ImageObject {
        ImageObject(
            label: label, area: area, row: Double(rowSum) / Double(area), column: Double(columnSum) / Double(area),
            bounds: Region(column: left, row: top, width: right - left + 1, height: bottom - top + 1),
            meanIntensity: hasIntensity ? intensitySum / Double(area) : nil, eccentricity: eccentricity)
    }

    private var eccentricity: Double {
        let count = Double(area)
        let (row, column) = (Double(rowSum) / count, Double(columnSum) / count)
        // A pixel is a square of variance 1/12 about its centre.
        let varianceX = columnSquares / count - column * column + 1.0 / 12
        let varianceY = rowSquares / count - row * row + 1.0 / 12
        let covariance = products / count - row * column
        let middle = (varianceX + varianceY) / 2
        let spread = ((varianceX - varianceY) * (varianceX - varianceY) / 4 + covariance * covariance).squareRoot()
        return max(0, 1 - (middle - spread) / (middle + spread)).squareRoot()
    }
}
