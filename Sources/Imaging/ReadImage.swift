import Foundation
import Work

/// Reads an image file, TIFF or PNG by its content. Colours come as channels; of a TIFF stack the first slice and time
/// point with all its channels unless others are chosen.
/// - Throws: a `Failure` naming the file when it is missing, damaged, of another kind or without the chosen plane.
public func readImage(_ path: String, planes: PlaneChoice = PlaneChoice()) throws -> Image {
    try readChosenImage(path, planes: planes).image
}

/// Reads an image file as `readImage` does.
/// - Returns: the image, what was taken of the file in words (empty where it holds nothing else), and where more is there
///   and nothing was chosen, a note with how to choose.
public func readChosenImage(
    _ path: String, planes: PlaneChoice
) throws -> (image: Image, plane: String, note: String?) {
    switch try ImageFileKind(path) {
    case .png:
        let image = try readPNG(path)
        try planes.checkSinglePlane(path)
        guard let channel = planes.channel, image.channels > 1 || channel != "1" else { return (image, "", nil) }
        let chosen = try ChosenPlanes.channels(channel, count: image.channels, names: [], path: path)
        let words = chosen.map { "channel \($0 + 1) of \(image.channels)" }.joined(separator: ", ")
        return (try image.taking(chosen), words, nil)
    case .tiff:
        let reader = try TIFFReader(path)
        let chosen = try ChosenPlanes(planes, of: reader)
        return (try reader.read(chosen), chosen.inWords, chosen.note)
    }
}

extension PlaneChoice {
    /// - Throws: a `Failure` where another slice or frame than the only one of a file is asked for.
    func checkSinglePlane(_ path: String) throws {
        for (word, text) in [("slice", slice), ("frame", frame)] {
            guard let text, text != "1", PlaneProjection(rawValue: text.lowercased()) == nil else { continue }
            throw Failure("\(path) has no \(word) \(text)", remedy: "it has one plane", code: "plane-missing")
        }
    }
}

/// The kinds of image files, told by their first bytes.
enum ImageFileKind {
    case tiff, png

    init(_ path: String) throws {
        let head = try RandomAccessFile(path).bytes(at: 0, count: 8)
        if head == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] {
            self = .png
        } else if head.count == 8, head.starts(with: [0x49, 0x49]) || head.starts(with: [0x4D, 0x4D]) {
            self = .tiff
        } else {
            throw Failure(
                "\(path) is neither TIFF nor PNG", remedy: "convert it, for instance with ImageJ", code: "not-an-image")
        }
    }
}

/// The image files of a folder (names ending in tif, tiff or png), sorted by name as people count: 2 before 10.
/// - Throws: a `Failure` when the folder is missing or holds none.
public func imageFiles(in folder: String) throws -> [String] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
        throw Failure("\(folder) is not a folder that can be read", remedy: "check the path", code: "folder-missing")
    }
    let images = names.filter { name in
        !name.hasPrefix(".") && ["tif", "tiff", "png"].contains((name as NSString).pathExtension.lowercased())
    }
    guard !images.isEmpty else {
        throw Failure("\(folder) holds no image", remedy: "TIFF and PNG are read", code: "no-images")
    }
    return images.sorted { $0.compare($1, options: .numeric) == .orderedAscending }.map { "\(folder)/\($0)" }
}

extension Image {
    /// Joins one-channel images of the same size and type to one image.
    init(joining images: [Image], path: String) throws {
        let first = images[0]
        let samples = try Samples.make(
            first.pixelType, count: first.width * first.height * images.count
        ) { output in
            let planeBytes = first.width * first.height * first.pixelType.bytes
            for (channel, image) in images.enumerated() {
                guard image.width == first.width, image.height == first.height, image.pixelType == first.pixelType,
                    image.channels == 1
                else { throw notSupported(path, "channels of different sizes or types") }
                image.samples.withUnsafeBytes { bytes in
                    if let base = bytes.baseAddress {
                        (output + channel * planeBytes).copyMemory(from: base, byteCount: planeBytes)
                    }
                }
            }
        }
        self.init(
            width: first.width, height: first.height, channels: images.count, samples: samples,
            pixelSize_um: first.pixelSize_um)
    }
}
