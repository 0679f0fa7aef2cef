import Imaging

/// How the intensities of an image are brought to the range that a network was trained on.
///
/// Each channel is mapped so that its low percentile becomes 0 and its high percentile 1; so other exposures, gains
/// and bit depths need no retraining. Where an image holds nothing but noise the two percentiles lie close together;
/// the range is therefore never less than `noiseFloor` standard deviations of the pixel noise, and noise stays dark.
public struct IntensityScaling: Sendable, Codable, Equatable {
    /// The percentile that becomes 0.
    public var lowPercentile: Double
    /// The percentile that becomes 1.
    public var highPercentile: Double
    /// The least range in standard deviations of the noise.
    public var noiseFloor: Double
    /// The values that scaled intensities are limited to.
    public var limits: ClosedRange<Float>

    /// A scaling by percentiles of the image.
    public init(
        lowPercentile: Double = 1, highPercentile: Double = 99.8, noiseFloor: Double = 15,
        limits: ClosedRange<Float> = -1...4
    ) {
        self.lowPercentile = lowPercentile
        self.highPercentile = highPercentile
        self.noiseFloor = noiseFloor
        self.limits = limits
    }

    /// The ranges of an image's channels, from its samples or a fair part of them. Pixels without data, such as frames of
    /// one value and what is no finite number, do not count.
    ///
    /// The noise is the median absolute second difference along the rows, which objects and shading hardly touch.
    /// - Parameter channels: the channels, all of one size.
    public func ranges(of channels: [Plane<Float>]) -> [IntensityRange] {
        ranges(ofShown: channels.map { MissingPixels(in: $0).erased($0) })
    }

    /// The ranges of channels with NaN where there are no data.
    func ranges(ofShown channels: [Plane<Float>]) -> [IntensityRange] {
        channels.map { plane in
            let plane = MissingPixels.withoutMixed(plane)
            let ends = plane.quantiles([lowPercentile / 100, highPercentile / 100])
            let (low, high) = (ends[0], ends[1])
            let span = max(high - low, Float(noiseFloor) * Self.noise(of: plane))
            return IntensityRange(low: low, span: span > 0 ? span : 1)
        }
    }

    /// The channels of an image with their intensities scaled by their own ranges. Pixels without data become
    /// background.
    func scaled(_ channels: [Plane<Float>]) -> (channels: [Plane<Float>], isMissing: Plane<Bool>?) {
        let missing = channels.map { MissingPixels(in: $0) }
        let shown = zip(missing, channels).map { $0.erased($1) }
        var isMissing: Plane<Bool>?
        for plane in shown where plane.samples.contains(where: \.isNaN) {
            let holes = plane.map(\.isNaN)
            isMissing =
                isMissing.map { missing in
                    Plane(
                        width: plane.width, height: plane.height,
                        samples: zip(missing.samples, holes.samples).map { $0 || $1 })
                } ?? holes
        }
        return (scaled(zip(missing, shown).map { $0.filled($1) }, by: ranges(ofShown: shown)), isMissing)
    }

    /// The channels with their intensities scaled by `ranges`, which are as many as the channels. What is no number
    /// becomes 0.
    public func scaled(_ channels: [Plane<Float>], by ranges: [IntensityRange]) -> [Plane<Float>] {
        zip(channels, ranges).map { plane, range in
            let factor = 1 / range.span
            return plane.map { value in
                let scaled = (value - range.low) * factor
                return scaled.isNaN ? 0 : min(max(scaled, limits.lowerBound), limits.upperBound)
            }
        }
    }

    /// The deviation of the pixel noise; pixels that are no finite numbers do not count.
    static func noise(of plane: Plane<Float>) -> Float {
        guard plane.width >= 3 else { return 0 }
        let stride = max(1, plane.samples.count / 300_000)
        var differences: [Float] = []
        differences.reserveCapacity(plane.samples.count / stride + 1)
        plane.samples.withUnsafeBufferPointer { samples in
            for index in Swift.stride(from: 1, to: samples.count - 1, by: stride) {
                let column = index % plane.width
                guard column > 0, column < plane.width - 1 else { continue }
                let difference = abs(samples[index - 1] - 2 * samples[index] + samples[index + 1])
                if difference.isFinite { differences.append(difference) }
            }
        }
        guard !differences.isEmpty else { return 0 }
        differences.sort()
        // The second difference of white noise has sqrt(6) times its deviation; 0.6745 turns the median into it.
        return differences[differences.count / 2] / (0.6745 * Float(6).squareRoot())
    }
}

/// The range of one channel: `low` becomes 0 and `low + span` becomes 1.
public struct IntensityRange: Sendable, Codable, Equatable {
    /// The intensity that becomes 0, in counts.
    public var low: Float
    /// The range in counts, above 0.
    public var span: Float

    /// A range by its lower end and its width.
    public init(low: Float, span: Float) {
        self.low = low
        self.span = span
    }
}
