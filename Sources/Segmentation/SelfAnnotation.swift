import Imaging

/// Annotates the rest of images in which only a few objects were marked, by what a network that learned from these says.
///
/// Learning on from its own sure answers (pseudo-labels: Lee 2013, ICML Workshop on Challenges in Representation Learning)
/// shows the network dim, bright and crowded objects that few examples lack. Its outlines are not believed: like those
/// drawn by hand they are moved to the edges in the image first, as far outside of these as the annotator draws.
struct SelfAnnotation {
    /// How sure the network must be of a pixel, as a probability.
    private static let sure: Float = 0.9
    /// How far around a moved outline the pixels count, in pixels.
    private static let nearOutline_px: Float = 4

    /// Adds found objects to a field.
    /// - Parameters:
    ///   - field: the field; pixels with a target keep it.
    ///   - annotated: the objects marked in it by number.
    ///   - probability: the network's probability of an object for each pixel.
    ///   - habit_px: how far outside of the edge outlines lie, as `AnnotationAlignment` has it; nil where it was not
    ///     measured, and outlines are left open.
    ///   - apart: what must not be learned from.
    static func complete(
        _ field: inout TrainingField, annotated: Plane<UInt32>, probability: Plane<Float>, habit_px: Double?,
        apart: [Region]
    ) {
        let mask = probability.map { $0 > 0.5 ? UInt8(255) : 0 }
        var instances = separateTouching(mask)
        let first = annotated.samples.max() ?? 0
        var taken: Set<UInt32> = []
        for index in instances.samples.indices where instances.samples[index] > 0 {
            if field.target.samples[index] == 1 { taken.insert(instances.samples[index]) }
        }
        for index in instances.samples.indices {
            let found = instances.samples[index]
            if field.target.samples[index] != TrainingField.ignored || taken.contains(found) {
                instances.samples[index] = field.target.samples[index] == 1 ? annotated.samples[index] : 0
            } else if found > 0 {
                instances.samples[index] = first + found
            }
        }
        let classNumbers = Array(repeating: 1, count: Int(instances.samples.max() ?? 0))
        var objects = AnnotatedSet.objects(of: instances, classNumbers: classNumbers, image: field.objects[0].image)
            .filter { $0.label > first }
        let found = instances
        var moved: Set<UInt32> = []
        if let habit_px {
            moved = AnnotationAlignment.align(
                &objects, instances: &instances, channels: field.channels, habit_px: habit_px)
        }
        let outlines = instances.map { moved.contains($0) ? UInt8(0) : 255 }
        let toMoved = distanceTransform(outlines)
        for index in field.target.samples.indices where field.target.samples[index] == TrainingField.ignored {
            let value = probability.samples[index]
            if instances.samples[index] > first, toMoved.samples[index] < Self.nearOutline_px {
                field.target.samples[index] = 1
            } else if moved.contains(found.samples[index])
                || (toMoved.samples[index] < Self.nearOutline_px && value < Self.sure)
            {
                field.target.samples[index] = 0
            } else if value > Self.sure {
                field.target.samples[index] = 1
            } else if value < 1 - Self.sure {
                field.target.samples[index] = 0
            }
        }
        apart.forEach { field.leaveOut($0) }
        field.objects += objects.filter { object in
            field.target[object.box.row + object.box.height / 2, object.box.column + object.box.width / 2]
                != TrainingField.ignored
        }
    }
}
