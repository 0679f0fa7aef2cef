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
    /// Which plane of several a frame is, such as a channel, where nobody has chosen one.
    var plane: String? { get }
    /// The counts of a frame, from 0, shape [height, width]. Several threads may read at once.
    func frame(_ index: Int) throws -> Plane<Float>
}

extension Movie {
    /// Most forms say nothing of the camera.
    public var recording: MovieRecording? { nil }
    /// A frame is all there is.
    public var plane: String? { nil }
}

/// Opens a movie: TIFF (also BigTIFF, OME-TIFF and sets of it, ImageJ stacks), `.dax` with its `.inf`, `.raw` with its
/// `.yaml`, `.spe`. TIFF is known by its content, the others by the ending of their names.
/// - Parameters:
///   - channel: of a TIFF file with several, from 0.
///   - slice: of a TIFF file with several focus planes at each time, from 0.
/// - Throws: a `Failure` that names the file and what is missing.
public func openMovie(_ path: String, channel: Int? = nil, slice: Int? = nil) throws -> any Movie {
    let file = try RandomAccessFile(path)
    let head = file.bytes(at: 0, count: 4)
    if [[0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43]].contains(head) {
        return try TIFFMovie(path, channel: channel, slice: slice)
    }
    let ending = URL(fileURLWithPath: path).pathExtension.lowercased()
    guard channel == nil && slice == nil || ["tif", "tiff"].contains(ending) else {
        throw Failure(
            "\(path) has no channels and slices", remedy: "leave channel and slice out", code: "plane-missing")
    }
    let stem = URL(fileURLWithPath: path).deletingPathExtension().path
    switch ending {
    case "tif", "tiff", "btf", "tf8": return try TIFFMovie(path)
    case "dax", "inf": return try RawMovie(dax: "\(stem).dax")
    case "raw", "yaml": return try RawMovie(raw: "\(stem).raw")
    case "spe": return try RawMovie(spe: path)
    case "png", "jpg", "jpeg", "gif", "bmp":
        throw Failure(
            "\(path) is a picture, not a movie", remedy: "give a .tif, .dax, .spe or .raw file",
            code: "movie-unsupported")
    default:
        throw Failure(
            "\(path): not a kind of movie that can be read", remedy: "give a .tif, .dax, .spe or .raw file",
            code: "movie-unsupported")
    }
}
