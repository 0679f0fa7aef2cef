import Foundation
import Work

/// How the positions of one channel become those of another, learnt from beads that both channels show.
public struct ChannelRegistration: Sendable, Codable, Equatable {
    /// What the displacement between the channels may be: even, linear in the position, or of a higher order.
    public enum Model: String, Sendable, Codable, CaseIterable {
        case shift, affine, quadratic, cubic

        /// The powers of x and y.
        fileprivate var terms: [(x: Int, y: Int)] {
            let order = Model.allCases.firstIndex(of: self) ?? 0
            return (0...order).flatMap { degree in (0...degree).map { (degree - $0, $0) } }
        }
    }

    /// The model.
    public let model: Model
    /// The number of beads.
    public let beads: Int
    /// The root mean square distance of the beads after the registration in nm.
    public let residual_nm: Double
    /// The same when each bead is left out of the fit that moves it: what to expect of molecules between the beads.
    public let leaveOneOut_nm: Double
    /// The middle of the beads and half their extent in nm, by which positions are made small numbers.
    private let middle_nm: [Double], half_nm: Double
    /// The coefficients of the displacement in nm.
    private let x_nm: [Double], y_nm: [Double]

    /// Registers one channel to another.
    ///
    /// Localizations of a bead in several frames are averaged first. A rough shift comes from the most frequent difference
    /// of any two beads; beads that are each other's nearest neighbours then make pairs, again after each fit.
    /// - Parameters:
    ///   - moving: beads in the channel that will be moved.
    ///   - reference: the same beads in the channel that stays.
    ///   - model: nil takes the one with the least leave-one-out error; a simpler one that is within 5 % is preferred.
    ///   - reach_nm: the largest shift between the channels.
    /// - Throws: a `Failure` when there are too few common beads for the model.
    public init(
        moving: LocalizationTable, to reference: LocalizationTable, model: Model? = nil, reach_nm: Double = 5000
    ) throws {
        let from = try moving.beads()
        let to = try reference.beads()
        var shift = roughShift(from, to, reach_nm: reach_nm)
        var pairs: [(Int, Int)] = []
        var fit: Fit?
        for tolerance in [500.0, 250, 150, 150] {
            pairs = mutualNeighbours(from, to, tolerance_nm: tolerance) { index in
                let (x, y) = (from.x_nm[index], from.y_nm[index])
                guard let step = fit?.displacement(x, y) else { return (x + shift.x, y + shift.y) }
                return (x + step.x, y + step.y)
            }
            guard pairs.count >= 2 else { break }
            let best = pairs.count >= 6 ? Model.affine : .shift
            fit = Fit(best, pairs, from, to)
            if best == .shift, let fit { shift = fit.displacement(0, 0) }
        }
        // Twice the unknowns of an axis, so that every bead left out is still tied down.
        func suffices(_ model: Model) -> Bool { pairs.count >= 2 * model.terms.count }
        let candidates = (model.map { [$0] } ?? Model.allCases).filter(suffices).compactMap { Fit($0, pairs, from, to) }
        guard var chosen = candidates.first else {
            let wanted = model ?? .shift
            throw Failure(
                "\(pairs.count) beads are common to both channels, \(wanted.rawValue) needs \(2 * wanted.terms.count)",
                remedy: "image more beads, or choose a simpler model", code: "too-few")
        }
        for candidate in candidates.dropFirst() where candidate.leaveOneOut < 0.95 * chosen.leaveOneOut {
            chosen = candidate
        }
        self.model = chosen.model
        beads = pairs.count
        residual_nm = chosen.residual
        leaveOneOut_nm = chosen.leaveOneOut
        middle_nm = [chosen.middle.x, chosen.middle.y]
        half_nm = chosen.half
        x_nm = chosen.x
        y_nm = chosen.y
    }

    /// A table of the moving channel at the places of the reference.
    public func registered(_ table: LocalizationTable) -> LocalizationTable {
        let terms = model.terms
        var (xs, ys) = (table.x_nm, table.y_nm)
        for row in 0..<table.count {
            let values = Fit.terms(terms, xs[row], ys[row], (middle_nm[0], middle_nm[1]), half_nm)
            for (index, value) in values.enumerated() {
                xs[row] += value * x_nm[index]
                ys[row] += value * y_nm[index]
            }
        }
        return table.moved(x_nm: xs, y_nm: ys)
    }

