import Foundation
import Imaging
import Optics
import Randomness

/// What the fibres of a specimen are.
public enum Fiber: Sendable, Equatable {
    /// Axons, filled with a dye and with spectrin rings under the membrane.
    case axons(SpectrinRings)
    /// Single microtubules.
    case microtubules
}

/// The periodic membrane skeleton of an axon (Xu, Zhong and Zhuang, Science 339, 452, 2013): rings along the axis with
/// binding sites around them.
public struct SpectrinRings: Sendable, Equatable {
    /// Distance of neighbouring rings in nm; nil for an axon without rings, whose sites lie anywhere.
    public var period_nm: Double?
    /// Standard deviation of each ring's place about its place in the comb in nm.
    public var ringJitter_nm: Double
    /// Standard deviation of each distance between rings in nm; it adds up along the axon.
    public var spacingJitter_nm: Double
    /// Binding sites of a ring.
    public var sites: Int
    /// Standard deviation of the dye about its site in nm.
    public var label_nm: Double

    /// Rings; the defaults are those of the literature.
    public init(
        period_nm: Double? = 190, ringJitter_nm: Double = 5, spacingJitter_nm: Double = 0, sites: Int = 10,
        label_nm: Double = 8
    ) {
        self.period_nm = period_nm.map { max(1, $0) }
        self.ringJitter_nm = max(0, ringJitter_nm)
        self.spacingJitter_nm = max(0, spacingJitter_nm)
        self.sites = min(10_000, max(0, sites))
        self.label_nm = max(0, label_nm)
    }

    /// Places of the rings along an axon in um.
    public func places(length_um: Double, random: inout RandomSource) -> [Double] {
        guard let period_nm else {
            let count = random.poisson(mean: length_um * 1000 / 190)
            return (0..<count).map { _ in random.uniform() * length_um }
        }
        var places: [Double] = []
        var place = random.uniform() * period_nm / 1000
        while place < length_um {
            places.append(place + random.normal(deviation: ringJitter_nm / 1000))
            place += max(0.05 * period_nm, period_nm + random.normal(deviation: spacingJitter_nm)) / 1000
        }
        return places
    }
}

/// Fibres over an unlimited plane, in bundles whose direction changes slowly: axons or microtubules.
public struct FiberSpecimen: Specimen {
    /// What the fibres are.
    public let fiber: Fiber
    /// Fibres for one mm2.
    public let density_per_mm2: Double
    /// The share of binding sites that carry a dye.
    public let labelling: Double
    /// `cytoplasm` and `spectrin`, or `tubulin-GFP` and `tubulin`.
    public let labels: [Label]
    /// `axons` or `microtubules`.
    public let name: String
    /// There is no border.
    public let border: Rectangle? = nil

    private let grid: CellGrid
    private let length_um: ClosedRange<Double>
    private let persistence_um: Double

    /// Fibres.
    /// - Parameters:
    ///   - density_per_mm2: 0 to 100000.
    ///   - labelling: 0 to 1.
    ///   - length_um: of a fibre; of usual length without it.
    ///   - persistence_um: over which a fibre forgets its direction; of usual stiffness without it.
    public init(
        _ fiber: Fiber, seed: UInt64, density_per_mm2: Double? = nil, labelling: Double = 0.5,
        length_um: ClosedRange<Double>? = nil, persistence_um: Double? = nil, blinking: Blinking = Blinking()
    ) {
        self.fiber = fiber
        self.labelling = min(1, max(0, labelling))
        grid = CellGrid(seed: seed, side_um: 50)
        let first: String
        let second: String
        switch fiber {
        case .axons:
            name = "axons"
            (first, second) = ("cytoplasm", "spectrin")
            self.length_um = length_um ?? 50...110
            self.persistence_um = persistence_um ?? 250
            self.density_per_mm2 = min(100_000, max(0, density_per_mm2 ?? 900))
        case .microtubules:
            name = "microtubules"
            (first, second) = ("tubulin-GFP", "tubulin")
            self.length_um = length_um ?? 15...50
            self.persistence_um = persistence_um ?? 60
            self.density_per_mm2 = min(100_000, max(0, density_per_mm2 ?? 15_000))
        }
        labels = [
            Label(name: first, excitation_nm: 488, emission_nm: 509, brightness: 400),
            Label(name: second, excitation_nm: 647, emission_nm: 668, form: .molecules(blinking)),
        ]
    }

    /// The fibres whose middle lies in the area, as open lines.
    public func objects(in area: Rectangle) -> [SpecimenObject] {
        strands(touching: area).compactMap { strand in
            let middle = strand.path.place(at: strand.path.length_um / 2).point
            guard area.contains(x_um: middle.x, y_um: middle.y) else { return nil }
            return SpecimenObject(
                id: strand.id, x_um: middle.x, y_um: middle.y, radius_um: strand.radius_um,
                outline_um: strand.path.points, isClosed: false)
        }
    }

    /// The molecules of `spectrin` or `tubulin` in the area.
    public func emitters(of label: String, in area: Rectangle) -> [Emitter] {
        guard label == labels[1].name else { return [] }
        return strands(touching: area).flatMap { strand -> [Emitter] in
            var random = RandomSource(seed: strand.id ^ 0x4D4F_4C45)
            switch fiber {
            case .axons(let rings):
                return sites(of: rings, on: strand, random: &random)
            case .microtubules:
                return strand.path.sites(
                    spacing_um: 0.02, labelling: labelling, radius_um: 0.0225, id: strand.id, random: &random)
            }
        }.filter { area.contains(x_um: $0.x_um, y_um: $0.y_um) }
    }

