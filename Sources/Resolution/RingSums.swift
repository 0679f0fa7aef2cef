import Foundation
import Localization

/// Sums over the rings of the spectra of two images.
struct RingSums: Sendable {
    /// Products, as they are and without the loss to the pixels.
    var cross: [Double], sharpened: [Double]
    /// Squares of each half.
    var first: [Double], second: [Double]
    /// Products normalised pixel by pixel, and the number of pixels.
    var cosine: [Double], pixels: [Double]

    init(rings: Int) {
        let zero = [Double](repeating: 0, count: rings)
        (cross, sharpened, first, second, cosine, pixels) = (zero, zero, zero, zero, zero, zero)
    }

    static func += (sums: inout RingSums, other: RingSums) {
        for ring in sums.cross.indices {
            sums.cross[ring] += other.cross[ring]
            sums.sharpened[ring] += other.sharpened[ring]
            sums.first[ring] += other.first[ring]
            sums.second[ring] += other.second[ring]
            sums.cosine[ring] += other.cosine[ring]
            sums.pixels[ring] += other.pixels[ring]
        }
    }

    /// The power of a half with its signal sharpened like the products: noise is as strong in any pixel.
    func power(_ ring: Int) -> Double {
        (first[ring] * second[ring]).squareRoot() - cross[ring] + sharpened[ring]
    }

    /// - Parameter repeats: the power that repeated localizations of molecules put into both halves, a pixel of each
    ///   ring; it is taken out of the products and put into the noise (Nieuwenhuizen et al. 2013).
    func correlation(_ estimator: RingEstimator, without repeats: [Double]? = nil) -> [Double] {
        cross.indices.map { ring in
            switch estimator {
            case .ringSum:
                let shared = (repeats?[ring] ?? 0) * pixels[ring]
                let power = power(ring) + shared
                return power > 0 ? (sharpened[ring] - shared) / power : 0
            case .stormAnalysis: return pixels[ring] > 0 ? cosine[ring] / pixels[ring] : 0
            }
        }
    }
}

/// The pixels of a half spectrum of square images by rings.
struct SpectrumRings: Sendable {
    let side: Int
    /// The ring of every pixel up to the Nyquist frequency; those beyond have the number `rings`.
    let ring: [Int32]
    /// What an image of points loses at a frequency along one axis when it is drawn in pixels, inverted and squared.
    let gain: [Double]
    var rings: Int { side / 2 }

    init(side: Int, sharpens: Bool) {
        self.side = side
        let columns = side / 2 + 1
        var ring = [Int32](repeating: 0, count: side * columns)
        for row in 0..<side {
            let y = row <= side / 2 ? row : row - side
            for column in 0..<columns {
                ring[row * columns + column] = Int32(
                    min(side / 2, Int(Double(y * y + column * column).squareRoot() + 0.5)))
            }
        }
        self.ring = ring
        gain = (0..<side).map { index in
            let phase = Double.pi * Double(index <= side / 2 ? index : side - index) / Double(side)
            let sinc = phase > 0 ? sin(phase) / phase : 1
            return sharpens ? 1 / (sinc * sinc) : 1
        }
    }

    /// Adds the sums for the spectra of one half and of the whole.
    func add(half: [Complex], whole: [Complex], isCosine: Bool, to sums: inout RingSums) {
        let columns = side / 2 + 1
        half.withUnsafeBufferPointer { half in
            whole.withUnsafeBufferPointer { whole in
                for row in 0..<side {
                    for column in 0..<columns {
                        let place = row * columns + column
                        let ring = Int(ring[place])
                        guard ring < rings else { break }
                        let (a, all) = (half[place], whole[place])
                        let b = Complex(all.real - a.real, all.imaginary - a.imaginary)
                        // Columns within the half spectrum stand for their mirror images too.
                        let weight: Double = column == 0 ? 1 : 2
                        let cross = Double(a.real * b.real + a.imaginary * b.imaginary)
                        let left = Double(a.real * a.real + a.imaginary * a.imaginary)
                        let right = Double(b.real * b.real + b.imaginary * b.imaginary)
                        sums.cross[ring] += weight * cross
                        sums.sharpened[ring] += weight * cross * gain[row] * gain[column]
                        sums.first[ring] += weight * left
                        sums.second[ring] += weight * right
                        sums.pixels[ring] += weight
                        if isCosine, left > 0, right > 0 {
                            sums.cosine[ring] += weight * cross / (left * right).squareRoot()
                        }
                    }
                }
            }
        }
    }
}
