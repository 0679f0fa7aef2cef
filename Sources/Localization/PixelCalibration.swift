import Imaging
import Optics
import Work

/// The conversion of one frame size's counts into photons, pixel by pixel.
///
/// Pixels that are bad, or so noisy that they would stand out of a filtered frame, take the mean of their good
/// neighbours; bad ones get a variance that takes away their weight in fits.
struct PixelCalibration: Sendable {
    /// The variance that stands for "knows nothing", in photons squared.
    static let useless: Float = 1e7

    let width: Int, height: Int
    /// The variance of the read noise in photons squared, shape [height, width].
    let variance: [Float]
    /// The median of the variances.
    let medianVariance: Float
    /// The variances of the pixels of a converted frame, where replaced pixels have the median; nil where all are equal.
    let detectionVariance: [Float]?
    private let offset: [Float]
    private let photonsPerCount: [Float]
    /// Pixels to be replaced, each with the range of its neighbours in `neighbours`.
    private var replaced: [(pixel: Int, neighbours: Range<Int>)] = []
    private var neighbours: [Int] = []

    /// - Throws: a `Failure` when the camera's maps have another size.
    init(_ camera: CameraCalibration, width: Int, height: Int) throws {
        self.width = width
        self.height = height
        let count = width * height
        guard let maps = camera.maps else {
            let read = Float(camera.read_noise_electrons / camera.em_gain)
            offset = Array(repeating: Float(camera.offset_counts), count: count)
            photonsPerCount = Array(repeating: Float(camera.photonsPerCount), count: count)
            variance = Array(repeating: read * read, count: count)
            medianVariance = read * read
            detectionVariance = nil
            return
        }
        guard maps.width == width, maps.height == height else {
            throw Failure(
                "the camera maps are \(maps.width)x\(maps.height), the frames \(width)x\(height)",
                remedy: "give the maps of the region that the movie shows", code: "size-mismatch")
        }
        let bad = (0..<count).map { maps.isBad($0) }
        offset = (0..<count).map { bad[$0] ? 0 : maps.offset_counts[$0] }
        photonsPerCount = (0..<count).map { bad[$0] ? 0 : 1 / maps.counts_per_electron[$0] }
        let good = (0..<count).map { pixel -> Float in
            let gain = maps.counts_per_electron[pixel]
            return bad[pixel] ? Self.useless : maps.variance_counts[pixel] / (gain * gain)
        }
        variance = good
        let usable = good.filter { $0 < Self.useless }.sorted()
        guard !usable.isEmpty else {
            throw Failure(
                "the camera maps have no usable pixel: their noise is \(good.min() ?? 0) photons squared at least",
                remedy: "give variance in counts squared and gain in counts per electron", code: "camera-maps")
        }
        let median = usable[usable.count / 2]
        let noisy = (0..<count).map { bad[$0] || good[$0] > max(400, 50 * median) }
        medianVariance = median
        detectionVariance = (0..<count).map { noisy[$0] ? median : good[$0] }
        for pixel in 0..<count where noisy[pixel] {
            let (row, column) = (pixel / width, pixel % width)
            let start = neighbours.count
            var reach = 1
            while neighbours.count == start, reach < max(width, height) {
                for y in max(0, row - reach)...min(height - 1, row + reach) {
                    for x in max(0, column - reach)...min(width - 1, column + reach) where !noisy[y * width + x] {
                        neighbours.append(y * width + x)
                    }
                }
                reach += 1
            }
            replaced.append((pixel, start..<neighbours.count))
        }
    }

    /// The share of the pixels of a frame of counts that lie further below the offset than noise explains.
    func shareBelowOffset(_ frame: Plane<Float>) -> Double {
        guard frame.samples.count == offset.count, !offset.isEmpty else { return 0 }
        let below = offset.indices.count { pixel in
            let noise = photonsPerCount[pixel] > 0 ? variance[pixel].squareRoot() / photonsPerCount[pixel] : 0
            return offset[pixel] - frame.samples[pixel] > max(1 + 4 * noise, 0.02 * offset[pixel])
        }
        return Double(below) / Double(offset.count)
    }

    /// Converts a frame of counts, shape [height, width].
    func convert(_ counts: [Float], to photons: inout [Float]) {
        counts.withUnsafeBufferPointer { counts in convert(counts.count, to: &photons) { counts[$0] } }
    }

    /// Converts a frame of counts, shape [height, width], where it lies.
    func convert(_ counts: UnsafeBufferPointer<UInt16>, to photons: inout [Float]) {
        convert(counts.count, to: &photons) { Float(counts[$0]) }
    }

    @inline(__always)
    private func convert(_ count: Int, to photons: inout [Float], _ counts: (Int) -> Float) {
        offset.withUnsafeBufferPointer { offset in
            photonsPerCount.withUnsafeBufferPointer { factor in
                photons.withUnsafeMutableBufferPointer { photons in
                    for pixel in 0..<min(count, photons.count) {
                        photons[pixel] = (counts(pixel) - offset[pixel]) * factor[pixel]
                    }
                }
            }
        }
        for (pixel, range) in replaced {
            var sum: Float = 0
            for index in range { sum += photons[neighbours[index]] }
            photons[pixel] = sum / Float(max(1, range.count))
        }
    }
}
