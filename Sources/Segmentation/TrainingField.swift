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

    /// Leaves a region out of what is learned.
    mutating func leaveOut(_ region: Region) {
        for row in region.row..<region.row + region.height {
            for column in region.column..<region.column + region.width { target[row, column] = Self.ignored }
        }
    }
}

/// The fields to train on and the patches kept aside to choose the best weights by.
public struct TrainingFields: Sendable {
    /// The fields, one for each image that has something to learn from; the held-out patches are ignored in them.
    public private(set) var training: [TrainingField]
    /// Patches that no training step sees, large enough to show more than their object; empty where there are too few
    /// objects to spare any.
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
        /// Whether it is the whole image.
        public let isWholeImage: Bool

        /// The part of a field inside a region, as it was drawn.
        init(_ field: TrainingField, _ region: Region) {
            channels = field.channels.map { $0.crop(region) }
            target = field.drawn.crop(region)
            isWholeImage = target.samples.count == field.drawn.samples.count
        }
    }

    /// The most pixels that are held out in patches of objects larger than usual, and the largest side of one.
    private static let mostHeldOut = (pixels: 1 << 20, side: 1024)

    /// The patch around an object: of the given side, or where it would hardly show more than the object, twice as large as
    /// that.
    static func region<Sample>(around box: Region, side: Int, within plane: Plane<Sample>) -> Region {
        let length = max(box.width, box.height)
        return square(3 * length > 2 * side ? min(mostHeldOut.side, 2 * length) : side, around: box, within: plane)
    }

    /// The first of some patches, and as many more as can be looked at in no time.
    static func affordable<Items: Collection>(_ items: Items, _ pixels: (Items.Element) -> Int) -> [Items.Element] {
        var total = 0
        return items.enumerated().filter { index, item in
            total += pixels(item)
            return index == 0 || total <= mostHeldOut.pixels
        }.map(\.element)
    }

    /// The mean distance by which outlines were moved in pixels; nil where they are learned as drawn.
    public let outlineShift_px: Double?

    /// Where only some objects are marked, the number of unmarked places that look like one; nil where all are.
    public let unmarked: Int?

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
    ///   - marking: whether all objects are marked. Where only some are, what looks like the objects around them is not taken
    ///     for background, and nothing but patches around them is learned from, as with `objectLimit`.
    ///   - alignsOutlines: move the outlines of few objects of one class to the edges in the image before they are
    ///     learned. What is kept aside for scores stays as it was drawn.
    ///   - patch: the side in pixels of held-out patches and the least side of the patches around chosen objects.
    ///   - seed: decides which objects are drawn and which are held out.
    public init(
        _ set: AnnotatedSet, scaling: IntensityScaling, objectLimit: Int? = nil, marking: Marking = .auto,
        alignsOutlines: Bool = true, patch: Int = 96, heldOutPatches: Int = 8, heldOutSide: Int = 128, seed: UInt64
    ) {
        var chosen = set.shuffledObjects(limit: objectLimit, seed: seed)
        let scaled = set.images.map { scaling.scaled($0.channels) }
        let channels = scaled.map(\.channels)
        let asDrawn = chosen
        let isFew = chosen.count <= Self.fewObjects
        let marked = Self.marked(set, chosen: chosen, channels: channels, marking: marking, side: patch)
        unmarked = marked.unmarked
        let hasRest = objectLimit != nil || marked.unmarked != nil
        var instances = marked.instances
        var alignment: (shift_px: Double, habit_px: Double)?
        if alignsOutlines, set.classes == 2, isFew {
            alignment = AnnotationAlignment.align(&chosen, instances: &instances, channels: channels)
        }
        let annotated = set.images.indices.map { index in
            let mine = chosen.filter { $0.image == index }
            func target(_ instances: Plane<UInt32>, _ objects: [AnnotatedObject]) -> Plane<UInt8> {
                var target: Plane<UInt8>
                if hasRest {
                    target = Self.patchTarget(instances, objects: objects, side: patch)
                } else if set.classes == 2 {
                    target = instances.map { $0 > 0 ? 1 : 0 }
                } else {
                    target = set.images[index].labels.map { UInt8($0) }
                }
                // What is drawn where the image holds no data cannot be learned.
                if let isMissing = scaled[index].isMissing {
                    for place in target.samples.indices where isMissing.samples[place] && target.samples[place] > 0 {
                        target.samples[place] = TrainingField.ignored
                    }
                }
                return target
            }
            let drawn = target(marked.instances[index], asDrawn.filter { $0.image == index })
            return TrainingField(
                channels: channels[index], drawn: drawn,
                target: alignment == nil ? drawn : target(instances[index], mine), objects: mine)
        }
        outlineShift_px = alignment?.shift_px
        magnification = Magnification.spread(of: asDrawn)
        habit_px = alignment?.habit_px
        self.instances = instances
        let aside = Self.affordable(chosen.suffix(min(heldOutPatches, chosen.count / 6))) { object in
            let region = Self.region(around: object.box, side: heldOutSide, within: annotated[object.image].target)
            return region.width * region.height
        }
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
        }.enumerated().filter { index, field in
            // Without a limit on the objects an image without any is an example of background.
            !field.objects.isEmpty || (!hasRest && set.images[index].isEmpty)
        }.map(\.element)
        heldOut = enough ? split.patches : []
        apart = instances.enumerated().map { index, instances in
            guard enough else { return [] }
            return aside.filter { $0.image == index }.map {
                Self.region(around: $0.box, side: heldOutSide, within: instances)
            }
        }
        objectsUsed = fields.reduce(0) { $0 + $1.objects.count }
        let empty = set.images.indices.filter { !hasRest && set.images[$0].isEmpty }
        imagesUsed = Set(chosen.map(\.image) + empty).sorted()
        classShares = Self.classShares(fields, classes: set.classes)
        if hasRest { addDark(marked.dark) }
    }

    /// Adds what is dark to the background that is learned. It does not count for the shares of the classes: an object
    /// would weigh so much more than its surroundings that its outline came out too wide.
    private mutating func addDark(_ dark: [Int: Plane<UInt8>]) {
        for index in training.indices {
            guard let image = training[index].objects.first?.image, let dark = dark[image] else { continue }
            for place in dark.samples.indices
            where dark.samples[place] > 0 && instances[image].samples[place] == 0
                && training[index].target.samples[place] == TrainingField.ignored
            {
                training[index].target.samples[place] = 0
            }
            apart[image].forEach { training[index].leaveOut($0) }
        }
    }

    /// The numbers of the objects of each image. Where only some are marked, what looks like them has a number of its own,
    /// which makes a neighbour of it that is not learned from. Beside few objects what is dark is told too, by image.
    private static func marked(
        _ set: AnnotatedSet, chosen: [AnnotatedObject], channels: [[Plane<Float>]], marking: Marking, side: Int
    ) -> (instances: [Plane<UInt32>], unmarked: Int?, dark: [Int: Plane<UInt8>]) {
        let isPerhapsSome = marking == .some || (marking == .auto && set.objects.count <= fewObjects)
        guard set.classes == 2, isPerhapsSome || chosen.count <= alikeObjects else { return (set.instances, nil, [:]) }
        let byImage = Dictionary(grouping: chosen, by: \.image)
        let alike = byImage.compactMapValues { objects in
            let image = objects[0].image
            return Lookalikes(of: objects, instances: set.instances[image], channels: channels[image], side: side)
        }
        let dark = alike.mapValues(\.dark)
        let unmarked = alike.values.reduce(0) { $0 + $1.count }
        let marked = set.objects.count { byImage[$0.image] != nil }
        guard isPerhapsSome, marking == .some || unmarked > max(2, marked) else { return (set.instances, nil, dark) }
        var instances = set.instances
        for (image, alike) in alike {
            let number = 1 + (instances[image].samples.max() ?? 0)
            for index in alike.mask.samples.indices where alike.mask.samples[index] > 0 {
                instances[image].samples[index] = number
            }
        }
        return (instances, unmarked, dark)
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
            guard let image = training[index].objects.first?.image else { continue }
            try SelfAnnotation.complete(
                &training[index], annotated: instances[image], probability: probability(image), habit_px: habit_px,
                apart: apart[image])
        }
        classShares = Self.classShares(training, classes: classShares.count)
    }

    /// Cuts patches around some objects out of the fields, and leaves out of the fields what they show.
    private static func holdOut(
        _ aside: [AnnotatedObject], of annotated: [TrainingField], side: Int, _ instances: [Plane<UInt32>]
    ) -> (fields: [TrainingField], patches: [Patch]) {
        var fields = annotated
        var wholeImages: Set<Int> = []
        let patches = aside.compactMap { object -> Patch? in
            let field = annotated[object.image]
            let patch = Patch(field, region(around: object.box, side: side, within: field.target))
            guard !patch.isWholeImage || wholeImages.insert(object.image).inserted else { return nil }
            return patch
        }
        for object in aside {
            let region = region(around: object.box, side: side, within: annotated[object.image].target)
            fields[object.image].leaveOut(region)
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
