import Foundation
import Imaging
import Work

/// The rows of a TIFF file, read as they are needed.
struct TIFFRows: ImageRows {
    private let reader: TIFFReader
    private let pages: [Int]
    let width: Int
    let height: Int
    let channels: Int
    let pixelSize_um: Double?

    init(_ path: String) throws {
        reader = try TIFFReader(path)
        let planes = reader.metadata.sizeC
        let isStack = planes > 1 && reader.first.channels == 1 && reader.pageCount > 1
        pages = isStack ? try (0..<planes).map { [reader] in try reader.page(channel: $0) } : [0]
        width = reader.width
        height = reader.height
        channels = isStack ? planes : reader.first.channels
        pixelSize_um = reader.pixelSize_um
    }

    func rows(_ range: Range<Int>) throws -> [Plane<Float>] {
        try pages.flatMap { page in
            let image = try reader.read(
                page: page, region: Region(column: 0, row: range.lowerBound, width: width, height: range.count))
            return (0..<image.channels).map { image.plane($0) }
        }
    }
}

/// Rows whose pixel size is known from elsewhere.
private struct CalibratedRows: ImageRows {
    let rows: any ImageRows
    let pixelSize_um: Double?
    var width: Int { rows.width }
    var height: Int { rows.height }
    var channels: Int { rows.channels }
    func rows(_ range: Range<Int>) throws -> [Plane<Float>] { try rows.rows(range) }
}

/// What to do with the mask of an image.
public struct SegmentationOptions: Sendable {
    /// The side of the image's pixels in um; nil takes what the file says.
    public var pixelSize_um: Double?
    /// Smaller objects are left out.
    public var leastArea_px = 30
    /// Whether objects that touch are cut apart.
    public var separate = false
    /// Whether the probability of an object is written too.
    public var probability = false

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
    /// The probability of an object from 0 to 1, a TIFF of floats.
    public var probability: String

    /// The files of the only image in a folder.
    public init(in folder: String) {
        mask = folder + "/mask.tif"
        labels = folder + "/labels.tif"
        objects = folder + "/objects.csv"
        overview = folder + "/overview.png"
        probability = folder + "/probability.tif"
    }

    /// The files of one of many images, in a folder for each kind.
    public init(in folder: String, named name: String) {
        mask = folder + "/masks/\(name).tif"
        labels = folder + "/labels/\(name).tif"
        objects = folder + "/objects/\(name).csv"
        overview = folder + "/overviews/\(name).png"
        probability = folder + "/probabilities/\(name).tif"
    }
}

extension SegmentationModel {
    /// Above this many pixels an image is not held in memory: mask and probability are written strip by strip, and
    /// objects are not measured.
    public static let largestInMemory = 400_000_000

    /// Segments an image file and writes mask, labels, table and overview.
    /// - Returns: the number of pixels, and the objects unless the image is larger than `largestInMemory`.
    /// - Throws: a `Failure` when the image cannot be read, its channels or pixel size do not fit the model or a
    ///   file cannot be written.
    public func segment(
        _ path: String, into files: SegmentationFiles, options: SegmentationOptions = SegmentationOptions()
    ) throws -> (pixels: Int, objects: SegmentedObjects?) {
        let isTIFF = ["tif", "tiff"].contains((path as NSString).pathExtension.lowercased())
        var source: any ImageRows = isTIFF ? try TIFFRows(path) : try readSpecimen(path)
        let pixels = source.width * source.height
        let isSmall = pixels <= Self.largestInMemory
        if isSmall, isTIFF { source = try readSpecimen(path) }
        let image = CalibratedRows(rows: source, pixelSize_um: options.pixelSize_um ?? source.pixelSize_um)
        do { try check(image) } catch let failure as Failure {
            throw Failure("\(path): \(failure.message)", remedy: failure.remedy, code: failure.code)
        }
        for file in [files.mask, files.labels, files.objects, files.overview] {
            try makeFolder((file as NSString).deletingLastPathComponent)
        }
        let classes = description.network.classes
        var mask: [UInt8] = []
        let maskWriter =
            isSmall
            ? nil
            : try TiledTIFFWriter(
                files.mask, width: image.width, height: image.height, pixelType: .uint8,
                pixelSize_um: image.pixelSize_um)
        let probabilityWriter =
            options.probability
            ? try TiledTIFFWriter(
                files.probability, width: image.width, height: image.height, pixelType: .float32,
                pixelSize_um: image.pixelSize_um) : nil
        try prediction.predict(image) { _, planes in
            let rows = Prediction.mask(of: planes)
            if let maskWriter { try maskWriter.append(Image(rows)) } else { mask += rows.samples }
            if let probabilityWriter {
                var sum = planes[0]
                for plane in planes.dropFirst() {
                    for index in sum.samples.indices { sum.samples[index] += plane.samples[index] }
                }
                try probabilityWriter.append(Image(sum))
            }
        }
        try probabilityWriter?.finish()
        if let maskWriter {
            try maskWriter.finish()
            return (pixels, nil)
        }
        let channels = try image.rows(0..<image.height)
        let objects = SegmentedObjects(
            mask: Plane(width: image.width, height: image.height, samples: mask), classes: classes,
            leastArea_px: options.leastArea_px, separate: options.separate, intensity: channels[0],
            pixelSize_um: image.pixelSize_um)
        try writeTIFF(Image(objects.mask(classes: classes), pixelSize_um: image.pixelSize_um), to: files.mask)
        try writeTIFF(Image(objects.labels, pixelSize_um: image.pixelSize_um), to: files.labels)
        try objects.writeCSV(to: files.objects)
        try writePNG(overview(channels: channels, labels: objects.labels), to: files.overview)
        return (pixels, objects)
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
            ? predicted : SegmentedObjects(mask: mask, classes: classes, leastArea_px: 1, separate: separate).labels
        try tally.add(mask: mask, objects: objects, truth: truth, name: pair.mask)
    }
    return tally.scores
}
