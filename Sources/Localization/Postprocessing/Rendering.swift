import Foundation
import Imaging
import Work

/// How localizations become an image.
public enum RenderingMethod: String, Sendable, Codable, CaseIterable {
    /// The number of localizations in each pixel.
    case histogram
    /// Each localization as a normalised Gaussian of the width of its uncertainty.
    case gaussian
    /// The mean of histograms whose bins of several pixels are shifted by a pixel each (Scott, Ann. Stat. 13, 1985): each
    /// localization as a pyramid.
    case shifted
}

/// The part of the specimen that is rendered, in nm from the origin of the table.
public struct Field: Sendable, Equatable, Codable {
    /// The top left corner.
    public var x_nm: Double, y_nm: Double
    /// The size.
    public var width_nm: Double, height_nm: Double

    /// A part by its corner and size.
    public init(x_nm: Double = 0, y_nm: Double = 0, width_nm: Double, height_nm: Double) {
        self.x_nm = x_nm
        self.y_nm = y_nm
        self.width_nm = width_nm
        self.height_nm = height_nm
    }

    /// The smallest part from whole multiples of `step_nm` that holds all localizations; nil for an empty table.
    public init?(of table: LocalizationTable, step_nm: Double) {
        let xs = table.x_nm.filter(\.isFinite)
        let ys = table.y_nm.filter(\.isFinite)
        guard let left = xs.min(), let right = xs.max(), let top = ys.min(), let bottom = ys.max() else { return nil }
        let x = (left / step_nm).rounded(.down) * step_nm
        let y = (top / step_nm).rounded(.down) * step_nm
        self.init(
            x_nm: x, y_nm: y, width_nm: (((right - x) / step_nm).rounded(.down) + 1) * step_nm,
            height_nm: (((bottom - y) / step_nm).rounded(.down) + 1) * step_nm)
    }
}

extension LocalizationTable {
    /// The localizations as an image: the sum over the image is the number of localizations inside the field.
    /// - Parameters:
    ///   - pixel_nm: the side of a rendered pixel.
    ///   - field: the part to show; by default all that the table holds.
    ///   - least_nm: the least width of a Gaussian; uncertainties below are drawn with it.
    ///   - shifts: the pixels of a bin of a shifted histogram along each axis.
    ///   - weights: what each localization adds up to; 1 by default.
    /// - Throws: a `Failure` for an empty table or an image of more than 500 million pixels.
    public func rendered(
        pixel_nm: Double, field: Field? = nil, method: RenderingMethod = .gaussian, least_nm: Double = 2,
        shifts: Int = 4, weights: [Float]? = nil
    ) throws -> Plane<Float> {
        guard pixel_nm > 0, pixel_nm.isFinite else {
            throw Failure(
                "pixels of \(pixel_nm) nm cannot be rendered", remedy: "give a size above 0", code: "parameter")
        }
        guard let field = field ?? Field(of: self, step_nm: pixel_nm) else {
            throw Failure("there are no localizations to render", code: "table-empty")
        }
        let columns = (field.width_nm / pixel_nm).rounded(.up)
        let rows = (field.height_nm / pixel_nm).rounded(.up)
        guard columns >= 1, rows >= 1, columns * rows <= 5e8 else {
            throw Failure(
                "an image of \(field.width_nm) x \(field.height_nm) nm in pixels of \(pixel_nm) nm is too large",
                remedy: "choose larger pixels or a smaller field, or leave out far localizations",
                code: "image-too-large")
        }
        try MemoryLimit.check(
            Int(columns), Int(rows), bytesEach: 4, for: "an image of \(Int(columns))x\(Int(rows)) pixels")
        var image = Plane<Float>(width: Int(columns), height: Int(rows), filledWith: 0)
        let uncertainty = self["uncertainty_nm"]
        for row in 0..<count {
            if row & 0xFFFF == 0 { try Interruption.check() }
            let x = (x_nm[row] - field.x_nm) / pixel_nm
            let y = (y_nm[row] - field.y_nm) / pixel_nm
            guard x >= 0, y >= 0, x < columns, y < rows else { continue }
            var sigma = max(least_nm, uncertainty?[row] ?? 10) / pixel_nm
            if !sigma.isFinite { sigma = 10 / pixel_nm }
            // A Gaussian that is much narrower than a pixel is a point.
            let weight = weights?[row] ?? 1
            if method != .gaussian || sigma < 0.1 {
                image[Int(y), Int(x)] += weight
            } else {
                image.addSpot(x: x, y: y, sigma: min(sigma, 100), weight: weight)
            }
        }
        return method == .shifted ? image.averagedShifted(by: max(1, shifts)) : image
    }
}

extension Plane<Float> {
    /// Adds a Gaussian of sum 1, integrated over the pixels, at a place in pixels from the top left corner.
    fileprivate mutating func addSpot(x: Double, y: Double, sigma: Double, weight: Float) {
        let reach = 4 * sigma
        let columns = max(0, Int(x - reach))...min(width - 1, Int(x + reach))
        let rows = max(0, Int(y - reach))...min(height - 1, Int(y + reach))
        let scale = 1 / (2.0.squareRoot() * sigma)
        func share(_ pixel: Int, _ centre: Double) -> Float {
            Float(0.5 * (erf((Double(pixel) + 1 - centre) * scale) - erf((Double(pixel) - centre) * scale)))
        }
        let horizontal = columns.map { share($0, x) }
        for row in rows {
            let vertical = weight * share(row, y)
            let start = row * width + columns.lowerBound
            for (index, value) in horizontal.enumerated() { samples[start + index] += vertical * value }
        }
    }

    /// The mean of the histograms with bins of `shifts` pixels that begin at each pixel of a bin, at the scale of this one:
    /// a weighted sum over the neighbours that falls off evenly. What would go over the edge stays at it.
    fileprivate func averagedShifted(by shifts: Int) -> Plane<Float> {
        let weights = (1 - shifts..<shifts).map { Float(shifts - abs($0)) / Float(shifts * shifts) }
        func spread(_ line: [Float]) -> [Float] {
            var result = [Float](repeating: 0, count: line.count)
            for (at, value) in line.enumerated() where value != 0 {
                for (index, weight) in weights.enumerated() {
                    result[max(0, min(line.count - 1, at + index - shifts + 1))] += weight * value
                }
            }
            return result
        }
        var image = self
        for row in 0..<height {
            let line = row * width..<(row + 1) * width
            image.samples.replaceSubrange(line, with: spread(Array(image.samples[line])))
        }
        for column in 0..<width {
            let line = spread((0..<height).map { image.samples[$0 * width + column] })
            for row in 0..<height { image.samples[row * width + column] = line[row] }
        }
        return image
    }
}
