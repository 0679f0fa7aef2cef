import Imaging

/// The pixels of one value that lie in long runs along a row or column, and the shape of what they leave of the image.
struct ConstantRegion {
    /// The value.
    let value: Float
    /// 255 in the region.
    let mask: Plane<UInt8>
    /// The number of its pixels.
    let area: Int

    private let shortestRun: Int

    /// Gathers the pixels; parts that neither touch the border nor take up a hundredth of the image are left out.
    /// - Parameter shortestRun: how many pixels in line belong to the region; runs to the border may be shorter.
    init?(_ value: Float, of plane: Plane<Float>, shortestRun: Int) {
        let (width, height) = (plane.width, plane.height)
        var mask = Plane<UInt8>(width: width, height: height, filledWith: 0)
        plane.samples.withUnsafeBufferPointer { samples in
            mask.samples.withUnsafeMutableBufferPointer { mask in
                func scan(_ start: Int, _ step: Int, _ count: Int) {
                    var first = 0
                    while first < count {
                        var end = first
                        while end < count, samples[start + end * step] == value { end += 1 }
                        if end > first, end - first >= shortestRun || first == 0 || end == count {
                            for place in first..<end { mask[start + place * step] = 255 }
                        }
                        first = end + 1
                    }
                }
                for row in 0..<height { scan(row * width, 1, width) }
                for column in 0..<width { scan(column, width, height) }
            }
        }
        let parts = labelComponents(mask, connectivity: .four)
        let kept = parts.objects.map { part in
            let box = part.bounds
            return 100 * part.area >= width * height || box.column == 0 || box.row == 0
                || box.column + box.width == width || box.row + box.height == height
        }
        for index in mask.samples.indices where mask.samples[index] > 0 && !kept[Int(parts.labels.samples[index]) - 1] {
            mask.samples[index] = 0
        }
        area = zip(parts.objects, kept).reduce(0) { $1.1 ? $0 + $1.0.area : $0 }
        guard area > 0 else { return nil }
        self.value = value
        self.mask = mask
        self.shortestRun = shortestRun
    }

    /// The parts of the image beside the region.
    private var rest: (labels: Plane<UInt32>, objects: [ImageObject]) { labelComponents(mask.map { 255 - $0 }) }

    /// Whether nine tenths of its sides run straight along rows and columns; where it takes up more than three tenths
    /// of the image, it must also leave few large parts.
    var hasStraightSides: Bool {
        var (all, straight) = (0, 0)
        mask.samples.withUnsafeBufferPointer { mask in
            /// Follows the side between a line and the one `beside` it.
            func follow(_ start: Int, _ step: Int, _ count: Int, _ beside: Int) {
                var first = 0
                while first < count {
                    func side(_ place: Int) -> Int {
                        Int(mask[start + place * step + beside]) - Int(mask[start + place * step])
                    }
                    let here = side(first)
                    var end = first + 1
                    while end < count, side(end) == here { end += 1 }
                    if here != 0 {
                        all += end - first
                        if end - first >= min(shortestRun, count) { straight += end - first }
                    }
                    first = end
                }
            }
            let (width, height) = (self.mask.width, self.mask.height)
            for row in 0..<height - 1 { follow(row * width, 1, width, width) }
            for column in 0..<width - 1 { follow(column, width, height, 1) }
        }
        guard all > 0, 10 * straight >= 9 * all else { return false }
        let pixels = mask.samples.count
        guard 10 * area > 3 * pixels else { return true }
        let large = rest.objects.reduce(0) { 20 * $1.area >= pixels ? $0 + $1.area : $0 }
        return 10 * large > 9 * (pixels - area)
    }

    /// Whether what it leaves of the image is one convex part, with at most eight corners or over seven tenths of the image.
    var isAroundConvexPart: Bool {
        let rest = rest
        guard let largest = rest.objects.max(by: { $0.area < $1.area }),
            100 * largest.area > 97 * (mask.samples.count - area)
        else { return false }
        var corners: [(x: Double, y: Double)] = []
        for row in largest.bounds.row..<largest.bounds.row + largest.bounds.height {
            let columns = largest.bounds.column..<largest.bounds.column + largest.bounds.width
            guard let left = columns.first(where: { rest.labels[row, $0] == largest.label }),
                let right = columns.last(where: { rest.labels[row, $0] == largest.label })
            else { continue }
            for (x, y) in [(left, row), (right + 1, row), (left, row + 1), (right + 1, row + 1)] {
                corners.append((Double(x), Double(y)))
            }
        }
        var hull = Self.convexHull(corners)
        let hullArea = Self.area(hull)
        guard Double(largest.area) >= 0.97 * hullArea else { return false }
        if 10 * largest.area > 7 * mask.samples.count { return true }
        while hull.count > 8 {
            // The corner that cuts off least.
            let least = hull.indices.min { Self.area(Self.corner($0, of: hull)) < Self.area(Self.corner($1, of: hull)) }
            hull.remove(at: least ?? 0)
        }
        return Self.area(hull) >= 0.99 * hullArea
    }

    private static func corner(_ index: Int, of polygon: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        let count = polygon.count
        return [polygon[(index + count - 1) % count], polygon[index], polygon[(index + 1) % count]]
    }

    /// The corners of the convex hull in order, by the monotone chain of Andrew (1979, Information Processing Letters 9:216).
    private static func convexHull(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        let sorted = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
        func half(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
            var chain: [(x: Double, y: Double)] = []
            for point in points {
                while chain.count > 1 {
                    let (a, b) = (chain[chain.count - 2], chain[chain.count - 1])
                    guard (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) <= 0 else { break }
                    chain.removeLast()
                }
                chain.append(point)
            }
            return chain.dropLast()
        }
        return half(sorted) + half(sorted.reversed())
    }

    /// The area of a polygon.
    private static func area(_ corners: [(x: Double, y: Double)]) -> Double {
        var sum = 0.0
        for index in corners.indices {
            let (a, b) = (corners[index], corners[(index + 1) % corners.count])
            sum += a.x * b.y - b.x * a.y
        }
        return abs(sum) / 2
    }
}
