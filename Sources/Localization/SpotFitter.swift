import Kernels

/// One spot's estimates: positions in pixels from the centre of pixel (0, 0), variances are Cramér-Rao bounds.
public struct SpotEstimate: Sendable {
    /// Column and row, fractional.
    public var x: Float, y: Float
    /// Photons of the spot and per pixel of the background.
    public var photons: Float, background: Float
    /// The standard deviations along x and y in pixels.
    public var sigmaX: Float, sigmaY: Float
    /// The height in um; 0 without astigmatism.
    public var z: Float = 0
    /// The bounds of the variances of x, y, photons, background, sigma along x (of both where they are one) and z; 0
    /// for what is kept.
    public var bounds: (x: Float, y: Float, photons: Float, background: Float, sigma: Float, z: Float)
    /// Twice the log likelihood ratio to the saturated model.
    public var deviance: Float
    /// The pixels less the parameters.
    public var freedom: Float
    /// Whether the fit came to rest.
    public var converged: Bool
}

/// Fits spots one beside the other in the lanes of vectors: a Gaussian integrated over the pixels plus a constant
/// background (Smith et al., Nat. Methods 7, 2010), with the variance of the read noise of each pixel added to data and
/// model (Huang et al., Nat. Methods 10, 2013), by Levenberg-Marquardt (Laurence and Chromy, Nat. Methods 7, 2010).
///
/// Spots are added one by one with a caller's tag; whenever all lanes are filled they are fitted and handed out in
/// order. One fitter serves one thread.
public final class SpotFitter<Tag> {
    /// The pixels of one side.
    public let side: Int
    private let model: SpotModel
    private let astigmatism: AstigmatismCalibration?
    private let pixel_nm: Double
    /// The factor by which multiplication raises the variance. Data divided by it are Poisson-like again.
    private let excess: Float
    private var options: spot_fit_options
    private let lanes: Int
    private let data: UnsafeMutablePointer<Float>
    private let variance: UnsafeMutablePointer<Float>
    private let estimates: UnsafeMutablePointer<Float>
    /// Bounds, deviance and convergence, then the same and the estimates of another start.
    private let results: UnsafeMutablePointer<Float>
    private var tags: [(tag: Tag, column: Int, row: Int, pixels: Int)] = []
    private let deliver: (Tag, SpotEstimate) -> Void

    private static var parameters: Int { Int(SPOT_FIT_PARAMETERS) }
    private static var resultRows: Int { 2 * parameters + 2 }

    /// A fitter.
    /// - Parameters:
    ///   - side: pixels of one side, 3 to `SpotFitter.maximumSide`.
    ///   - model: what is fitted of the shape.
    ///   - usesLeastSquares: least squares in place of maximum likelihood.
    ///   - astigmatism: the widths by z, for the astigmatic model.
    ///   - pixel_nm: the side of a pixel, for the astigmatic model.
    ///   - excess: 2 with an electron multiplier, else 1.
    ///   - deliver: takes each fitted spot, in the order in which they were added.
    public init(
        side: Int, model: SpotModel, usesLeastSquares: Bool = false, astigmatism: AstigmatismCalibration? = nil,
        pixel_nm: Double = 100, excess: Double = 1, maximumIterations: Int = 30,
        deliver: @escaping (Tag, SpotEstimate) -> Void
    ) {
        precondition(side >= 3 && side <= Int(SPOT_FIT_MAXIMUM_SIDE), "side out of range")
        precondition(model != .astigmatic || astigmatism != nil, "no calibration of z")
        self.side = side
        self.model = model
        self.astigmatism = astigmatism
        self.pixel_nm = pixel_nm
        self.excess = Float(excess)
        self.deliver = deliver
        options = spot_fit_options()
        options.side = Int32(side)
        options.least_squares = usesLeastSquares ? 1 : 0
        options.maximum_iterations = Int32(maximumIterations)
        options.tolerance = 1e-3
        switch model {
        case .fixed: options.model = SPOT_FIT_FIXED
        case .circular: options.model = SPOT_FIT_CIRCULAR
        case .elliptical: options.model = SPOT_FIT_ELLIPTICAL
        case .astigmatic: options.model = SPOT_FIT_ASTIGMATIC
        }
        if let astigmatism {
            options.lowest_z = Float(astigmatism.lowest_um)
            options.highest_z = Float(astigmatism.highest_um)
            withUnsafeMutableBytes(of: &options.astigmatism) { bytes in
                let coefficients = bytes.bindMemory(to: Float.self)
                let values = [astigmatism.x, astigmatism.y].flatMap { $0.coefficients(pixel_nm: pixel_nm) }
                for (index, value) in values.enumerated() { coefficients[index] = Float(value) }
            }
        }
        lanes = Int(spot_fit_lanes())
        data = .allocate(capacity: side * side * lanes)
        variance = .allocate(capacity: side * side * lanes)
        estimates = .allocate(capacity: Self.parameters * lanes)
        results = .allocate(capacity: 2 * Self.resultRows * lanes)
        data.initialize(repeating: 0, count: side * side * lanes)
        variance.initialize(repeating: 0, count: side * side * lanes)
        estimates.initialize(repeating: 0, count: Self.parameters * lanes)
        results.initialize(repeating: 0, count: 2 * Self.resultRows * lanes)
        tags.reserveCapacity(lanes)
    }

    deinit {
        data.deallocate()
        variance.deallocate()
        estimates.deallocate()
        results.deallocate()
    }

