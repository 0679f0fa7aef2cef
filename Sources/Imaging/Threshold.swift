/// The threshold that best separates dark and bright samples: the between-class variance of a histogram of 256 bins
/// between the least and the greatest finite sample is largest there (Otsu 1979, doi:10.1109/TSMC.1979.4310076).
///
/// Samples above the result are bright. A plane of one value gives that value.
public func otsuThreshold(_ plane: Plane<Float>) -> Float {
    let range = plane.finiteRange
    guard range.upperBound > range.lowerBound else { return range.lowerBound }
    let width = (range.upperBound - range.lowerBound) / 256
    var histogram = [Double](repeating: 0, count: 256)
    for sample in plane.samples where sample.isFinite {
        histogram[min(255, Int((sample - range.lowerBound) / width))] += 1
    }
    let total = histogram.reduce(0, +)
    let sum = histogram.enumerated().reduce(0.0) { $0 + Double($1.offset) * $1.element }
    var (below, belowSum, best, bestBin) = (0.0, 0.0, -1.0, 0)
    for bin in 0..<255 {
        below += histogram[bin]
        belowSum += Double(bin) * histogram[bin]
        guard below > 0, below < total else { continue }
        let difference = belowSum / below - (sum - belowSum) / (total - below)
        let variance = below * (total - below) * difference * difference
        if variance > best { (best, bestBin) = (variance, bin) }
    }
    // The centre of the last dark bin, as scikit-image and ImageJ report it.
    return range.lowerBound + (Float(bestBin) + 0.5) * width
}

extension Plane where Sample == Float {
    /// The least and the greatest finite sample; 0...0 where there is none.
    public var finiteRange: ClosedRange<Float> {
        var (low, high) = (Float.infinity, -Float.infinity)
        for sample in samples where sample.isFinite {
            low = min(low, sample)
            high = max(high, sample)
        }
        return low <= high ? low...high : 0...0
    }

    /// The values below which the given fractions (0 to 1) of the finite samples lie, with linear interpolation. Of
    /// more than a million samples an even selection is taken.
    public func quantiles(_ fractions: [Double]) -> [Float] {
        let step = max(1, samples.count / 1_000_000)
        var sorted = stride(from: 0, to: samples.count, by: step).map { samples[$0] }.filter { $0.isFinite }
        guard !sorted.isEmpty else { return fractions.map { _ in 0 } }
        sorted.sort()
        return fractions.map { fraction in
            let place = min(1, max(0, fraction)) * Double(sorted.count - 1)
            let index = min(sorted.count - 1, Int(place))
            let next = min(sorted.count - 1, index + 1)
            return sorted[index] + Float(place - Double(index)) * (sorted[next] - sorted[index])
        }
    }

    /// 1 where a sample is above the threshold, 0 elsewhere.
    public func mask(above threshold: Float) -> Plane<UInt8> { map { $0 > threshold ? 1 : 0 } }

    /// The mean and the standard deviation of the finite samples.
    public var moments: (mean: Double, standardDeviation: Double) {
        var (count, sum) = (0.0, 0.0)
        for sample in samples where sample.isFinite {
            count += 1
            sum += Double(sample)
        }
        guard count > 0 else { return (0, 0) }
        let mean = sum / count
        let squares = samples.reduce(0.0) { $1.isFinite ? $0 + (Double($1) - mean) * (Double($1) - mean) : $0 }
        return (mean, (squares / count).squareRoot())
    }
}
