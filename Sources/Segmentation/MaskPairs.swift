import Foundation
import Imaging
import Work

/// An image file and the file of its mask.
public struct MaskPair: Sendable, Equatable {
    /// The path of the image.
    public let image: String
    /// The path of its mask.
    public let mask: String

    /// Joins two paths.
    public init(image: String, mask: String) {
        self.image = image
        self.mask = mask
    }
}

/// Finds the mask of every image: two files belong together as given, files in folders by the stem of their names, which may
/// have an ending such as `_mask` or `_cp_masks` in the mask. No file is its own mask.
/// - Parameters:
///   - images: an image or a folder of them.
///   - masks: its mask or a folder of masks, which may be the same folder.
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
        if isSameFile(found[0], masks) { throw ownMask(found[0]) }
        return [MaskPair(image: found[0], mask: masks)]
    }
    let files = try imageFiles(in: masks)
    return try found.map { MaskPair(image: $0, mask: try mask(of: $0, among: files, in: masks)) }
}

/// Finds the mask of an image in a folder, as `maskPairs` does.
/// - Throws: a `Failure` that names the image when there is none.
public func mask(of image: String, in folder: String) throws -> String {
    guard isFolder(folder) else {
        if isSameFile(image, folder) { throw ownMask(image) }
        return folder
    }
    return try mask(of: image, among: imageFiles(in: folder), in: folder)
}

private func mask(of image: String, among files: [String], in folder: String) throws -> String {
    let others = files.filter { !isSameFile($0, image) }
    let name = (image as NSString).lastPathComponent
    let own = stem(image)
    if let mask = others.first(where: { ($0 as NSString).lastPathComponent == name })
        ?? others.first(where: { stem($0) == own && others.count == files.count })
        ?? others.first(where: { isMaskName(stem($0), of: own) })
    {
        return mask
    }
    if others.count < files.count { throw ownMask(image) }
    throw Failure(
        "there is no mask for \(image) in \(folder)", remedy: "give the mask the same name, such as \(own).png",
        code: "mask-missing")
}

private func ownMask(_ image: String) -> Failure {
    Failure(
        "\(image) would be its own mask",
        remedy: "give masks a folder of their own, or names such as \(stem(image))_mask.png", code: "mask-missing")
}

/// The image files that a path stands for: itself, or those of a folder whose name contains `only` or one of its parts
/// between commas. Masks of other images in the folder, told by their names, are left out.
/// - Throws: a `Failure` when the path does not exist or no image is left.
public func specimenFiles(at path: String, only: String? = nil) throws -> [String] {
    guard isFolder(path) else {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
        }
        return [path]
    }
    let masks = Set(try masksAmongImages(in: path))
    let files = try imageFiles(in: path).filter { !masks.contains($0) }
    guard let only, !only.isEmpty else { return files }
    let parts = nameParts(only)
    let chosen = files.filter { file in parts.contains { (file as NSString).lastPathComponent.contains($0) } }
    guard !chosen.isEmpty else {
        throw Failure("no image in \(path) has \(only) in its name", remedy: "check the name", code: "images-missing")
    }
    return chosen
}

/// The files of a folder whose names say that they are the masks of other images in it.
public func masksAmongImages(in folder: String) throws -> [String] {
    guard isFolder(folder) else { return [] }
    let files = try imageFiles(in: folder)
    let stems = Set(files.map(stem))
    return files.filter { file in
        let name = stem(file)
        return maskStems(name).contains { $0 != name && stems.contains($0) }
    }
}

/// What masks are called beside the name of their image.
private let maskWords = [
    "cp_masks", "cp_mask", "simple segmentation", "instance_masks", "segmentation", "annotations", "annotation",
    "groundtruth", "ground_truth", "instances", "labels", "label", "masks", "mask", "truth", "binary", "seg", "gt",
]

/// The stems of images that a mask of this stem may belong to.
private func maskStems(_ stem: String) -> [String] {
    let lower = stem.lowercased()
    let separators: Set<Character> = ["_", "-", ".", " "]
    return maskWords.flatMap { word -> [String] in
        var stems: [String] = []
        if lower.hasSuffix(word) {
            let rest = stem.dropLast(word.count)
            if let last = rest.last, separators.contains(last) { stems.append(String(rest.dropLast())) }
        }
        if lower.hasPrefix(word) {
            let rest = stem.dropFirst(word.count)
            if let first = rest.first, separators.contains(first) { stems.append(String(rest.dropFirst())) }
        }
        return stems
    }
}

private func isMaskName(_ name: String, of image: String) -> Bool { maskStems(name).contains(image) }

/// The parts of names between commas.
func nameParts(_ text: String?) -> [String] { (text ?? "").split(separator: ",").map(String.init) }

private func isSameFile(_ one: String, _ other: String) -> Bool {
    func real(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }
    return real(one) == real(other)
}

private func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
}

/// A file's name without folder and extension; `.ome.tif` counts as one extension.
func stem(_ path: String) -> String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return stem.lowercased().hasSuffix(".ome") ? String(stem.dropLast(4)) : stem
}

/// The names under which the results of images are kept apart: the stems of their files, with the extension behind where
/// several files have one stem (`a-tif`, `a-ome-tif`).
public func resultNames(of images: [String]) -> [String] {
    let stems = images.map(stem)
    var counts: [String: Int] = [:]
    for stem in stems { counts[stem, default: 0] += 1 }
    var taken = Set(stems.filter { counts[$0] == 1 })
    return zip(images, stems).map { path, stem in
        guard counts[stem, default: 0] > 1 else { return stem }
        let ending = (path as NSString).lastPathComponent.dropFirst(stem.count).dropFirst().replacing(".", with: "-")
        let first = "\(stem)-\(ending)"
        var name = first
        var number = 2
        while !taken.insert(name).inserted {
            name = "\(first)-\(number)"
            number += 1
        }
        return name
    }
}
