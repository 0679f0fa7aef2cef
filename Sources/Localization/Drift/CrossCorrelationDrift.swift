import Foundation
import Imaging
import Work

extension LocalizationTable {
    /// The drift by redundant cross-correlation (Wang et al., Opt. Express 22, 2014): the movie is cut into blocks, the
    /// images of all pairs of blocks are correlated, the shifts of the blocks follow by least squares with outlying
    /// pairs left out, and a cubic spline goes through them.
    /// - Parameters:
    ///   - blocks: the number of blocks, 2 or more; nil takes as many as keep 500 localizations in each, 4 to 20.
    ///   - pixel_nm: the pixel of the correlated images.
    ///   - reach_nm: the largest drift between two blocks.
    /// - Returns: the drift; along z too where the table has the column `z_nm`.
    /// - Throws: a `Failure` when there are too few localizations or frames; `Interrupted`.
    public func drift(blocks: Int? = nil, pixel_nm: Double = 20, reach_nm: Double = 1500) throws -> Drift {
        guard pixel_nm > 0, reach_nm > pixel_nm, reach_nm <= 2000 * pixel_nm, (2...1000).contains(blocks ?? 2) else {
            throw Failure(
                "drift needs a pixel above 0, a reach of up to 2000 of them and 2 to 1000 blocks", code: "parameter")
        }
        guard count >= 200, let first = frame.min(), let last = frame.max(), last > first else {
            throw Failure(
                "\(count) localizations are too few to find the drift",
                remedy: "use at least 200 over several frames, or leave the drift out", code: "too-few")
        }
        let frames = try framesOfDrift(first: first, last: last)
        let evidence = DriftEvidence(self, first: Int(first), frames: frames)
        guard evidence.isEnough else { return evidence.noDrift }
        let number = max(2, min(blocks ?? max(4, min(20, count / 500)), frames))
        let tables = blockRows(number, first: Int(first), frames: frames).map(rows).filter { $0.count >= 20 }
        guard tables.count >= 2, let whole = try denseField() else {
            throw Failure("the localizations lie in too few parts of the movie to find the drift", code: "too-few")
        }
        // Large fields in coarser pixels: the images stay below 2048 pixels.
        let pixel = max(pixel_nm, max(whole.width_nm, whole.height_nm) / 1900)
        let margin = Int((reach_nm / pixel).rounded(.up))
        let correlator = BlockCorrelator(field: whole, pixel_nm: pixel, margin: margin)
        let spectra = try tables.map { table in
            try Interruption.check()
            return correlator.spectrum(of: table)
        }
        var pairs: [BlockPair] = []
        let progress = Progress("drift", total: spectra.count * (spectra.count - 1) / 2, unit: "pairs")
        defer { progress.finish() }
        for later in spectra.indices {
            for earlier in 0..<later {
                try Interruption.check()
                // A maximum at the bound of the reach is no maximum.
                if let shift = correlator.shift(from: spectra[earlier], to: spectra[later]) {
                    pairs.append(BlockPair(earlier: earlier, later: later, x: shift.x, y: shift.y))
                }
                progress.advance()
            }
        }
        let seen = Set(pairs.flatMap { [$0.earlier, $0.later] })
        guard seen.count == tables.count else {
            return .none(
                firstFrame: Int(first), frames: frames,
                String(format: "parts of the movie do not meet within the reach of %.0f nm", reach_nm))
        }
        let places = solve(pairs, blocks: tables.count, tolerance: 2 * pixel)
        let centres = tables.map { table in
            table.frame.reduce(0.0) { $0 + Double($1) } / Double(table.count)
        }
        let lateral = Drift(
            firstFrame: Int(first), frames: frames, knots: centres, x_nm: places.map(\.x), y_nm: places.map(\.y))
        guard let depths = self["z_nm"] else { return lateral }
        // z by the same pairs of blocks, once the blocks lie on each other in x and y.
        let corrected = lateral.corrected(self)
        let columns = DepthColumns(of: corrected, cell_nm: 5 * pixel)
        let rowsOfBlocks = blockRows(number, first: Int(first), frames: frames).filter { $0.count >= 20 }
        var block = [Int](repeating: -1, count: count)
        for (index, rows) in rowsOfBlocks.enumerated() { for row in rows { block[row] = index } }
        var depthPairs: [BlockPair] = []
        for later in rowsOfBlocks.indices {
            for earlier in 0..<later {
                try Interruption.check()
                let shift = columns.shift(
                    of: rowsOfBlocks[later], depths: depths, reach_nm: 500, bin_nm: pixel
                ) { block[$0] == earlier }
                depthPairs.append(BlockPair(earlier: earlier, later: later, x: shift, y: 0))
            }
        }
        let heights = solve(depthPairs, blocks: rowsOfBlocks.count, tolerance: 4 * pixel).map(\.x)
        return Drift(
            firstFrame: Int(first), frames: frames, knots: centres, x_nm: places.map(\.x), y_nm: places.map(\.y),
            z_nm: heights)
    }