    /// Adds the filled fibres.
    public func addDensity(
        of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um: Double
    ) {
        guard label == labels[0].name else { return }
        let area = Rectangle(
            x_um: x_um...x_um + Double(image.width) * pixel_um, y_um: y_um...y_um + Double(image.height) * pixel_um)
        for strand in strands(touching: area.grown(by: 3)) {
            strand.path.addTube(
                to: &image, x_um: x_um, y_um: y_um, pixel_um: pixel_um, radius_um: strand.radius_um,
                brightness: strand.brightness, seed: strand.id)
        }
    }

    // MARK: Strands

    private struct Strand {
        var id: UInt64
        var path: Filament
        var radius_um: Double
        var brightness: Double
    }

    /// The strands whose path comes into the area.
    private func strands(touching area: Rectangle) -> [Strand] {
        let reach = area.grown(by: length_um.upperBound)
        let near = area.grown(by: 1)
        return grid.cells(touching: reach).flatMap { cell in strands(cell.column, cell.row) }.filter { strand in
            strand.path.points.contains { near.contains(x_um: $0.x, y_um: $0.y) }
        }
    }

    private func strands(_ column: Int, _ row: Int) -> [Strand] {
        var random = grid.random(column, row)
        let course = LatticeNoise(seed: grid.seed)
        let count = random.poisson(mean: density_per_mm2 * 1e-6 * grid.side_um * grid.side_um)
        return (0..<count).map { index in
            var stream = random.split(index)
            let x = (Double(column) + stream.uniform()) * grid.side_um
            let y = (Double(row) + stream.uniform()) * grid.side_um
            let isAxon = name == "axons"
            let direction =
                course.value(x / 300, y / 300) * Double.pi + stream.normal(deviation: isAxon ? 0.35 : 1)
            let radius = isAxon ? stream.uniform(in: 0.25...0.55) : 0.0125
            return Strand(
                id: CellGrid.mix(grid.seed &+ 1, column &* 65_537 &+ index, row),
                path: Filament(
                    start: [x, y], direction: direction, length_um: stream.uniform(in: length_um),
                    persistence_um: persistence_um, random: &stream),
                radius_um: radius, brightness: exp(stream.normal(deviation: 0.3)) * (isAxon ? 1 : 4))
        }
    }

    private func sites(of rings: SpectrinRings, on strand: Strand, random: inout RandomSource) -> [Emitter] {
        var emitters: [Emitter] = []
        var number: UInt64 = 0
        for ring in rings.places(length_um: strand.path.length_um, random: &random) {
            let (point, tangent) = strand.path.place(at: ring)
            for _ in 0..<rings.sites {
                number += 1
                let across = strand.radius_um * cos(random.uniform(in: 0...2 * Double.pi))
                let wanted = random.chance(labelling)
                let dx = random.normal(deviation: rings.label_nm / 1000)
                let dy = random.normal(deviation: rings.label_nm / 1000)
                guard wanted else { continue }
                emitters.append(
                    Emitter(
                        x_um: point.x - tangent.y * across + dx, y_um: point.y + tangent.x * across + dy,
                        id: strand.id &+ number))
            }
        }
        return emitters
    }
}

extension Filament {
    /// Adds a filled tube around the curve with soft edges; its brightness varies along it.
    func addTube(
        to image: inout Plane<Float>, x_um left: Double, y_um top: Double, pixel_um: Double, radius_um: Double,
        brightness: Double, seed: UInt64
    ) {
        let softness = max(0.09, pixel_um / 2)
        // A tube thinner than the softness keeps its light but not its height.
        let height = brightness * min(1, radius_um / softness)
        let reach = radius_um + 5 * softness
        let noise = LatticeNoise(seed: seed)
        for index in 0..<points.count - 1 {
            let start = points[index]
            let along = (points[index + 1] - start) / step_um
            let column = (start.x - left) / pixel_um
            let row = (start.y - top) / pixel_um
            let span = (reach + step_um) / pixel_um
            guard column + span >= 0, row + span >= 0, column - span < Double(image.width),
                row - span < Double(image.height)
            else { continue }
            let swell = height * (1 + 0.35 * noise.value(Double(index) * step_um / 2.5, 0))
            for y in max(0, Int(row - span))..<max(0, min(image.height, Int(row + span) + 2)) {
                for x in max(0, Int(column - span))..<max(0, min(image.width, Int(column + span) + 2)) {
                    let dx = left + (Double(x) + 0.5) * pixel_um - start.x
                    let dy = top + (Double(y) + 0.5) * pixel_um - start.y
                    let forward = dx * along.x + dy * along.y
                    guard forward >= 0, forward < step_um else { continue }
                    let across = abs(dx * along.y - dy * along.x)
                    let relative = min(1, across / radius_um)
                    let value = (0.45 + 0.55 * (1 - relative * relative).squareRoot())
                    image[y, x] += Float(swell * value / (1 + exp((across - radius_um) / softness)))
                }
            }
        }
    }
}
