import Imaging
import Work

/// The mean and the variance of every pixel over a movie, gathered frame by frame.
public struct PixelStatistics: Sendable {
    /// The columns and rows.
    public let width: Int, height: Int
    /// The number of frames.
    public private(set) var frames = 0
    // Sums of differences to the first frame: no digits are lost where the offset is large.
    private var first: [Float] = []
    private var sums: [Double]
    private var squares: [Double]
    private var firstMean = 0.0

    /// Empty statistics for frames of a size.
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
        sums = Array(repeating: 0, count: width * height)
        squares = sums
    }

    /// The statistics of a movie.
    /// - Parameters:
    ///   - offset: the mean count without light of each pixel. Where it is given, each frame is scaled so that the mean above
    ///     the offset is that of the first, which takes out the flicker of the lamp.
    ///   - frames: no more frames than these are read.
    /// - Throws: a `Failure` when a frame cannot be read or there are fewer than two; `Interrupted`.
    public init(
        _ movie: any Movie, offset: Plane<Float>? = nil, frames limit: Int = .max, title: String = "calibrating"
    )
        throws
    {
        self.init(width: movie.width, height: movie.height)
        let count = min(movie.frameCount, limit)
        guard count >= 2 else {
            throw Failure("\(movie.path) has one frame", remedy: "variances need many, 500 or more", code: "too-few")
        }
        let progress = Progress(title, total: count, unit: "frames")
        defer { progress.finish() }
        for index in 0..<count {
            try Interruption.check()
            add(try movie.frame(index), offset: offset)
            progress.advance()
        }
    }

    /// Adds a frame.
    public mutating func add(_ frame: Plane<Float>, offset: Plane<Float>? = nil) {
        precondition(frame.width == width && frame.height == height, "a frame of another size")
        var factor: Float = 1
        if let offset {
            var total = 0.0
            for pixel in frame.samples.indices { total += Double(frame.samples[pixel] - offset.samples[pixel]) }
            let mean = total / Double(frame.samples.count)
            if frames == 0 { firstMean = mean }
            if mean > 0, firstMean > 0 { factor = Float(firstMean / mean) }
        }
        if frames == 0 { first = frame.samples }
        frames += 1
        for pixel in frame.samples.indices {
            let ground = offset?.samples[pixel] ?? 0
            let value = factor == 1 ? frame.samples[pixel] : ground + (frame.samples[pixel] - ground) * factor
            let difference = Double(value - first[pixel])
            sums[pixel] += difference
            squares[pixel] += difference * difference
        }
    }

    /// The mean of each pixel.
    public var mean: Plane<Float> {
        let count = Double(max(1, frames))
        return Plane(
            width: width, height: height, samples: sums.indices.map { Float(Double(first[$0]) + sums[$0] / count) })
    }

    /// The unbiased variance of each pixel.
    public var variance: Plane<Float> {
        let count = Double(max(2, frames))
        return Plane(
            width: width, height: height,
            samples: sums.indices.map { Float(max(0, squares[$0] - sums[$0] * sums[$0] / count) / (count - 1)) })
    }
}
