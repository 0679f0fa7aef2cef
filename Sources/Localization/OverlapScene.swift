import Foundation
import Kernels
import Optics

/// A frame as the sum of molecules and a smooth background: data, model and their comparison.
///
/// Images are padded on all sides so that the patch of every molecule lies inside; padding and bad pixels have no
/// weight. With an electron multiplier all photons are divided by the excess noise, which makes them Poisson-like.
final class OverlapScene {
    /// A molecule: place in pixels from the centre of pixel (0, 0), photons, and z in um.
    struct Molecule {
        var x: Float, y: Float, photons: Float
        var z: Float
        /// Two in its place have been tried without gain.
        var hasBeenSplit = false
    }

    let width: Int, height: Int
    /// The padding on each side, and the padded columns and rows.
    let margin: Int, pitch: Int, rows: Int
    let excess: Float
    let shape: SpotModel
    let astigmatism: AstigmatismCalibration?
    let pixel_nm: Double
    /// The pixels of a patch's side, and the columns that are stored of it.
    let side: Int, stride: Int
    let nominalSigma: Float

    /// Data, with the variance of the read noise added, and that variance; padded.
    private(set) var data: [Float]
    private let variance: [Float]
    private let usable: [Float]
    /// Background and variance; the model is that and the molecules' light.
    private(set) var floor: [Float]
    var model: [Float]
    var weights: [Float]
    var residual: [Float]
    private(set) var deviance: [Float]
    var product: [Float]

    var molecules: [Molecule] = []
    /// The common standard deviation in pixels where the model is circular, and the given one otherwise.
    var sigma: Float
    /// The background at the nodes of its surface.
    var nodes: [Float]
    let nodeColumns: Int, nodeRows: Int
    private let top: [Int32], starts: [Int32]
    private let lower: [Float], right: [Float]
    var surfaceScratch: [Float]

    private var corners: [Int32] = []
    private var centres: [Float] = []
    private var sigmas: [Float] = []
    private var profiles: [Float] = []
    private var factors: [Float] = []
    /// How a molecule's width along x and y changes with its shape parameter.
    private(set) var slopes: [(x: Float, y: Float)] = []

    init(
        _ pixels: PixelCalibration, camera: CameraCalibration, settings: LocalizationSettings,
        background: BackgroundMap
    ) {
        width = pixels.width
        height = pixels.height
        excess = Float(camera.excessNoise)
        shape = settings.model
        astigmatism = settings.model == .astigmatic ? settings.astigmatism : nil
        pixel_nm = camera.pixel_nm
        nominalSigma = Float(settings.sigma_nm / camera.pixel_nm)
        sigma = nominalSigma
        let widest = settings.model == .astigmatic ? 6 * nominalSigma : 4 * nominalSigma
        side = min(Int(OVERLAP_MAXIMUM_SIDE) - 1, 2 * Int(widest.rounded(.up)) + 1)
        stride = side <= 16 ? 16 : 32
        margin = stride + 1
        pitch = width + 2 * margin
        rows = height + 2 * margin
        let count = pitch * rows
        data = Array(repeating: 1, count: count)
        var variance = [Float](repeating: 1, count: count)
        var usable = [Float](repeating: 0, count: count)
        for row in 0..<height {
            for column in 0..<width {
                let at = (row + margin) * pitch + column + margin
                let noise = pixels.variance[row * width + column]
                let isGood = noise < PixelCalibration.useless
                variance[at] = isGood ? noise / (excess * excess) : 0
                usable[at] = isGood ? 1 : 0
            }
        }
        self.variance = variance
        self.usable = usable
        floor = variance
        model = data
        weights = Array(repeating: 0, count: count)
        (residual, deviance, product) = (weights, weights, weights)
        nodeColumns = background.tileColumns
        nodeRows = background.tileRows
        nodes = Array(repeating: 0, count: nodeColumns * nodeRows)
        let rowPlaces = (0..<height).map { BackgroundMap.place($0, pixels.height, background.tileRows) }
        let columnPlaces = (0..<width).map { BackgroundMap.place($0, pixels.width, background.tileColumns) }
        top = rowPlaces.map { Int32($0.tile) }
        lower = rowPlaces.map(\.share)
        right = columnPlaces.map(\.share)
        starts = (0...background.tileColumns).map { tile in
            Int32(columnPlaces.firstIndex { $0.tile >= tile } ?? pixels.width)
        }
        surfaceScratch = Array(repeating: 0, count: 2 * width)
    }

