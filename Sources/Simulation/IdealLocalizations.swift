import Foundation
import Localization
import Optics
import Randomness
import Work

/// How molecules become localizations without a movie in between, as SuReSim does it (Venkataramani et al., Nat. Methods
/// 13, 319, 2016).
public struct LocalizationStatistics: Sendable, Equatable {
    /// Mean localizations of a molecule; their number is geometric, as each blink may be the last.
    public var perMolecule: Double
    /// The uncertainty of a localization of mean photons in nm.
    public var uncertainty_nm: Double
    /// Mean photons; they are exponential, and blinks of less than a third of the mean are not found.
    public var photons: Double
    /// Localizations at random places for each of a molecule.
    public var background: Double
    /// The number of frames.
    public var frames: Int

    /// Statistics of a usual dSTORM table.
    public init(
        perMolecule: Double = 3, uncertainty_nm: Double = 10, photons: Double = 2500, background: Double = 0.1,
        frames: Int = 10_000
    ) {
        self.perMolecule = perMolecule
        self.uncertainty_nm = uncertainty_nm
        self.photons = photons
        self.background = background
        self.frames = frames
    }
}

/// Simulates the localization table of an area of a specimen.
/// - Parameter label: the stain; nil takes the first one that consists of molecules.
/// - Returns: the localizations by frame with photons, uncertainty and the number of their `emitter` (-1 for background),
///   and the same rows at their true places.
/// - Throws: a `Failure` for impossible statistics or a stain that does not blink.
public func simulateLocalizations(
    of specimen: any Specimen, label: String? = nil, in area: Rectangle, _ statistics: LocalizationStatistics,
    seed: UInt64
) throws -> (found: LocalizationTable, truth: LocalizationTable) {
    let names = specimen.labels.filter { if case .molecules = $0.form { true } else { false } }.map(\.name)
    guard let name = label.map({ wanted in names.first { $0 == wanted } }) ?? names.first else {
        throw Failure(
            "the specimen '\(specimen.name)' has no blinking stain '\(label ?? "")'",
            remedy: "choose one of \(names.joined(separator: ", "))", code: "label-unknown")
    }
    guard statistics.perMolecule >= 1, statistics.perMolecule < 1e6, statistics.uncertainty_nm > 0,
        statistics.photons > 0, statistics.background >= 0, statistics.background < 1e3,
        (1...1_000_000_000).contains(statistics.frames)
    else {
        throw Failure(
            "a table needs 1 or more localizations of a molecule, an uncertainty, photons and frames above 0",
            code: "bad-parameter")
    }
    var random = RandomSource(seed: seed)
    var rows: [(frame: Int32, x: Double, y: Double, photons: Double, emitter: Double)] = []
    func add(_ place_nm: SIMD2<Double>, emitter: Double) {
        let photons = statistics.photons * (1.0 / 3 + random.exponential(mean: 2.0 / 3))
        rows.append(
            (Int32(1 + random.integer(below: statistics.frames)), place_nm.x, place_nm.y, photons, emitter))
    }
    let corner = SIMD2(area.left_um, area.top_um)
    for (number, emitter) in specimen.emitters(of: name, in: area).enumerated() {
        try Interruption.check()
        let place = (SIMD2(emitter.x_um, emitter.y_um) - corner) * 1000
        repeat { add(place, emitter: Double(number)) } while random.chance(1 - 1 / statistics.perMolecule)
    }
    for _ in 0..<random.poisson(mean: Double(rows.count) * statistics.background) {
        let x = random.uniform() * area.width_um
        let y = random.uniform() * area.height_um
        add(SIMD2(x, y) * 1000, emitter: -1)
    }
    rows.sort { $0.frame < $1.frame }
    var truth = LocalizationTable(frame: rows.map(\.frame), x_nm: rows.map(\.x), y_nm: rows.map(\.y))
    truth["photons"] = rows.map(\.photons)
    truth["uncertainty_nm"] = rows.map { statistics.uncertainty_nm * (statistics.photons / $0.photons).squareRoot() }
    truth["emitter"] = rows.map(\.emitter)
    let errors = truth["uncertainty_nm"]!
    let x = rows.indices.map { rows[$0].x + random.normal(deviation: errors[$0]) }
    let y = rows.indices.map { rows[$0].y + random.normal(deviation: errors[$0]) }
    return (truth.moved(x_nm: x, y_nm: y), truth)
}
