import Imaging
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
    /// The channels of a range of rows within the image, each a plane of `width` columns.
    func rows(_ range: Range<Int>) throws -> [Plane<Float>]
}

extension Image: ImageRows {
    /// The channels of a range of rows.
    public func rows(_ range: Range<Int>) -> [Plane<Float>] {
        (0..<channels).map { channel in
            let start = (channel * height + range.lowerBound) * width
            return Plane(
                width: width, height: range.count, samples: samples.floats(in: start..<start + range.count * width))
        }
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

    /// The channels of a range of rows of the resampled image.
    func rows(_ range: Range<Int>) throws -> [Plane<Float>] {
        if across.isIdentity, down.isIdentity { return try source.rows(range) }
        let needed = down.sources(of: range)
        // Read in strips, so that a strongly reduced image never needs all its rows at once.
        let strip = max(64, 4_000_000 / max(1, source.width * source.channels))
        var result = Array(
            repeating: [Float](repeating: 0, count: range.count * across.to), count: source.channels)
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
            let planes = try source.rows(first..<last)
            for channel in planes.indices {
                let narrow = resampledAcross(planes[channel])
                for row in next..<end {
                    let target = (row - range.lowerBound) * across.to
                    down.forEachSource(of: row) { sourceRow, weight in
                        let start = (sourceRow - first) * across.to
                        for column in 0..<across.to {
                            result[channel][target + column] += weight * narrow[start + column]
                        }
                    }
                }
            }
            next = end
            guard next < range.upperBound else { break }
            first = down.sources(of: next..<next + 1).lowerBound
        }
        return result.map { Plane(width: across.to, height: range.count, samples: $0) }
    }

    private func resampledAcross(_ plane: Plane<Float>) -> [Float] {
        if across.isIdentity { return plane.samples }
        return across.resampled(plane)
    }
}

extension ResamplingAxis {
    /// Resamples every row of a plane of `from` columns; the result is row-major with `to` columns.
    public func resampled(_ plane: Plane<Float>) -> [Float] {
        var result = [Float](repeating: 0, count: plane.height * to)
        plane.samples.withUnsafeBufferPointer { samples in
            result.withUnsafeMutableBufferPointer { result in
                for column in 0..<to {
                    forEachSource(of: column) { source, weight in
                        for row in 0..<plane.height {
                            result[row * to + column] += weight * samples[row * plane.width + source]
                        }
                    }
                }
            }
        }
        return result
    }
}