    // MARK: Molecules

    /// A molecule in focus.
    func molecule(x: Float, y: Float, photons: Float = 0) -> Molecule { Molecule(x: x, y: y, photons: photons, z: 0) }

    func append(x: Float, y: Float) { molecules.append(molecule(x: x, y: y)) }

    func remove(_ gone: Set<Int>) {
        molecules = molecules.indices.filter { !gone.contains($0) }.map { molecules[$0] }
    }

    /// Gives a molecule's light to another at their common centre.
    func merge(_ drop: Int, into keep: Int) {
        let (a, b) = (molecules[keep], molecules[drop])
        let sum = max(a.photons + b.photons, 1e-3)
        molecules[keep].x = (a.x * a.photons + b.x * b.photons) / sum
        molecules[keep].y = (a.y * a.photons + b.y * b.photons) / sum
        molecules[keep].photons = sum
        molecules[keep].hasBeenSplit = true
    }

    func isInside(_ molecule: Molecule) -> Bool {
        molecule.x > -0.5 && molecule.y > -0.5 && molecule.x < Float(width) - 0.5 && molecule.y < Float(height) - 0.5
    }

    /// The padded image's pixel under a molecule.
    func pixel(_ molecule: Molecule) -> Int32 {
        let column = max(0, min(width - 1, Int(molecule.x.rounded())))
        let row = max(0, min(height - 1, Int(molecule.y.rounded())))
        return Int32((row + margin) * pitch + column + margin)
    }

    /// Pairs of molecules, each once, and the pairs' first number is the smaller.
    func pairs(closerThan reach: Float) -> [(Int, Int)] {
        var grid = NeighbourGrid(reach: reach)
        var found: [(Int, Int)] = []
        for (index, molecule) in molecules.enumerated() {
            for neighbour in grid.neighbours(molecule.x, molecule.y) { found.append((neighbour.place, index)) }
            grid.insert(molecule.x, molecule.y)
        }
        return found
    }

    // MARK: Images

    /// Takes a frame, shape [height, width], and forgets the molecules.
    func load(_ photons: [Float], background: [Float]) {
        molecules.removeAll(keepingCapacity: true)
        sigma = nominalSigma
        let scale = 1 / excess
        for node in nodes.indices { nodes[node] = max(background[node] * scale, 1e-3) }
        for row in 0..<height {
            let start = (row + margin) * pitch + margin
            for column in 0..<width {
                data[start + column] = photons[row * width + column] * scale + variance[start + column]
            }
        }
    }

    /// Runs `body` with the molecules' patches.
    func withPatches(_ body: (inout overlap_patches) -> Void) {
        corners.withUnsafeBufferPointer { corners in
            profiles.withUnsafeBufferPointer { profiles in
                var patches = overlap_patches(
                    count: molecules.count, side: Int32(side), stride: Int32(stride), pitch: pitch,
                    corners: corners.baseAddress, profiles: profiles.baseAddress)
                body(&patches)
            }
        }
    }

    /// Runs `body` with the background's surface.
    func withSurface(_ body: (inout overlap_surface) -> Void) {
        top.withUnsafeBufferPointer { top in
            starts.withUnsafeBufferPointer { starts in
                lower.withUnsafeBufferPointer { lower in
                    right.withUnsafeBufferPointer { right in
                        var surface = overlap_surface(
                            width: Int32(width), height: Int32(height), node_columns: Int32(nodeColumns),
                            node_rows: Int32(nodeRows), top: top.baseAddress, starts: starts.baseAddress,
                            lower: lower.baseAddress, right: right.baseAddress)
                        body(&surface)
                    }
                }
            }
        }
    }

    /// Adds a surface with values at the nodes to a padded image.
    func addSurface(_ nodes: [Float], to image: inout [Float]) {
        image.withUnsafeMutableBufferPointer { image in
            let first = image.baseAddress! + margin * pitch + margin
            withSurface { overlap_surface_add(first, pitch, &$0, nodes) }
        }
    }

