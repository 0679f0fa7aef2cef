import Foundation
import Imaging
import Work

/// A sequence of camera frames of one size, read from disk one at a time.
public protocol Movie: Sendable {
    /// The file.
    var path: String { get }
    /// The columns of a frame.
    var width: Int { get }
    /// The rows of a frame.
    var height: Int { get }
    /// The number of whole frames.
    var frameCount: Int { get }
    /// The side of a pixel at the specimen in nm, where the file says.
    var pixel_nm: Double? { get }
    /// What the file says of how it was recorded, where it does.
    var recording: MovieRecording? { get }
    /// What of the file is not used and why, such as a last frame that is cut off.
    var loss: String? { get }
    /// The counts of a frame, from 0, shape [height, width]. Several threads may read at once.
    func frame(_ index: Int) throws -> Plane<Float>
}

extension Movie {
    /// Most forms say nothing of the camera.
    public var recording: MovieRecording? { nil }
}

/// Opens a movie by the ending of its name: TIFF (also BigTIFF, OME-TIFF and ImageJ stacks), `.dax` with its `.inf`,
/// `.raw` with its `.yaml`, `.spe`.
/// - Throws: a `Failure` that names the file and what is missing.
public func openMovie(_ path: String) throws -> any Movie {
    let stem = URL(fileURLWithPath: path).deletingPathExtension().path
    switch URL(fileURLWithPath: path).pathExtension.lowercased() {
    case "tif", "tiff", "btf", "tf8": return try TIFFMovie(path)
    case "dax", "inf": return try RawMovie(dax: "\(stem).dax")
    case "raw", "yaml": return try RawMovie(raw: "\(stem).raw")
    case "spe": return try RawMovie(spe: path)
    default:
        throw Failure(
            "\(path): not a kind of movie that can be read", remedy: "give a .tif, .dax, .spe or .raw file",
            code: "movie-unsupported")
    }
}

/// The pages of a TIFF file as a movie.
public struct TIFFMovie: Movie {
    private let reader: TIFFReader
    /// Whole frames.
    public let frameCount: Int
    /// What of the file is not used.
    public let loss: String?

    /// Opens a TIFF file; pages at its end that are cut off are left out.
    /// - Throws: a `Failure` for a file that is not a TIFF file or has no whole page.
    public init(_ path: String) throws {
        reader = try TIFFReader(path)
        var count = reader.pageCount
        var problem = ""
        while count > 0 {
            do {
                let page = try reader.read(page: count - 1)
                if page.width == reader.width, page.height == reader.height { break }
                problem = "it has another size"
            } catch let failure as Failure { problem = failure.message }
            count -= 1
        }
        guard count > 0 else {
            throw Failure("\(path) has no whole frame: \(problem)", code: "movie-empty")
        }
        frameCount = count
        let metadata = reader.metadata
        let announced = metadata.sizeC.multipliedReportingOverflow(by: metadata.sizeZ)
        let planes = announced.partialValue.multipliedReportingOverflow(by: metadata.sizeT)
        let promised = announced.overflow || planes.overflow ? 0 : planes.partialValue
        let lost = reader.pageCount - count
        if lost > 0 {
            loss = "\(path): the last \(lost == 1 ? "frame is" : "\(lost) frames are") left out: \(problem)"
        } else if reader.isCutOff {
            let share =
                promised > count ? "\(count) of the \(promised) frames that were announced" : "\(count) whole frames"
            loss = "\(path): it is cut off and holds \(share)"
        } else {
            loss = nil
        }
    }

    /// The file.
    public var path: String { reader.path }
    /// Columns.
    public var width: Int { reader.width }
    /// Rows.
    public var height: Int { reader.height }
    /// The pixel's side, where the file says.
    public var pixel_nm: Double? { reader.pixelSize_um.map { $0 * 1000 } }

    /// The camera and more, where the movie was recorded by this program.
    public var recording: MovieRecording? {
        MovieRecording(description: reader.metadata.description, path: path)
    }

    /// The counts of a frame's first channel.
    public func frame(_ index: Int) throws -> Plane<Float> {
        let image = try reader.read(page: index)
        guard image.width == width, image.height == height else {
            throw Failure(
                "\(path): frame \(index + 1) is \(image.width)x\(image.height), the first \(width)x\(height)",
                code: "size-mismatch")
        }
        return image.plane()
    }
}
