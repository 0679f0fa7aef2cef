import Imaging

/// Which pixels of one channel hold no data: those that are no finite numbers, and those of a fill value.
///
/// Registration, rotation, stitching and cropping leave frames, corners and whole tiles of one value, mostly 0 or the
/// greatest. Such pixels say nothing about the specimen, so no intensity scale is taken from them. A value counts as fill
/// where its pixels form regions that only a machine draws: with straight sides along rows and columns, or around a convex
/// part of the image with few corners or most of the area, and then with hardly any intensity near theirs. A background of
/// 0 around round, scattered objects is none.
struct MissingPixels: Sendable {
    /// A value that stands for no data.
    struct Fill: Sendable, Equatable {
        /// The intensity.
        let value: Float
        /// Whether data hardly ever have this intensity, so that each pixel with it holds no data. Otherwise only pixels
        /// in long runs along a row do.
        let isRare: Bool
    }

    /// The fill values.
    let fills: [Fill]
    /// What the network is shown in place of them: an intensity of the background, so that there is no edge.
    private(set) var background: Float = 0

    /// The shortest run of equal intensities that may belong to a region without data, in pixels.
    private static let shortestRun = 16
    /// The shortest run that holds no data where data have the same intensity too, in pixels.
    private static let longRun = 64
    /// The least share of the pixels that matters to the percentiles.
    private static let leastShare = 0.0005
    /// The share of the data that is darker than the background that is shown instead.
    private static let backgroundShare = 0.2
    /// How far around regions without data interpolation may have mixed both, in pixels.
    private static let mixed_px = 2

    /// Looks for the fill values of a channel, or of a fair part of its rows.
    init(in plane: Plane<Float>) {
        fills = Self.fills(of: plane)
        background = erased(plane).quantiles([Self.backgroundShare])[0]
    }

    private static func fills(of plane: Plane<Float>) -> [Fill] {
        guard plane.width >= shortestRun, plane.height >= shortestRun else { return [] }
        let count = Double(plane.samples.count)
        return candidates(of: plane).compactMap { value in
            guard let region = ConstantRegion(value, of: plane, shortestRun: shortestRun) else { return nil }
            let share = Double(region.area) / count
            guard share > leastShare, share < 0.995 else { return nil }
            guard region.hasStraightSides || (region.isAroundConvexPart && standsApart(region, of: plane)) else {
                return nil
            }
            let inData = plane.samples.indices.count {
                plane.samples[$0] == value && region.mask.samples[$0] == 0
            }
            return Fill(value: value, isRare: Double(inData) <= 1e-4 * count)
        }
    }

    /// The intensities that are found most in long runs along some rows and columns.
    private static func candidates(of plane: Plane<Float>) -> [Float] {
        var lengths: [Float: Int] = [:]
        plane.samples.withUnsafeBufferPointer { samples in
            func scan(_ start: Int, _ step: Int, _ count: Int) {
                var first = 0
                while first < count {
                    let value = samples[start + first * step]
                    var end = first + 1
                    while end < count, samples[start + end * step] == value { end += 1 }
                    if end - first >= shortestRun, value.isFinite { lengths[value, default: 0] += end - first }
                    first = end
                }
            }
            func everyEighth(_ count: Int) -> [Int] { Array(stride(from: 0, to: count - 1, by: 8)) + [count - 1] }
            for row in everyEighth(plane.height) { scan(row * plane.width, 1, plane.width) }
            for column in everyEighth(plane.width) { scan(column, plane.width, plane.height) }
        }
        return lengths.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(4).map(\.key)
    }

