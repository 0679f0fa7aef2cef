import Kernels

/// What the information matrix of a scene says: precision of each molecule, and spots that look like two.
extension OverlapScene {
    /// The neighbours that enter a molecule's bound, at most.
    private static var neighbourLimit: Int { 8 }

    /// A spot that looks like two: they lie at plus and minus (dx, dy).
    struct Split {
        var molecule: Int
        var dx: Float, dy: Float
    }

    /// The standard error of each molecule's photons if all else were known.
    func ownPhotonError() -> [Float] {
        var blocks: [Float] = []
        information(into: &blocks)
        return molecules.indices.map { 1 / max(blocks[Int(OVERLAP_BLOCK) * $0], 1e-12).squareRoot() }
    }

    /// Spots whose residual has a second moment: the score test of the second derivatives of the spot along x and y and
    /// of the mixed one, with its own photons and place left free. A pair of half the light each at a distance 2 d
    /// changes the image by half of d' (second derivatives) d, to lowest order, whatever its shape.
    /// - Parameter score: the least score, chi-squared with three degrees of freedom without a second molecule.
    func splits(score: Float) -> [Split] {
        guard astigmatism == nil else { return [] }
        var sums: [Float] = []
        var blocks: [Float] = []
        gather(residual, into: &sums)
        information(into: &blocks)
        var found: [Split] = []
        for index in molecules.indices where !molecules[index].hasBeenSplit && isInside(molecules[index]) {
            let photons = molecules[index].photons
            let start = Int(OVERLAP_BLOCK) * index
            // Photons, x, y, then the second moments along x and y and the mixed one. The derivative by sigma of a Gaussian
            // is sigma times its second derivative.
            let scale: [Float] = [1, photons, photons, photons / (2 * sigma), photons / (2 * sigma), photons]
            var matrix = [Float](repeating: 0, count: 36)
            for i in 0..<6 {
                for j in 0...i {
                    let value = blocks[start + i * (i + 1) / 2 + j] * scale[i] * scale[j]
                    matrix[6 * i + j] = value
                    matrix[6 * j + i] = value
                }
            }
            var right = (0..<6).map { sums[Int(OVERLAP_TERMS) * index + $0] * scale[$0] }
            // Elimination of the first three leaves the information and gradient of the moments.
            for k in 0..<3 {
                let pivot = max(matrix[7 * k], 1e-20)
                for i in k + 1..<6 {
                    let factor = matrix[6 * i + k] / pivot
                    for j in k..<6 { matrix[6 * i + j] -= factor * matrix[6 * k + j] }
                    right[i] -= factor * right[k]
                }
            }
            guard let moments = solved3(matrix, right) else { continue }
            let statistic = moments.x * right[3] + moments.y * right[4] + moments.mixed * right[5]
            guard statistic > score else { continue }
            let (a, b, c) = (moments.x, moments.y, moments.mixed)
            let mean = (a + b) / 2
            let radius = ((a - b) * (a - b) / 4 + c * c).squareRoot()
            let largest = mean + radius
            guard largest > 0 else { continue }
            // The direction of the larger eigenvalue, which is the square of d.
            var (dx, dy) = abs(a - largest) > abs(b - largest) ? (c, largest - a) : (largest - b, c)
            let length = (dx * dx + dy * dy).squareRoot()
            if length > 0 { (dx, dy) = (dx / length, dy / length) } else { (dx, dy) = (1, 0) }
            let distance = max(0.4 * sigma, min(1.2 * sigma, largest.squareRoot()))
            found.append(Split(molecule: index, dx: distance * dx, dy: distance * dy))
        }
        return found
    }