    /// The sum of a padded image times each node's share.
    func gatherSurface(_ image: [Float], into sums: inout [Float]) {
        image.withUnsafeBufferPointer { image in
            let first = image.baseAddress! + margin * pitch + margin
            withSurface { overlap_surface_gather(first, pitch, &$0, &sums, &surfaceScratch) }
        }
    }

    /// Compares data and model.
    /// - Returns: the deviance of the whole frame.
    @discardableResult func compare() -> Double {
        place()
        floor.withUnsafeMutableBufferPointer { floor in
            variance.withUnsafeBufferPointer { _ = floor.update(fromContentsOf: $0) }
        }
        addSurface(nodes, to: &floor)
        model.withUnsafeMutableBufferPointer { model in
            floor.withUnsafeBufferPointer { _ = model.update(fromContentsOf: $0) }
        }
        for index in molecules.indices { factors[Int(OVERLAP_TERMS) * index] = molecules[index].photons }
        withPatches { overlap_add(&model, &$0, factors) }
        return overlap_compare(data, model, usable, data.count, &weights, &residual, &deviance)
    }

    /// Patches and profiles of the molecules where they are now.
    private func place() {
        let count = molecules.count
        func grow(_ array: inout [Float], _ size: Int) {
            if array.count < size { array = Array(repeating: 0, count: size + size / 2) }
        }
        if corners.count < count { corners = Array(repeating: 0, count: count + count / 2) }
        if slopes.count < count { slopes = Array(repeating: (1, 1), count: count + count / 2) }
        grow(&centres, 2 * count)
        grow(&sigmas, 2 * count)
        grow(&profiles, 6 * stride * count)
        grow(&factors, Int(OVERLAP_TERMS) * count)
        for index in 0..<count {
            let molecule = molecules[index]
            let column = Int(molecule.x.rounded()) - side / 2
            let row = Int(molecule.y.rounded()) - side / 2
            corners[index] = Int32((row + margin) * pitch + column + margin)
            centres[2 * index] = molecule.x - Float(column)
            centres[2 * index + 1] = molecule.y - Float(row)
            let widths = self.widths(molecule)
            sigmas[2 * index] = widths.x
            sigmas[2 * index + 1] = widths.y
            slopes[index] = widths.slopes
            for term in 0..<Int(OVERLAP_TERMS) { factors[Int(OVERLAP_TERMS) * index + term] = 0 }
        }
        overlap_profiles(count, Int32(side), Int32(stride), centres, sigmas, &profiles)
    }

    /// A molecule's standard deviations and how they change with its shape parameter.
    func widths(_ molecule: Molecule) -> (x: Float, y: Float, slopes: (x: Float, y: Float)) {
        guard let astigmatism else { return (sigma, sigma, (1, 1)) }
        let z = Double(molecule.z)
        let step = 1e-3
        func values(_ curve: AstigmatismCalibration.Curve) -> (Float, Float) {
            let width = curve.width_nm(z) / pixel_nm
            return (
                Float(width), Float((curve.width_nm(z + step) - curve.width_nm(z - step)) / (2 * step) / pixel_nm)
            )
        }
        let (x, slopeX) = values(astigmatism.x)
        let (y, slopeY) = values(astigmatism.y)
        return (x, y, (slopeX, slopeY))
    }

    /// Sums of the residual and of the weights over the molecules' terms.
    func gather(_ image: [Float], into sums: inout [Float]) {
        let size = Int(OVERLAP_TERMS) * molecules.count
        if sums.count < size { sums = Array(repeating: 0, count: size + size / 2) }
        withPatches { overlap_gather(image, &$0, &sums) }
    }

    func information(into blocks: inout [Float]) {
        let size = Int(OVERLAP_BLOCK) * molecules.count
        if blocks.count < size { blocks = Array(repeating: 0, count: size + size / 2) }
        withPatches { overlap_information(weights, &$0, &blocks) }
    }

    /// Gives the molecules from `first` on the photons that each alone would need; the others are left.
    func estimatePhotons(from first: Int) {
        compare()
        var sums: [Float] = []
        var blocks: [Float] = []
        gather(residual, into: &sums)
        information(into: &blocks)
        for index in first..<max(first, molecules.count) {
            let information = max(blocks[Int(OVERLAP_BLOCK) * index], 1e-12)
            molecules[index].photons = max(1, sums[Int(OVERLAP_TERMS) * index] / information)
        }
    }
}