    /// Whether hardly any intensity outside of a region comes near the region's own, as that of clipped or posterized
    /// backgrounds does.
    private static func standsApart(_ region: ConstantRegion, of plane: Plane<Float>) -> Bool {
        var data = plane
        for index in data.samples.indices where region.mask.samples[index] > 0 { data.samples[index] = .nan }
        data = withoutMixed(data)
        let noise = IntensityScaling.noise(of: data)
        var step = Float.greatestFiniteMagnitude
        for index in stride(from: 1, to: data.samples.count, by: max(1, data.samples.count / 300_000)) {
            let difference = abs(data.samples[index] - data.samples[index - 1])
            if difference > 0, difference < step { step = difference }
        }
        let middle = data.quantiles([0.5])[0]
        let reach = max(0.1 * abs(middle - region.value), 2 * noise, step < .greatestFiniteMagnitude ? step : 0)
        var (near, all) = (0, 0)
        for value in data.samples where value.isFinite {
            all += 1
            if abs(value - region.value) <= reach { near += 1 }
        }
        return all > 0 && near * 50 < all
    }

    /// Makes NaN of the pixels of a row that hold no data.
    func erase(_ row: UnsafeMutableBufferPointer<Float>) {
        for fill in fills {
            if fill.isRare {
                for column in row.indices where row[column] == fill.value { row[column] = .nan }
                continue
            }
            var first = 0
            while first < row.count {
                var end = first
                while end < row.count, row[end] == fill.value { end += 1 }
                if end > first, end - first >= Self.longRun || first == 0 || end == row.count {
                    for column in first..<end { row[column] = .nan }
                }
                first = end + 1
            }
        }
        for column in row.indices where !row[column].isFinite { row[column] = .nan }
    }

    /// The channel with NaN in the pixels that hold no data.
    func erased(_ plane: Plane<Float>) -> Plane<Float> {
        var plane = plane
        let width = plane.width
        plane.samples.withUnsafeMutableBufferPointer { samples in
            for row in 0..<samples.count / max(1, width) {
                erase(UnsafeMutableBufferPointer(rebasing: samples[row * width..<(row + 1) * width]))
            }
        }
        return plane
    }

    /// A channel of `erased` with background in place of NaN.
    func filled(_ erased: Plane<Float>) -> Plane<Float> { erased.map { $0.isNaN ? background : $0 } }

    /// The channel with NaN also in the pixels beside those that are NaN, which may be mixed with them.
    static func withoutMixed(_ plane: Plane<Float>) -> Plane<Float> {
        guard plane.samples.contains(where: \.isNaN) else { return plane }
        let (width, height) = (plane.width, plane.height)
        var wide = plane
        for row in 0..<height {
            for column in 0..<width where plane[row, column].isNaN {
                for near in max(0, column - mixed_px)...min(width - 1, column + mixed_px) { wide[row, near] = .nan }
            }
        }
        var result = wide
        for row in 0..<height {
            for column in 0..<width where wide[row, column].isNaN {
                for near in max(0, row - mixed_px)...min(height - 1, row + mixed_px) { result[near, column] = .nan }
            }
        }
        return result
    }
}

/// The rows of an image as floats, with NaN or background where there are no data.
struct ShownRows: ImageRows {
    private let source: any ImageRows
    private let missing: [MissingPixels]
    private let isFilled: Bool
    var width: Int { source.width }
    var height: Int { source.height }
    var channels: Int { source.channels }
    var pixelSize_um: Double? { source.pixelSize_um }
    var blockRows: Int { source.blockRows }

    /// - Parameters:
    ///   - missing: what holds no data in each channel.
    ///   - isFilled: whether background stands there instead of NaN.
    init(_ source: any ImageRows, missing: [MissingPixels], isFilled: Bool) {
        self.source = source
        self.missing = missing
        self.isFilled = isFilled
    }

    func rows(_ range: Range<Int>) throws -> Image {
        let image = try source.rows(range)
        return Image(
            width: image.width, height: image.height, channels: image.channels,
            samples: .float32(
                zip(missing.indices, missing).flatMap { channel, missing -> [Float] in
                    let erased = missing.erased(image.plane(channel))
                    return isFilled ? missing.filled(erased).samples : erased.samples
                }),
            pixelSize_um: image.pixelSize_um)
    }
}
