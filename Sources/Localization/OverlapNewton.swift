import Kernels

/// The joint maximum-likelihood step: Fisher scoring for all molecules and the background at once. The system is
/// solved by conjugate gradients, whose products with the information matrix go through the image: render the
/// direction, weight it, gather it. Each molecule's own block preconditions.
extension OverlapScene {
    /// Parameters of one molecule: photons, x, y and z where it is fitted.
    private var perMolecule: Int { astigmatism == nil ? 3 : 4 }

    /// Improves the molecules and the background.
    /// - Parameters:
    ///   - limit: the most iterations.
    ///   - tolerance: ends when no molecule moves by more, in pixels.
    func refine(_ limit: Int, tolerance: Float) {
        guard !molecules.isEmpty || !nodes.isEmpty else { return }
        var current = compare()
        var work = NewtonWork()
        for _ in 0..<limit {
            direction(&work)
            let saved = (molecules, nodes, sigma)
            var share: Float = 1
            var largest: Float = 0
            var isBetter = false
            for _ in 0..<4 {
                largest = move(work.solution, share)
                let next = compare()
                if next <= current + 1e-6 * abs(current) {
                    current = next
                    isBetter = true
                    break
                }
                (molecules, nodes, sigma) = saved
                share *= 0.25
            }
            if !isBetter {
                compare()
                return
            }
            if largest < tolerance { return }
        }
    }

    /// Buffers of one refinement. A vector holds the molecules' parameters, then the nodes, then the common sigma.
    private struct NewtonWork {
        var sums: [Float] = []
        var blocks: [Float] = []
        var factors: [Float] = []
        /// Cholesky factors of the molecules' blocks, 10 each; inverse diagonals of the rest.
        var conditioner: [Float] = []
        var nodeSums: [Float] = []
        var solution: [Float] = []
        var rest: [Float] = []
        var conditioned: [Float] = []
        var search: [Float] = []
        var image: [Float] = []
    }

    /// Solves for the step.
    private func direction(_ work: inout NewtonWork) {
        let (count, n) = (molecules.count, perMolecule)
        let total = n * count + nodes.count + 1
        work.solution = Array(repeating: 0, count: total)
        work.rest = work.solution
        work.conditioned = work.solution
        work.search = work.solution
        work.image = work.solution
        if work.nodeSums.count != nodes.count { work.nodeSums = Array(repeating: 0, count: nodes.count) }
        transposed(residual, &work.sums, &work.nodeSums, into: &work.rest)
        if shape != .circular { work.rest[total - 1] = 0 }
        condition(&work)
        apply(&work)
        work.search = work.conditioned
        var energy = dot(work.rest, work.conditioned)
        let goal = 1e-3 * energy
        for _ in 0..<25 where energy > goal && energy > 0 {
            multiply(&work)
            let curvature = dot(work.search, work.image)
            guard curvature > 0 else { break }
            let step = energy / curvature
            for index in 0..<total {
                work.solution[index] += step * work.search[index]
                work.rest[index] -= step * work.image[index]
            }
            apply(&work)
            let next = dot(work.rest, work.conditioned)
            let ratio = next / energy
            energy = next
            for index in 0..<total { work.search[index] = work.conditioned[index] + ratio * work.search[index] }
        }
    }

    private func dot(_ a: [Float], _ b: [Float]) -> Float {
        var sum = 0.0
        for index in a.indices { sum += Double(a[index] * b[index]) }
        return Float(sum)
    }

    /// The derivatives of the model by all parameters, times an image.
    private func transposed(
        _ image: [Float], _ sums: inout [Float], _ nodeSums: inout [Float], into vector: inout [Float]
    ) {
        let (count, n, terms) = (molecules.count, perMolecule, Int(OVERLAP_TERMS))
        gather(image, into: &sums)
        gatherSurface(image, into: &nodeSums)
        var common: Float = 0
        for index in 0..<count {
            let photons = molecules[index].photons
            let (at, from) = (n * index, terms * index)
            let byX = sums[from + 3]
            let byY = sums[from + 4]
            vector[at] = sums[from]
            vector[at + 1] = photons * sums[from + 1]
            vector[at + 2] = photons * sums[from + 2]
            if n == 4 { vector[at + 3] = photons * (slopes[index].x * byX + slopes[index].y * byY) }
            common += photons * (byX + byY)
        }
        for node in nodes.indices { vector[n * count + node] = nodeSums[node] }
        vector[n * count + nodes.count] = common
    }

    /// image = information times search.
    private func multiply(_ work: inout NewtonWork) {
        let (count, n, terms) = (molecules.count, perMolecule, Int(OVERLAP_TERMS))
        if work.factors.count < terms * count { work.factors = Array(repeating: 0, count: terms * count) }
        let common = work.search[n * count + nodes.count]
        for index in 0..<count {
            let photons = molecules[index].photons
            let (at, to) = (n * index, terms * index)
            work.factors[to] = work.search[at]
            work.factors[to + 1] = photons * work.search[at + 1]
            work.factors[to + 2] = photons * work.search[at + 2]
            let z = n == 4 ? work.search[at + 3] : 0
            work.factors[to + 3] = photons * (slopes[index].x * z + common)
            work.factors[to + 4] = photons * (slopes[index].y * z + common)
            work.factors[to + 5] = 0
        }
        product.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        withPatches { overlap_add(&product, &$0, work.factors) }
        addSurface(Array(work.search[n * count..<n * count + nodes.count]), to: &product)
        product.withUnsafeMutableBufferPointer { product in
            weights.withUnsafeBufferPointer { weights in
                for pixel in 0..<product.count { product[pixel] *= weights[pixel] }
            }
        }
        transposed(product, &work.sums, &work.nodeSums, into: &work.image)
        if shape != .circular { work.image[n * count + nodes.count] = 0 }
    }

