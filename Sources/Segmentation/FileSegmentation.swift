import Foundation
import Imaging
import Work

/// What to do with the mask of an image.
public struct SegmentationOptions: Sendable {
    /// The side of the image's pixels in um; nil takes what the file says.
    public var pixelSize_um: Double?
    /// Whether the model's pixel size is taken where neither `pixelSize_um` nor the file says one.
    public var takesModelPixel = false
    /// Which planes of a stack are segmented.
    public var planes = PlaneChoice()
    /// Smaller objects are left out.
    public var leastArea_px = 30
    /// Smaller objects are left out; the image must say how large its pixels are. 0 for none.
    public var least_um2 = 0.0
    /// A condition that objects must meet, such as `area_um2 > 5 and eccentricity < 0.9`; nil for none.
    public var criteria: String?
    /// Whether objects that touch are cut apart.
    public var separate = false
    /// Whether there is a second pass with tiles shifted by half, as `TiledPrediction.hasSecondPass` says.
    public var secondPass = false
    /// In how many orientations each tile is looked at, as `TiledPrediction.orientations` says.
    public var orientations = 1
    /// Whether the probability of an object is written too.
    public var probability = false
    /// Whether the probability of the likeliest class is written too.
    public var confidence = false

    /// The usual choices.
    public init() {}
}

/// Where the results of one image go.
public struct SegmentationFiles: Sendable {
    /// The mask, a TIFF of 8 bits: 0 and 255, or class numbers.
    public var mask: String
    /// The numbers of the objects, a TIFF of 32 bits.
    public var labels: String
    /// The table of the objects, CSV.
    public var objects: String
    /// The image with the objects' outlines, PNG.
    public var overview: String
    /// How many objects there are of each size, PNG.
    public var sizes: String
    /// The probability of an object from 0 to 1, a TIFF of floats.
    public var probability: String
    /// The probability of the likeliest class, a TIFF of 8 bits: 255 is certain.
    public var confidence: String

    /// The files of the only image in a folder.
    public init(in folder: String) {
        mask = folder + "/mask.tif"
        labels = folder + "/labels.tif"
        objects = folder + "/objects.csv"
        overview = folder + "/overview.png"
        sizes = folder + "/sizes.png"
        probability = folder + "/probability.tif"
        confidence = folder + "/confidence.tif"
    }

    /// The files of one of many images, in a folder for each kind.
    public init(in folder: String, named name: String) {
        mask = folder + "/masks/\(name).tif"
        labels = folder + "/labels/\(name).tif"
        objects = folder + "/objects/\(name).csv"
        overview = folder + "/overviews/\(name).png"
        sizes = folder + "/sizes/\(name).png"
        probability = folder + "/probabilities/\(name).tif"
        confidence = folder + "/confidences/\(name).tif"
    }
}

extension SegmentationModel {
    /// Segments an image file of any size and writes mask, labels, table, sizes and overview.
    ///
    /// Rows are read, predicted and received at the same time; memory holds some bands of rows and the objects, never the
    /// image. No file appears under its name before everything has been found.
    /// - Returns: what was found, of which plane, and what had to be assumed.
    /// - Throws: a `Failure` when the image cannot be read, its channels or pixel size do not fit the model or a
    ///   file cannot be written.
    public func segment(
        _ path: String, into files: SegmentationFiles, options: SegmentationOptions = SegmentationOptions()
    ) throws -> FileSegmentationResult {
        var opened = try open(path, pixelSize_um: options.pixelSize_um, planes: options.planes)
        if opened.rows.pixelSize_um == nil, let model_um = description.pixelSize_um {
            if options.takesModelPixel {
                opened.rows = CalibratedRows(source: opened.rows, pixelSize_um: model_um)
            } else {
                opened.notes.append(
                    "\(path) does not say how large its pixels are: it is taken as if they had the model's "
                        + String(format: "%.4g um", model_um) + ", and sizes in um are left out; give --pixel-um, or "
                        + "--model-pixel to take the model's")
            }
        }
        let image = opened.rows
        try check(image, of: path)
        let factor = try prediction.magnification(of: image)
        if factor < 1 / TiledPrediction.greatestMagnification {
            opened.notes.append(
                String(
                    format: "%@: pixels of %.4g um are reduced %.1f times to the model's; check the pixel size", path,
                    image.pixelSize_um ?? 0, 1 / factor))
        }
        let output = try SegmentationOutput(
            files, width: image.width, height: image.height, channels: image.channels,
            pixelSize_um: image.pixelSize_um, classes: description.network.classes, options: options)
        var prediction = prediction
        prediction.hasSecondPass = options.secondPass
        prediction.orientations = options.orientations
        try prediction.predict(image) { try output.append($0) }
        return FileSegmentationResult(
            pixels: image.width * image.height, objects: try output.finish(), plane: opened.plane,
            pixelSize_um: image.pixelSize_um, notes: opened.notes)
    }

    /// The intensity ranges that an image file is scaled by.
    /// - Throws: a `Failure` when the image cannot be read or its pixel size does not fit the model.
    public func intensityRanges(ofFile path: String) throws -> [IntensityRange] {
        try prediction.ranges(of: rows(of: path, pixelSize_um: nil))
    }

