import Imaging
import Optics

/// A fit with the frame and the candidate that it began from.
struct FittedSpot {
    var frame: Int32
    var column: Int, row: Int
    var estimate: SpotEstimate
}

/// One thread's work: buffers, detector and fitter, used for many frames of one size.
final class FrameWorker {
    private struct Spot {
        var frame: Int32
        var candidate: SpotCandidate
    }

    private let settings: LocalizationSettings
    private let camera: CameraCalibration
    private let pixels: PixelCalibration
    private let side: Int
    private let sigma: Float
    private let detector: SpotDetector
    private var fitter: SpotFitter<Spot>!
    private var phasor: PhasorFit?
    private var overlaps: OverlapFitter?
    private var photons: [Float]
    private var rows: [FittedSpot] = []

    init(_ pixels: PixelCalibration, _ localizer: Localizer) {
        self.pixels = pixels
        settings = localizer.settings
        camera = localizer.camera
        sigma = Float(settings.sigma_nm / camera.pixel_nm)
        // Small frames are fitted in smaller squares.
        let largest = min(pixels.width, pixels.height)
        side = min(settings.side(pixel_nm: camera.pixel_nm), largest - 1 + largest % 2)
        detector = SpotDetector(pixels, camera: camera, settings: settings)
        photons = Array(repeating: 0, count: pixels.width * pixels.height)
        guard side >= 5 else { return }
        if settings.fitsOverlaps {
            overlaps = OverlapFitter(pixels, camera: camera, settings: settings, detector: detector)
        } else if settings.method == .phasor {
            phasor = PhasorFit(side: side, sigma: sigma, excess: Float(camera.excessNoise))
        }
        fitter = SpotFitter(
            side: side, model: settings.model, usesLeastSquares: settings.method == .leastSquares,
            astigmatism: settings.astigmatism, pixel_nm: camera.pixel_nm, excess: camera.excessNoise
        ) { [unowned self] spot, estimate in
            keep(
                FittedSpot(
                    frame: spot.frame, column: spot.candidate.column, row: spot.candidate.row, estimate: estimate))
        }
    }

    func candidates(_ frame: Plane<Float>) -> [SpotCandidate] {
        convert(frame)
        return detector.candidates(photons)
    }

    func add(_ frame: Plane<Float>, number: Int, candidates given: [SpotCandidate]? = nil) {
        convert(frame)
        fit(number: number, candidates: given)
    }

    /// Adds a frame of counts where it lies.
    func add(_ frame: any CountsInPlace, number: Int) {
        precondition(frame.width == pixels.width && frame.height == pixels.height, "a frame of another size")
        frame.withCounts { pixels.convert($0, to: &photons) }
        fit(number: number)
    }

    /// Fits the molecules of the frame that was converted last.
    private func fit(number: Int, candidates given: [SpotCandidate]? = nil) {
        guard let fitter else { return }
        let number = Int32(clamping: number)
        let candidates = (given ?? detector.candidates(photons)).filter {
            (0..<pixels.width).contains($0.column) && (0..<pixels.height).contains($0.row)
        }
        if let overlaps {
            for estimate in overlaps.fit(photons, candidates, addsMolecules: given == nil) {
                rows.append(FittedSpot(frame: number, column: 0, row: 0, estimate: estimate))
            }
            return
        }
        photons.withUnsafeBufferPointer { photons in
            pixels.variance.withUnsafeBufferPointer { variance in
                guard let base = photons.baseAddress, let noise = variance.baseAddress else { return }
                for candidate in candidates {
                    let column = max(0, min(pixels.width - side, candidate.column - side / 2))
                    let row = max(0, min(pixels.height - side, candidate.row - side / 2))
                    if let phasor {
                        let estimate = phasor.estimate(
                            photons: base, readVariance: noise, width: pixels.width, column: column, row: row)
                        keep(
                            FittedSpot(
                                frame: number, column: candidate.column, row: candidate.row, estimate: estimate))
                    } else {
                        fitter.add(
                            Spot(frame: number, candidate: candidate), photons: base, readVariance: noise,
                            width: pixels.width, column: column, row: row, peakColumn: candidate.column,
                            peakRow: candidate.row, background: candidate.background, sigma: sigma)
                    }
                }
            }
        }
    }

    /// The table of all frames added so far.
    func finish() -> LocalizationTable {
        fitter?.finish()
        let table = LocalizationTable(
            settings.fitsOverlaps ? rows : distinct(rows, reach: sigma), camera: camera, model: settings.model,
            readVariance: pixels.variance, width: pixels.width)
        rows.removeAll(keepingCapacity: true)
        return table
    }

