import Foundation
import Kernels
import Optics

/// Fits overlapping molecules of a frame together (the idea of DAOSTORM: Holden et al., Nat. Methods 8, 2011), by
/// maximum likelihood over all molecules and the background at once.
///
/// Detected spots are fitted; then molecules are added where the residual stands out of the noise, and a spot whose
/// residual shows a second moment is replaced by two. What does not raise the likelihood enough is taken back. This goes
/// on until nothing is added. One fitter serves one thread; its buffers are kept between frames.
final class OverlapFitter {
    /// Twice the log likelihood that an added molecule, or two in place of one, must gain.
    private static let leastGain: Float = 14
    /// The score (chi-squared with 3 degrees of freedom) from which a spot is tried as two.
    private static let splitScore: Float = 10
    /// The least photons in units of their standard error where the neighbours' light is not known either. It may be low:
    /// that there are two molecules has been shown by their likelihood.
    private static let leastTogether: Float = 1.5
    /// The least photons as a share of the light that neighbours shed on the place: what the shape of a real spot is wrong
    /// by makes such fits beside it, however sure their likelihood is. With z, more of it is.
    private static let leastShare: (round: Float, astigmatic: Float) = (0.15, 0.2)
    private static let rounds = 10

    let sigma: Float
    let threshold: Float
    let significance: Float
    private let excess: Float
    private let detector: SpotDetector
    let scene: OverlapScene
    private var residualFilter: ResidualFilter
    private var trials: [Trial] = []
    private var pixels: [Int32] = []
    private var before: [Float] = []
    private var after: [Float] = []

    /// A change that has to prove itself.
    private struct Trial {
        /// The pixel about which the gain is measured, and the deviance there before.
        var pixel: Int32
        var deviance: Float
        /// The added molecule, and for a split the other half with what it was.
        var added: Int
        var halved: Int?
        var original: OverlapScene.Molecule?
    }

    init(
        _ pixels: PixelCalibration, camera: CameraCalibration, settings: LocalizationSettings, detector: SpotDetector
    ) {
        sigma = Float(settings.sigma_nm / camera.pixel_nm)
        threshold = Float(settings.threshold)
        significance = Float(settings.significance)
        excess = Float(camera.excessNoise)
        self.detector = detector
        scene = OverlapScene(pixels, camera: camera, settings: settings, background: detector.background)
        residualFilter = ResidualFilter(scene, sigma: sigma)
    }

    /// The molecules of a frame.
    /// - Parameters:
    ///   - photons: the frame, shape [height, width].
    ///   - candidates: where the fit begins.
    ///   - addsMolecules: whether others are looked for.
    func fit(_ photons: [Float], _ candidates: [SpotCandidate], addsMolecules: Bool) -> [SpotEstimate] {
        scene.load(photons, background: detector.background.means)
        for candidate in candidates { scene.append(x: Float(candidate.column), y: Float(candidate.row)) }
        scene.estimatePhotons(from: 0)
        scene.refine(5, tolerance: 0.1)
        if addsMolecules {
            for round in 0..<Self.rounds {
                prune(least: 1.5)
                guard propose(round) else { break }
                scene.refine(4, tolerance: 0.1)
                judge()
            }
        }
        scene.refine(25, tolerance: 0.01)
        // Two in one place would leave the precision of their neighbours unknown too.
        if prune(least: 1.5) { scene.refine(6, tolerance: 0.02) }
        var estimates = scene.estimates()
        // Molecules within the noise go, of neighbours the least certain first, and the others are fitted again.
        for _ in 0..<6 {
            let weak = weakest(estimates)
            guard !weak.isEmpty else { break }
            scene.remove(weak)
            scene.refine(6, tolerance: 0.02)
            estimates = scene.estimates()
        }
        let weak = weakest(estimates)
        return estimates.indices.filter { !weak.contains($0) }.map { estimates[$0] }
    }

    /// The light of each molecule's neighbours, weighted by how much of it lies in the same place.
    private func neighboursLight() -> [Float] {
        var light = [Float](repeating: 0, count: scene.molecules.count)
        for (first, second) in scene.pairs(closerThan: 4 * sigma) {
            let (a, b) = (scene.molecules[first], scene.molecules[second])
            let (wide, other) = (scene.widths(a), scene.widths(b))
            let u = (a.x - b.x) * (a.x - b.x) / (wide.x * wide.x + other.x * other.x)
            let v = (a.y - b.y) * (a.y - b.y) / (wide.y * wide.y + other.y * other.y)
            let common = exp(-(u + v) / 2)
            light[first] += common * b.photons
            light[second] += common * a.photons
        }
        return light
    }

