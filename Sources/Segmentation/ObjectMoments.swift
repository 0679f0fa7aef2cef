import Imaging

/// The sums over an object's pixels that its measures are made from; sums of parts of an object add up.
struct ObjectMoments {
    private(set) var area = 0
    // Sums of columns, rows and their products, exact up to 2^53.
    private var x = 0.0
    private var y = 0.0
    private var xx = 0.0
    private var yy = 0.0
    private var xy = 0.0
    private var intensity = 0.0
    private var greatest = -Float.infinity
    private var left = Int32.max
    private var right = Int32(-1)
    private var top = Int32.max
    private var bottom = Int32(-1)
    /// The first pixel in reading order.
    private(set) var first = PixelRun(row: .max, start: .max, end: .max)

    /// Adds a run of pixels.
    mutating func add(_ run: PixelRun) {
        let (count, row) = (Double(run.count), Double(run.row))
        let middle = Double(Int(run.start) + Int(run.end) - 1) / 2
        let sum = middle * count
        let squares = middle * sum + count * (count * count - 1) / 12
        area += run.count
        x += sum
        y += row * count
        xx += squares
        yy += row * row * count
        xy += row * sum
        left = min(left, run.start)
        right = max(right, run.end - 1)
        top = min(top, run.row)
        bottom = max(bottom, run.row)
        if (run.row, run.start) < (first.row, first.start) { first = run }
    }

    /// Adds intensities by their sum and the greatest of them.
    mutating func addIntensity(sum: Double, greatest: Float) {
        intensity += sum
        self.greatest = max(self.greatest, greatest)
    }

    /// Adds those of another part of the same object.
    mutating func add(_ other: ObjectMoments) {
        area += other.area
        x += other.x
        y += other.y
        xx += other.xx
        yy += other.yy
        xy += other.xy
        addIntensity(sum: other.intensity, greatest: other.greatest)
        left = min(left, other.left)
        right = max(right, other.right)
        top = min(top, other.top)
        bottom = max(bottom, other.bottom)
        if (other.first.row, other.first.start) < (first.row, first.start) { first = other.first }
    }

    /// The measures of the object.
    func object(id: Int, classNumber: Int, hasIntensity: Bool) -> SegmentedObject {
        let count = Double(area)
        let meanX = x / count
        let meanY = y / count
        // A pixel is a square of variance 1/12 about its centre.
        let varianceX = xx / count - meanX * meanX + 1.0 / 12
        let varianceY = yy / count - meanY * meanY + 1.0 / 12
        let covariance = xy / count - meanX * meanY
        let middle = (varianceX + varianceY) / 2
        let spread = ((varianceX - varianceY) * (varianceX - varianceY) / 4 + covariance * covariance).squareRoot()
        let ratio = (middle - spread) / (middle + spread)
        return SegmentedObject(
            id: id, x_px: meanX + 0.5, y_px: meanY + 0.5, area_px: area,
            box: Region(
                column: Int(left), row: Int(top), width: Int(right - left) + 1, height: Int(bottom - top) + 1),
            meanIntensity: hasIntensity ? intensity / count : .nan,
            maxIntensity: hasIntensity ? Double(greatest) : .nan,
            eccentricity: max(0, 1 - ratio).squareRoot(), classNumber: classNumber)
    }
}