    private func blockRows(_ number: Int, first: Int, frames: Int) -> [[Int]] {
        var blocks = [[Int]](repeating: [], count: number)
        for row in 0..<count { blocks[(Int(frame[row]) - first) * number / frames].append(row) }
        return blocks
    }
}

/// The shift of one block against an earlier one in nm.
private struct BlockPair {
    var earlier: Int, later: Int
    var x: Double, y: Double
}

/// Images of blocks and the shifts between them.
private struct BlockCorrelator {
    let field: Field
    let pixel_nm: Double
    let margin: Int
    let transform: FourierTransform
    /// A Gaussian of 1.5 pixels as it stands in the spectrum, by rows and by columns.
    private let rowWeights: [Float], columnWeights: [Float]

    init(field: Field, pixel_nm: Double, margin: Int) {
        self.field = field
        self.pixel_nm = pixel_nm
        self.margin = margin
        transform = FourierTransform(
            width: FourierTransform.goodSize(Int(field.width_nm / pixel_nm) + margin + 4),
            height: FourierTransform.goodSize(Int(field.height_nm / pixel_nm) + margin + 4))
        func weight(_ frequency: Double) -> Float {
            Float(exp(-2 * Double.pi * Double.pi * 2.25 * frequency * frequency))
        }
        let (width, height) = (transform.width, transform.height)
        rowWeights = (0..<height).map { weight(Double(min($0, height - $0)) / Double(height)) }
        columnWeights = (0..<transform.spectrumWidth).map { weight(Double($0) / Double(width)) }
    }

    /// The spectrum of a block's image; localizations are shared between the four nearest pixels.
    func spectrum(of table: LocalizationTable) -> [Complex] {
        var image = [Float](repeating: 0, count: transform.width * transform.height)
        for row in 0..<table.count {
            let x = (table.x_nm[row] - field.x_nm) / pixel_nm
            let y = (table.y_nm[row] - field.y_nm) / pixel_nm
            guard x >= 0, y >= 0, x < Double(transform.width - 1), y < Double(transform.height - 1) else { continue }
            let u = Float(x - x.rounded(.down))
            let v = Float(y - y.rounded(.down))
            let at = Int(y) * transform.width + Int(x)
            image[at] += (1 - u) * (1 - v)
            image[at + 1] += u * (1 - v)
            image[at + transform.width] += (1 - u) * v
            image[at + transform.width + 1] += u * v
        }
        return transform.forward(image)
    }

