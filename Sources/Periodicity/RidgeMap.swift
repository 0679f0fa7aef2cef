import Foundation
import Imaging
import Localization
import Work

/// How axons are found and straightened.
public struct TracingSettings: Sendable, Codable, Equatable {
    /// The usual diameter of an axon in um; molecules farther than 0.65 diameters from the axis do not belong to it.
    public var width_um: Double
    /// Shorter axons are left out, in um.
    public var shortest_um: Double
    /// The least number of molecules for one um of axon.
    public var leastDensity_per_um: Double

    /// Settings for axons of cultured neurons.
    public init(width_um: Double = 1, shortest_um: Double = 3, leastDensity_per_um: Double = 2) {
        self.width_um = width_um
        self.shortest_um = shortest_um
        self.leastDensity_per_um = leastDensity_per_um
    }

    /// The farthest that a molecule may lie from the axis in nm.
    var gate_nm: Double { 650 * width_um }
}

/// How much an image looks like a line at each pixel, and in which direction the line runs.
struct RidgeMap {
    /// The side of a pixel in nm.
    static let pixel_nm = 100.0

    let field: Field
    let width: Int
    let height: Int
    /// Molecules for one um of a line through the pixel; 0 where nothing is like a line.
    let strength: [Float]
    /// The line's direction, twice its angle.
    private let doubleCosine: [Float]
    private let doubleSine: [Float]
    /// The strength that a line must have somewhere.
    let threshold: Float

    /// Looks for lines of about a width among molecules, by the second derivatives of their blurred density.
    /// - Parameter mask: where axons may lie; values above 0, pixels of `field` over the mask's size.
    /// - Throws: a `Failure` for a field that is too large.
    init(_ table: LocalizationTable, field: Field, settings: TracingSettings, mask: AxonMask?) throws {
        let pixel = RidgeMap.pixel_nm
        self.field = field
        let density = try table.rendered(pixel_nm: pixel, field: field, method: .histogram)
        width = density.width
        height = density.height
        // Bright clumps count little more than others.
        var damped = density.map { $0 > 3 ? 3 + ($0 - 3).squareRoot() : $0 }
        if let mask { mask.clear(&damped, field: field, pixel_nm: pixel) }
        let sigma = 0.4 * settings.width_um * 1000 / pixel
        let blurred = damped.blurred(sigma_px: sigma)
        let (width, height) = (width, height)
        var strength = [Float](repeating: 0, count: width * height)
        var doubleCosine = strength
        var doubleSine = strength
        // A thin line of m molecules a pixel has the second derivative -m / (sigma^3 sqrt(2 pi)) across.
        let scale = Float(sigma * sigma * sigma * (2 * Double.pi).squareRoot() * 1000 / pixel)
        for row in 1..<max(1, height - 1) {
            try Interruption.check()
            for column in 1..<max(1, width - 1) {
                let at = row * width + column
                let samples = blurred.samples
                let xx = samples[at - 1] - 2 * samples[at] + samples[at + 1]
                let yy = samples[at - width] - 2 * samples[at] + samples[at + width]
                let xy =
                    (samples[at - width - 1] + samples[at + width + 1] - samples[at - width + 1]
                        - samples[at + width - 1]) / 4
                let half = ((xx - yy) * (xx - yy) / 4 + xy * xy).squareRoot()
                let across = (xx + yy) / 2 - half
                let along = (xx + yy) / 2 + half
                guard across < 0, half > 0 else { continue }
                // What falls off on all sides is a spot, not a line.
                strength[at] = scale * max(0, -across - max(0, -along))
                doubleCosine[at] = (xx - yy) / (2 * half)
                doubleSine[at] = xy / half
            }
        }
        self.strength = strength
        self.doubleCosine = doubleCosine
        self.doubleSine = doubleSine
        // Five standard deviations of the background: var = 3/8 of its molecules a um2.
        let sample = Swift.stride(from: 0, to: blurred.samples.count, by: max(1, blurred.samples.count / 500_000))
        let sorted = sample.map { blurred.samples[$0] }.sorted()
        let background = Double(sorted[sorted.count / 2]) * 1e6 / (pixel * pixel)
        threshold = Float(max(settings.leastDensity_per_um, 5 * (0.375 * background).squareRoot()))
    }

    /// The strength at a place in pixels, interpolated.
    func strength(at place: SIMD2<Double>) -> Double { interpolated(strength, place) }

    /// The unit vector along the line at a place in pixels, on the side of `heading`; nil outside or where none runs.
    func direction(at place: SIMD2<Double>, heading: SIMD2<Double>) -> SIMD2<Double>? {
        let c = interpolated(doubleCosine, place)
        let s = interpolated(doubleSine, place)
        guard c * c + s * s > 1e-6 else { return nil }
        let angle = atan2(s, c) / 2
        let along = SIMD2(cos(angle), sin(angle))
        return (along * heading).sum() < 0 ? -along : along
    }

    /// A place moved across the line to its crest, at most 1.5 pixels.
    func crest(near place: SIMD2<Double>, along: SIMD2<Double>) -> SIMD2<Double> {
        let across = SIMD2(-along.y, along.x)
        var best = (shift: 0.0, strength: strength(at: place))
        for step in -6...6 where step != 0 {
            let shift = 0.25 * Double(step)
            let value = strength(at: place + shift * across)
            if value > best.strength { best = (shift, value) }
        }
        return place + best.shift * across
    }

    private func interpolated(_ values: [Float], _ place: SIMD2<Double>) -> Double {
        let x = place.x - 0.5
        let y = place.y - 0.5
        guard x >= 0, y >= 0, x < Double(width - 1), y < Double(height - 1) else { return 0 }
        let (column, row) = (Int(x), Int(y))
        let (right, below) = (x - Double(column), y - Double(row))
        let at = row * width + column
        let upper = Double(values[at]) * (1 - right) + Double(values[at + 1]) * right
        let lower = Double(values[at + width]) * (1 - right) + Double(values[at + width + 1]) * right
        return upper * (1 - below) + lower * below
    }
}

/// Where axons may lie: the mask of a segmentation, laid over the field of a table.
public struct AxonMask: Sendable {
    /// Above 0 on axons.
    public let plane: Plane<UInt32>
    /// The side of a pixel in nm.
    public let pixel_nm: Double

    /// A mask whose top left corner is the origin of the table.
    public init(_ plane: Plane<UInt32>, pixel_nm: Double) {
        self.plane = plane
        self.pixel_nm = pixel_nm
    }

    /// Clears what lies off the mask.
    func clear(_ density: inout Plane<Float>, field: Field, pixel_nm pixel: Double) {
        func place(_ start: Double, _ index: Int) -> Int {
            Int(max(-1, min(1e9, ((start + (Double(index) + 0.5) * pixel) / pixel_nm).rounded(.down))))
        }
        for row in 0..<density.height {
            let y = place(field.y_nm, row)
            for column in 0..<density.width {
                let x = place(field.x_nm, column)
                let isInside = x >= 0 && y >= 0 && x < plane.width && y < plane.height && plane[y, x] > 0
                if !isInside { density[row, column] = 0 }
            }
        }
    }
}
