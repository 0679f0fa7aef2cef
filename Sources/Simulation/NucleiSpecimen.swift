import Foundation
import Imaging
import Optics
import Randomness

/// Adherent cells: nuclei with stained DNA (wide field), nuclear pores on them and microtubules around them (dSTORM).
///
/// Nuclei are the points of a hard-core process (Matérn II): each candidate has a random rank and falls when one of
/// higher rank is too near. Some keep a neighbour that touches them.
public struct NucleiSpecimen: Specimen {
    /// The wanted number of nuclei for one mm2, companions included.
    public let density_per_mm2: Double
    /// The share of nuclei with a touching companion.
    public let touching: Double
    /// Nuclear pores for one um2 of nucleus.
    public let pores_per_um2: Double
    /// The share of binding sites that carry a dye.
    public let labelling: Double
    /// The stains `DNA`, `pores` and `tubulin`.
    public let labels: [Label]
    /// `nuclei`.
    public let name = "nuclei"
    /// There is no border.
    public let border: Rectangle? = nil

    private let grid: CellGrid
    private static let gap_um = 0.8
    private static let largest_um = 10.5

    /// Nuclei over an unlimited plane.
    /// - Parameters:
    ///   - density_per_mm2: up to about 1000 find room; more are cut there.
    ///   - touching: 0 to 1.
    ///   - labelling: 0 to 1.
    public init(
        seed: UInt64, density_per_mm2: Double = 650, touching: Double = 0.12, pores_per_um2: Double = 4,
        labelling: Double = 0.6, blinking: Blinking = Blinking()
    ) {
        self.density_per_mm2 = max(0, density_per_mm2)
        self.touching = min(1, max(0, touching))
        self.pores_per_um2 = max(0, pores_per_um2)
        self.labelling = min(1, max(0, labelling))
        grid = CellGrid(seed: seed, side_um: 50)
        var second = blinking
        second.photonsPerBlink *= 0.6
        labels = [
            Label(name: "DNA", excitation_nm: 405, emission_nm: 461, brightness: 500),
            Label(name: "pores", excitation_nm: 647, emission_nm: 668, form: .molecules(blinking)),
            Label(name: "tubulin", excitation_nm: 561, emission_nm: 590, form: .molecules(second)),
        ]
    }

    /// The nuclei whose centre lies in the area.
    public func objects(in area: Rectangle) -> [SpecimenObject] { nuclei(in: area).map(\.object) }

    /// The molecules of `pores` or `tubulin` in the area.
    public func emitters(of label: String, in area: Rectangle) -> [Emitter] {
        switch label {
        case "pores":
            return nuclei(in: area.grown(by: 14)).flatMap { nucleus in
                nucleus.pores(per_um2: pores_per_um2, labelling: labelling).filter {
                    area.contains(x_um: $0.x_um, y_um: $0.y_um)
                }
            }
        case "tubulin":
            return nuclei(in: area.grown(by: 14 + Nucleus.filamentReach_um)).flatMap { nucleus in
                nucleus.microtubules(labelling: labelling, in: area)
            }
        default:
            return []
        }
    }

    /// Adds the stained DNA.
    public func addDensity(
        of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um: Double
    ) {
        guard label == "DNA" else { return }
        // Light from the cytoplasm and from far out of focus.
        for index in image.samples.indices { image.samples[index] += 0.03 }
        let area = Rectangle(
            x_um: x_um...x_um + Double(image.width) * pixel_um, y_um: y_um...y_um + Double(image.height) * pixel_um)
        for nucleus in nuclei(in: area.grown(by: 20)) {
            nucleus.addDensity(to: &image, x_um: x_um, y_um: y_um, pixel_um: pixel_um)
        }
    }

    func nuclei(in area: Rectangle) -> [Nucleus] {
        guard density_per_mm2 > 0 else { return [] }
        return grid.cells(touching: area.grown(by: 2 * NucleiSpecimen.largest_um)).flatMap { cell in
            nuclei(column: cell.column, row: cell.row)
        }.filter { area.contains(x_um: $0.x_um, y_um: $0.y_um) }
    }

