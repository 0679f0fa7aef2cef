import Foundation
import Imaging
import Optics
import Randomness
import Work

/// A specimen made from a picture, so that scans run over real data: its intensities are the stain `image`, and dyes of
/// the stain `molecules` lie where it is bright. The picture's middle is the origin of the stage.
public struct ImageSpecimen: Specimen {
    /// `image`.
    public let name = "image"
    /// The stains `image` (wide field, excited at 405 nm) and `molecules` (dSTORM at 647 nm).
    public let labels: [Label]
    /// The edge of the picture.
    public let border: Rectangle?
    private let intensity: Plane<Float>
    private let pixel_um: Double
    private let dyes_per_um2: Double
    private let seed: UInt64

    /// A specimen from a picture.
    /// - Parameters:
    ///   - image: any size; channels are averaged. The intensities are scaled so that their 1st percentile becomes 0
    ///     and their 99.5th becomes 1.
    ///   - pixel_um: the side of a pixel at the specimen.
    ///   - dyes_per_um2: dyes where the intensity is 1.
    /// - Throws: a `Failure` when the pixel size is not positive or the image is empty.
    public init(
        _ image: Image, pixel_um: Double, seed: UInt64, dyes_per_um2: Double = 20, blinking: Blinking = Blinking()
    ) throws {
        guard pixel_um > 0, pixel_um < 1e6, image.width > 0, image.height > 0 else {
            throw Failure(
                "the picture of a specimen needs pixels and their size", remedy: "give pixel_um above 0",
                code: "bad-specimen")
        }
        var sum = image.plane(0)
        for channel in 1..<max(1, image.channels) {
            let other = image.plane(channel)
            for index in sum.samples.indices { sum.samples[index] += other.samples[index] }
        }
        // Every n-th sample is enough for the percentiles of a large picture.
        let step = max(1, sum.samples.count / 1_000_000)
        let sorted = stride(from: 0, to: sum.samples.count, by: step).map { sum.samples[$0] }.filter(\.isFinite)
            .sorted()
        let low = sorted.isEmpty ? 0 : sorted[sorted.count / 100]
        let high = sorted.isEmpty ? 1 : sorted[min(sorted.count - 1, sorted.count * 995 / 1000)]
        let scale = high > low ? 1 / (high - low) : 0
        intensity = sum.map { $0.isFinite ? max(0, ($0 - low) * scale) : 0 }
        self.pixel_um = pixel_um
        self.dyes_per_um2 = min(1e5, max(0, dyes_per_um2))
        self.seed = seed
        border = Rectangle(
            centre: Point(x_um: 0, y_um: 0), width_um: Double(image.width) * pixel_um,
            height_um: Double(image.height) * pixel_um)
        labels = [
            Label(name: "image", excitation_nm: 405, emission_nm: 461, brightness: 500),
            Label(name: "molecules", excitation_nm: 647, emission_nm: 668, form: .molecules(blinking)),
        ]
    }

    /// Nothing: what the objects of a picture are is not known.
    public func objects(in area: Rectangle) -> [SpecimenObject] { [] }

    /// The dyes in the area.
    public func emitters(of label: String, in area: Rectangle) -> [Emitter] {
        guard label == "molecules" else { return [] }
        let left = -Double(intensity.width) * pixel_um / 2
        let top = -Double(intensity.height) * pixel_um / 2
        func span(_ range: ClosedRange<Double>, _ start: Double, _ count: Int) -> Range<Int> {
            let first = max(0, min(Double(count), ((range.lowerBound - start) / pixel_um).rounded(.down)))
            let last = max(first, min(Double(count), ((range.upperBound - start) / pixel_um).rounded(.up)))
            return Int(first)..<Int(last)
        }
        var emitters: [Emitter] = []
        for row in span(area.y_um, top, intensity.height) {
            for column in span(area.x_um, left, intensity.width) {
                var random = RandomSource(seed: CellGrid.mix(seed, column, row))
                let mean = Double(min(2, intensity[row, column])) * dyes_per_um2 * pixel_um * pixel_um
                for index in 0..<random.poisson(mean: mean) {
                    let x = left + (Double(column) + random.uniform()) * pixel_um
                    let y = top + (Double(row) + random.uniform()) * pixel_um
                    guard area.contains(x_um: x, y_um: y) else { continue }
                    emitters.append(
                        Emitter(x_um: x, y_um: y, id: CellGrid.mix(seed &+ 1, column, row) &+ UInt64(index)))
                }
            }
        }
        return emitters
    }

    /// Adds the picture, interpolated between its pixels; nothing outside it.
    public func addDensity(
        of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um side: Double
    ) {
        guard label == "image" else { return }
        let columnStart = (x_um + side / 2) / pixel_um + Double(intensity.width) / 2 - 0.5
        let rowStart = (y_um + side / 2) / pixel_um + Double(intensity.height) / 2 - 0.5
        let step = side / pixel_um
        for row in 0..<image.height {
            let y = rowStart + Double(row) * step
            guard y > -0.5, y < Double(intensity.height) - 0.5 else { continue }
            let above = min(max(0, Int(y.rounded(.down))), intensity.height - 1)
            let below = min(above + 1, intensity.height - 1)
            let v = Float(min(1, max(0, y - Double(above))))
            for column in 0..<image.width {
                let x = columnStart + Double(column) * step
                guard x > -0.5, x < Double(intensity.width) - 0.5 else { continue }
                let left = min(max(0, Int(x.rounded(.down))), intensity.width - 1)
                let right = min(left + 1, intensity.width - 1)
                let u = Float(min(1, max(0, x - Double(left))))
                let upper = intensity[above, left] * (1 - u) + intensity[above, right] * u
                let lower = intensity[below, left] * (1 - u) + intensity[below, right] * u
                image[row, column] += upper * (1 - v) + lower * v
            }
        }
    }
}
