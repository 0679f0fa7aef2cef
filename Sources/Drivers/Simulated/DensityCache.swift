import Imaging
import Simulation
import Synchronization

extension Plane<Float> {
    /// The sums of squares of pixels.
    func summed(_ side: Int) -> Plane<Float> {
        guard side > 1 else { return self }
        var sums = Plane(width: width / side, height: height / side, filledWith: Float(0))
        for row in 0..<sums.height * side {
            for column in 0..<sums.width * side {
                sums.samples[row / side * sums.width + column / side] += samples[row * width + column]
            }
        }
        return sums
    }
}

/// The last drawn density of each label, kept while the field stands still.
final class DensityCache: Sendable {
    private struct Entry: Sendable {
        var corner_um: SIMD2<Double>
        var sigma_px: Double
        var image: Plane<Float>
    }

    private let specimen: any Specimen
    private let entries = Mutex<[String: Entry]>([:])

    init(_ specimen: any Specimen) { self.specimen = specimen }

    func add(
        _ label: String, times factor: Float, to image: inout Plane<Float>, corner_um: SIMD2<Double>,
        pixel_um: Double, sigma_px: Double
    ) {
        let known = entries.withLock { $0[label] }
        let density: Plane<Float>
        // A shift below a hundredth of a pixel is not seen.
        if let known, known.sigma_px == sigma_px, known.image.width == image.width, known.image.height == image.height,
            ((known.corner_um - corner_um) * (known.corner_um - corner_um)).sum() < pixel_um * pixel_um * 1e-4
        {
            density = known.image
        } else {
            let margin = Int((3 * sigma_px).rounded(.up))
            var drawn = Plane(
                width: image.width + 2 * margin, height: image.height + 2 * margin, filledWith: Float(0))
            specimen.addDensity(
                of: label, to: &drawn, x_um: corner_um.x - Double(margin) * pixel_um,
                y_um: corner_um.y - Double(margin) * pixel_um, pixel_um: pixel_um)
            density = drawn.blurred(sigma_px: sigma_px).crop(
                Region(column: margin, row: margin, width: image.width, height: image.height))
            entries.withLock {
                $0[label] = Entry(corner_um: corner_um, sigma_px: sigma_px, image: density)
            }
        }
        image.samples.withUnsafeMutableBufferPointer { samples in
            density.samples.withUnsafeBufferPointer { values in
                for index in samples.indices { samples[index] += factor * values[index] }
            }
        }
    }
}