    // MARK: Placement

    private struct Candidate {
        var id: UInt64
        var rank: UInt64
        var x_um: Double
        var y_um: Double
        var radius_um: Double
        var companion: (x_um: Double, y_um: Double, radius_um: Double)?
    }

    /// Candidates for one um2 that leave the wanted density after thinning:
    /// retained = (1 - exp(-candidates * area)) / area with the area of the mean exclusion disc.
    private var candidates_per_um2: Double {
        let exclusion = Double.pi * pow(2 * 8.6 + NucleiSpecimen.gap_um, 2)
        let wanted = min(0.93, density_per_mm2 * 1e-6 / (1 + touching) * exclusion)
        return -log(1 - wanted) / exclusion
    }

    private func candidates(column: Int, row: Int) -> [Candidate] {
        var random = grid.random(column, row)
        let count = random.poisson(mean: candidates_per_um2 * grid.side_um * grid.side_um)
        return (0..<count).map { index in
            let radius = min(9.8, max(7, random.normal(mean: 8.6, deviation: 0.55)))
            let x = (Double(column) + random.uniform()) * grid.side_um
            let y = (Double(row) + random.uniform()) * grid.side_um
            var companion: (Double, Double, Double)?
            let wants = random.chance(touching)
            let other = radius * random.uniform(in: 0.88...1.05)
            let direction = random.uniform(in: 0...2 * Double.pi)
            if wants {
                let distance = 0.98 * (radius + other)
                companion = (x + distance * cos(direction), y + distance * sin(direction), other)
            }
            return Candidate(
                id: CellGrid.mix(grid.seed, column &* 8191 &+ index, row), rank: random.next(), x_um: x, y_um: y,
                radius_um: radius, companion: companion)
        }
    }

    private func neighbourhood(_ column: Int, _ row: Int) -> [(Int, Int)] {
        (-1...1).flatMap { dy in (-1...1).map { dx in (column + dx, row + dy) } }
    }

    private func retained(column: Int, row: Int) -> [Candidate] {
        let around = neighbourhood(column, row).flatMap { candidates(column: $0.0, row: $0.1) }
        return candidates(column: column, row: row).filter { candidate in
            !around.contains { other in
                other.rank > candidate.rank
                    && hypot(other.x_um - candidate.x_um, other.y_um - candidate.y_um)
                        < other.radius_um + candidate.radius_um + NucleiSpecimen.gap_um
            }
        }
    }

    private func nuclei(column: Int, row: Int) -> [Nucleus] {
        let around = neighbourhood(column, row).flatMap { retained(column: $0.0, row: $0.1) }
        var nuclei: [Nucleus] = []
        for candidate in retained(column: column, row: row) {
            var random = RandomSource(seed: candidate.id)
            nuclei.append(
                Nucleus(
                    id: candidate.id, x_um: candidate.x_um, y_um: candidate.y_um, radius_um: candidate.radius_um,
                    random: &random))
            guard let companion = candidate.companion else { continue }
            let hasRoom = around.allSatisfy { other in
                if other.id == candidate.id { return true }
                let free = companion.radius_um + NucleiSpecimen.gap_um
                if hypot(other.x_um - companion.x_um, other.y_um - companion.y_um) < other.radius_um + free {
                    return false
                }
                guard let rival = other.companion, other.rank > candidate.rank else { return true }
                return hypot(rival.x_um - companion.x_um, rival.y_um - companion.y_um) >= rival.radius_um + free
            }
            if hasRoom {
                nuclei.append(
                    Nucleus(
                        id: candidate.id &+ 1, x_um: companion.x_um, y_um: companion.y_um,
                        radius_um: companion.radius_um, random: &random))
            }
        }
        return nuclei
    }
}
