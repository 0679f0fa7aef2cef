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
    ///   - planes: which planes of stacks are meant.
    ///   - note: is told what had to be assumed, a line each.
    ///   - skip: is told of an image that is left out, because it or its mask cannot be used, and why; nil ends the
    ///     reading at the first.
    /// - Throws: a `Failure` that names the file: missing partner, sizes or channels that differ, a mask that cannot be
    ///   one, nothing but empty masks; where images may be left out, only when none is left.
    public static func read(
        images: String, masks: String, only: String? = nil, except: String? = nil, classes: Int = 2,
        pixelSize_um: Double? = nil, planes: PlaneChoice = PlaneChoice(), note: (String) -> Void = { _ in },
        skip: ((String, Failure) -> Void)? = nil
    ) throws -> AnnotatedSet {
        var left: [Failure] = []
        func read<Read>(_ image: String, _ read: () throws -> Read) throws -> Read? {
            do { return try read() } catch let failure as Failure {
                guard let skip else { throw failure }
                left.append(failure)
                skip(image, failure)
                return nil
            }
        }
        let pairs = try maskPairs(images: images, masks: masks, only: only).filter { pair in
            !nameParts(except).contains { (pair.image as NSString).lastPathComponent.contains($0) }
        }
        let progress = Progress("reading", total: pairs.count, unit: "images")
        defer { progress.finish() }
        var found: [(image: Image, mask: ReadMask, pair: MaskPair)] = []
        for pair in pairs {
            try Interruption.check()
            found +=
                try read(pair.image) {
                    let image = try readSpecimen(pair.image, planes: planes, isSquare: pixelSize_um == nil, note: note)
                    let mask = try readAnnotation(pair.mask, classes: classes, planes: planes)
                    try checkIsNoImage(mask.labels, image, pair)
                    mask.notes.forEach(note)
                    return (image, mask, pair)
                }.map { [$0] } ?? []
            progress.advance()
        }
        // Grey that was stored as colour is grey, unless others of the images have colours.
        let isGrey = found.map { $0.image.channels == 3 && $0.image.hasEqualChannels }
        let areAllGrey = zip(found, isGrey).allSatisfy { $0.image.channels == 1 || $1 }
        let annotated = try found.compactMap { image, mask, pair in
            try read(pair.image) {
                try AnnotatedImage(
                    name: URL(fileURLWithPath: pair.image).lastPathComponent,
                    channels: (0..<(areAllGrey ? 1 : image.channels)).map { image.plane($0) },
                    labels: mask.labels, pixelSize_um: pixelSize_um ?? image.pixelSize_um)
            }
        }
        if annotated.isEmpty, let first = left.first { throw first }
        return try AnnotatedSet(annotated, classes: classes)
    }

    /// - Throws: a `Failure` where the mask holds the intensities of its image.
    private static func checkIsNoImage(_ labels: Plane<UInt32>, _ image: Image, _ pair: MaskPair) throws {
        guard labels.width == image.width, labels.height == image.height else { return }
        let plane = image.plane()
        var values: Set<UInt32> = []
        for (label, intensity) in zip(labels.samples, plane.samples) {
            guard Float(label) == intensity else { return }
            if values.count <= 16 { values.insert(label) }
        }
        guard values.count > 16 else { return }
        throw Failure(
            "\(pair.mask) is the image itself, not a mask of it", remedy: "give the folder of the masks",
            code: "annotation-scattered")
    }
}

/// Reads an image without its alpha channel, if that is opaque everywhere.
/// - Parameters:
///   - planes: which planes of a stack are meant.
///   - isSquare: refuse pixels that are not as high as wide.
///   - note: is told what was taken of a stack where nothing was chosen.
/// - Throws: a `Failure` that names the file when it cannot be read.
public func readSpecimen(
    _ path: String, planes: PlaneChoice = PlaneChoice(), isSquare: Bool = false, note: (String) -> Void = { _ in }
) throws -> Image {
    if isSquare { try checkSquarePixels(path) }
    let (image, _, open) = try readChosenImage(path, planes: planes)
    if let open { note(open) }
    guard planes.channel == nil else { return image }
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

/// - Throws: a `Failure` where a TIFF file says that its pixels are not as high as wide.
func checkSquarePixels(_ path: String) throws {
    guard ["tif", "tiff"].contains((path as NSString).pathExtension.lowercased()) else { return }
    try checkSquarePixels(TIFFReader(path))
}

/// - Throws: a `Failure` where the file says that its pixels are not as high as wide.
func checkSquarePixels(_ reader: TIFFReader) throws {
    let metadata = reader.metadata
    guard !metadata.hasSquarePixels, let width = metadata.pixelSizeX_um, let height = metadata.pixelSizeY_um else {
        return
    }
    throw Failure(
        String(format: "%@ has pixels %.4g um wide and %.4g um high", reader.path, width, height),
        remedy: "resample it to square pixels, or give --pixel-um if the file is wrong", code: "pixel-not-square")
}
