import Foundation
import Imaging
import Work

/// What to do with the mask of an image.
public struct SegmentationOptions: Sendable {
    /// The side of the image's pixels in um; nil takes what the file says.
    public var pixelSize_um: Double?
    /// Smaller objects are left out.
    public var leastArea_px = 30
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
    /// - Returns: the number of pixels and of objects.
    /// - Throws: a `Failure` when the image cannot be read, its channels or pixel size do not fit the model or a
    ///   file cannot be written.
    public func segment(
        _ path: String, into files: SegmentationFiles, options: SegmentationOptions = SegmentationOptions()
    ) throws -> (pixels: Int, objects: Int) {
        let image = try rows(of: path, pixelSize_um: options.pixelSize_um)
        try check(image, of: path)
        let output = try SegmentationOutput(
            files, width: image.width, height: image.height, channels: image.channels,
            pixelSize_um: image.pixelSize_um, classes: description.network.classes, options: options)
        var prediction = prediction
        prediction.hasSecondPass = options.secondPass
        prediction.orientations = options.orientations
        try prediction.predict(image) { try output.append($0) }
        return (image.width * image.height, try output.finish())
    }

    /// The intensity ranges that an image file is scaled by.
    /// - Throws: a `Failure` when the image cannot be read or its pixel size does not fit the model.
    public func intensityRanges(ofFile path: String) throws -> [IntensityRange] {
        try prediction.ranges(of: rows(of: path, pixelSize_um: nil))
    }

    /// Checks that an image file can be predicted, and names it where it cannot.
    func check(_ image: any ImageRows, of path: String) throws {
        do { try check(image) } catch let failure as Failure {
            throw Failure("\(path): \(failure.message)", remedy: failure.remedy, code: failure.code)
        }
    }

    /// The rows of an image file, without an opaque alpha channel that the model does not take.
    func rows(of path: String, pixelSize_um: Double?) throws -> any ImageRows {
        let isTIFF = ["tif", "tiff"].contains((path as NSString).pathExtension.lowercased())
        let source: any ImageRows
        if isTIFF {
            let tiff = try TIFFRows(path)
            let dropsAlpha = tiff.mayHaveAlpha && tiff.channels == description.network.inputChannels + 1
            source = dropsAlpha ? OpaqueRows(source: tiff, path: path) : tiff
        } else {
            source = try readSpecimen(path)
        }
        return CalibratedRows(source: source, pixelSize_um: pixelSize_um ?? source.pixelSize_um)
    }
}

/// Scores masks against the truth, file by file.
/// - Parameters:
///   - pairs: the mask (as `MaskPair.image`) and its truth (as `MaskPair.mask`).
///   - classes: the number of classes with the background.
///   - separate: whether objects of a two-class mask that touch are cut apart before objects are compared. A mask with
///     more than one value above 0 is taken as labels: its values are its objects.
/// - Throws: a `Failure` that names the file that cannot be read or scored.
public func scores(of pairs: [MaskPair], classes: Int = 2, separate: Bool = false) throws -> SegmentationScores {
    var tally = ScoreTally(classes: classes)
    for pair in pairs {
        try Interruption.check()
        let predicted = try readLabels(pair.image)
        let truth = try readLabels(pair.mask)
        guard predicted.width == truth.width, predicted.height == truth.height else {
            throw Failure(
                "\(pair.image) has \(predicted.width)x\(predicted.height) pixels, \(pair.mask) \(truth.width)x\(truth.height)",
                remedy: "compare masks of the same image", code: "size-mismatch")
        }
        let mask = predicted.map { classes > 2 ? UInt8(clamping: $0) : $0 > 0 ? 255 : 0 }
        let isLabelled = classes == 2 && Set(predicted.samples).subtracting([0]).count > 1
        let objects =
            isLabelled
            ? predicted : try SegmentedObjects(mask: mask, classes: classes, leastArea_px: 1, separate: separate).labels
        try tally.add(mask: mask, objects: objects, truth: truth, name: pair.mask)
    }
    return tally.scores
}
