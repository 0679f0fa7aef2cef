import Imaging
import Randomness

/// What a network may learn from one image: scaled intensities, the class of every pixel, and which pixels count.
public struct TrainingField: Sendable {
    /// The value of target pixels that are left out of the loss.
    public static let ignored: UInt8 = 255

    /// The scaled intensities, one plane for each channel.
    public let channels: [Plane<Float>]
    /// The class of each pixel as it was annotated, or `ignored`; what is scored is compared with this.
    public let drawn: Plane<UInt8>
    /// The class of each pixel to learn, or `ignored`: `drawn` with the outlines of few objects aligned to the image, and
    /// without what is kept aside.
    public var target: Plane<UInt8>
    /// The objects that crops are taken around.
    public var objects: [AnnotatedObject]
    /// Some of the objects, to be pasted into crops.
    public var stamps: [ObjectStamp] = []
}

/// The fields to train on and the patches kept aside to choose the best weights by.
public struct TrainingFields: Sendable {
    /// The fields, one for each image that has something to learn from; the held-out patches are ignored in them.
    public private(set) var training: [TrainingField]
    /// Patches that no training step sees; empty where there are too few objects to spare any.
    public let heldOut: [Patch]
    /// The number of objects that training sees.
    public let objectsUsed: Int
    /// The numbers of the images in the set that are learned from or checked with.
    public let imagesUsed: [Int]
    /// The share of each class among the pixels that count.
    public private(set) var classShares: [Double]

    /// A part of an image with its target.
    public struct Patch: Sendable {
        /// The scaled intensities.
        public let channels: [Plane<Float>]
        /// The class of each pixel, or `TrainingField.ignored`.
        public let target: Plane<UInt8>
    }

    /// The mean distance by which outlines were moved in pixels; nil where they are learned as drawn.
    public let outlineShift_px: Double?

    /// The factor by which magnification differs between the images, at least 1.
    public let magnification: Double

    /// The place of the edges beside the outlines that are learned, as `AnnotationAlignment` has it.
    private let habit_px: Double?
    /// The objects of each image by number, those that are not annotated among them.
    private let instances: [Plane<UInt32>]
    /// The parts of each image that are held out.
    private let apart: [[Region]]

    /// The most objects whose outlines are aligned and that are pasted: over more, slips of the hand average out, and more
    /// show themselves what crowds look like.
    private static let fewObjects = 30