    /// Checks that an image file can be predicted, and names it where it cannot.
    func check(_ image: any ImageRows, of path: String) throws {
        do { try check(image) } catch let failure as Failure {
            let isWide = failure.code == "channel-mismatch" && image.channels > description.network.inputChannels
            throw Failure(
                "\(path): \(failure.message)",
                remedy: isWide
                    ? "choose with --channel 1 to \(image.channels), or take another model" : failure.remedy,
                code: failure.code)
        }
    }

    /// The rows of an image file, without an opaque alpha channel that the model does not take.
    func rows(of path: String, pixelSize_um: Double?, planes: PlaneChoice = PlaneChoice()) throws -> any ImageRows {
        try open(path, pixelSize_um: pixelSize_um, planes: planes).rows
    }

    /// Opens an image file: its rows, what is taken of a stack in words, and what was assumed. Grey that was stored as
    /// colour is grey for a model of one channel.
    private func open(
        _ path: String, pixelSize_um: Double?, planes: PlaneChoice
    ) throws -> (rows: any ImageRows, plane: String, notes: [String]) {
        let isTIFF = ["tif", "tiff"].contains((path as NSString).pathExtension.lowercased())
        let wanted = description.network.inputChannels
        var source: any ImageRows
        var plane = ""
        var notes: [String] = []
        if isTIFF {
            let tiff = try TIFFRows(path, choice: planes, isSquare: pixelSize_um == nil)
            plane = tiff.plane
            if let note = tiff.note { notes.append(note) }
            source = tiff
            let isGreyAlpha = wanted == 1 && tiff.channels == 4
            if tiff.mayHaveAlpha, tiff.channels == wanted + 1 || isGreyAlpha {
                source = OpaqueRows(source: tiff, path: path)
            }
        } else {
            source = try readSpecimen(path, planes: planes) { notes.append($0) }
        }
        if wanted == 1, planes.channel == nil, try GreyRows.fits(source) {
            source = GreyRows(source: source, path: path)
        }
        return (CalibratedRows(source: source, pixelSize_um: pixelSize_um ?? source.pixelSize_um), plane, notes)
    }
}

/// What was found in a file.
public struct FileSegmentationResult: Sendable {
    /// The number of pixels.
    public let pixels: Int
    /// The number of objects.
    public let objects: Int
    /// What was taken of a stack in words, such as `slice 1 of 4`; empty where the file holds one plane.
    public let plane: String
    /// The side of a pixel in um, where it is known.
    public let pixelSize_um: Double?
    /// What had to be assumed, a line each, with the name of the file.
    public let notes: [String]
}

/// Scores of several files, and what could not be scored.
public struct FileScores: Sendable {
    /// The scores of the files that could be compared.
    public let scores: SegmentationScores
    /// How many there were of them.
    public let images: Int
    /// The files that could not be compared, with the reason.
    public let failed: [(file: String, reason: String)]
    /// What had to be assumed, a line each, with the name of the file.
    public let notes: [String]
}

/// Scores masks against the truth, file by file; a pair that cannot be compared is named, and the others go on.
/// - Parameters:
///   - pairs: the mask (as `MaskPair.image`) and its truth (as `MaskPair.mask`).
///   - classes: the number of classes with the background.
///   - separate: whether objects of a two-class mask that touch are cut apart before objects are compared. A mask with
///     more than one value above 0 is taken as labels: its values are its objects.
///   - planes: which plane of a stack the truth is.
/// - Throws: a `Failure` that names the file where none can be read or scored.
public func scores(
    of pairs: [MaskPair], classes: Int = 2, separate: Bool = false, planes: PlaneChoice = PlaneChoice()
) throws -> FileScores {
    var tally = ScoreTally(classes: classes)
    var failed: [(file: String, reason: String)] = []
    var notes: [String] = []
    var first: Failure?
    for pair in pairs {
        try Interruption.check()
        do { notes += try score(pair, classes, separate, planes, &tally) } catch let failure as Failure {
            failed.append((pair.mask, failure.description))
            first = first ?? failure
        }
    }
    if let first, failed.count == pairs.count { throw first }
    return FileScores(scores: tally.scores, images: pairs.count - failed.count, failed: failed, notes: notes)
}

/// Adds a pair of files to a tally; the notes on what had to be assumed.
private func score(
    _ pair: MaskPair, _ classes: Int, _ separate: Bool, _ planes: PlaneChoice, _ tally: inout ScoreTally
) throws -> [String] {
    let found = try readAnnotation(pair.image, classes: classes, isTruth: false)
    let read = try readAnnotation(pair.mask, classes: classes, planes: planes)
    let (predicted, truth) = (found.labels, read.labels)
    guard predicted.width == truth.width, predicted.height == truth.height else {
        let isTurned = predicted.width == truth.height && predicted.height == truth.width
        throw Failure(
            "\(pair.image) has \(predicted.width)x\(predicted.height) pixels, \(pair.mask) \(truth.width)x\(truth.height)",
            remedy: isTurned ? "one is turned on its side; transpose it" : "compare masks of the same image",
            code: "size-mismatch")
    }
    let mask = predicted.map { classes > 2 ? UInt8(clamping: $0) : $0 > 0 ? 255 : 0 }
    let isLabelled = classes == 2 && Set(predicted.samples).subtracting([0]).count > 1
    let objects =
        isLabelled
        ? EqualParts(predicted).objects.plane
        : try SegmentedObjects(mask: mask, classes: classes, leastArea_px: 1, separate: separate).labels
    try tally.add(mask: mask, objects: objects, truth: truth, name: pair.mask)
    return found.notes + read.notes
}
