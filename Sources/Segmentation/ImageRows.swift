import Imaging
import Kernels
import Work

/// An image of any size that is read by strips of rows.
public protocol ImageRows {
    /// The number of columns.
    var width: Int { get }
    /// The number of rows.
    var height: Int { get }
    /// The number of channels.
    var channels: Int { get }
    /// The side of a pixel in um, where it is known.
    var pixelSize_um: Double? { get }
    /// The rows that are best read together.
    var blockRows: Int { get }
    /// A range of rows within the image with all channels, `width` columns wide.
    func rows(_ range: Range<Int>) throws -> Image
}

extension ImageRows {
    /// 64 rows unless the image knows better.
    public var blockRows: Int { 64 }
}

extension Image: ImageRows {
    /// A range of rows with all channels.
    public func rows(_ range: Range<Int>) throws -> Image {
        range == 0..<height
            ? self : try crop(Region(column: 0, row: range.lowerBound, width: width, height: range.count))
    }
}

/// The rows of an image at another size.
struct ResampledRows {
    private let source: any ImageRows
    private let across: ResamplingAxis
    private let down: ResamplingAxis

    init(_ source: any ImageRows, width: Int, height: Int) {
        self.source = source
        across = ResamplingAxis(from: source.width, to: width)
        down = ResamplingAxis(from: source.height, to: height)
    }

    /// A range of rows of the resampled image, floats unless nothing changes.
    func rows(_ range: Range<Int>) throws -> Image {
        if across.isIdentity, down.isIdentity { return try source.rows(range) }
        let needed = down.sources(of: range)
        // Read in strips, so that a strongly reduced image never needs all its rows at once.
        let strip = max(64, 4_000_000 / max(1, source.width * source.channels))
        let size = range.count * across.to
        var result = [Float](repeating: 0, count: size * source.channels)
        var next = range.lowerBound
        var first = needed.lowerBound
        while first < needed.upperBound {
            try Interruption.check()
            var last = min(needed.upperBound, first + strip)
            var end = next
            while end < range.upperBound, down.sources(of: end..<end + 1).upperBound <= last { end += 1 }
            if end == next {
                end = next + 1
                last = down.sources(of: next..<end).upperBound
            }
            let image = try source.rows(first..<last)
            for channel in 0..<image.channels {
                let narrow = across.resampled(image.plane(channel))
                result.withUnsafeMutableBufferPointer { result in
                    guard let base = result.baseAddress else { return }
                    for row in next..<end {
                        down.add(
                            row, of: narrow, firstRow: first, width: across.to,
                            to: base + channel * size + (row - range.lowerBound) * across.to)
                    }
                }
            }
            next = end
            guard next < range.upperBound else { break }
            first = down.sources(of: next..<next + 1).lowerBound
        }
        return Image(width: across.to, height: range.count, channels: source.channels, samples: .float32(result))
    }
}

extension ResamplingAxis {
    /// Resamples every row of a plane of `from` columns; the result is row-major with `to` columns.
    public func resampled(_ plane: Plane<Float>) -> [Float] {
        if isIdentity { return plane.samples }
        var result = [Float](repeating: 0, count: plane.height * to)
        plane.samples.withUnsafeBufferPointer { samples in
            result.withUnsafeMutableBufferPointer { result in
                for row in 0..<plane.height {
                    let line = row * plane.width
                    for column in 0..<to {
                        var sum: Float = 0
                        forEachSource(of: column) { source, weight in sum += weight * samples[line + source] }
                        result[row * to + column] = sum
                    }
                }
            }
        }
        return result
    }

    /// Adds row `index` of the result, made from rows of `samples` that begin with `firstRow`, to `target`.
    func add(_ index: Int, of samples: [Float], firstRow: Int, width: Int, to target: UnsafeMutablePointer<Float>) {
        samples.withUnsafeBufferPointer { samples in
            guard let base = samples.baseAddress else { return }
            forEachSource(of: index) { source, weight in
                kernels_add_scaled(target, base + (source - firstRow) * width, weight, width)
            }
        }
    }
}