    private func convert(_ frame: Plane<Float>) {
        precondition(frame.width == pixels.width && frame.height == pixels.height, "a frame of another size")
        pixels.convert(frame.samples, to: &photons)
    }

    private func keep(_ spot: FittedSpot) {
        if isSound(spot) { rows.append(spot) }
    }

    /// Whether a fit is a molecule: it came to rest near its candidate with a width and brightness that make sense.
    private func isSound(_ spot: FittedSpot) -> Bool {
        let estimate = spot.estimate
        guard estimate.converged, estimate.bounds.x.isFinite, estimate.bounds.y.isFinite else { return false }
        let reach = max(1.5, 1.5 * sigma)
        guard abs(estimate.x - Float(spot.column)) <= reach, abs(estimate.y - Float(spot.row)) <= reach,
            estimate.x > -0.5, estimate.y > -0.5, estimate.x < Float(pixels.width) - 0.5,
            estimate.y < Float(pixels.height) - 0.5
        else { return false }
        switch settings.model {
        case .fixed, .astigmatic: break
        case .circular: guard estimate.sigmaX > 0.5 * sigma, estimate.sigmaX < 2 * sigma else { return false }
        case .elliptical:
            guard min(estimate.sigmaX, estimate.sigmaY) > 0.4 * sigma,
                max(estimate.sigmaX, estimate.sigmaY) < 4 * sigma
            else { return false }
        }
        let significance = Float(settings.significance)
        return estimate.photons * estimate.photons > significance * significance * estimate.bounds.photons
    }
}

/// Of fits in one frame that ended closer than `reach` pixels to each other, the brightest.
private func distinct(_ rows: [FittedSpot], reach: Float) -> [FittedSpot] {
    var dropped = [Bool](repeating: false, count: rows.count)
    var start = 0
    while start < rows.count {
        var end = start
        while end < rows.count, rows[end].frame == rows[start].frame { end += 1 }
        let order = (start..<end).sorted { rows[$0].estimate.x < rows[$1].estimate.x }
        for (position, index) in order.enumerated() where !dropped[index] {
            for other in order[(position + 1)...] {
                if rows[other].estimate.x - rows[index].estimate.x > reach { break }
                let dx = rows[other].estimate.x - rows[index].estimate.x
                let dy = rows[other].estimate.y - rows[index].estimate.y
                guard !dropped[other], dx * dx + dy * dy < reach * reach else { continue }
                if rows[other].estimate.photons > rows[index].estimate.photons {
                    dropped[index] = true
                    break
                }
                dropped[other] = true
            }
        }
        start = end
    }
    return rows.indices.filter { !dropped[$0] }.map { rows[$0] }
}

extension LocalizationTable {
    /// The table of fits.
    fileprivate init(
        _ spots: [FittedSpot], camera: CameraCalibration, model: SpotModel, readVariance: [Float], width: Int
    ) {
        let pixel = camera.pixel_nm
        func column(_ value: (SpotEstimate) -> Double) -> [Double] { spots.map { value($0.estimate) } }
        self.init(
            frame: spots.map(\.frame), x_nm: column { (Double($0.x) + 0.5) * pixel },
            y_nm: column { (Double($0.y) + 0.5) * pixel })
        switch model {
        case .fixed, .circular: self["sigma_nm"] = column { Double($0.sigmaX) * pixel }
        case .astigmatic, .elliptical:
            if model == .astigmatic { self["z_nm"] = column { Double($0.z) * 1000 } }
            self["sigma_x_nm"] = column { Double($0.sigmaX) * pixel }
            self["sigma_y_nm"] = column { Double($0.sigmaY) * pixel }
        }
        self["photons"] = column { Double($0.photons) }
        self["background"] = column { Double($0.background) }
        self["background_sd"] = column { estimate in
            let index = Int(max(0, estimate.y + 0.5)) * width + Int(max(0, estimate.x + 0.5))
            let read = Double(readVariance[min(index, readVariance.count - 1)])
            let noise = read < Double(PixelCalibration.useless) ? read : 0
            return (camera.excessNoise * Double(estimate.background) + noise).squareRoot()
        }
        self["chi2"] = column { Double($0.deviance / $0.freedom) }
        self["uncertainty_nm"] = column { Double(($0.bounds.x + $0.bounds.y) / 2).squareRoot() * pixel }
        if model == .astigmatic { self["uncertainty_z_nm"] = column { Double($0.bounds.z).squareRoot() * 1000 } }
    }
}
