import Imaging
import Randomness

extension AnnotatedSet {
    /// The objects that a training with a limit learns from.
    public func chosenObjects(_ limit: Int, seed: UInt64) -> [AnnotatedObject] {
        shuffledObjects(limit: limit, seed: seed)
    }

    /// The images that show some of the objects, with these alone in their masks.
    /// - Throws: a `Failure` when there are no such images.
    public func keepingOnly(_ kept: [AnnotatedObject]) throws -> AnnotatedSet {
        let labels = Dictionary(grouping: kept, by: \.image).mapValues { Set($0.map(\.label)) }
        return try AnnotatedSet(
            labels.keys.sorted().map { index in
                let image = images[index]
                return try AnnotatedImage(
                    name: image.name, channels: image.channels,
                    labels: instances[index].map { labels[index]?.contains($0) == true ? $0 : 0 },
                    pixelSize_um: image.pixelSize_um)
            }, classes: classes)
    }

    /// The objects in random order; with a limit as many, the first of them as an annotator would show it for an example:
    /// whole and of middling size.
    func shuffledObjects(limit: Int?, seed: UInt64) -> [AnnotatedObject] {
        var random = RandomSource(seed: seed)
        var objects = objects.shuffled(using: &random)
        guard let limit else { return objects }
        let areas = objects.map(\.area).sorted()
        let middling = areas[areas.count / 4]...areas[areas.count * 3 / 4]
        let typical = objects.firstIndex { object in
            middling.contains(object.area) && object.isWhole(in: instances[object.image])
        }
        if let typical { objects.swapAt(0, typical) }
        return Array(objects.prefix(max(1, limit)))
    }
}
