/// How the samples along one side of an image are resampled to another number: averaged over the area that a new
/// pixel covers where there become fewer, interpolated linearly where there become more.
public struct ResamplingAxis: Sendable {
    /// The number of samples there are.
    public let from: Int
    /// The number of samples wanted.
    public let to: Int
    private let firsts: [Int]
    private let weights: [[Float]]

    /// Resamples `from` samples to `to` samples over the same extent; both 1 or more.
    public init(from: Int, to: Int) {
        self.from = from
        self.to = to
        let step = Double(from) / Double(to)
        var firsts: [Int] = []
        var weights: [[Float]] = []
        for index in 0..<to {
            if step > 1 {
                let low = Double(index) * step
                let high = min(Double(from), low + step)
                let first = min(from - 1, Int(low))
                let last = min(from - 1, max(first, Int(high.rounded(.up)) - 1))
                let covered = (first...last).map { max(0, min(high, Double($0 + 1)) - max(low, Double($0))) }
                let sum = covered.reduce(0, +)
                firsts.append(first)
                weights.append(covered.map { Float($0 / sum) })
            } else {
                let place = min(max((Double(index) + 0.5) * step - 0.5, 0), Double(from - 1))
                let first = Int(place)
                let fraction = Float(place - Double(first))
                firsts.append(first)
                weights.append(fraction > 0 && first + 1 < from ? [1 - fraction, fraction] : [1])
            }
        }
        self.firsts = firsts
        self.weights = weights
    }

    /// Whether nothing changes.
    public var isIdentity: Bool { from == to }

    /// The samples that the results of a range are made from.
    public func sources(of range: Range<Int>) -> Range<Int> {
        guard let last = range.last else { return 0..<0 }
        return firsts[range.lowerBound]..<firsts[last] + weights[last].count
    }

    /// Calls `body` with every sample that result `index` is made from and its weight.
    @inline(__always) func forEachSource(of index: Int, _ body: (_ source: Int, _ weight: Float) -> Void) {
        let first = firsts[index]
        for (offset, weight) in weights[index].enumerated() { body(first + offset, weight) }
    }
}
