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
    /// The probability that chance alone brings so many beads together; nil in files of older versions.
    public let chance: Double?
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
    /// - Throws: a `Failure` when there are too few common beads for the model, or no more than chance brings together.
    public init(
        moving: LocalizationTable, to reference: LocalizationTable, model: Model? = nil, reach_nm: Double = 5000
    ) throws {
        guard reach_nm > 0, reach_nm <= 1e7 else {
            throw Failure("a reach of \(reach_nm) nm is not possible", remedy: "choose up to 1e7 nm", code: "parameter")
        }
        let from = try moving.beads()
        let to = try reference.beads()
        let rough = try roughShift(from, to, reach_nm: reach_nm)
        var shift = (x: rough.x, y: rough.y)
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
        let (chance, expected) = chanceOfMeeting(from, to, pairs: pairs.count, rough: rough, reach_nm: reach_nm)
        guard chance < 1e-3 else {
            throw Failure(
                String(
                    format:
                        "%d of %d and %d beads meet, and chance brings %.1f together: the channels have no beads in common",
                    pairs.count, from.count, to.count, expected),
                remedy: "give two tables of the same beads, neither of them mirrored", code: "no-evidence")
        }
        for candidate in candidates.dropFirst() where candidate.leaveOneOut < 0.95 * chosen.leaveOneOut {
            chosen = candidate
        }
        self.model = chosen.model
        self.chance = chance
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
            read.x_nm.count == read.model.terms.count, read.y_nm.count == read.x_nm.count, read.half_nm > 0
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
        let beads = valid.merged(try valid.tracks(radius_nm: 100, gap: 1_000_000))
        return beads.filtered { beads.x_nm[$0].isFinite && beads.y_nm[$0].isFinite }
    }
}

/// A shift between beads of two channels, with how many differences lie around it and within the reach.
private struct RoughShift {
    var x = 0.0, y = 0.0
    var votes = 0.0
    var differences = 0.0
    /// The side of the square whose differences are counted.
    static let window_nm = 400.0
}

/// The probability that chance makes the best of all shifts as good, and how many beads it brings together on average
/// where they lie as densely.
///
/// The number of differences in a window is Poisson distributed for strangers; there are as many windows as fit into the
/// reach, four times for their overlap. Beads that meet after the fit count in the same way, less those that the fit's
/// own freedom brings together; an affine fit chooses among many more.
private func chanceOfMeeting(
    _ from: LocalizationTable, _ to: LocalizationTable, pairs: Int, rough: RoughShift, reach_nm: Double
) -> (chance: Double, expected: Double) {
    let window = RoughShift.window_nm * RoughShift.window_nm
    let reach = 4 * reach_nm * reach_nm
    func extent(_ values: [Double]) -> Double { (values.max() ?? 0) - (values.min() ?? 0) + 1000 }
    let products = Double(from.count) * Double(to.count)
    let area = max(extent(to.x_nm), extent(from.x_nm)) * max(extent(to.y_nm), extent(from.y_nm))
    // A difference for an area of shifts.
    let density = max(products / area, (rough.differences - rough.votes) / max(reach, window))
    let trials = 4 * max(1, reach / window)
    let byVotes = trials * poissonTail(density * window, from: Int(rough.votes))
    let circle = Double.pi * 150 * 150
    let freedom = pairs >= 6 ? 3 : 1
    let byPairs = (pairs >= 6 ? 1000 : 1) * trials * poissonTail(density * circle, from: pairs - freedom)
    return (min(1, min(byVotes, byPairs)), density * window)
}

/// The probability that a Poisson distributed number is `least` or more.
private func poissonTail(_ mean: Double, from least: Int) -> Double {
    guard least > 0 else { return 1 }
    guard mean > 0 else { return 0 }
    // The terms from `least` on, until they no longer count.
    var (sum, number) = (0.0, least)
    while number < least + 10_000 {
        let term = exp(Double(number) * log(mean) - mean - lgamma(Double(number) + 1))
        sum += term
        if Double(number) > mean, term < 1e-12 * max(sum, 1e-300) { break }
        number += 1
    }
    return min(1, sum)
}

/// The most frequent difference between beads of two channels, in bins of 200 nm, then the mean of those around it.
private func roughShift(_ from: LocalizationTable, _ to: LocalizationTable, reach_nm: Double) throws -> RoughShift {
    struct Bin: Hashable { var x: Int, y: Int }
    let side = 200.0
    var votes: [Bin: Int] = [:]
    var grid = PointGrid(radius: reach_nm)
    for row in 0..<to.count { grid.add(row, x: to.x_nm[row], y: to.y_nm[row]) }
    func forEachDifference(_ body: (Double, Double) -> Void) throws {
        for row in 0..<from.count {
            try Interruption.check()
            grid.forEach(around: from.x_nm[row], from.y_nm[row]) { other in
                let (dx, dy) = (to.x_nm[other] - from.x_nm[row], to.y_nm[other] - from.y_nm[row])
                if abs(dx) <= reach_nm, abs(dy) <= reach_nm { body(dx, dy) }
            }
        }
    }
    var shift = RoughShift()
    try forEachDifference { dx, dy in
        shift.differences += 1
        // Each difference votes for the four bins whose middles are nearest, so that no edge cuts the peak.
        let (u, v) = (Int((dx / side).rounded(.down)), Int((dy / side).rounded(.down)))
        for bin in [Bin(x: u, y: v), Bin(x: u + 1, y: v), Bin(x: u, y: v + 1), Bin(x: u + 1, y: v + 1)] {
            votes[bin, default: 0] += 1
        }
    }
    func rank(_ bin: Bin) -> (Int, Int, Int, Int) { (votes[bin] ?? 0, -abs(bin.x) - abs(bin.y), bin.x, bin.y) }
    guard let best = votes.keys.max(by: { rank($0) < rank($1) }) else { return shift }
    let centre = (x: Double(best.x) * side, y: Double(best.y) * side)
    var (x, y) = (0.0, 0.0)
    try forEachDifference { dx, dy in
        guard abs(dx - centre.x) <= side, abs(dy - centre.y) <= side else { return }
        shift.votes += 1
        x += dx
        y += dy
    }
    (shift.x, shift.y) = shift.votes > 0 ? (x / shift.votes, y / shift.votes) : centre
    return shift
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
