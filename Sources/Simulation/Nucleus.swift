import Foundation
import Imaging
import Randomness

/// One nucleus of an adherent cell seen from above.
struct Nucleus: Sendable {
    var id: UInt64
    var x_um: Double
    var y_um: Double
    /// Semi-axes of the ellipse in um.
    var a_um: Double
    var b_um: Double
    var angle: Double
    /// Amplitude and phase of the outline's waves 2 to 5.
    var waves: [(amplitude: Double, phase: Double)]
    /// DNA content times condensation, 1 on average.
    var brightness: Double
    /// Amplitude of the chromatin texture.
    var texture: Double
    /// Dark nucleoli: place relative to the centre in um, radius and depth.
    var nucleoli: [(x: Double, y: Double, radius: Double, depth: Double)]

    /// A nucleus of the given mean radius; everything else follows from the stream.
    init(id: UInt64, x_um: Double, y_um: Double, radius_um: Double, random: inout RandomSource) {
        self.id = id
        self.x_um = x_um
        self.y_um = y_um
        let stretch = 1.08 + 1.0 * random.uniform() * random.uniform()
        a_um = radius_um * stretch.squareRoot()
        b_um = radius_um / stretch.squareRoot()
        angle = random.uniform(in: 0...Double.pi)
        waves = (2...5).map { order in
            (random.normal(deviation: 0.07 / Double(order)), random.uniform(in: 0...2 * Double.pi))
        }
        // One or two genomes: G1 cells about 1, G2 cells about twice as bright, S between.
        let phase = random.uniform()
        let content = phase < 0.6 ? 0.85 : phase < 0.8 ? 0.85 + 0.7 * random.uniform() : 1.5
        brightness = content * exp(random.normal(deviation: 0.18))
        texture = random.uniform(in: 0.08...0.18)
        nucleoli = (0..<random.integer(below: 5)).map { _ in
            let distance = 0.6 * radius_um * random.uniform().squareRoot()
            let direction = random.uniform(in: 0...2 * Double.pi)
            return (
                distance * cos(direction), distance * sin(direction), random.uniform(in: 0.8...1.9),
                random.uniform(in: 0.1...0.4)
            )
        }
    }

    /// The greatest distance of the outline from the centre.
    var reach_um: Double { a_um * (1 + waves.reduce(0) { $0 + abs($1.amplitude) }) }
    /// The radius of the circle of equal area.
    var radius_um: Double { (a_um * b_um).squareRoot() }

    /// The distance of the outline from the centre in a direction.
    func outline(_ direction: Double) -> Double {
        let local = direction - angle
        let c = b_um * cos(local)
        let s = a_um * sin(local)
        var shape = 1.0
        for (order, wave) in waves.enumerated() {
            shape += wave.amplitude * cos(Double(order + 2) * local + wave.phase)
        }
        return a_um * b_um / (c * c + s * s).squareRoot() * shape
    }

    /// The outline as a table over 256 directions, for drawing.
    private func outlineTable() -> [Double] {
        (0...256).map { outline(Double($0) / 256 * 2 * Double.pi) }
    }

    /// The nucleus as an object with an outline of 72 points.
    var object: SpecimenObject {
        let points = (0..<72).map { step -> SIMD2<Double> in
            let direction = Double(step) / 72 * 2 * Double.pi
            let distance = outline(direction)
            return [x_um + distance * cos(direction), y_um + distance * sin(direction)]
        }
        return SpecimenObject(
            id: id, x_um: x_um, y_um: y_um, radius_um: radius_um, outline_um: points, isClosed: true)
    }

    /// Adds the DNA to an image: a flat dome with soft edges, chromatin texture, dark nucleoli and a faint halo of
    /// light from other depths.
    func addDensity(to image: inout Plane<Float>, x_um left: Double, y_um top: Double, pixel_um: Double) {
        let halo = 6.0
        let reach = reach_um + halo
        let columns = span(x_um - left, reach, pixel_um, image.width)
        let rows = span(y_um - top, reach, pixel_um, image.height)
        guard !columns.isEmpty, !rows.isEmpty else { return }
        let table = outlineTable()
        let noise = LatticeNoise(seed: id)
        let softness = max(0.32, 0.5 * pixel_um)
        for row in rows {
            let y = top + (Double(row) + 0.5) * pixel_um - y_um
            for column in columns {
                let x = left + (Double(column) + 0.5) * pixel_um - x_um
                let distance = (x * x + y * y).squareRoot()
                guard distance < reach else { continue }
                var turn = atan2(y, x) / (2 * Double.pi)
                if turn < 0 { turn += 1 }
                let place = min(255, Int(turn * 256))
                let edge = table[place] + (table[place + 1] - table[place]) * (turn * 256 - Double(place))
                let beyond = distance - edge
                var value = beyond > 0 ? 0.045 * exp(-beyond / 2.2) * (1 - beyond / (halo + reach_um)) : 0.045
                if beyond < 8 * softness {
                    let relative = min(1, distance / edge)
                    let dome = 0.62 + 0.38 * (1 - relative * relative).squareRoot()
                    let chromatin =
                        1 + texture
                        * (noise.value(x / 2.3, y / 2.3) + 0.8 * noise.value(x / 1.05 + 77, y / 1.05)
                            + 0.6 * noise.value(x / 0.5, y / 0.5 + 55))
                    var holes = 1.0
                    for nucleolus in nucleoli {
                        let dx = x - nucleolus.x
                        let dy = y - nucleolus.y
                        let square = (dx * dx + dy * dy) / (nucleolus.radius * nucleolus.radius)
                        if square < 6 { holes -= nucleolus.depth * exp(-square * square) }
                    }
                    value += dome * max(0.1, chromatin) * max(0.2, holes) / (1 + exp(beyond / softness))
                }
                image[row, column] += Float(value * brightness)
            }
        }
    }

    private func span(_ centre: Double, _ reach: Double, _ pixel: Double, _ count: Int) -> Range<Int> {
        let first = max(0, min(Double(count), ((centre - reach) / pixel).rounded(.down)))
        let last = max(first, min(Double(count), ((centre + reach) / pixel).rounded(.up)))
        return Int(first)..<Int(last)
    }
}
