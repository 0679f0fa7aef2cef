import Imaging
import Segmentation

/// A data set of the measurement and how it is cut into images to learn from and images to score.
struct BenchSet {
    /// Its name, which is also its folder's.
    let name: String
    /// The folder with `images` and `masks`.
    let folder: String
    /// How many annotated objects are learned from.
    let objects: Int
    /// How many parts the images are cut into, each scored once; nil scores all images but those learned from.
    let folds: Int?
    /// Whether several images may show parts of one field, which then come into the same fold.
    let hasSplitFields: Bool
    /// The Dice coefficient asked for; nil where none is.
    let asked: Double?
    /// The share of detected objects asked for; nil where none is.
    let askedDetected: Double?

    private init(
        _ name: String, in parent: String = "../shared/data", objects: Int, folds: Int?, splitFields: Bool = false,
        asked: Double?, askedDetected: Double? = nil
    ) {
        self.name = name
        folder = parent + "/" + name
        self.objects = objects
        self.folds = folds
        hasSplitFields = splitFields
        self.asked = asked
        self.askedDetected = askedDetected
    }

    /// The sets in the order of the measurement.
    static let all = [
        BenchSet(
            "nuclei_bbbc039", in: "scripts/data", objects: 1, folds: nil, asked: 0.96, askedDetected: 0.99),
        BenchSet("hist_dsb2018_purple", objects: 25, folds: 4, splitFields: true, asked: 0.85),
        BenchSet("rare_cfos_wuerzburg", objects: 25, folds: 4, asked: 0.75),
        BenchSet("rare_cervical_dsb2018", objects: 25, folds: 5, asked: 0.8),
        BenchSet("wholecell_phase_usiigaci", objects: 25, folds: 3, asked: nil),
    ]

    /// The images of each fold by number.
    func folds(_ images: [AnnotatedImage], count: Int) -> [[Int]] {
        var groups = images.indices.map { $0 }
        func root(_ index: Int) -> Int {
            var index = index
            while groups[index] != index { index = groups[index] }
            return index
        }
        for first in images.indices where hasSplitFields {
            for second in images.indices where first != second {
                if Self.continues(images[first].channels, images[second].channels) {
                    groups[root(second)] = root(first)
                }
            }
        }
        let fields = Dictionary(grouping: images.indices, by: root).values
            .sorted { ($0.count, $1[0]) > ($1.count, $0[0]) }
        var folds = Array(repeating: [Int](), count: count)
        for field in fields {
            let smallest = folds.indices.min { folds[$0].count < folds[$1].count } ?? 0
            folds[smallest] += field
        }
        return folds.map { $0.sorted() }
    }

    /// Whether an image goes on in another one to its right or below: the step across the border is no larger than the
    /// steps between neighbouring pixels beside it.
    private static func continues(_ first: [Plane<Float>], _ second: [Plane<Float>]) -> Bool {
        func step(_ length: Int, _ value: (_ channel: Int, _ place: Int) -> Float) -> Float {
            var sum: Float = 0
            for channel in first.indices {
                for place in 0..<length { sum += abs(value(channel, place)) }
            }
            return sum
        }
        let (width, height) = (first[0].width, first[0].height)
        guard second[0].width == width, second[0].height == height else { return false }
        let across = step(height) { first[$0][$1, width - 1] - second[$0][$1, 0] }
        let beside = step(height) { first[$0][$1, width - 1] - first[$0][$1, width - 2] }
        let down = step(width) { first[$0][height - 1, $1] - second[$0][0, $1] }
        let above = step(width) { first[$0][height - 1, $1] - first[$0][height - 2, $1] }
        return across < 1.3 * beside || down < 1.3 * above
    }
}
