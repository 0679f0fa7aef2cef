import Imaging
import Work

/// Annotated images to train on or to score with, with their objects counted out.
public struct AnnotatedSet: Sendable {
    /// The images, all with the same number of channels.
    public let images: [AnnotatedImage]
    /// The number of classes with the background, 2 or more.
    public let classes: Int
    /// For each image the objects by number from 1, 0 for background.
    public let instances: [Plane<UInt32>]
    /// Every object of at least `AnnotatedSet.leastArea_px` pixels.
    public let objects: [AnnotatedObject]

    /// Objects smaller than this many pixels are slips of the annotator's hand: their pixels stay in the
    /// annotation, but they are neither chosen for training nor scored.
    public static let leastArea_px = 30

    /// Gathers images and counts out their objects.
    ///
    /// With two classes every value of a mask is an object; a mask that holds one value only (0 and 255, say) has
    /// its connected parts counted as objects, and so has a value that marks many separate objects. With more classes the values are class numbers and the connected
    /// parts of each class are the objects.
    /// - Throws: a `Failure` when there is no image, channel counts differ, a class number is too high, all masks are
    ///   empty or no object is large enough.
    public init(_ images: [AnnotatedImage], classes: Int = 2) throws {
        guard let first = images.first else {
            throw Failure(
                "there are no annotated images", remedy: "give images and their masks", code: "images-missing")
        }
        guard (2...16).contains(classes) else {
            throw Failure("\(classes) classes cannot be trained", remedy: "give 2 to 16", code: "classes-out-of-range")
        }
        for image in images where image.channels.count != first.channels.count {
            throw Failure(
                "\(image.name) has \(image.channels.count) channels, \(first.name) has \(first.channels.count)",
                remedy: "train on images with the same channels", code: "channel-mismatch")
        }
        var instances: [Plane<UInt32>] = []
        var objects: [AnnotatedObject] = []
        for (index, image) in images.enumerated() {
            if classes > 2, let highest = image.labels.samples.max(), highest >= classes {
                throw Failure(
                    "\(image.name): the mask holds the value \(highest), but there are \(classes) classes (0 to \(classes - 1))",
                    remedy: "give --classes \(highest + 1) or correct the mask", code: "class-out-of-range")
            }
            let counted = Self.instances(of: image.labels, classes: classes)
            instances.append(counted.plane)
            objects += Self.objects(of: counted.plane, classNumbers: counted.classNumbers, image: index)
        }
        guard !images.allSatisfy(\.isEmpty) else {
            let others = images.count > 1 ? ", and so are those of the other \(images.count - 1) images" : ""
            throw Failure(
                "\(first.name): the mask is empty\(others)", remedy: "mark at least one object with a value above 0",
                code: "annotation-empty")
        }
        guard !objects.isEmpty else {
            throw Failure(
                "no annotated object has \(Self.leastArea_px) pixels or more",
                remedy: "annotate whole objects, or magnify the images", code: "annotation-too-small")
        }
        self.images = images
        self.classes = classes
        self.instances = instances
        self.objects = objects
    }

    /// The number of channels of the images.
    public var channels: Int { images[0].channels.count }

    private static func instances(
        of labels: Plane<UInt32>, classes: Int
    ) -> (plane: Plane<UInt32>, classNumbers: [Int]) {
        let values = Set(labels.samples).subtracting([0]).sorted()
        if classes == 2, values.count > 1 {
            let objects = EqualParts(labels).objects
            return (objects.plane, Array(repeating: 1, count: objects.count))
        }
        var plane = Plane<UInt32>(width: labels.width, height: labels.height, filledWith: 0)
        var classNumbers: [Int] = []
        for value in values {
            let parts = labelComponents(labels.map { $0 == value ? UInt8(255) : 0 })
            let offset = UInt32(classNumbers.count)
            for index in parts.labels.samples.indices where parts.labels.samples[index] > 0 {
                plane.samples[index] = parts.labels.samples[index] + offset
            }
            classNumbers += Array(repeating: classes == 2 ? 1 : Int(value), count: parts.objects.count)
        }
        return (plane, classNumbers)
    }

    /// The objects of a plane of numbers from 1 to the count of `classNumbers`.
    static func objects(of plane: Plane<UInt32>, classNumbers: [Int], image: Int) -> [AnnotatedObject] {
        struct Extent {
            var area = 0
            var left = Int.max
            var right = -1
            var top = Int.max
            var bottom = -1
        }
        var extents = Array(repeating: Extent(), count: classNumbers.count)
        for row in 0..<plane.height {
            for column in 0..<plane.width {
                let label = Int(plane[row, column])
                guard label > 0 else { continue }
                extents[label - 1].area += 1
                extents[label - 1].left = min(extents[label - 1].left, column)
                extents[label - 1].right = max(extents[label - 1].right, column)
                extents[label - 1].top = min(extents[label - 1].top, row)
                extents[label - 1].bottom = row
            }
        }
        return extents.enumerated().compactMap { index, extent in
            guard extent.area >= leastArea_px else { return nil }
            return AnnotatedObject(
                image: image, label: UInt32(index + 1), classNumber: classNumbers[index], area: extent.area,
                box: Region(
                    column: extent.left, row: extent.top, width: extent.right - extent.left + 1,
                    height: extent.bottom - extent.top + 1))
        }
    }
}
