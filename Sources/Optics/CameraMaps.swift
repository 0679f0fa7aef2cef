import Imaging
import Work

/// Offset, noise and gain of each pixel of an sCMOS camera (Huang et al., Nat. Methods 10, 2013).
public struct CameraMaps: Sendable, Equatable {
    /// The columns and rows of the camera's frames.
    public let width: Int, height: Int
    /// The mean count of each pixel in the dark, shape [height, width].
    public let offset_counts: [Float]
    /// The variance of each pixel's count in the dark in counts squared, shape [height, width].
    public let variance_counts: [Float]
    /// Counts for one photo-electron, shape [height, width].
    public let counts_per_electron: [Float]

    /// Maps from their planes.
    /// - Throws: a `Failure` when the planes differ in size or have no usable pixel.
    public init(offset: Plane<Float>, variance: Plane<Float>, gain: Plane<Float>) throws {
        guard offset.width == variance.width, offset.height == variance.height, offset.width == gain.width,
            offset.height == gain.height
        else {
            throw Failure(
                "the camera maps differ in size: offset \(offset.width)x\(offset.height), variance "
                    + "\(variance.width)x\(variance.height), gain \(gain.width)x\(gain.height)", code: "size-mismatch")
        }
        width = offset.width
        height = offset.height
        offset_counts = offset.samples
        variance_counts = variance.samples
        counts_per_electron = gain.samples
        guard offset_counts.indices.contains(where: { !isBad($0) }) else {
            throw Failure(
                "the camera maps have no usable pixel",
                remedy: "give offset, variance in counts squared and gain in counts per electron", code: "camera-maps")
        }
    }

    /// Reads a TIFF file of three pages (or channels) of floats: offset in counts, variance in counts squared, gain in
    /// counts per photo-electron.
    /// - Throws: a `Failure` that names the file.
    public init(file path: String) throws {
        let reader = try TIFFReader(path)
        let first = try reader.read(page: 0)
        let planes: [Plane<Float>]
        if reader.pageCount >= 3 {
            planes = [first.plane(), try reader.read(page: 1).plane(), try reader.read(page: 2).plane()]
        } else if first.channels >= 3 {
            planes = (0..<3).map { first.plane($0) }
        } else {
            throw Failure(
                "\(path) holds \(reader.pageCount * first.channels) of the 3 camera maps",
                remedy: "give a TIFF file with offset, variance and gain", code: "camera-maps")
        }
        do { try self.init(offset: planes[0], variance: planes[1], gain: planes[2]) } catch let failure as Failure {
            throw Failure("\(path): \(failure.message)", remedy: failure.remedy, code: failure.code)
        }
    }

    /// Whether a pixel cannot be used: no gain, or a value that is not a number.
    public func isBad(_ pixel: Int) -> Bool {
        let gain = counts_per_electron[pixel]
        let variance = variance_counts[pixel]
        return !(offset_counts[pixel].isFinite && variance.isFinite && variance >= 0 && gain.isFinite && gain > 0)
    }
}