    /// The molecules that lie outside or whose light is not significant and the least so within two standard deviations
    /// of the spot, and those with too little light beside their neighbours'.
    private func weakest(_ estimates: [SpotEstimate]) -> Set<Int> {
        let own = scene.ownPhotonError()
        let share = scene.astigmatism == nil ? Self.leastShare.round : Self.leastShare.astigmatic
        let foreign = neighboursLight()
        let doubt = estimates.indices.map { index -> Float in
            let estimate = estimates[index]
            guard scene.isInside(scene.molecules[index]) else { return .infinity }
            let alone = significance * own[index] * excess / estimate.photons
            let together = Self.leastTogether * estimate.bounds.photons.squareRoot() / estimate.photons
            return max(alone, together, share * foreign[index] * excess / estimate.photons)
        }
        var weak = Set(doubt.indices.filter { !(doubt[$0] <= 1) })
        for (first, second) in scene.pairs(closerThan: 2 * sigma) where weak.contains(first) && weak.contains(second) {
            weak.remove(doubt[first] < doubt[second] ? first : second)
        }
        return weak
    }

    /// Removes molecules that have lost their light or sit on one another.
    /// - Returns: whether there were such.
    @discardableResult private func prune(least: Float) -> Bool {
        let own = scene.ownPhotonError()
        var gone = Set(
            scene.molecules.indices.filter {
                scene.molecules[$0].photons < least * own[$0] || !scene.isInside(scene.molecules[$0])
            })
        for (first, second) in scene.pairs(closerThan: 0.3 * sigma)
        where !gone.contains(first) && !gone.contains(second) {
            let (keep, drop) =
                scene.molecules[first].photons > scene.molecules[second].photons ? (first, second) : (second, first)
            gone.insert(drop)
            scene.merge(drop, into: keep)
        }
        if !gone.isEmpty { scene.remove(gone) }
        return !gone.isEmpty
    }

    /// Adds molecules and splits spots.
    /// - Returns: whether there was anything to try.
    private func propose(_ round: Int) -> Bool {
        scene.compare()
        trials.removeAll(keepingCapacity: true)
        let splits = scene.splits(score: Self.splitScore)
        let peaks = residualFilter.peaks(scene, threshold: threshold, apart: sigma)
        guard !splits.isEmpty || !peaks.isEmpty else { return false }
        pixels.removeAll(keepingCapacity: true)
        for split in splits { pixels.append(scene.pixel(scene.molecules[split.molecule])) }
        for peak in peaks { pixels.append(scene.pixel(peak)) }
        measure(&before)
        for (index, split) in splits.enumerated() {
            let original = scene.molecules[split.molecule]
            var (one, other) = (original, original)
            one.photons *= 0.5
            other.photons *= 0.5
            one.x += split.dx
            one.y += split.dy
            other.x -= split.dx
            other.y -= split.dy
            scene.molecules[split.molecule] = one
            scene.molecules.append(other)
            trials.append(
                Trial(
                    pixel: pixels[index], deviance: before[index], added: scene.molecules.count - 1,
                    halved: split.molecule, original: original))
        }
        for (index, peak) in peaks.enumerated() {
            scene.molecules.append(peak)
            trials.append(
                Trial(
                    pixel: pixels[splits.count + index], deviance: before[splits.count + index],
                    added: scene.molecules.count - 1))
        }
        return true
    }

    /// Takes back what did not gain enough.
    private func judge() {
        scene.compare()
        pixels = trials.map(\.pixel)
        measure(&after)
        var gone = Set<Int>()
        for (index, trial) in trials.enumerated() where trial.deviance - after[index] < Self.leastGain {
            gone.insert(trial.added)
            if let halved = trial.halved, let original = trial.original {
                scene.molecules[halved] = original
                scene.molecules[halved].hasBeenSplit = true
            }
        }
        guard !gone.isEmpty else { return }
        scene.remove(gone)
        scene.refine(2, tolerance: 0.1)
    }

    private func measure(_ sums: inout [Float]) {
        sums = Array(repeating: 0, count: pixels.count)
        let reach = Int32((2 * sigma).rounded(.up))
        overlap_square(scene.deviance, scene.pitch, pixels.count, pixels, reach, &sums)
    }
}
