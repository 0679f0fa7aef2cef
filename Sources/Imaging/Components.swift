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

    /// An object by its measurements.
    public init(label: UInt32, area: Int, row: Double, column: Double, bounds: Region, meanIntensity: Double? = nil) {
        self.label = label
        self.area = area
        self.row = row
        self.column = column
        self.bounds = bounds
        self.meanIntensity = meanIntensity
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
/// One pass over runs of pixels with union-find (He, Chao, Suzuki 2008, doi:10.1109/TIP.2008.919369).
/// - Parameters:
///   - mask: zero is background.
///   - minimumArea: smaller regions become background.
///   - intensity: a plane of the same size that is averaged over every object.
/// - Returns: the label plane (0 = background) and the objects in the order of their labels.
public func labelComponents(
    _ mask: Plane<UInt8>, connectivity: Connectivity = .eight, minimumArea: Int = 1, intensity: Plane<Float>? = nil
) -> (labels: Plane<UInt32>, objects: [ImageObject]) {
    var runs = RunTable(mask, connectivity)
    return runs.label(width: mask.width, height: mask.height, minimumArea: minimumArea, intensity: intensity)
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

/// Runs of pixels of a mask and the trees that join them.
private struct RunTable {
    struct Run {
        var row: Int32, start: Int32, end: Int32
    }

    private var runs: [Run] = []
    private var parents: [Int32] = []

    init(_ mask: Plane<UInt8>, _ connectivity: Connectivity) {
        let reach: Int32 = connectivity == .eight ? 1 : 0
        let width = mask.width
        var previous = 0..<0
        mask.samples.withUnsafeBufferPointer { samples in
            for row in 0..<mask.height {
                let first = runs.count
                var column = 0
                let base = row * width
                while column < width {
                    while column < width && samples[base + column] == 0 { column += 1 }
                    guard column < width else { break }
                    let start = column
                    while column < width && samples[base + column] != 0 { column += 1 }
                    parents.append(Int32(runs.count))
                    runs.append(Run(row: Int32(row), start: Int32(start), end: Int32(column)))
                }
                join(first..<runs.count, with: previous, reach)
                previous = first..<runs.count
            }
        }
    }

    /// Joins the runs of a row with those of the row above that they touch.
    private mutating func join(_ row: Range<Int>, with above: Range<Int>, _ reach: Int32) {
        var candidate = above.lowerBound
        for run in row {
            while candidate < above.upperBound, runs[candidate].end + reach <= runs[run].start { candidate += 1 }
            var other = candidate
            while other < above.upperBound, runs[other].start < runs[run].end + reach {
                let (a, b) = (root(run), root(other))
                // The earlier run stays the root, so that roots come in reading order.
                if a < b { parents[b] = Int32(a) } else { parents[a] = Int32(b) }
                other += 1
            }
        }
    }

    private mutating func root(_ run: Int) -> Int {
        var run = run
        while Int(parents[run]) != run {
            parents[run] = parents[Int(parents[run])]
            run = Int(parents[run])
        }
        return run
    }

    mutating func label(
        width: Int, height: Int, minimumArea: Int, intensity: Plane<Float>?
    ) -> (labels: Plane<UInt32>, objects: [ImageObject]) {
        var tallies = [Tally](repeating: Tally(), count: runs.count)
        for index in runs.indices {
            let run = runs[index]
            tallies[root(index)].add(row: Int(run.row), columns: Int(run.start)..<Int(run.end), intensity)
        }
        var labels = Plane<UInt32>(width: width, height: height, filledWith: 0)
        var numbers = [UInt32](repeating: 0, count: runs.count)
        var objects: [ImageObject] = []
        for index in runs.indices {
            let root = root(index)
            if root == index, tallies[index].area >= minimumArea {
                numbers[index] = UInt32(objects.count + 1)
                objects.append(tallies[index].object(label: numbers[index], hasIntensity: intensity != nil))
            }
            guard numbers[root] > 0 else { continue }
            let run = runs[index]
            let base = Int(run.row) * width
            for column in base + Int(run.start)..<base + Int(run.end) { labels.samples[column] = numbers[root] }
        }
        return (labels, objects)
    }
}

/// Sums over the pixels of an object.
private struct Tally {
    var area = 0
    private var rowSum = 0, columnSum = 0
    private var intensitySum = 0.0
    private var top = Int.max, bottom = -1, left = Int.max, right = -1

    mutating func add(row: Int, columns: Range<Int>, _ intensity: Plane<Float>?) {
        area += columns.count
        rowSum += row * columns.count
        columnSum += (columns.lowerBound + columns.upperBound - 1) * columns.count / 2
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
            meanIntensity: hasIntensity ? intensitySum / Double(area) : nil)
    }
}