    /// Writes the registration as JSON.
    /// - Throws: a `Failure` that names the file.
    public func write(_ path: String) throws {
        try writeWhole(Data(try JSONValue(encoding: self).text(pretty: true).utf8), to: path)
    }

    /// Reads what `write` wrote.
    /// - Throws: a `Failure` that names the file.
    public init(file path: String) throws {
        let data = try readFile(path)
        guard let read = try? JSONDecoder().decode(ChannelRegistration.self, from: data), read.middle_nm.count == 2,
            read.x_nm.count == read.model.terms.count, read.y_nm.count == read.x_nm.count
        else {
            throw Failure(
                "\(path) is no registration", remedy: "make one with localization.register", code: "table-value")
        }
        self = read
    }
}

/// The least squares of a displacement over beads.
private struct Fit {
    let model: ChannelRegistration.Model
    let middle: (x: Double, y: Double)
    let half: Double
    let x: [Double], y: [Double]
    let residual: Double, leaveOneOut: Double

    init?(_ model: ChannelRegistration.Model, _ pairs: [(Int, Int)], _ from: LocalizationTable, _ to: LocalizationTable)
    {
        let xs = pairs.map { from.x_nm[$0.0] }
        let ys = pairs.map { from.y_nm[$0.0] }
        guard let left = xs.min(), let right = xs.max(), let top = ys.min(), let bottom = ys.max() else { return nil }
        let middle = (x: (left + right) / 2, y: (top + bottom) / 2)
        let half = max(1, (right - left) / 2, (bottom - top) / 2)
        let powers = model.terms
        let rows = pairs.indices.map { Fit.terms(powers, xs[$0], ys[$0], middle, half) }
        let size = powers.count
        var normal = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
        for row in rows { for i in 0..<size { for j in 0..<size { normal[i][j] += row[i] * row[j] } } }
        let identity = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
        guard let inverse = solvedSystem(normal, identity) else { return nil }
        func solve(_ targets: [Double]) -> [Double] {
            var right = [Double](repeating: 0, count: size)
            for (row, target) in zip(rows, targets) { for i in 0..<size { right[i] += row[i] * target } }
            return inverse.map { line in zip(line, right).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        let (wantedX, wantedY) = (
            pairs.indices.map { to.x_nm[pairs[$0].1] - xs[$0] }, pairs.indices.map { to.y_nm[pairs[$0].1] - ys[$0] }
        )
        let (x, y) = (solve(wantedX), solve(wantedY))
        var (squares, leftOut) = (0.0, 0.0)
        for (index, row) in rows.enumerated() {
            func value(_ coefficients: [Double]) -> Double { zip(row, coefficients).reduce(0) { $0 + $1.0 * $1.1 } }
            let (dx, dy) = (wantedX[index] - value(x), wantedY[index] - value(y))
            // The leverage gives the residual that the bead would have if it were left out.
            let leverage = (0..<size).reduce(0.0) { sum, i in
                sum + row[i] * zip(inverse[i], row).reduce(0) { $0 + $1.0 * $1.1 }
            }
            squares += dx * dx + dy * dy
            leftOut += (dx * dx + dy * dy) / pow(max(1e-6, 1 - leverage), 2)
        }
        (self.model, self.middle, self.half, self.x, self.y) = (model, middle, half, x, y)
        residual = (squares / Double(rows.count)).squareRoot()
        leaveOneOut = (leftOut / Double(rows.count)).squareRoot()
    }

    func displacement(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
        let values = Fit.terms(model.terms, x, y, middle, half)
        return (
            zip(values, self.x).reduce(0) { $0 + $1.0 * $1.1 }, zip(values, self.y).reduce(0) { $0 + $1.0 * $1.1 }
        )
    }

    static func terms(
        _ powers: [(x: Int, y: Int)], _ x: Double, _ y: Double, _ middle: (x: Double, y: Double), _ half: Double
    ) -> [Double] {
        let (u, v) = ((x - middle.x) / half, (y - middle.y) / half)
        return powers.map { pow(u, Double($0.x)) * pow(v, Double($0.y)) }
    }
}

extension LocalizationTable {
    /// One row for each bead: localizations that stay within 100 nm over the frames, averaged.
    fileprivate func beads() throws -> LocalizationTable {
        let valid = filtered { x_nm[$0].isFinite && y_nm[$0].isFinite }
        return valid.merged(try valid.tracks(radius_nm: 100, gap: 1_000_000))
    }
}

/// The most frequent difference between beads of two channels, in bins of 200 nm, then the mean of those around it.
private func roughShift(_ from: LocalizationTable, _ to: LocalizationTable, reach_nm: Double) -> (x: Double, y: Double)
{
    struct Bin: Hashable { var x: Int, y: Int }
    let side = 200.0
    var votes: [Bin: Int] = [:]
    var grid = PointGrid(radius: reach_nm)
    for row in 0..<to.count { grid.add(row, x: to.x_nm[row], y: to.y_nm[row]) }
    func forEachDifference(_ body: (Double, Double) -> Void) {
        for row in 0..<from.count {
            grid.forEach(around: from.x_nm[row], from.y_nm[row]) { other in
                let (dx, dy) = (to.x_nm[other] - from.x_nm[row], to.y_nm[other] - from.y_nm[row])
                if max(abs(dx), abs(dy)) <= reach_nm { body(dx, dy) }
            }
        }
    }
    forEachDifference { dx, dy in
        // Each difference votes for the four bins whose middles are nearest, so that no edge cuts the peak.
        let (u, v) = (Int((dx / side).rounded(.down)), Int((dy / side).rounded(.down)))
        for bin in [Bin(x: u, y: v), Bin(x: u + 1, y: v), Bin(x: u, y: v + 1), Bin(x: u + 1, y: v + 1)] {
            votes[bin, default: 0] += 1
        }
    }
    func rank(_ bin: Bin) -> (Int, Int, Int, Int) { (votes[bin] ?? 0, -abs(bin.x) - abs(bin.y), bin.x, bin.y) }
    guard let best = votes.keys.max(by: { rank($0) < rank($1) }) else { return (0, 0) }
    let centre = (x: Double(best.x) * side, y: Double(best.y) * side)
    var (count, x, y) = (0.0, 0.0, 0.0)
    forEachDifference { dx, dy in
        guard abs(dx - centre.x) <= side, abs(dy - centre.y) <= side else { return }
        count += 1
        x += dx
        y += dy
    }
    return count > 0 ? (x / count, y / count) : centre
}

/// Pairs of beads that are each other's nearest within a distance.
private func mutualNeighbours(
    _ from: LocalizationTable, _ to: LocalizationTable, tolerance_nm: Double, _ place: (Int) -> (x: Double, y: Double)
) -> [(Int, Int)] {
    let places = (0..<from.count).map(place)
    func nearest(_ x: Double, _ y: Double, _ grid: PointGrid, _ point: (Int) -> (x: Double, y: Double)) -> Int? {
        var best: (distance: Double, index: Int)?
        grid.forEach(around: x, y) { index in
            let distance = hypot(point(index).x - x, point(index).y - y)
            if distance <= tolerance_nm, distance < best?.distance ?? .infinity { best = (distance, index) }
        }
        return best?.index
    }
    var (moving, still) = (PointGrid(radius: tolerance_nm), PointGrid(radius: tolerance_nm))
    for (index, place) in places.enumerated() { moving.add(index, x: place.x, y: place.y) }
    for row in 0..<to.count { still.add(row, x: to.x_nm[row], y: to.y_nm[row]) }
    return places.indices.compactMap { index in
        guard let other = nearest(places[index].x, places[index].y, still, { (to.x_nm[$0], to.y_nm[$0]) }),
            nearest(to.x_nm[other], to.y_nm[other], moving, { places[$0] }) == index
        else { return nil }
        return (index, other)
    }
}
