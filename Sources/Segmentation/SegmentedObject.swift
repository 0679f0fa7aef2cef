import Foundation
import Imaging
import Work

/// One object found in an image.
public struct SegmentedObject: Sendable, Equatable {
    /// Its number from 1, which is also its value in the label image.
    public let id: Int
    /// The centroid's distance from the image's left edge in pixels; the centre of the first pixel is at 0.5.
    public let x_px: Double
    /// The centroid's distance from the image's top edge in pixels.
    public let y_px: Double
    /// The number of its pixels.
    public let area_px: Int
    /// The rectangle around it.
    public let box: Region
    /// The mean intensity in counts; nan where no intensities were given.
    public let meanIntensity: Double
    /// The greatest intensity in counts; nan where no intensities were given.
    public let maxIntensity: Double
    /// The eccentricity of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.
    public let eccentricity: Double
    /// The class, 1 or more.
    public let classNumber: Int
}

extension SegmentedObject {
    /// The columns that a condition may ask for; those in um only where the pixel size is known.
    static func columns(hasPixelSize: Bool) -> [String] {
        let um = ["x_um", "y_um", "area_um2", "left_um", "top_um", "width_um", "height_um"]
        return ["x_px", "y_px", "area_px", "left_px", "top_px", "width_px", "height_px"] + (hasPixelSize ? um : [])
            + ["mean_intensity", "max_intensity", "eccentricity", "class"]
    }

    /// The value of a column, in um for pixels of a side; nan where there is none.
    func value(_ column: String, pixelSize_um: Double?) -> Double {
        let pixel_um = column.hasSuffix("_px") ? 1 : pixelSize_um ?? .nan
        switch column {
        case "x_px", "x_um": return x_px * pixel_um
        case "y_px", "y_um": return y_px * pixel_um
        case "area_px", "area_um2": return Double(area_px) * (column == "area_px" ? 1 : pixel_um * pixel_um)
        case "left_px", "left_um": return Double(box.column) * pixel_um
        case "top_px", "top_um": return Double(box.row) * pixel_um
        case "width_px", "width_um": return Double(box.width) * pixel_um
        case "height_px", "height_um": return Double(box.height) * pixel_um
        case "mean_intensity": return meanIntensity
        case "max_intensity": return maxIntensity
        case "eccentricity": return eccentricity
        case "class": return Double(classNumber)
        default: return .nan
        }
    }
}

/// The objects of an image.
public struct SegmentedObjects: Sendable {
    /// The objects in the order of their numbers.
    public let objects: [SegmentedObject]
    /// The number of the object that each pixel belongs to, 0 for none.
    public let labels: Plane<UInt32>
    /// The side of a pixel in um, where it is known.
    public let pixelSize_um: Double?

    /// Finds the objects of a mask: its parts connected by sides or corners, numbered class by class in reading order of
    /// their first pixels.
    /// - Parameters:
    ///   - mask: 0 for background; other values are objects, and with `classes` above 2 class numbers.
    ///   - leastArea_px: smaller parts are left out.
    ///   - separate: whether objects that touch are cut apart at their waists.
    ///   - intensity: the image, of the mask's size, for mean intensities.
    /// - Throws: a `Failure` when there are so many objects that a temporary file is needed and the disk is full.
    public init(
        mask: Plane<UInt8>, classes: Int = 2, leastArea_px: Int = 30, separate: Bool = false,
        intensity: Plane<Float>? = nil, pixelSize_um: Double? = nil
    ) throws {
        let collector = ObjectCollector(
            width: mask.width, height: mask.height, classes: classes, leastArea_px: leastArea_px, separate: separate,
            folder: NSTemporaryDirectory())
        try collector.append(mask, intensity: intensity)
        try collector.finish()
        var numbers: [UInt32] = []
        numbers.reserveCapacity(mask.samples.count)
        for band in 0..<collector.bands { numbers += try collector.labels(ofBand: band).samples }
        objects = collector.objects
        labels = Plane(width: mask.width, height: mask.height, samples: numbers)
        self.pixelSize_um = pixelSize_um
    }

    /// The mask of the objects that were kept: 255, or with `classes` above 2 the class number.
    public func mask(classes: Int = 2) -> Plane<UInt8> { objects.mask(of: labels, classes: classes) }

    /// Writes the table of the objects as CSV; columns in um are empty where the pixel size is unknown.
    public func writeCSV(to path: String) throws { try objects.writeCSV(to: path, pixelSize_um: pixelSize_um) }
}
