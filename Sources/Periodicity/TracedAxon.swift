import Foundation
import Localization
import Work

/// An axon found in a localization table.
public struct TracedAxon: Sendable, Equatable {
    /// Its axis.
    public let axis: AxonAxis
    /// Rows of the merged table that lie in the gate, by rising arc length.
    public let molecules: [Int]
    /// Rows of the original table that lie in the gate, by rising arc length.
    public let localizations: [Int]
    /// Arc lengths of molecules and localizations.
    public let profile: AxonProfile
}

/// The axons of a localization table, with blinks merged to molecules.
public struct AxonTracing: Sendable {
    /// One row for each molecule.
    public let molecules: LocalizationTable
    /// The axons, longest first.
    public let axons: [TracedAxon]

    /// The distance of knots of an axis.
    static let knot_nm = 500.0

    /// Merges blinks and finds the axons.
    ///
    /// Localizations within 2.5 median uncertainties of each other are one molecule, whenever they were seen. Ridges of
    /// the molecules' density become splines that are moved to the middle of the molecules in a gate, then every
    /// molecule is given the arc length at its foot on the axis; where gates overlap, on the longer one.
    /// - Parameter mask: where axons may lie; everywhere without one.
    /// - Throws: a `Failure` for fewer than 50 localizations, localizations of a single frame or at one place;
    ///   `Interrupted`.
    public init(_ table: LocalizationTable, _ settings: TracingSettings, mask: AxonMask? = nil) throws {
        let rows = (0..<table.count).filter { table.x_nm[$0].isFinite && table.y_nm[$0].isFinite }
        let table = rows.count == table.count ? table : table.rows(rows)
        guard table.count >= 50 else {
            throw Failure(
                "\(table.count) localizations are too few for a period", remedy: "give at least 50", code: "too-few")
        }
        guard Set(table.frame).count > 1 else {
            throw Failure(
                "all localizations are in one frame", remedy: "blinks of a molecule are told apart by their frames",
                code: "one-frame")
        }
        guard let extent = Field(of: table, step_nm: 1e-3), max(extent.width_nm, extent.height_nm) > 1000 else {
            throw Failure(
                "all localizations lie at one place", remedy: "a period needs axons of some um", code: "no-structure")
        }
        guard max(extent.width_nm, extent.height_nm) < 1e9, max(abs(extent.x_nm), abs(extent.y_nm)) < 1e12 else {
            throw Failure(
                String(format: "a field of %.3g x %.3g nm is too large", extent.width_nm, extent.height_nm),
                remedy: "leave out far localizations", code: "field-too-large")
        }
        let uncertainties = (table["uncertainty_nm"] ?? []).filter { $0 > 0 && $0.isFinite }.sorted()
        let typical = uncertainties.isEmpty ? 10 : uncertainties[uncertainties.count / 2]
        let radius = min(60, max(10, 2.5 * typical))
        let molecules = table.merged(try table.tracks(radius_nm: radius, gap: Int(Int32.max)))
        self.molecules = molecules
        let field = Field(
            x_nm: extent.x_nm - 500, y_nm: extent.y_nm - 500, width_nm: extent.width_nm + 1000,
            height_nm: extent.height_nm + 1000)
        let map = try RidgeMap(molecules, field: field, settings: settings, mask: mask)
        let lines = try map.lines(shortest_um: settings.shortest_um)
        let gate = settings.gate_nm
        let points = MoleculePlaces(x_nm: molecules.x_nm, y_nm: molecules.y_nm, cell_nm: 1000 * settings.width_um)
        let distinct = AxonTracing.distinctPlaces(molecules, cell_nm: 1000 * settings.width_um)
        let all = MoleculePlaces(x_nm: table.x_nm, y_nm: table.y_nm, cell_nm: 1000 * settings.width_um)
        let axes = try concurrentMap(lines.count) { index -> [AxonAxis] in
            try Interruption.check()
            return AxonTracing.axes(along: lines[index], distinct, gate_nm: gate)
        }.flatMap { $0 }.filter { $0.length_nm >= settings.shortest_um * 1000 }
            .sorted { $0.length_nm > $1.length_nm }
        let near = try concurrentMap(axes.count) { points.points(along: axes[$0], within: gate) }
        let nearAll = try concurrentMap(axes.count) { all.points(along: axes[$0], within: gate) }
        let own = AxonTracing.owners(near, count: molecules.count)
        let ownAll = AxonTracing.owners(nearAll, count: table.count)
        axons = axes.indices.compactMap { number in
            let places = near[number].filter { own[$0.index] == number }
            let localizations = nearAll[number].filter { ownAll[$0.index] == number }
            // What has most of its molecules from a longer axon is a second trace of that.
            guard places.count >= 5, Double(places.count) >= 0.6 * Double(near[number].count) else { return nil }
            return TracedAxon(
                axis: axes[number], molecules: places.map(\.index), localizations: localizations.map(\.index),
                profile: AxonProfile(
                    molecules_nm: places.map(\.arc), localizations_nm: localizations.map(\.arc),
                    length_nm: axes[number].length_nm))
        }
    }