    /// Adds a spot.
    /// - Parameters:
    ///   - photons: the frame in photons, row-major, `width` wide; the square must lie inside.
    ///   - readVariance: the variance of the read noise in photons squared, of the same shape.
    ///   - column, row: the top left pixel of the fitted square.
    ///   - peakColumn, peakRow: the brightest pixel, where the fit starts.
    ///   - background: the photons per pixel from which the fit starts.
    ///   - sigma: the standard deviation in pixels, kept or the start.
    public func add(
        _ tag: Tag, photons: UnsafePointer<Float>, readVariance: UnsafePointer<Float>, width: Int, column: Int,
        row: Int, peakColumn: Int, peakRow: Int, background: Float, sigma: Float
    ) {
        let lane = tags.count
        let scale = 1 / excess
        var sum: Float = 0
        var useful = 0
        var pixel = lane
        for y in row..<row + side {
            let line = photons + y * width + column
            let noise = readVariance + y * width + column
            for x in 0..<side {
                let value = line[x] * scale
                let added = noise[x] * scale * scale
                sum += value
                if noise[x] < PixelCalibration.useless { useful += 1 }
                data[pixel] = value + added
                variance[pixel] = added
                pixel += lanes
            }
        }
        let start = max(background * scale, 0.01)
        estimates[lane] = Float(peakColumn - column)
        estimates[lanes + lane] = Float(peakRow - row)
        estimates[2 * lanes + lane] = max(sum - start * Float(side * side), 10)
        estimates[3 * lanes + lane] = start
        estimates[4 * lanes + lane] = sigma
        estimates[5 * lanes + lane] = sigma
        tags.append((tag, column, row, useful))
        if tags.count == lanes { finish() }
    }

    /// Fits and hands out what is waiting.
    public func finish() {
        guard !tags.isEmpty else { return }
        // Empty lanes repeat the last spot.
        let last = tags.count - 1
        for lane in tags.count..<max(tags.count, lanes) {
            for pixel in 0..<side * side {
                data[pixel * lanes + lane] = data[pixel * lanes + last]
                variance[pixel * lanes + lane] = variance[pixel * lanes + last]
            }
            for parameter in 0..<Self.parameters {
                estimates[parameter * lanes + lane] = estimates[parameter * lanes + last]
            }
        }
        if let astigmatism, model == .astigmatic { fitFromSeveralHeights(astigmatism) } else { run(estimates, results) }
        let freedom = Float(model == .fixed ? 4 : model == .elliptical ? 6 : 5)
        for (lane, waiting) in tags.enumerated() {
            deliver(waiting.tag, estimate(lane, waiting.column, waiting.row, Float(waiting.pixels) - freedom))
        }
        tags.removeAll(keepingCapacity: true)
    }

    private func run(_ estimates: UnsafeMutablePointer<Float>, _ results: UnsafeMutablePointer<Float>) {
        let deviance = results + Self.parameters * lanes
        var iterations: Int32 = 0
        spot_fit(data, variance, &options, estimates, results, deviance, deviance + lanes, &iterations)
    }

    /// Keeps the best of fits from three heights: one start may end in the wrong of two minima above and below focus.
    private func fitFromSeveralHeights(_ calibration: AstigmatismCalibration) {
        let rows = Self.parameters
        let trial = results + Self.resultRows * lanes
        let trialEstimates = trial + (rows + 2) * lanes
        let start = results + (rows + 2) * lanes
        start.update(from: estimates, count: rows * lanes)
        for attempt in 0..<3 {
            let share = 0.2 + 0.3 * Double(attempt)
            let z = Float(calibration.lowest_um + share * (calibration.highest_um - calibration.lowest_um))
            trialEstimates.update(from: start, count: rows * lanes)
            for lane in 0..<lanes { trialEstimates[4 * lanes + lane] = z }
            run(trialEstimates, trial)
            for lane in 0..<lanes {
                let deviance = rows * lanes + lane
                guard attempt == 0 || trial[deviance] < results[deviance] else { continue }
                for row in 0..<rows + 2 { results[row * lanes + lane] = trial[row * lanes + lane] }
                for row in 0..<rows { estimates[row * lanes + lane] = trialEstimates[row * lanes + lane] }
            }
        }
    }

    private func estimate(_ lane: Int, _ column: Int, _ row: Int, _ freedom: Float) -> SpotEstimate {
        func value(_ index: Int) -> Float { estimates[index * lanes + lane] }
        func bound(_ index: Int) -> Float { results[index * lanes + lane] }
        var spot = SpotEstimate(
            x: value(0) + Float(column), y: value(1) + Float(row), photons: value(2) * excess,
            background: value(3) * excess, sigmaX: value(4), sigmaY: model == .circular ? value(4) : value(5),
            bounds: (bound(0), bound(1), bound(2) * excess * excess, bound(3) * excess * excess, bound(4), 0),
            deviance: bound(Self.parameters), freedom: max(1, freedom),
            converged: bound(Self.parameters + 1) > 0)
        if let astigmatism, model == .astigmatic {
            spot.z = value(4)
            spot.bounds.z = bound(4)
            spot.bounds.sigma = 0
            spot.sigmaX = Float(astigmatism.x.width_nm(Double(spot.z)) / pixel_nm)
            spot.sigmaY = Float(astigmatism.y.width_nm(Double(spot.z)) / pixel_nm)
        }
        return spot
    }
}

extension SpotFitter where Tag == Never {
    /// The largest side that can be fitted.
    public static var maximumSide: Int { Int(SPOT_FIT_MAXIMUM_SIDE) }
}