    /// Prepares an annotated set.
    /// - Parameters:
    ///   - set: the images and their annotation.
    ///   - scaling: how intensities are scaled.
    ///   - objectLimit: use only this many objects, drawn by `seed`, the first of them whole and of middling size; all
    ///     other annotation is forgotten: within a patch around a chosen object the unmarked surroundings count as
    ///     background, its neighbours do not count. nil uses the whole annotation.
    ///   - alignsOutlines: move the outlines of few objects of one class to the edges in the image before they are
    ///     learned. What is kept aside for scores stays as it was drawn.
    ///   - patch: the side in pixels of held-out patches and the least side of the patches around chosen objects.
    ///   - seed: decides which objects are drawn and which are held out.
    public init(
        _ set: AnnotatedSet, scaling: IntensityScaling, objectLimit: Int? = nil, alignsOutlines: Bool = true,
        patch: Int = 96, heldOutPatches: Int = 8, heldOutSide: Int = 128, seed: UInt64
    ) {
        var random = RandomSource(seed: seed)
        var chosen = set.objects.shuffled(using: &random)
        let channels = set.images.map { scaling.scaled($0.channels, by: scaling.ranges(of: $0.channels)) }
        if let objectLimit {
            Self.putTypicalObjectFirst(&chosen, set.instances)
            chosen = Array(chosen.prefix(max(1, objectLimit)))
        }
        let asDrawn = chosen
        let isFew = chosen.count <= Self.fewObjects
        var instances = set.instances
        var alignment: (shift_px: Double, habit_px: Double)?
        if alignsOutlines, set.classes == 2, isFew {
            alignment = AnnotationAlignment.align(&chosen, instances: &instances, channels: channels)
        }
        let annotated = set.images.indices.map { index in
            let mine = chosen.filter { $0.image == index }
            func target(_ instances: Plane<UInt32>, _ objects: [AnnotatedObject]) -> Plane<UInt8> {
                guard objectLimit == nil else { return Self.patchTarget(instances, objects: objects, side: patch) }
                return set.classes == 2
                    ? instances.map { $0 > 0 ? 1 : 0 } : set.images[index].labels.map { UInt8($0) }
            }
            let drawn = target(set.instances[index], asDrawn.filter { $0.image == index })
            return TrainingField(
                channels: channels[index], drawn: drawn,
                target: alignment == nil ? drawn : target(instances[index], mine), objects: mine)
        }
        outlineShift_px = alignment?.shift_px
        magnification = Magnification.spread(of: asDrawn)
        habit_px = alignment?.habit_px
        self.instances = instances
        let aside = chosen.suffix(min(heldOutPatches, chosen.count / 6))
        let split = Self.holdOut(aside, of: annotated, side: heldOutSide, instances)
        // In a small image the patches may leave too little to learn from; then all of it is learned from.
        let enough = 2 * split.fields.reduce(0) { $0 + $1.objects.count } >= chosen.count
        let fields = enough ? split.fields : annotated
        training = zip(fields, instances).map { field, instances in
            var field = field
            if isFew {
                field.stamps = field.objects.compactMap {
                    ObjectStamp($0, channels: field.channels, instances: instances)
                }
            }
            return field
        }.filter { !$0.objects.isEmpty }
        heldOut = enough ? split.patches : []
        apart = instances.enumerated().map { index, instances in
            guard enough else { return [] }
            return aside.filter { $0.image == index }.map { square(heldOutSide, around: $0.box, within: instances) }
        }
        objectsUsed = fields.reduce(0) { $0 + $1.objects.count }
        imagesUsed = Set(chosen.map(\.image)).sorted()
        classShares = Self.classShares(fields, classes: set.classes)
    }

    private static func classShares(_ fields: [TrainingField], classes: Int) -> [Double] {
        var counts = Array(repeating: 0.0, count: classes)
        for field in fields {
            for value in field.target.samples where Int(value) < classes { counts[Int(value)] += 1 }
        }
        let total = max(1, counts.reduce(0, +))
        return counts.map { $0 / total }
    }

    /// The most objects beside which a network annotates the rest. More objects mean that they differ, and a network that
    /// knows some kinds of them is sure that the others are background.
    private static let alikeObjects = 5

    /// Whether a network can annotate more: there are two classes, few objects and pixels that nobody looked at.
    var isIncomplete: Bool {
        classShares.count == 2 && objectsUsed <= Self.alikeObjects
            && training.contains { $0.drawn.samples.contains(TrainingField.ignored) }
    }

    /// Adds what a network finds in pixels that nobody looked at; what was held out stays out.
    /// - Parameter probability: gives the network's probability of an object for each pixel of an image by its number.
    public mutating func complete(_ probability: (_ image: Int) throws -> Plane<Float>) rethrows {
        for index in training.indices {
            let image = training[index].objects[0].image
            try SelfAnnotation.complete(
                &training[index], annotated: instances[image], probability: probability(image), habit_px: habit_px,
                apart: apart[image])
        }
        classShares = Self.classShares(training, classes: classShares.count)
    }

    /// Brings an object to the front that an annotator would show as an example: whole and of middling size.
    private static func putTypicalObjectFirst(_ objects: inout [AnnotatedObject], _ instances: [Plane<UInt32>]) {
        let areas = objects.map(\.area).sorted()
        let middling = areas[areas.count / 4]...areas[areas.count * 3 / 4]
        let typical = objects.firstIndex { object in
            middling.contains(object.area) && object.isWhole(in: instances[object.image])
        }
        if let typical { objects.swapAt(0, typical) }
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
            return Patch(channels: field.channels.map { $0.crop(region) }, target: field.drawn.crop(region))
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

    /// The target where only `objects` are annotated: their patches without their neighbours and a rim around these.
    private static func patchTarget(
        _ instances: Plane<UInt32>, objects: [AnnotatedObject], side: Int
    ) -> Plane<UInt8> {
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
