import Foundation

/// A mark on an axis.
public struct AxisTick: Sendable, Equatable {
    /// Where it lies, in data units.
    public let value: Double
    /// What stands beside it; empty for the thin lines between labelled ones.
    public let label: String
}

/// How data values spread along an axis: linear or logarithmic, and from where to where.
public struct AxisMapping: Sendable, Equatable {
    /// The value at the start of the axis.
    public let lower: Double
    /// The value at its end, larger than `lower`.
    public let upper: Double
    /// Whether equal ratios, rather than equal differences, are equally long.
    public let isLogarithmic: Bool

    /// An axis over a range. A range that is not finite, has no width or, on a logarithmic axis, reaches to zero or
    /// below is replaced by the nearest one that can be drawn.
    public init(from lower: Double, to upper: Double, isLogarithmic: Bool = false) {
        self.isLogarithmic = isLogarithmic
        var start = lower.isFinite ? min(max(lower, -1e300), 1e300) : 0
        var end = upper.isFinite ? min(max(upper, -1e300), 1e300) : start + 1
        if end < start { swap(&start, &end) }
        if isLogarithmic {
            if end <= 0 { (start, end) = (0.1, 1) }
            if start <= 0 { start = end / 1000 }
            start = max(start, 1e-300)
            end = max(end, start)
            if end / start < 1.0001 { (start, end) = (start / 2, end * 2) }
        } else if end - start <= max(abs(start), abs(end)) * 1e-9 {
            let half = start == 0 ? 0.5 : abs(start) * 0.1
            (start, end) = (start - half, end + half)
        }
        self.lower = start
        self.upper = end
    }

    /// The place of a value: 0 at `lower`, 1 at `upper`; NaN for values that a logarithmic axis can't show.
    public func fraction(of value: Double) -> Double {
        if isLogarithmic {
            return value > 0 ? log(value / lower) / log(upper / lower) : .nan
        }
        return (value - lower) / (upper - lower)
    }

    /// The value at a place, the inverse of `fraction(of:)`.
    public func value(at fraction: Double) -> Double {
        isLogarithmic ? lower * pow(upper / lower, fraction) : lower + fraction * (upper - lower)
    }

    /// Labelled ticks at round values and, on a logarithmic axis, unlabelled ones between them.
    ///
    /// Linear steps are 1, 2, 2.5 or 5 times a power of ten, whichever gives a number of labels nearest to `count`.
    /// A logarithmic axis has its labels at the powers of ten, at 1, 2 and 5 times these where it spans less than two
    /// decades, and linear steps where it spans less than a factor of three.
    public func ticks(about count: Int = 5) -> [AxisTick] {
        let count = max(2, min(count, 50))
        return isLogarithmic && upper / lower >= 3 ? logarithmicTicks(count) : linearTicks(count)
    }

    /// The power of ten by which the labels of a linear axis are divided because they would be too long otherwise,
    /// 0 in the common case.
    public var labelExponent: Int {
        let largest = max(abs(lower), abs(upper))
        guard !isLogarithmic || upper / lower < 3 else { return 0 }
        guard largest >= 1e5 || largest < 2e-3 else { return 0 }
        return Int(floor(log10(largest)))
    }

    private func linearTicks(_ count: Int) -> [AxisTick] {
        let span = upper - lower
        let rough = span / Double(count)
        let power = floor(log10(rough))
        let candidates = [0.5, 1, 2, 2.5, 5, 10].map { $0 * pow(10, power) }.filter { multiples(of: $0).count >= 2 }
        guard let step = candidates.min(by: { abs(span / $0 - Double(count)) < abs(span / $1 - Double(count)) })
        else { return [] }
        let exponent = labelExponent
        let labelled = step / pow(10, Double(exponent))
        let decimals = (0...12).first { isWhole(labelled * pow(10, Double($0))) } ?? 12
        return multiples(of: step).map { multiple in
            AxisTick(
                value: multiple == 0 ? 0 : multiple * step,
                label: AxisMapping.text(multiple * labelled, decimals: decimals))
        }
    }

    /// The whole numbers whose multiples of a step lie on the axis; none where there are absurdly many.
    private func multiples(of step: Double) -> [Double] {
        let first = (lower / step - 1e-9).rounded(.up), last = (upper / step + 1e-9).rounded(.down)
        guard step > 0, step.isFinite, last >= first, last - first < 200 else { return [] }
        return Array(stride(from: first, through: last, by: 1))
    }

    private func logarithmicTicks(_ count: Int) -> [AxisTick] {
        let first = Int(floor(log10(lower))), last = Int(ceil(log10(upper)))
        let decades = log10(upper / lower)
        let every = max(1, Int((decades / Double(count)).rounded(.up)))
        var ticks: [AxisTick] = []
        for decade in first...last {
            for digit in 1...9 {
                let value = Double(digit) * pow(10, Double(decade))
                guard value >= lower * (1 - 1e-9), value <= upper * (1 + 1e-9) else { continue }
                let isLabelled = digit == 1 ? decade % every == 0 : decades < 2 && (digit == 2 || digit == 5)
                guard isLabelled || every == 1 || digit == 1 else { continue }
                ticks.append(AxisTick(value: value, label: isLabelled ? logarithmicLabel(digit, decade) : ""))
            }
        }
        return ticks
    }

    private func logarithmicLabel(_ digit: Int, _ decade: Int) -> String {
        if lower >= 1e-3, upper <= 1e5 {
            return AxisMapping.text(Double(digit) * pow(10, Double(decade)), decimals: max(0, -decade))
        }
        let power = "10" + AxisMapping.superscript(decade)
        return digit == 1 ? power : "\(digit)·\(power)"
    }

    private func isWhole(_ value: Double) -> Bool { abs(value - value.rounded()) < 1e-6 }

    /// A number with a true minus sign and thin spaces between thousands.
    static func text(_ value: Double, decimals: Int) -> String {
        let digits = String(format: "%.\(decimals)f", abs(value))
        let isNegative = value < 0 && digits.contains { $0 != "0" && $0 != "." }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        var whole = String(parts[0])
        if whole.count > 4 {
            var at = whole.count - 3
            while at > 0 {
                whole.insert("\u{2009}", at: whole.index(whole.startIndex, offsetBy: at))
                at -= 3
            }
        }
        return (isNegative ? "\u{2212}" : "") + whole + (parts.count > 1 ? "." + parts[1] : "")
    }

    /// A whole number in raised digits.
    static func superscript(_ number: Int) -> String {
        let raised: [Character] = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"]
        return (number < 0 ? "⁻" : "")
            + String(String(abs(number)).compactMap { $0.wholeNumberValue.map { raised[$0] } })
    }
}
