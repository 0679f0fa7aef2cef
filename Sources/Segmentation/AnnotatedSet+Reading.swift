import Foundation
import Imaging
import Work

extension AnnotatedSet {
    /// Reads images and masks that belong together by the stem of their names.
    /// - Parameters:
    ///   - images: an image or a folder of them.
    ///   - masks: the label image of that image, or a folder of label images.
    ///   - only: of a folder take only the images whose name contains this, or one of several parts between commas; nil
    ///     takes all.
    ///   - except: of these leave out the images whose name contains this, or one of several parts between commas.
    ///   - classes: the number of classes with the background; with 2 the masks' values tell objects apart.
    ///   - pixelSize_um: the side of a pixel in um; nil takes what the files say.
    /// - Throws: a `Failure` that names the file: missing partner, sizes or channels that differ, nothing but empty
    ///   masks.
    public static func read(
        images: String, masks: String, only: String? = nil, except: String? = nil, classes: Int = 2,
        pixelSize_um: Double? = nil
    ) throws -> AnnotatedSet {
        let pairs = try maskPairs(images: images, masks: masks, only: only).filter { pair in
            !nameParts(except).contains { (pair.image as NSString).lastPathComponent.contains($0) }
        }
        let progress = Progress("reading", total: pairs.count, unit: "images")
        defer { progress.finish() }
        let annotated = try pairs.map { pair in
            try Interruption.check()
            defer { progress.advance() }
            let image = try readSpecimen(pair.image)
            return try AnnotatedImage(
                name: URL(fileURLWithPath: pair.image).lastPathComponent,
                channels: (0..<image.channels).map { image.plane($0) }, labels: readLabels(pair.mask),
                pixelSize_um: pixelSize_um ?? image.pixelSize_um)
        }
        return try AnnotatedSet(annotated, classes: classes)
    }
}

/// An image file and the file of its mask.
public struct MaskPair: Sendable, Equatable {
    /// The path of the image.
    public let image: String
    /// The path of its mask.
    public let mask: String
}

/// Finds the mask of every image: two files belong together as given, files in folders by the stem of their names.
/// - Parameters:
///   - images: an image or a folder of them.
///   - masks: its mask or a folder of masks.
///   - only: of a folder take only the images whose name contains this; nil takes all.
/// - Throws: a `Failure` that names the image without a mask.
public func maskPairs(images: String, masks: String, only: String? = nil) throws -> [MaskPair] {
    let found = try specimenFiles(at: images, only: only)
    guard isFolder(masks) else {
        guard found.count == 1 else {
            throw Failure(
                "\(images) holds \(found.count) images, but \(masks) is one mask", remedy: "give a folder of masks",
                code: "mask-missing")
        }
        return [MaskPair(image: found[0], mask: masks)]
    }
    let maskOf = Dictionary(try imageFiles(in: masks).map { (stem($0), $0) }, uniquingKeysWith: { first, _ in first })
    return try found.map { image in
        guard let mask = maskOf[stem(image)] else {
            throw Failure(
                "there is no mask for \(image) in \(masks)",
                remedy: "give the mask the same name, such as \(stem(image)).png", code: "mask-missing")
        }
        return MaskPair(image: image, mask: mask)
    }
}

/// The image files that a path stands for: itself, or those of a folder whose name contains `only` or one of its parts
/// between commas.
/// - Throws: a `Failure` when the path does not exist or no image is left.
public func specimenFiles(at path: String, only: String? = nil) throws -> [String] {
    guard isFolder(path) else {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
        }
        return [path]
    }
    let files = try imageFiles(in: path)
    guard let only, !only.isEmpty else { return files }
    let parts = nameParts(only)
    let chosen = files.filter { file in parts.contains { (file as NSString).lastPathComponent.contains($0) } }
    guard !chosen.isEmpty else {
        throw Failure("no image in \(path) has \(only) in its name", remedy: "check the name", code: "images-missing")
    }
    return chosen
}

/// The parts of names between commas.
private func nameParts(_ text: String?) -> [String] { (text ?? "").split(separator: ",").map(String.init) }

/// Reads an image without its alpha channel, if that is opaque everywhere.
/// - Throws: a `Failure` that names the file when it cannot be read.
public func readSpecimen(_ path: String) throws -> Image {
    let image = try readImage(path)
    guard image.channels == 2 || image.channels == 4 else { return image }
    switch image.samples {
    case .uint8(let values):
        let colour = values.count / image.channels * (image.channels - 1)
        guard values[colour...].allSatisfy({ $0 == .max }) else { return image }
        return Image(
            width: image.width, height: image.height, channels: image.channels - 1,
            samples: .uint8(Array(values[..<colour])), pixelSize_um: image.pixelSize_um)
    case .uint16(let values):
        let colour = values.count / image.channels * (image.channels - 1)
        guard values[colour...].allSatisfy({ $0 == .max }) else { return image }
        return Image(
            width: image.width, height: image.height, channels: image.channels - 1,
            samples: .uint16(Array(values[..<colour])), pixelSize_um: image.pixelSize_um)
    default: return image
    }
}

private func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
}

/// A file's name without folder and extension; `.ome.tif` counts as one extension.
private func stem(_ path: String) -> String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return stem.lowercased().hasSuffix(".ome") ? String(stem.dropLast(4)) : stem
}
