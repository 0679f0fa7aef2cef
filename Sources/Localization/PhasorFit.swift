import Foundation

/// Localizes spots by the phase of their first Fourier coefficients along x and y (Martens et al., J. Chem. Phys. 148,
/// 123311, 2018). A constant background does not enter the phase. Photons follow from the coefficients' size and the
/// known width of the spot; the bounds are the variances of the pixels, propagated to first order.
struct PhasorFit {
    let side: Int
    private let sigma: Float
    private let excess: Float
    private let cosines: [Float]
    private let sines: [Float]
    /// Photons for the size of a coefficient.
    private let photonsPerSize: Float

    init(side: Int, sigma: Float, excess: Float) {
        self.side = side
        self.sigma = sigma
        self.excess = excess
        let frequency = 2 * Float.pi / Float(side)
        cosines = (0..<side).map { cos(frequency * Float($0)) }
        sines = (0..<side).map { sin(frequency * Float($0)) }
        let half = frequency / 2
        photonsPerSize = exp(frequency * frequency * sigma * sigma / 2) * half / sin(half)
    }

    /// The estimate of the square whose top left pixel is given; `photons` and `readVariance` are frames of `width`.
    func estimate(
        photons: UnsafePointer<Float>, readVariance: UnsafePointer<Float>, width: Int, column: Int, row: Int
    ) -> SpotEstimate {
        var (realX, imaginaryX, realY, imaginaryY, sum) = (Float(0), Float(0), Float(0), Float(0), Float(0))
        for i in 0..<side {
            let line = photons + (row + i) * width + column
            var rowSum: Float = 0
            for j in 0..<side {
                rowSum += line[j]
                realX += line[j] * cosines[j]
                imaginaryX += line[j] * sines[j]
            }
            realY += rowSum * cosines[i]
            imaginaryY += rowSum * sines[i]
            sum += rowSum
        }
        let squareX = max(realX * realX + imaginaryX * imaginaryX, 1e-12)
        let squareY = max(realY * realY + imaginaryY * imaginaryY, 1e-12)
        let number = photonsPerSize * (squareX.squareRoot() + squareY.squareRoot()) / 2
        let background = max(0, (sum - number) / Float(side * side))
        // d phase = (cos phi dS - sin phi dC) / size for each pixel's noise.
        var (varianceX, varianceY, variance) = (Float(0), Float(0), Float(0))
        for i in 0..<side {
            let line = photons + (row + i) * width + column
            let noise = readVariance + (row + i) * width + column
            let byY = (sines[i] * realY - cosines[i] * imaginaryY) / squareY
            for j in 0..<side {
                let pixel = excess * max(line[j], background) + min(noise[j], PixelCalibration.useless)
                let byX = (sines[j] * realX - cosines[j] * imaginaryX) / squareX
                varianceX += pixel * byX * byX
                varianceY += pixel * byY * byY
                variance += pixel
            }
        }
        let unit = Float(side) / (2 * .pi)
        func place(_ imaginary: Float, _ real: Float) -> Float {
            let phase = atan2(imaginary, real)
            return (phase < 0 ? phase + 2 * .pi : phase) * unit
        }
        let area = Float(side * side)
        return SpotEstimate(
            x: Float(column) + place(imaginaryX, realX), y: Float(row) + place(imaginaryY, realY), photons: number,
            background: background, sigmaX: sigma, sigmaY: sigma,
            bounds: (
                varianceX * unit * unit, varianceY * unit * unit,
                // Half a square's variance is in each of two coefficients, of which the mean is taken.
                photonsPerSize * photonsPerSize * variance / 4, variance / (area * area), 0, 0
            ), deviance: .nan, freedom: 1, converged: number > 0)
    }
}
