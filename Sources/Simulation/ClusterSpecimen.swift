import Foundation
import Imaging
import Optics
import Randomness

/// Clusters of cells over an unlimited plane, most of them larger than a field of view: each a filled area of irregular
/// outline with microtubules in it.
public struct ClusterSpecimen: Specimen {
    /// Clusters for one mm2.
    public let density_per_mm2: Double
    /// The mean radii of the clusters.
    public let radius_um: ClosedRange<Double>
    /// The share of binding sites on microtubules that carry a dye.
    public let labelling: Double
    /// The stains `tubulin-GFP` (the filled area) and `tubulin` (dSTORM).
    public let labels: [Label]
    /// `clusters`.
    public let name = "clusters"
    /// There is no border.
    public let border: Rectangle? = nil

    private let grid: CellGrid
    private let reach_um: Double

    /// Clusters.
    /// - Parameters:
    ///   - density_per_mm2: 0 to 1000.
    ///   - radius_um: of circles of equal area, 1 to 200.
    ///   - labelling: 0 to 1.
    public init(
        seed: UInt64, density_per_mm2: Double = 12, radius_um: ClosedRange<Double> = 20...60, labelling: Double = 0.5,
        blinking: Blinking = Blinking()
    ) {
        self.density_per_mm2 = min(1000, max(0, density_per_mm2))
        self.radius_um = min(200, max(1, radius_um.lowerBound))...min(200, max(1, radius_um.upperBound))
        self.labelling = min(1, max(0, labelling))
        grid = CellGrid(seed: seed, side_um: 250)
        reach_um = 1.8 * self.radius_um.upperBound
        labels = [
            Label(name: "tubulin-GFP", excitation_nm: 488, emission_nm: 509, brightness: 400),
            Label(name: "tubulin", excitation_nm: 647, emission_nm: 668, form: .molecules(blinking)),
        ]
    }

    /// The clusters whose centre lies in the area.
    public func objects(in area: Rectangle) -> [SpecimenObject] {
        clusters(in: area).map { cluster in
            SpecimenObject(
                id: cluster.id, x_um: cluster.centre.x, y_um: cluster.centre.y, radius_um: cluster.radius_um,
                outline_um: (0..<180).map { step in
                    let direction = Double(step) / 180 * 2 * Double.pi
                    return cluster.centre + SIMD2(cos(direction), sin(direction)) * cluster.distance_um(direction)
                }, isClosed: true)
        }
    }

    /// The dyes on the microtubules in the area.
    public func emitters(of label: String, in area: Rectangle) -> [Emitter] {
        guard label == "tubulin" else { return [] }
        return clusters(in: area.grown(by: reach_um)).flatMap { cluster -> [Emitter] in
            let random = RandomSource(seed: cluster.id)
            // One microtubule of 20 um for 60 um2.
            let count = Int(Double.pi * cluster.radius_um * cluster.radius_um / 60)
            return (0..<count).flatMap { index -> [Emitter] in
                var stream = random.split(index)
                let direction = stream.uniform(in: 0...2 * Double.pi)
                let start =
                    cluster.centre + SIMD2(cos(direction), sin(direction)) * cluster.distance_um(direction)
                    * stream.uniform().squareRoot()
                let path = Filament(
                    start: start, direction: stream.uniform(in: 0...2 * Double.pi), length_um: 20,
                    persistence_um: 60, random: &stream)
                guard path.points.contains(where: { area.contains(x_um: $0.x, y_um: $0.y) }) else { return [] }
                return path.sites(
                    spacing_um: 0.02, labelling: labelling, radius_um: 0.0225,
                    id: CellGrid.mix(cluster.id, index, 1), random: &stream
                ).filter { cluster.holds(SIMD2($0.x_um, $0.y_um)) }
            }
        }.filter { area.contains(x_um: $0.x_um, y_um: $0.y_um) }
    }

    /// Adds the filled areas, softer towards their edges.
    public func addDensity(
        of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um: Double
    ) {
        guard label == "tubulin-GFP" else { return }
        let area = Rectangle(
            x_um: x_um...x_um + Double(image.width) * pixel_um, y_um: y_um...y_um + Double(image.height) * pixel_um)
        let soft = 0.4
        for cluster in clusters(in: area.grown(by: reach_um)) {
            let texture = LatticeNoise(seed: cluster.id)
            let columns = span(cluster.centre.x - x_um, pixel_um, image.width)
            for row in span(cluster.centre.y - y_um, pixel_um, image.height) {
                for column in columns {
                    let place = SIMD2(x_um + (Double(column) + 0.5) * pixel_um, y_um + (Double(row) + 0.5) * pixel_um)
                    let away = place - cluster.centre
                    let distance = (away * away).sum().squareRoot()
                    let inside = cluster.distance_um(atan2(away.y, away.x)) - distance
                    guard inside > -8 * soft else { continue }
                    let bright = 0.7 + 0.3 * texture.value(place.x / 3, place.y / 3)
                    image[row, column] += Float(bright / (1 + exp(-inside / soft)))
                }
            }
        }
    }

    /// The pixels along one axis that a cluster about a place may reach.
    private func span(_ centre_um: Double, _ pixel_um: Double, _ count: Int) -> Range<Int> {
        let first = max(0, min(Double(count), ((centre_um - reach_um) / pixel_um).rounded(.down)))
        let end = max(first, min(Double(count), ((centre_um + reach_um) / pixel_um).rounded(.up)))
        return Int(first)..<Int(end)
    }

    private struct Cluster {
        var id: UInt64
        var centre: SIMD2<Double>
        var radius_um: Double
        /// Amplitude and phase of two to five waves around the outline.
        var waves: [(amplitude: Double, phase: Double)]

        /// From the centre to the outline.
        func distance_um(_ direction: Double) -> Double {
            radius_um
                * waves.enumerated().reduce(1.0) { sum, wave in
                    sum + wave.element.amplitude * cos(Double(wave.offset + 2) * direction + wave.element.phase)
                }
        }

        func holds(_ place: SIMD2<Double>) -> Bool {
            let away = place - centre
            return (away * away).sum().squareRoot() < distance_um(atan2(away.y, away.x))
        }
    }

    private func clusters(in area: Rectangle) -> [Cluster] {
        grid.cells(touching: area).flatMap { cell -> [Cluster] in
            var random = grid.random(cell.column, cell.row)
            let count = random.poisson(mean: density_per_mm2 * 1e-6 * grid.side_um * grid.side_um)
            return (0..<count).map { index in
                var stream = random.split(index)
                let place = SIMD2(Double(cell.column) + stream.uniform(), Double(cell.row) + stream.uniform())
                return Cluster(
                    id: CellGrid.mix(grid.seed &+ 1, cell.column &* 65_537 &+ index, cell.row),
                    centre: place * grid.side_um, radius_um: stream.uniform(in: radius_um),
                    waves: (0..<4).map { wave in
                        (0.3 / Double(wave + 2) * stream.uniform(), stream.uniform(in: 0...2 * Double.pi))
                    })
            }
        }.filter { area.contains(x_um: $0.centre.x, y_um: $0.centre.y) }
    }
}