    /// The preconditioner: the inverse of each molecule's block and of the other diagonal elements.
    private func condition(_ work: inout NewtonWork) {
        let (count, n) = (molecules.count, perMolecule)
        information(into: &work.blocks)
        gatherSurface(weights, into: &work.nodeSums)
        work.conditioner = Array(repeating: 0, count: 10 * count + nodes.count + 1)
        var common: Float = 0
        for index in 0..<count {
            let molecule = molecules[index]
            let block = Int(OVERLAP_BLOCK) * index
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { matrix in
                ownBlock(work.blocks, block, molecule.photons, slopes[index], n, matrix)
                // In-place Cholesky, rows of a triangle.
                for i in 0..<n {
                    for j in 0...i {
                        var sum = matrix[4 * i + j] * (i == j ? 1.01 : 1)
                        for k in 0..<j { sum -= matrix[4 * i + k] * matrix[4 * j + k] }
                        if i == j {
                            matrix[4 * i + i] = max(sum, 1e-5 * matrix[4 * i + i] + 1e-12).squareRoot()
                        } else {
                            matrix[4 * i + j] = sum / matrix[4 * j + j]
                        }
                        work.conditioner[10 * index + i * (i + 1) / 2 + j] = matrix[4 * i + j]
                    }
                }
            }
            let photons = molecule.photons
            common +=
                photons * photons * (work.blocks[block + 9] + 2 * work.blocks[block + 13] + work.blocks[block + 14])
        }
        for node in nodes.indices { work.conditioner[10 * count + node] = 1 / max(work.nodeSums[node], 1e-6) }
        work.conditioner[10 * count + nodes.count] = shape == .circular ? 1 / max(common, 1e-6) : 0
    }

    /// conditioned = preconditioner times rest.
    private func apply(_ work: inout NewtonWork) {
        let (count, n) = (molecules.count, perMolecule)
        for index in 0..<count {
            let (at, from) = (n * index, 10 * index)
            for i in 0..<n {
                var sum = work.rest[at + i]
                for k in 0..<i { sum -= work.conditioner[from + i * (i + 1) / 2 + k] * work.conditioned[at + k] }
                work.conditioned[at + i] = sum / work.conditioner[from + i * (i + 1) / 2 + i]
            }
            for i in Swift.stride(from: n - 1, through: 0, by: -1) {
                var sum = work.conditioned[at + i]
                for k in i + 1..<max(n, i + 1) {
                    sum -= work.conditioner[from + k * (k + 1) / 2 + i] * work.conditioned[at + k]
                }
                work.conditioned[at + i] = sum / work.conditioner[from + i * (i + 1) / 2 + i]
            }
        }
        for index in 0...nodes.count {
            work.conditioned[n * count + index] = work.rest[n * count + index] * work.conditioner[10 * count + index]
        }
    }

    /// Moves all parameters, each as far as one iteration may.
    /// - Returns: the largest move of a molecule in pixels.
    private func move(_ solution: [Float], _ share: Float) -> Float {
        let n = perMolecule
        var largest: Float = 0
        for index in molecules.indices {
            let at = n * index
            let dx = max(-0.7, min(0.7, share * solution[at + 1]))
            let dy = max(-0.7, min(0.7, share * solution[at + 2]))
            molecules[index].x = max(-2, min(Float(width) + 1, molecules[index].x + dx))
            molecules[index].y = max(-2, min(Float(height) + 1, molecules[index].y + dy))
            let photons = molecules[index].photons
            molecules[index].photons = max(photons + share * solution[at], max(0.2 * photons, 0.5))
            if let astigmatism {
                let range = Float(astigmatism.highest_um - astigmatism.lowest_um)
                let dz = max(-0.15 * range, min(0.15 * range, share * solution[at + 3]))
                molecules[index].z = max(
                    Float(astigmatism.lowest_um), min(Float(astigmatism.highest_um), molecules[index].z + dz))
            }
            largest = max(largest, abs(dx), abs(dy))
        }
        let first = n * molecules.count
        for node in nodes.indices {
            nodes[node] = max(nodes[node] + share * solution[first + node], max(0.1 * nodes[node], 1e-3))
        }
        if shape == .circular {
            let step = max(-0.1 * sigma, min(0.1 * sigma, share * solution[first + nodes.count]))
            sigma = max(0.6 * nominalSigma, min(1.5 * nominalSigma, sigma + step))
        }
        return largest
    }
}

/// A molecule's own information, of photons, x, y and z, from its terms' block; rows of 4 in `matrix`.
func ownBlock(
    _ blocks: [Float], _ start: Int, _ photons: Float, _ slopes: (x: Float, y: Float), _ n: Int,
    _ matrix: UnsafeMutableBufferPointer<Float>
) {
    func element(_ i: Int, _ j: Int) -> Float { blocks[start + i * (i + 1) / 2 + j] }
    for i in 0..<3 {
        for j in 0...i { matrix[4 * i + j] = element(i, j) * (i > 0 ? photons : 1) * (j > 0 ? photons : 1) }
    }
    guard n == 4 else { return }
    for j in 0..<3 {
        matrix[12 + j] = photons * (j > 0 ? photons : 1) * (slopes.x * element(3, j) + slopes.y * element(4, j))
    }
    let along = slopes.x * slopes.x * element(3, 3) + slopes.y * slopes.y * element(4, 4)
    matrix[15] = photons * photons * (along + 2 * slopes.x * slopes.y * element(4, 3))
}
