import Imaging
import Work

/// Reads the annotation of an image: what its values mean is found out rather than assumed.
///
/// Soft or lossy edges of a binary mask are cut at half of its greatest value. A mask with no background, and one whose
/// values look like intensities, are refused; an inverted one is noted.
/// - Parameters:
///   - classes: the number of classes with the background; above 2 the values are class numbers and stay as they are.
///   - planes: which plane of a stack of masks is meant.
///   - isTruth: whether the mask was drawn by somebody; a found one may well be full.
/// - Throws: a `Failure` that names the file.
public func readAnnotation(
    _ path: String, classes: Int = 2, planes: PlaneChoice = PlaneChoice(), isTruth: Bool = true
) throws -> ReadMask {
    let read = try readMask(path, planes: planes)
    guard classes == 2 else { return read }
    var meaning = MaskMeaning(labels: read.labels, path: path)
    try meaning.settle(isTruth: isTruth)
    return ReadMask(labels: meaning.labels, notes: read.notes + meaning.notes)
}

/// Finds out what the values of a two-class mask mean.
private struct MaskMeaning {
    var labels: Plane<UInt32>
    let path: String
    var notes: [String] = []

    init(labels: Plane<UInt32>, path: String) {
        self.labels = labels
        self.path = path
    }

    mutating func settle(isTruth: Bool) throws {
        if let greatest = softEdgeHeight {
            labels = labels.map { $0 * 2 > greatest ? 1 : 0 }
            notes.append("\(path) has soft edges: taken as a binary mask, objects above half of its greatest value")
        }
        let values = Set(labels.samples).subtracting([0])
        if values.count > 16 { try refuseIntensities(values.count) }
        guard isTruth, let least = values.min(), let greatest = values.max() else { return }
        guard labels.samples.contains(0) else {
            let text =
                values.count == 1
                ? "all its values are \(least)"
                : values.count == 2
                    ? "its values are \(least) and \(greatest)" : "its values are \(least) to \(greatest)"
            throw Failure(
                "\(path): the mask has no background (0), \(text)", remedy: "give the background the value 0",
                code: "annotation-full")
        }
        if values.count == 1, bordersOnObjects(labels), enclosedBackgrounds > 0 {
            notes.append(
                "\(path) looks inverted: its objects fill the border of the image around \(enclosedBackgrounds) parts of "
                    + "background; 0 has to be the background")
        }
    }

    /// The greatest value of a binary mask with soft edges; nil for other masks.
    ///
    /// Such a mask has a plateau near its greatest value, and the pixels between lie on slopes: some neighbours are lower,
    /// others higher. Pixels inside a labelled object have neighbours of their own value.
    private var softEdgeHeight: UInt32? {
        guard let greatest = labels.samples.max(), greatest >= 3, greatest < .max / 16 else { return nil }
        let low = greatest / 50
        let high = greatest - greatest / 10
        var (background, upper, plateau, between, slopes) = (0, 0, 0, 0, 0)
        var values: Set<UInt32> = []
        let (width, height) = (labels.width, labels.height)
        for row in 0..<height {
            for column in 0..<width {
                let value = labels[row, column]
                if value <= low { background += 1 }
                if value > greatest / 2 { upper += 1 }
                if value >= high { plateau += 1 }
                guard value > low, value < high else { continue }
                between += 1
                if values.count < 3 { values.insert(value) }
                var (lower, higher) = (false, false)
                for r in max(0, row - 1)...min(height - 1, row + 1) {
                    for c in max(0, column - 1)...min(width - 1, column + 1) {
                        let near = labels[r, c]
                        if near < value { lower = true }
                        if near > value { higher = true }
                    }
                }
                if lower, higher { slopes += 1 }
            }
        }
        guard values.count >= 2, background * 50 >= labels.samples.count, plateau * 2 >= upper, slopes * 2 >= between
        else { return nil }
        return greatest
    }

    private func refuseIntensities(_ values: Int) throws {
        let parts = EqualParts(labels)
        let few = AnnotatedSet.leastArea_px
        var (small, all) = (0, 0)
        for area in parts.areas {
            all += area
            if area < few { small += area }
        }
        guard parts.areas.count > 3 * values, small * 2 > all else { return }
        throw Failure(
            "\(path): the \(values) values of the mask fall into \(parts.areas.count) parts, most of them smaller than "
                + "\(few) pixels: it looks like an image, or was saved with losses",
            remedy: "save the mask as 0 and 255 or as labels, without JPEG", code: "annotation-scattered")
    }

    /// The parts of background that do not reach the border of the image.
    private var enclosedBackgrounds: Int {
        let parts = labelComponents(labels.map { $0 == 0 ? 255 : 0 })
        return parts.objects.filter { part in
            part.bounds.column > 0 && part.bounds.row > 0 && part.bounds.column + part.bounds.width < labels.width
                && part.bounds.row + part.bounds.height < labels.height
        }.count
    }
}

/// The parts of a mask that are connected by sides or corners and have one value, background left out.
struct EqualParts {
    /// The number of the part at each pixel from 1, 0 for background.
    let plane: Plane<UInt32>
    /// The value of each part.
    let values: [UInt32]
    /// The pixels of each part.
    let areas: [Int]

    init(_ labels: Plane<UInt32>) {
        let (width, height) = (labels.width, labels.height)
        var numbers = [UInt32](repeating: 0, count: labels.samples.count)
        var values: [UInt32] = []
        var areas: [Int] = []
        var open: [Int] = []
        labels.samples.withUnsafeBufferPointer { samples in
            for start in samples.indices where samples[start] != 0 && numbers[start] == 0 {
                let value = samples[start]
                values.append(value)
                let number = UInt32(values.count)
                var area = 0
                numbers[start] = number
                open.append(start)
                while let place = open.popLast() {
                    area += 1
                    let (row, column) = place.quotientAndRemainder(dividingBy: width)
                    for r in max(0, row - 1)...min(height - 1, row + 1) {
                        for c in max(0, column - 1)...min(width - 1, column + 1) {
                            let near = r * width + c
                            guard samples[near] == value, numbers[near] == 0 else { continue }
                            numbers[near] = number
                            open.append(near)
                        }
                    }
                }
                areas.append(area)
            }
        }
        plane = Plane(width: width, height: height, samples: numbers)
        self.values = values
        self.areas = areas
    }

    /// The objects of a label image: a value is an object, but one that marks many separate objects is a class, whose
    /// parts are the objects.
    ///
    /// Such values fall into four parts of at least `AnnotatedSet.leastArea_px` pixels or more, or into two or more where
    /// this is so of most of up to 15 values.
    /// - Returns: the number of the object at each pixel from 1, and how many there are.
    var objects: (plane: Plane<UInt32>, count: Int) {
        var sizable: [UInt32: Int] = [:]
        for (value, area) in zip(values, areas) where area >= AnnotatedSet.leastArea_px {
            sizable[value, default: 0] += 1
        }
        let distinct = Set(values).sorted()
        let several = distinct.filter { sizable[$0, default: 0] >= 2 }.count
        let areClasses = distinct.count <= 15 && several * 2 > distinct.count
        var numberOfValue: [UInt32: UInt32] = [:]
        var numbers: [UInt32] = [0]
        var count: UInt32 = 0
        for value in distinct where !(areClasses || sizable[value, default: 0] >= 4) {
            count += 1
            numberOfValue[value] = count
        }
        for value in values {
            if let number = numberOfValue[value] {
                numbers.append(number)
            } else {
                count += 1
                numbers.append(count)
            }
        }
        return (plane.map { numbers[Int($0)] }, Int(count))
    }
}
