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
    /// The eccentricity of the ellipse with the same second moments: 0 for a circle, towards 1 for a line.
    public let eccentricity: Double
    /// The class, 1 or more.
    public let classNumber: Int
}

/// The objects of an image.
public struct SegmentedObjects: Sendable {
    /// The objects in the order of their numbers.
    public let objects: [SegmentedObject]
    /// The number of the object that each pixel belongs to, 0 for none.
    public let labels: Plane<UInt32>
    /// The side of a pixel in um, where it is known.
    public let pixelSize_um: Double?

    /// Finds the objects of a mask: its parts connected by sides or corners.
    /// - Parameters:
    ///   - mask: 0 for background; other values are objects, and with `classes` above 2 class numbers.
    ///   - leastArea_px: smaller parts are left out.
    ///   - separate: whether objects that touch are cut apart at their waists.
    ///   - intensity: the image, of the mask's size, for mean intensities.
    public init(
        mask: Plane<UInt8>, classes: Int = 2, leastArea_px: Int = 30, separate: Bool = false,
        intensity: Plane<Float>? = nil, pixelSize_um: Double? = nil
    ) {
        var labels = Plane<UInt32>(width: mask.width, height: mask.height, filledWith: 0)
        var classNumbers: [Int] = []
        let values = classes > 2 ? (1..<classes).map(UInt8.init) : [0]
        for value in values {
            let part = classes > 2 ? mask.map { $0 == value ? UInt8(255) : 0 } : mask
            let found = separate ? separateTouching(part) : labelComponents(part).labels
            let offset = UInt32(classNumbers.count)
            let count = Int(found.samples.max() ?? 0)
            if offset == 0 {
                labels = found
            } else {
                for index in labels.samples.indices where found.samples[index] > 0 {
                    labels.samples[index] = found.samples[index] + offset
                }
            }
            classNumbers += Array(repeating: max(1, Int(value)), count: count)
        }
        self.init(
            labels: labels, classNumbers: classNumbers, leastArea_px: leastArea_px, intensity: intensity,
            pixelSize_um: pixelSize_um)
    }

    private init(
        labels found: Plane<UInt32>, classNumbers: [Int], leastArea_px: Int, intensity: Plane<Float>?,
        pixelSize_um: Double?
    ) {
        var moments = Array(repeating: Moments(), count: classNumbers.count)
        for row in 0..<found.height {
            for column in 0..<found.width {
                let label = Int(found[row, column])
                if label > 0 { moments[label - 1].add(row, column, intensity?[row, column] ?? .nan) }
            }
        }
        var numbers = [UInt32](repeating: 0, count: classNumbers.count + 1)
        var objects: [SegmentedObject] = []
        for (index, moment) in moments.enumerated() where moment.area >= max(1, leastArea_px) {
            numbers[index + 1] = UInt32(objects.count + 1)
            objects.append(moment.object(id: objects.count + 1, classNumber: classNumbers[index]))
        }
        self.objects = objects
        labels = found.map { numbers[Int($0)] }
        self.pixelSize_um = pixelSize_um
    }

    /// The mask of the objects that were kept: 255, or with `classes` above 2 the class number.
    public func mask(classes: Int = 2) -> Plane<UInt8> {
        labels.map { label in
            label == 0 ? 0 : classes > 2 ? UInt8(clamping: objects[Int(label) - 1].classNumber) : 255
        }
    }

    /// Writes the table of the objects as CSV; columns in um are empty where the pixel size is unknown.
    public func writeCSV(to path: String) throws {
        var text =
            "id,x_px,y_px,x_um,y_um,area_px,area_um2,left_px,top_px,width_px,height_px,mean_intensity,eccentricity,class\n"
        func number(_ value: Double?, _ digits: Int) -> String {
            value.map { $0.isFinite ? String(format: "%.\(digits)f", $0) : "" } ?? ""
        }
        for object in objects {
            let fields = [
                String(object.id), number(object.x_px, 2), number(object.y_px, 2),
                number(pixelSize_um.map { object.x_px * $0 }, 3), number(pixelSize_um.map { object.y_px * $0 }, 3),
                String(object.area_px), number(pixelSize_um.map { Double(object.area_px) * $0 * $0 }, 3),
                String(object.box.column), String(object.box.row), String(object.box.width), String(object.box.height),
                number(object.meanIntensity, 2), number(object.eccentricity, 4), String(object.classNumber),
            ]
            text += fields.joined(separator: ",") + "\n"
        }
        try writeWhole(Data(text.utf8), to: path)
    }
}

/// The sums over an object's pixels that its measures are made from.
private struct Moments {
    private(set) var area = 0
    private var x = 0.0
    private var y = 0.0
    private var xx = 0.0
    private var yy = 0.0
    private var xy = 0.0
    private var intensity = 0.0
    private var left = Int.max
    private var right = -1
    private var top = Int.max
    private var bottom = -1

    mutating func add(_ row: Int, _ column: Int, _ value: Float) {
        area += 1
        let u = Double(column) + 0.5
        let v = Double(row) + 0.5
        x += u
        y += v
        xx += u * u
        yy += v * v
        xy += u * v
        intensity += Double(value)
        left = min(left, column)
        right = max(right, column)
        top = min(top, row)
        bottom = max(bottom, row)
    }

    func object(id: Int, classNumber: Int) -> SegmentedObject {
        let count = Double(area)
        let meanX = x / count
        let meanY = y / count
        // A pixel is a square of variance 1/12 about its centre.
        let varianceX = xx / count - meanX * meanX + 1.0 / 12
        let varianceY = yy / count - meanY * meanY + 1.0 / 12
        let covariance = xy / count - meanX * meanY
        let middle = (varianceX + varianceY) / 2
        let spread = ((varianceX - varianceY) * (varianceX - varianceY) / 4 + covariance * covariance).squareRoot()
        let ratio = (middle - spread) / (middle + spread)
        return SegmentedObject(
            id: id, x_px: meanX, y_px: meanY, area_px: area,
            box: Region(column: left, row: top, width: right - left + 1, height: bottom - top + 1),
            meanIntensity: intensity / count, eccentricity: max(0, 1 - ratio).squareRoot(), classNumber: classNumber)
    }
}