    /// The molecules without those in the same 50 nm: several localizations of one that were not merged would make the axis
    /// follow them.
    private static func distinctPlaces(_ molecules: LocalizationTable, cell_nm: Double) -> MoleculePlaces {
        var cells = Set<SIMD2<Int>>()
        let rows = (0..<molecules.count).filter { row in
            cells.insert(SIMD2(Int(molecules.x_nm[row] / 50), Int(molecules.y_nm[row] / 50))).inserted
        }
        return MoleculePlaces(
            x_nm: rows.map { molecules.x_nm[$0] }, y_nm: rows.map { molecules.y_nm[$0] }, cell_nm: cell_nm)
    }

    /// The number of the first, longest axon in whose gate each point lies.
    private static func owners(_ near: [[(index: Int, arc: Double, across: Double)]], count: Int) -> [Int] {
        var owner = [Int](repeating: -1, count: count)
        for (number, points) in near.enumerated() {
            for point in points where owner[point.index] < 0 { owner[point.index] = number }
        }
        return owner
    }

    /// The axes of the molecules along a line: of each part without gaps.
    private static func axes(along line: [SIMD2<Double>], _ points: MoleculePlaces, gate_nm: Double) -> [AxonAxis] {
        let whole = AxonAxis(through: stride(from: 0, to: line.count, by: 5).map { line[$0] } + [line[line.count - 1]])
        guard let rough = fitted(whole, points, gate_nm: gate_nm, stiff) else { return [] }
        let arcs = points.points(along: rough, within: gate_nm).map(\.arc)
        return occupied(arcs, length_nm: rough.length_nm).compactMap { part in
            fitted(rough.part(part), points, gate_nm: gate_nm, stiff + free)
        }
    }

    /// Rounds of the fit: the gate, in units of the usual one, and the stiffness. Molecules lie under the membrane, at the
    /// edges of the axon: a wide gate and a stiff axis first, so that it does not swing from one edge to the other.
    private static let stiff: [(gate: Double, stiffness: ClosedRange<Double>)] = [(1.4, -5...(-5)), (1.2, -6...(-4))]
    private static let free: [(gate: Double, stiffness: ClosedRange<Double>)] = [
        (1, -7...(-2)), (1, -7...(-2)), (1, -7...(-2)),
    ]

    /// The parts of an axis where the molecules are at least a third as dense as usual, by a window that holds 12 of
    /// them, or 600 nm. A blurred ridge runs on beyond the end of an axon, and from one axon into the next.
    static func occupied(_ arcs: [Double], length_nm: Double) -> [ClosedRange<Double>] {
        guard arcs.count >= 5, length_nm > 0 else { return [] }
        let step = 50.0
        var counts = [Double](repeating: 0, count: Int(length_nm / step) + 1)
        for arc in arcs { counts[min(counts.count - 1, Int(arc / step))] += 1 }
        // The usual density is that about the molecule in the middle of all, by density.
        func smoothed(_ window: Int) -> [Double] {
            var sum = 0.0
            var sums = [0.0]
            for count in counts { sum += count; sums.append(sum) }
            return counts.indices.map { index in
                let (low, high) = (max(0, index - window), min(counts.count, index + window + 1))
                return (sums[high] - sums[low]) / (Double(high - low) * step)
            }
        }
        func usual(_ density: [Double]) -> Double {
            let about = arcs.map { density[min(density.count - 1, Int($0 / step))] }.sorted()
            return about[about.count / 2]
        }
        let window = max(600, 12 / usual(smoothed(20)))
        let density = smoothed(Int(window / 2 / step))
        let least = usual(density) / 3
        var parts: [ClosedRange<Double>] = []
        var start: Int?
        for index in 0...counts.count {
            let isDense = index < counts.count && density[index] > least
            if isDense, start == nil { start = index }
            if !isDense, let first = start {
                let range = Double(first) * step...Double(index) * step
                let inside = arcs.filter { range.contains($0) }.sorted()
                if inside.count >= 5 { parts.append(inside[0]...inside[inside.count - 1]) }
                start = nil
            }
        }
        return parts
    }

    /// An axis moved to the middle of the molecules in its gate.
    private static func fitted(
        _ axis: AxonAxis, _ points: MoleculePlaces, gate_nm: Double,
        _ rounds: [(gate: Double, stiffness: ClosedRange<Double>)]
    ) -> AxonAxis? {
        var axis = axis
        for round in rounds {
            let intervals = max(2, Int((axis.length_nm / knot_nm).rounded()))
            let spacing = axis.length_nm / Double(intervals)
            let knots = (0...intervals).map { axis.place(at: Double($0) * spacing) }
            let bend = knots.indices.map { index -> Double in
                guard index > 0, index < intervals else { return 0 }
                let second = knots[index - 1].point - 2 * knots[index].point + knots[index + 1].point
                return knots[index].along.x * second.y - knots[index].along.y * second.x
            }
            let near = points.points(along: axis, within: round.gate * gate_nm)
            guard near.count >= 5 else { return nil }
            let offsets = AxisFit.offsets(
                arc: near.map(\.arc), across: near.map(\.across), bend: bend, spacing: spacing,
                stiffness: round.stiffness)
            axis = AxonAxis(
                through: zip(knots, offsets).map { knot, offset in
                    knot.point + SIMD2(-knot.along.y, knot.along.x) * offset
                })
        }
        return axis
    }
}
