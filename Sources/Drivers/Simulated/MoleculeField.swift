import Foundation
import Optics
import Randomness
import Simulation

/// The blinking molecules of a specimen where the microscope has been, in square cells that keep their state.
///
/// Cells that have not been lit for longest are forgotten beyond `limit` (their molecules are fresh when the stage
/// comes back), so that memory stays bounded.
struct MoleculeField: Sendable {
    private struct Key: Hashable {
        var label: Int
        var column: Int
        var row: Int
    }

    private struct Cell {
        var molecules: [Emitter]
        var population: BlinkingPopulation
        var lit = 0
    }

    /// Light from one molecule.
    struct Flash: Sendable {
        var label: Int
        var x_um: Double
        var y_um: Double
        var photons: Double
        var id: UInt64
    }

    private static let side_um = 12.8
    private static let limit = 1500
    private let specimen: any Specimen
    private let seed: UInt64
    private var cells: [Key: Cell] = [:]
    private var turn = 0

    init(specimen: any Specimen, seed: UInt64) {
        self.specimen = specimen
        self.seed = seed
    }

    /// Lets light of constant power fall on an area for a time.
    /// - Returns: the light of each molecule that shone; nothing when nobody looks.
    mutating func illuminate(
        label: Int, dye: Blinking, area: Rectangle, duration_ms: Double, power_mw: Double, activation_mw: Double,
        isSeen: Bool
    ) -> [Flash] {
        var flashes: [Flash] = []
        turn += 1
        let keys = keys(label, touching: area)
        load(keys, dye: dye)
        let rate = dye.photonsPerMs(power_mw: power_mw)
        for key in keys {
            guard cells[key]?.molecules.isEmpty == false else { continue }
            cells[key]!.lit = turn
            let molecules = cells[key]!.molecules
            cells[key]!.population.illuminate(
                duration_ms: duration_ms, power_mw: power_mw, activation_mw: activation_mw
            ) { shine in
                guard isSeen else { return }
                let molecule = molecules[shine.index]
                flashes.append(
                    Flash(
                        label: label, x_um: molecule.x_um, y_um: molecule.y_um, photons: rate * shine.on_ms,
                        id: molecule.id))
            }
        }
        forget()
        return flashes
    }

    private func keys(_ label: Int, touching area: Rectangle) -> [Key] {
        func index(_ value: Double) -> Int { Int((value / MoleculeField.side_um).rounded(.down)) }
        return (index(area.top_um)...index(area.bottom_um)).flatMap { row in
            (index(area.left_um)...index(area.right_um)).map { Key(label: label, column: $0, row: row) }
        }
    }

    /// Fills the cells that are not there yet, with one question to the specimen.
    private mutating func load(_ keys: [Key], dye: Blinking) {
        let missing = keys.filter { cells[$0] == nil }
        guard let first = missing.first else { return }
        let side = MoleculeField.side_um
        let columns = missing.map(\.column)
        let rows = missing.map(\.row)
        let area = Rectangle(
            x_um: Double(columns.min()!) * side...Double(columns.max()! + 1) * side,
            y_um: Double(rows.min()!) * side...Double(rows.max()! + 1) * side)
        var found: [Key: [Emitter]] = [:]
        for emitter in specimen.emitters(of: specimen.labels[first.label].name, in: area) {
            let key = Key(
                label: first.label, column: Int((emitter.x_um / side).rounded(.down)),
                row: Int((emitter.y_um / side).rounded(.down)))
            found[key, default: []].append(emitter)
        }
        for key in missing {
            let molecules = found[key] ?? []
            let random = RandomSource(seed: seed).split(key.label).split(key.column).split(key.row)
            cells[key] = Cell(
                molecules: molecules,
                population: BlinkingPopulation(count: molecules.count, dye: dye, random: random), lit: turn)
        }
    }

    private mutating func forget() {
        guard cells.count > MoleculeField.limit else { return }
        let oldest = cells.map { ($0.value.lit, $0.key) }.sorted { $0.0 < $1.0 }
        for (_, key) in oldest.prefix(cells.count - MoleculeField.limit * 3 / 4) { cells[key] = nil }
    }
}
