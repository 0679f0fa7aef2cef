import Foundation
import Localization
import Work

/// How far the correlation of two halves stands out of what chance makes of independent ones.
///
/// Without anything in common the correlation of a ring of n values, mirror images counted, has the mean 0 and the
/// variance 1 / n; averages over splits keep half of it, which the splits share. Rings that show the shape of the field
/// are left out.
struct CorrelationEvidence {
    /// The least score, in standard deviations, at which halves count as correlated.
    static let least = 5.0
    /// A score of one split from which more splits may still reach `least`.
    static let hint = 3.5

    /// The independent values of each ring.
    let pixels: [Double]
    let splits: Int
    /// The first ring that tells of the structure.
    let first: Int
    /// What the shape of the field adds to the products of each ring, in values.
    var bias = 0.0

    /// The mean correlation from the first ring on, in standard deviations of noise.
    /// - Parameters:
    ///   - end: the fractional ring at which a resolution is read; nil takes that up to which the score is greatest.
    ///   - other: the curve with a correction that is greater by its error, which counts as noise.
    func score(_ curve: [Double], to end: Double?, less other: [Double]? = nil) -> Double {
        var (sum, squares, error, best) = (0.0, 0.0, 0.0, -Double.infinity)
        let last = min(curve.count - 1, max(first, end.map { Int($0) } ?? curve.count - 1))
        guard first <= last else { return 0 }
        for ring in first...last {
            sum += pixels[ring] * curve[ring] - bias
            squares += pixels[ring] * (1 + 1 / Double(max(1, splits))) / 2
            if let other { error += pixels[ring] * (curve[ring] - other[ring]) }
            best = max(best, sum / (squares + error * error).squareRoot())
            if end != nil, ring == last { return sum / (squares + error * error).squareRoot() }
        }
        return best.isFinite ? best : 0
    }
}

extension Field {
    /// Refuses a field in which no structure of some nm can be measured: wider than a metre.
    func requireMeasurable() throws {
        guard width_nm < 1e9, height_nm < 1e9 else {
            throw Failure(
                String(format: "a field of %.3g x %.3g nm is too large", width_nm, height_nm),
                remedy: "leave out far localizations", code: "field-too-large")
        }
    }
}
