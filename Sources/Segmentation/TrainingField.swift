import Imaging
import Randomness

/// What a network may learn from one image: scaled intensities, the class of every pixel, and which pixels count.
public struct TrainingField: Sendable {
    /// The value of target pixels that are left out of the loss.
    public static let ignored: UInt8 = 255

    /// The scaled intensities, one plane for each channel.
    public let channels: [Plane<Float>]
    /// The class of each pixel, or `ignored`.
    public var target: Plane<UInt8>
    /// The objects that crops are taken around.
    public var objects: [AnnotatedObject]
}

/// The fields to train on and the patches kept aside to choose the best weights by.
public struct TrainingFields: Sendable {
    /// The fields, one for each image that has something to learn from; the held-out patches are ignored in them.
    public let training: [TrainingField]
    /// Patches that no training step sees; empty where there are too few objects to spare any.
    public let heldOut: [Patch]
    /// The number of objects that training sees.
    public let objectsUsed: Int
    /// The share of each class among the pixels that count.
    public let classShares: [Double]

    /// A part of an image with its target.
    public struct Patch: Sendable {
        /// The scaled intensities.
        public let channels: [Plane<Float>]
        /// The class of each pixel, or `TrainingField.ignored`.
        public let target: Plane<UInt8>
    }

    /// Prepares an annotated set.
    /// - Parameters:
    ///   - set: the images and their annotation.
    ///   - scaling: how intensities are scaled.
    ///   - objectLimit: use only this many objects, drawn by `seed`; all other annotation is forgotten: within a
    ///     patch around a chosen object the unmarked surroundings count as background, its neighbours do not count.
    ///     nil uses the whole annotation.
    ///   - patch: the side in pixels of held-out patches and the least side of the patches around chosen objects.
    ///   - seed: decides which objects are drawn and which are held out.
    public init(
        _ set: AnnotatedSet, scaling: IntensityScaling, objectLimit: Int? = nil, patch: Int = 96,
        heldOutPatches: Int = 8,
        heldOutSide: Int = 128, seed: UInt64
    ) {
        var random = RandomSource(seed: seed)
        let order = set.objects.shuffled(using: &random)
        let chosen = objectLimit.map { Array(order.prefix(max(1, $0))) } ?? order
        let annotated = set.images.enumerated().map { index, image in
            let mine = chosen.filter { $0.image == index }
            let target =
                objectLimit == nil
                ? Self.wholeTarget(image.labels, classes: set.classes)
                : Self.patchTarget(set, image: index, objects: mine, side: patch)
            return TrainingField(
                channels: scaling.scaled(image.channels, by: scaling.ranges(of: image.channels)), target: target,
                objects: mine)
        }
        let aside = chosen.suffix(min(heldOutPatches, chosen.count / 6))
        let split = Self.holdOut(aside, of: annotated, side: heldOutSide, set.instances)
        // In a small image the patches may leave too little to learn from; then all of it is learned from.
        let enough = 2 * split.fields.reduce(0) { $0 + $1.objects.count } >= chosen.count
        let fields = enough ? split.fields : annotated
        training = fields.filter { !$0.objects.isEmpty }
        heldOut = enough ? split.patches : []
        objectsUsed = fields.reduce(0) { $0 + $1.objects.count }

        var counts = Array(repeating: 0.0, count: set.classes)
        for field in fields {
            for value in field.target.samples where Int(value) < set.classes { counts[Int(value)] += 1 }
        }
        let total = max(1, counts.reduce(0, +))
        classShares = counts.map { $0 / total }
    }

    /// Cuts patches around some objects out of the fields, and leaves out of the fields what they show.
    private static func holdOut(
        _ aside: ArraySlice<AnnotatedObject>, of annotated: [TrainingField], side: Int, _ instances: [Plane<UInt32>]
    ) -> (fields: [TrainingField], patches: [Patch]) {
        var fields = annotated
        let patches = aside.map { object in
            let field = annotated[object.image]
            let region = square(side, around: object.box, within: field.target)
            for row in region.row..<region.row + region.height {
                for column in region.column..<region.column + region.width {
                    fields[object.image].target[row, column] = TrainingField.ignored
                }
            }
            return Patch(channels: field.channels.map { $0.crop(region) }, target: field.target.crop(region))
        }
        for index in fields.indices {
            let target = fields[index].target
            fields[index].objects.removeAll { object in
                var left = 0
                for row in object.box.row..<object.box.row + object.box.height {
                    for column in object.box.column..<object.box.column + object.box.width
                    where instances[index][row, column] == object.label && target[row, column] != TrainingField.ignored
                    {
                        left += 1
                    }
                }
                return 2 * left < object.area
            }
        }
        return (fields, patches)
    }

    private static func wholeTarget(_ labels: Plane<UInt32>, classes: Int) -> Plane<UInt8> {
        labels.map { classes == 2 ? ($0 > 0 ? 1 : 0) : UInt8($0) }
    }

    /// The target where only `objects` are annotated: their patches without their neighbours and a rim around these.
    private static func patchTarget(
        _ set: AnnotatedSet, image: Int, objects: [AnnotatedObject], side: Int
    ) -> Plane<UInt8> {
        let instances = set.instances[image]
        var target = Plane<UInt8>(
            width: instances.width, height: instances.height, filledWith: TrainingField.ignored)
        let classOf = Dictionary(uniqueKeysWithValues: objects.map { ($0.label, UInt8($0.classNumber)) })
        for object in objects {
            let region = square(
                max(side, 2 * max(object.box.width, object.box.height)), around: object.box, within: instances)
            for row in region.row..<region.row + region.height {
                for column in region.column..<region.column + region.width {
                    let label = instances[row, column]
                    if let classNumber = classOf[label] {
                        target[row, column] = classNumber
                    } else if label == 0, !touchesOther(instances, row, column, classOf) {
                        target[row, column] = 0
                    }
                }
            }
        }
        return target
    }

    /// Whether an object that is not annotated lies within two pixels.
    private static func touchesOther(
        _ instances: Plane<UInt32>, _ row: Int, _ column: Int, _ annotated: [UInt32: UInt8]
    ) -> Bool {
        for nearRow in max(0, row - 2)...min(instances.height - 1, row + 2) {
            for nearColumn in max(0, column - 2)...min(instances.width - 1, column + 2) {
                let label = instances[nearRow, nearColumn]
                if label > 0, annotated[label] == nil { return true }
            }
        }
        return false
    }
}

/// The square of the given side around a box, moved and cut so that it lies within the plane.
func square<Sample>(_ side: Int, around box: Region, within plane: Plane<Sample>) -> Region {
    let width = min(side, plane.width)
    let height = min(side, plane.height)
    return Region(
        column: min(max(0, box.column + (box.width - width) / 2), plane.width - width),
        row: min(max(0, box.row + (box.height - height) / 2), plane.height - height), width: width, height: height)
}
