import Foundation
import Work

/// Reads an image file, TIFF or PNG by its content. Colours come as channels; of a TIFF stack the first slice and time
/// point with all its channels.
/// - Throws: a `Failure` naming the file when it is missing, damaged or of another kind.
public func readImage(_ path: String) throws -> Image {
    switch try ImageFileKind(path) {
    case .png: return try readPNG(path)
    case .tiff:
        let reader = try TIFFReader(path)
        let channels = reader.metadata.sizeC
        guard channels > 1, reader.first.channels == 1, reader.pageCount > 1, channels <= 64 else {
            return try reader.read()
        }
        let images = try (0..<channels).map { channel in
            try reader.read(page: try reader.page(channel: channel))
        }
        return try Image(joining: images, path: path)
    }
}

/// Reads a mask: the label or class of every pixel, 0 for background. A palette image gives its indices; a colour image
/// gives each colour its own number (equal channels: the grey value).
/// - Throws: a `Failure` naming the file when it is missing, damaged or of another kind.
public func readLabels(_ path: String) throws -> Plane<UInt32> {
    let image =
        switch try ImageFileKind(path) {
        case .png: try readPNG(path, indices: true)
        case .tiff: try TIFFReader(path).read()
        }
    guard image.channels >= 3, image.pixelType == .uint8 else { return image.labels() }
    let (red, green, blue) = (image.labels(0), image.labels(1), image.labels(2))
    if red == green && green == blue { return red }
    var labels = red
    for index in labels.samples.indices {
        labels.samples[index] = red.samples[index] << 16 | green.samples[index] << 8 | blue.samples[index]
    }
    return labels
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
