import Foundation
import Imaging
import Work

/// Turns predicted rows into the files of a segmentation: what needs no more than the rows is written as they come,
/// labels and mask when all objects are known and numbered.
final class SegmentationOutput {
    private let files: SegmentationFiles
    private let classes: Int
    private let pixelSize_um: Double?
    private let mask: BandTIFFWriter
    private let labels: BandTIFFWriter
    private let probability: BandTIFFWriter?
    private let confidence: BandTIFFWriter?
    private let collector: ObjectCollector
    private let criteria: Condition?
    private let least_um2: Double
    private var overview: Overview

    init(
        _ files: SegmentationFiles, width: Int, height: Int, channels: Int, pixelSize_um: Double?, classes: Int,
        options: SegmentationOptions
    ) throws {
        func writer(_ path: String, _ type: PixelType) throws -> BandTIFFWriter {
            try BandTIFFWriter(path, width: width, height: height, pixelType: type, pixelSize_um: pixelSize_um)
        }
        self.files = files
        least_um2 = options.least_um2
        criteria = try options.criteria.map { try Condition($0, example: ObjectProtocol.example) }
        try criteria?.check(columns: SegmentedObject.columns(hasPixelSize: pixelSize_um != nil), of: "objects")
        guard least_um2 <= 0 || pixelSize_um != nil else {
            throw Failure(
                "least_um2 needs the size of the pixels, which the image does not say",
                remedy: "give --pixel-um, or --least-area-px instead", code: "pixel-missing")
        }
        self.classes = classes
        self.pixelSize_um = pixelSize_um
        mask = try writer(files.mask, .uint8)
        labels = try writer(files.labels, .uint32)
        probability = options.probability ? try writer(files.probability, .float32) : nil
        confidence = options.confidence ? try writer(files.confidence, .uint8) : nil
        collector = ObjectCollector(
            width: width, height: height, classes: classes, leastArea_px: options.leastArea_px,
            separate: options.separate, folder: (files.labels as NSString).deletingLastPathComponent)
        overview = Overview(width: width, height: height, channels: channels)
    }

    /// Takes the next rows.
    func append(_ rows: PredictedRows) throws {
        let channels = (0..<rows.image.channels).map { rows.image.plane($0) }
        try collector.append(Prediction.mask(of: rows.probabilities), intensity: channels[0])
        overview.add(channels, firstRow: rows.firstRow)
        try probability?.append(Image(Prediction.object(of: rows.probabilities)))
        try confidence?.append(Image(Prediction.confidence(of: rows.probabilities)))
    }

    /// Writes what was found.
    /// - Returns: the number of objects.
    func finish() throws -> Int {
        try collector.finish { object in
            object.value("area_um2", pixelSize_um: pixelSize_um ?? 1) >= least_um2
                && criteria?.holds { object.value($0, pixelSize_um: pixelSize_um) } != false
        }
        let objects = collector.objects
        let progress = Progress("writing labels", total: collector.bands, unit: "bands")
        defer { progress.finish() }
        var numbers = try collector.labels(ofBand: 0)
        for band in 0..<collector.bands {
            try Interruption.check()
            // Labels, mask and the labels of the next band on their own threads.
            let next = try concurrentMap(3) {
                [numbers, labels, mask, collector, classes] task -> Plane<UInt32>? in
                switch task {
                case 0: try labels.append(Image(numbers))
                case 1: try mask.append(Image(objects.mask(of: numbers, classes: classes)))
                default: return band + 1 < collector.bands ? try collector.labels(ofBand: band + 1) : nil
                }
                return nil
            }
            overview.add(labels: numbers, firstRow: band * RunStore.bandRows)
            if let following = next[2] { numbers = following }
            progress.advance()
        }
        try probability?.finish()
        try confidence?.finish()
        try objects.writeCSV(to: files.objects, pixelSize_um: pixelSize_um)
        try objects.writeSizes(to: files.sizes, pixelSize_um: pixelSize_um)
        try writePNG(overview.image(), to: files.overview)
        try labels.finish()
        try mask.finish()
        return objects.count
    }
}
