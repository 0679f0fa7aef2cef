import Foundation
import Imaging

/// The image of a point: a Gaussian, integrated over each pixel.
public struct Optics: Sendable, Codable, Equatable {
    /// The standard deviation of the point spread function in focus in nm.
    public var sigma_nm: Double
    /// The distance from focus in um at which the spot is wider by the square root of two.
    public var depth_um: Double

    /// Optics by the width of the point spread function.
    public init(sigma_nm: Double, depth_um: Double = 0.4) {
        self.sigma_nm = sigma_nm
        self.depth_um = depth_um
    }

    /// Optics by wavelength and aperture: sigma = 0.21 wavelength / NA in a wide-field microscope (Zhang, Zerubia and
    /// Olivo-Marin, Appl. Opt. 46, 1819, 2007), depth = refractive index times wavelength / NA squared.
    public init(emission_nm: Double, numericalAperture: Double, refractiveIndex: Double = 1.518) {
        sigma_nm = 0.21 * emission_nm / numericalAperture
        depth_um = refractiveIndex * emission_nm / (numericalAperture * numericalAperture) / 1000
    }

    /// The standard deviation of a spot at a distance from focus in nm.
    public func sigma_nm(defocus_um: Double) -> Double {
        let relative = defocus_um / depth_um
        return sigma_nm * (1 + relative * relative).squareRoot()
    }
}

/// Adds a point source to an image: the Gaussian integrated over the square of each pixel, out to five standard
/// deviations (6e-7 of the photons lie beyond on each axis).
/// - Parameters:
///   - image: expected photons, shape [height, width].
///   - x_px: distance from the left edge of the first pixel in pixels; the centre of that pixel is at 0.5.
///   - y_px: distance from the top edge of the first pixel in pixels.
///   - photons: the photons of the whole spot; the part outside the image is lost.
///   - sigma_px: the standard deviation of the Gaussian in pixels, above 0.
public func addSpot(to image: inout Plane<Float>, x_px: Double, y_px: Double, photons: Double, sigma_px: Double) {
    let reach = 5 * sigma_px
    guard x_px.isFinite, y_px.isFinite, sigma_px > 0, photons > 0, abs(x_px) < 1e9, abs(y_px) < 1e9, reach < 1e6
    else { return }
    let firstColumn = max(0, Int((x_px - reach).rounded(.down)))
    let lastColumn = min(image.width - 1, Int((x_px + reach).rounded(.down)))
    let firstRow = max(0, Int((y_px - reach).rounded(.down)))
    let lastRow = min(image.height - 1, Int((y_px + reach).rounded(.down)))
    guard firstColumn <= lastColumn, firstRow <= lastRow else { return }
    let columns = lastColumn - firstColumn + 1
    let scale = 1 / (sigma_px * 2.0.squareRoot())
    let width = image.width
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { weights in
        var before = erf((Double(firstColumn) - x_px) * scale)
        for column in 0..<columns {
            let after = erf((Double(firstColumn + column + 1) - x_px) * scale)
            weights[column] = Float((after - before) * 0.25 * photons)
            before = after
        }
        image.samples.withUnsafeMutableBufferPointer { samples in
            var above = erf((Double(firstRow) - y_px) * scale)
            for row in firstRow...lastRow {
                let below = erf((Double(row + 1) - y_px) * scale)
                let weight = Float(below - above)
                above = below
                let start = row * width + firstColumn
                for column in 0..<columns { samples[start + column] += weight * weights[column] }
            }
        }
    }
}