    /// How far the later block lies from the earlier one in nm: the maximum of the smoothed cross-correlation, refined
    /// by the centre of a paraboloid through its surroundings.
    /// Nil where that lies at the bound of the reach.
    func shift(from earlier: [Complex], to later: [Complex]) -> (x: Double, y: Double)? {
        let columns = transform.spectrumWidth
        var product = [Complex](repeating: Complex(0, 0), count: earlier.count)
        for row in 0..<transform.height {
            for column in 0..<columns {
                let smooth = rowWeights[row] * columnWeights[column]
                let at = row * columns + column
                let (a, b) = (later[at], earlier[at])
                product[at] = Complex(
                    smooth * (a.real * b.real + a.imaginary * b.imaginary),
                    smooth * (a.imaginary * b.real - a.real * b.imaginary))
            }
        }
        product[0] = Complex(0, 0)
        let correlation = transform.inverse(product)
        func value(_ y: Int, _ x: Int) -> Double {
            let row = (y % transform.height + transform.height) % transform.height
            let column = (x % transform.width + transform.width) % transform.width
            return Double(correlation[row * transform.width + column])
        }
        var best = (value: -Double.infinity, x: 0, y: 0)
        for y in -margin...margin {
            for x in -margin...margin where value(y, x) > best.value { best = (value(y, x), x, y) }
        }
        if abs(best.x) == margin || abs(best.y) == margin { return nil }
        // Least squares of a paraboloid over 5x5 pixels.
        var (gx, gy, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for v in -2...2 {
            for u in -2...2 {
                let height = value(best.y + v, best.x + u)
                gx += height * Double(u) / 50
                gy += height * Double(v) / 50
                xx += height * Double(u * u - 2) / 35
                yy += height * Double(v * v - 2) / 35
                xy += height * Double(u * v) / 100
            }
        }
        let determinant = xx * yy - xy * xy
        var (dx, dy) = (0.0, 0.0)
        if xx < 0, yy < 0, determinant > 0 {
            dx = max(-2, min(2, -(gx * yy - gy * xy) / determinant))
            dy = max(-2, min(2, -(gy * xx - gx * xy) / determinant))
        }
        return ((Double(best.x) + dx) * pixel_nm, (Double(best.y) + dy) * pixel_nm)
    }
}

/// The places of the blocks from the shifts of pairs by least squares; pairs that miss by more than the tolerance are
/// left out, the worst first, while every block stays connected.
private func solve(_ pairs: [BlockPair], blocks: Int, tolerance: Double) -> [(x: Double, y: Double)] {
    var pairs = pairs
    while true {
        let xs = leastSquares(pairs, blocks, \.x)
        let ys = leastSquares(pairs, blocks, \.y)
        var worst = (miss: tolerance, index: -1)
        for (index, pair) in pairs.enumerated() {
            let miss = hypot(xs[pair.later] - xs[pair.earlier] - pair.x, ys[pair.later] - ys[pair.earlier] - pair.y)
            if miss > worst.miss { worst = (miss, index) }
        }
        func degree(_ block: Int) -> Int { pairs.count { $0.earlier == block || $0.later == block } }
        guard worst.index >= 0, degree(pairs[worst.index].earlier) > 2, degree(pairs[worst.index].later) > 2 else {
            return zip(xs, ys).map { ($0, $1) }
        }
        pairs.remove(at: worst.index)
    }
}

/// Places with place 0 at 0 that differ between pairs as given, by normal equations.
private func leastSquares(_ pairs: [BlockPair], _ blocks: Int, _ value: KeyPath<BlockPair, Double>) -> [Double] {
    let size = blocks - 1
    // A trace on the diagonal leaves blocks without a pair where they are, and makes the system positive definite.
    var matrix = (0..<size).map { row in (0..<size).map { $0 == row ? 1e-10 : 0 } }
    var right = [[Double]](repeating: [0], count: size)
    for pair in pairs {
        let (i, j) = (pair.earlier - 1, pair.later - 1)
        matrix[j][j] += 1
        right[j][0] += pair[keyPath: value]
        if i >= 0 {
            matrix[i][i] += 1
            matrix[i][j] -= 1
            matrix[j][i] -= 1
            right[i][0] -= pair[keyPath: value]
        }
    }
    return [0] + solvedSystem(matrix, right, tolerance: 0)!.map { $0[0] }
}