    private func solved3(_ m: [Float], _ r: [Float]) -> (x: Float, y: Float, mixed: Float)? {
        let (a, b, c, d, e, f) = (m[21], m[22], m[23], m[28], m[29], m[35])
        let determinant = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)
        guard determinant > 0 else { return nil }
        let x = (d * f - e * e) * r[3] + (c * e - b * f) * r[4] + (b * e - c * d) * r[5]
        let y = (c * e - b * f) * r[3] + (a * f - c * c) * r[4] + (b * c - a * e) * r[5]
        let mixed = (b * e - c * d) * r[3] + (b * c - a * e) * r[4] + (a * d - b * b) * r[5]
        return (x / determinant, y / determinant, mixed / determinant)
    }

    /// The molecules with their bounds: the inverse of the information of each one, its nearest neighbours and the local
    /// background.
    func estimates() -> [SpotEstimate] {
        compare()
        var blocks: [Float] = []
        var sums: [Float] = []
        information(into: &blocks)
        gather(weights, into: &sums)
        var squares = [Float](repeating: 0, count: molecules.count)
        let reach = max(2, Int((2 * nominalSigma).rounded()))
        let centres = molecules.map { pixel($0) }
        overlap_square(deviance, pitch, centres.count, centres, Int32(reach), &squares)
        var nodeInformation = [Float](repeating: 0, count: nodes.count)
        gatherSurface(weights, into: &nodeInformation)

        let far = (astigmatism == nil ? 3.5 : 5) * nominalSigma
        var neighbours = [[(place: Int, square: Float)]](repeating: [], count: molecules.count)
        for (first, second) in pairs(closerThan: far) {
            let (a, b) = (molecules[first], molecules[second])
            let square = (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)
            neighbours[first].append((second, square))
            neighbours[second].append((first, square))
        }
        let n = astigmatism == nil ? 3 : 4
        return molecules.indices.map { index in
            let group =
                [index]
                + neighbours[index].sorted { $0.square < $1.square }.prefix(Self.neighbourLimit).map(\.place)
            let bounds = self.bounds(group, n, blocks, sums, nodeInformation)
            let molecule = molecules[index]
            let widths = self.widths(molecule)
            let row = max(0, min(height - 1, Int(molecule.y.rounded())))
            let column = max(0, min(width - 1, Int(molecule.x.rounded())))
            let near = Float(neighbours[index].count { $0.square < Float(reach * reach) })
            return SpotEstimate(
                x: molecule.x, y: molecule.y, photons: molecule.photons * excess,
                background: background(row: row, column: column) * excess, sigmaX: widths.x, sigmaY: widths.y,
                z: molecule.z,
                bounds: (
                    bounds[1], bounds[2], bounds[0] * excess * excess, bounds[n] * excess * excess, 0,
                    n == 4 ? bounds[3] : 0
                ), deviance: squares[index],
                freedom: max(1, usablePixels(row: row, column: column, reach: reach) - 3 * (near + 1)),
                converged: true)
        }
    }

    /// The variances of the first molecule's parameters and of the background.
    private func bounds(
        _ group: [Int], _ n: Int, _ blocks: [Float], _ sums: [Float], _ nodeInformation: [Float]
    ) -> [Float] {
        let size = n * group.count + 1
        var matrix = [Double](repeating: 0, count: size * size)
        var products = [Float](repeating: 0, count: 25)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { own in
            for (a, first) in group.enumerated() {
                ownBlock(blocks, Int(OVERLAP_BLOCK) * first, molecules[first].photons, slopes[first], n, own)
                for i in 0..<n { for j in 0...i { matrix[(n * a + i) * size + n * a + j] = Double(own[4 * i + j]) } }
                for (b, second) in group.enumerated().prefix(a) {
                    withPatches { overlap_pair(weights, &$0, first, second, &products) }
                    for i in 0..<n {
                        for j in 0..<n {
                            matrix[(n * a + i) * size + n * b + j] = Double(paired(products, first, second, i, j))
                        }
                    }
                }
                let light = coupling(sums, first, n)
                for j in 0..<n { matrix[(size - 1) * size + n * a + j] = Double(light[j]) }
            }
        }
        let centre = molecules[group[0]]
        matrix[size * size - 1] = Double(localInformation(centre, nodeInformation))
        return inverseDiagonal(&matrix, size, Array(0..<n) + [size - 1]).map(Float.init)
    }

    /// The information of the background's level about a molecule: that of the nearest node.
    private func localInformation(_ molecule: Molecule, _ nodeInformation: [Float]) -> Float {
        let row = max(0, min(height - 1, Int(molecule.y.rounded())))
        let column = max(0, min(width - 1, Int(molecule.x.rounded())))
        let (top, v) = BackgroundMap.place(row, height, nodeRows)
        let (left, u) = BackgroundMap.place(column, width, nodeColumns)
        let node =
            min(nodeRows - 1, top + (v > 0.5 ? 1 : 0)) * nodeColumns + min(nodeColumns - 1, left + (u > 0.5 ? 1 : 0))
        return max(nodeInformation[node], 1e-6)
    }

    private func coupling(_ sums: [Float], _ index: Int, _ n: Int) -> [Float] {
        let start = Int(OVERLAP_TERMS) * index
        let photons = molecules[index].photons
        var light = [sums[start], photons * sums[start + 1], photons * sums[start + 2]]
        if n == 4 {
            light.append(photons * (slopes[index].x * sums[start + 3] + slopes[index].y * sums[start + 4]))
        }
        return light
    }

    private func paired(_ products: [Float], _ first: Int, _ second: Int, _ i: Int, _ j: Int) -> Float {
        let scale = (i > 0 ? molecules[first].photons : 1) * (j > 0 ? molecules[second].photons : 1)
        func value(_ a: Int, _ b: Int) -> Float { products[5 * a + b] }
        let (s, t) = (slopes[first], slopes[second])
        switch (i == 3, j == 3) {
        case (false, false): return scale * value(i, j)
        case (true, false): return scale * (s.x * value(3, j) + s.y * value(4, j))
        case (false, true): return scale * (t.x * value(i, 3) + t.y * value(i, 4))
        case (true, true):
            return scale
                * (s.x * (t.x * value(3, 3) + t.y * value(3, 4)) + s.y * (t.x * value(4, 3) + t.y * value(4, 4)))
        }
    }

    private func background(row: Int, column: Int) -> Float {
        let (top, v) = BackgroundMap.place(row, height, nodeRows)
        let (left, u) = BackgroundMap.place(column, width, nodeColumns)
        let (bottom, right) = (min(nodeRows - 1, top + 1), min(nodeColumns - 1, left + 1))
        let upper = nodes[top * nodeColumns + left] * (1 - u) + nodes[top * nodeColumns + right] * u
        let lower = nodes[bottom * nodeColumns + left] * (1 - u) + nodes[bottom * nodeColumns + right] * u
        return upper * (1 - v) + lower * v
    }

    private func usablePixels(row: Int, column: Int, reach: Int) -> Float {
        var count: Float = 0
        for y in max(0, row - reach)...min(height - 1, row + reach) {
            for x in max(0, column - reach)...min(width - 1, column + reach)
            where weights[(y + margin) * pitch + x + margin] > 0 { count += 1 }
        }
        return count
    }
}

/// Elements of the diagonal of the inverse of a positive matrix whose lower triangle is given; the matrix is overwritten
/// by its Cholesky factor. A matrix that is not positive gives large numbers.
private func inverseDiagonal(_ matrix: inout [Double], _ size: Int, _ wanted: [Int]) -> [Double] {
    matrix.withUnsafeMutableBufferPointer { m in
        for i in 0..<size {
            for j in 0...i {
                var sum = m[i * size + j]
                for k in 0..<j { sum -= m[i * size + k] * m[j * size + k] }
                if i == j {
                    m[i * size + i] = max(sum, 1e-9 * m[i * size + i] + 1e-30).squareRoot()
                } else {
                    m[i * size + j] = sum / m[j * size + j]
                }
            }
        }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: size) { column in
            wanted.map { index in
                var square = 0.0
                for i in index..<size {
                    var sum = i == index ? 1.0 : 0
                    for k in index..<i { sum -= m[i * size + k] * column[k] }
                    column[i] = sum / m[i * size + i]
                    square += column[i] * column[i]
                }
                return square
            }
        }
    }
}
