import Foundation
import Imaging
import Optics
import Randomness
import Work

/// A camera sensor: turns the photons expected in each pixel into counts with the noise of a real camera.
///
/// Photo-electrons are Poisson distributed about photons times quantum efficiency. With an electron multiplying gain g
/// above 1, n photo-electrons become a gamma distributed number of electrons of shape n and scale g, which doubles the
/// variance (Hirsch et al., PLoS ONE 8, e53671, 2013). Normally distributed read noise, division by
/// the electrons per count, the offset, rounding and clipping follow.
public struct SensorModel: Sendable, Equatable {
    /// Offset, gains, quantum efficiency and read noise.
    public var calibration: CameraCalibration
    /// The bits of the converter; counts above `2^bits - 1` are clipped.
    public var bits: Int
    /// Electrons a pixel collects without light in one frame.
    public var darkElectrons: Double

    /// A sensor.
    /// - Parameters:
    ///   - bits: 8 to 16.
    ///   - darkElectrons: dark current and clock-induced charge of one frame in electrons a pixel.
    public init(_ calibration: CameraCalibration, bits: Int = 16, darkElectrons: Double = 0) {
        self.calibration = calibration
        self.bits = min(16, max(8, bits))
        self.darkElectrons = darkElectrons
    }

    /// The highest count.
    public var maximumCount: Int { 1 << bits - 1 }

    /// The count expected for a number of photons, before clipping.
    public func meanCounts(photons: Double) -> Double {
        calibration.offset_counts + electrons(photons) * calibration.em_gain / calibration.electrons_per_count
    }

    /// The variance of the count for a number of photons, before rounding and clipping. Rounding adds 1/12.
    public func varianceCounts(photons: Double) -> Double {
        let gain = calibration.em_gain / calibration.electrons_per_count
        let read = calibration.read_noise_electrons / calibration.electrons_per_count
        return electrons(photons) * calibration.excessNoise * gain * gain + read * read
    }

    /// One frame of counts.
    /// - Parameters:
    ///   - photons: the photons expected in each pixel, shape [height, width], of the size of the camera's maps if it
    ///     has any. A bad pixel of the maps shows its offset.
    ///   - random: the frame's stream; the same stream gives the same frame on any number of cores.
    public func expose(_ photons: Plane<Float>, random: RandomSource) -> Plane<UInt16> {
        let width = photons.width
        if let maps = calibration.maps {
            precondition(maps.width == width && maps.height == photons.height, "camera maps of another size")
        }
        let bandRows = 32
        let bands = (photons.height + bandRows - 1) / bandRows
        let counts = [UInt16](unsafeUninitializedCapacity: width * photons.height) { buffer, initialized in
            initialized = buffer.count
            guard let base = buffer.baseAddress else { return }
            let output = SharedPointer(base)
            photons.samples.withUnsafeBufferPointer { input in
                guard let start = input.baseAddress else { return }
                let source = SharedPointer(UnsafeMutablePointer(mutating: start))
                concurrentRanges(bands, minimum: 4) { range in
                    for band in range {
                        let first = band * bandRows * width
                        let last = min(first + bandRows * width, width * photons.height)
                        sample(source, output, first..<last, random.split(band))
                    }
                }
            }
        }
        return Plane(width: width, height: photons.height, samples: counts)
    }

    private func electrons(_ photons: Double) -> Double {
        photons * calibration.quantum_efficiency + darkElectrons
    }

    private func sample(
        _ photons: SharedPointer<Float>, _ counts: SharedPointer<UInt16>, _ pixels: Range<Int>, _ stream: RandomSource
    ) {
        var random = stream
        let noise = NoiseSampler.shared
        var gain = calibration.em_gain / calibration.electrons_per_count
        let multiplies = calibration.em_gain > 1
        var read = calibration.read_noise_electrons / calibration.electrons_per_count
        var offset = calibration.offset_counts
        let efficiency = calibration.quantum_efficiency
        let highest = Double(maximumCount)
        for pixel in pixels {
            if let maps = calibration.maps {
                let isBad = maps.isBad(pixel)
                offset = maps.offset_counts[pixel].isFinite ? Double(maps.offset_counts[pixel]) : 0
                gain = isBad ? 0 : Double(maps.counts_per_electron[pixel])
                read = isBad ? 0 : Double(maps.variance_counts[pixel]).squareRoot()
            }
            let mean = Double(photons[pixel]) * efficiency + darkElectrons
            let electrons = noise.poisson(mean: mean, &random)
            var value = Double(electrons)
            if multiplies, electrons > 0 { value = noise.gamma(shape: value, &random) }
            value = value * gain + offset
            if read > 0 { value += read * noise.normal(&random) }
            counts[pixel] = UInt16(min(max(value.rounded(), 0), highest))
        }
    }
}
