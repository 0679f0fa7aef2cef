import Kernels

/// One spot's estimates: positions in pixels from the centre of pixel (0, 0), variances are Cramér-Rao bounds.
public struct SpotEstimate: Sendable {
    /// Column and row, fractional.
    public var x: Float, y: Float
    /// Photons of the spot and per pixel of the background.
    public var photons: Float, background: Float
    /// The standard deviation in pixels.
    public var sigma: Float
    /// The bounds of the variances of x, y, photons, background and sigma (0 when sigma was kept).
    public var bounds: (x: Float, y: Float, photons: Float, background: Float, sigma: Float)
    /// Twice the log likelihood ratio to the saturated model, for `side * side` pixels.
    public var deviance: Float
    /// Whether the fit came to rest.
    public var converged: Bool
}

/// Fits spots by maximum likelihood, eight side by side: a symmetric Gaussian integrated over the pixels plus a
/// constant background (Smith et al., Nat. Methods 7, 2010), with the variance of the read noise added to data and
/// model (Huang et al., Nat. Methods 10, 2013), by Levenberg-Marquardt (Laurence and Chromy 2010).
///
/// Spots are added one by one with a caller's tag; whenever eight are there they are fitted and handed out in order.
/// One fitter serves one thread.
public final class SpotFitter<Tag> {
    /// The pixels of one side.
    public let side: Int
    private let fitsSigma: Bool
    /// The factor by which multiplication raises the variance. Data divided by it are Poisson-like again.
    private let excess: Float
    private let maximumIterations: Int
    private let data: UnsafeMutablePointer<Float>
    private let variance: UnsafeMutablePointer<Float>
    private let estimates: UnsafeMutablePointer<Float>
    private var tags: [(tag: Tag, column: Int, row: Int)] = []
    private let deliver: (Tag, SpotEstimate) -> Void

    private static var lanes: Int { Int(SPOT_FIT_LANES) }
    private static var parameters: Int { Int(SPOT_FIT_PARAMETERS) }

    /// A fitter.
    /// - Parameters:
    ///   - side: pixels of one side, 3 to `SpotFitter.maximumSide`.
    ///   - fitsSigma: whether the width is fitted.
    ///   - excess: 2 with an electron multiplier, else 1.
    ///   - deliver: takes each fitted spot, in the order in which they were added.
    public init(
        side: Int, fitsSigma: Bool, excess: Double = 1, maximumIterations: Int = 30,
        deliver: @escaping (Tag, SpotEstimate) -> Void
    ) {
        precondition(side >= 3 && side <= Int(SPOT_FIT_MAXIMUM_SIDE), "side out of range")
        self.side = side
        self.fitsSigma = fitsSigma
        self.excess = Float(excess)
        self.maximumIterations = maximumIterations
        self.deliver = deliver
        data = .allocate(capacity: side * side * Self.lanes)
        variance = .allocate(capacity: side * side * Self.lanes)
        estimates = .allocate(capacity: Self.parameters * Self.lanes)
        data.initialize(repeating: 0, count: side * side * Self.lanes)
        variance.initialize(repeating: 0, count: side * side * Self.lanes)
        estimates.initialize(repeating: 0, count: Self.parameters * Self.lanes)
    }

    deinit {
        data.deallocate()
        variance.deallocate()
        estimates.deallocate()
    }

    /// Adds a spot.
    /// - Parameters:
    ///   - photons: the frame in photons, row-major, `width` wide; the square must lie inside.
    ///   - column, row: the top left pixel of the fitted square.
    ///   - peakColumn, peakRow: the brightest pixel, where the fit starts.
    ///   - background: the photons per pixel from which the fit starts.
    ///   - sigma: the standard deviation in pixels, kept or the start.
    ///   - readVariance: the variance of the read noise in photons squared.
    public func add(
        _ tag: Tag, photons: UnsafePointer<Float>, width: Int, column: Int, row: Int, peakColumn: Int, peakRow: Int,
        background: Float, sigma: Float, readVariance: Float
    ) {
        let lane = tags.count
        let scale = 1 / excess
        let added = readVariance * scale * scale
        var sum: Float = 0
        var pixel = lane
        for y in row..<row + side {
            let line = photons + y * width + column
            for x in 0..<side {
                let value = line[x] * scale
                sum += value
                data[pixel] = value + added
                variance[pixel] = added
                pixel += Self.lanes
            }
        }
        let start = max(background * scale, 0.01)
        estimates[lane] = Float(peakColumn - column)
        estimates[Self.lanes + lane] = Float(peakRow - row)
        estimates[2 * Self.lanes + lane] = max(sum - start * Float(side * side), 10)
        estimates[3 * Self.lanes + lane] = start
        estimates[4 * Self.lanes + lane] = sigma
        tags.append((tag, column, row))
        if tags.count == Self.lanes { finish() }
    }

    /// Fits and hands out what is waiting.
    public func finish() {
        guard !tags.isEmpty else { return }
        let lanes = Self.lanes
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
        withUnsafeTemporaryAllocation(of: Float.self, capacity: (Self.parameters + 2) * lanes) { results in
            guard let bounds = results.baseAddress else { return }
            let deviance = bounds + Self.parameters * lanes
            let converged = deviance + lanes
            var iterations: Int32 = 0
            spot_fit(
                data, variance, Int32(side), fitsSigma ? 1 : 0, Int32(maximumIterations), 1e-3, estimates, bounds,
                deviance, converged, &iterations)
            for (lane, waiting) in tags.enumerated() {
                func estimate(_ index: Int) -> Float { estimates[index * lanes + lane] }
                func bound(_ index: Int) -> Float { bounds[index * lanes + lane] }
                deliver(
                    waiting.tag,
                    SpotEstimate(
                        x: estimate(0) + Float(waiting.column), y: estimate(1) + Float(waiting.row),
                        photons: estimate(2) * excess, background: estimate(3) * excess, sigma: estimate(4),
                        bounds: (
                            bound(0), bound(1), bound(2) * excess * excess, bound(3) * excess * excess, bound(4)
                        ),
                        deviance: deviance[lane], converged: converged[lane] > 0))
            }
        }
        tags.removeAll(keepingCapacity: true)
    }
}

extension SpotFitter where Tag == Never {
    /// The largest side that can be fitted.
    public static var maximumSide: Int { Int(SPOT_FIT_MAXIMUM_SIDE) }
}
