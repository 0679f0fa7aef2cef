import Imaging

/// How found and true objects pair up one to one, over one image or many.
///
/// Two objects are a pair where their intersection over union (IoU) reaches a threshold, as in the Data Science Bowl of 2018
/// (Caicedo et al., Nature Methods 16, 1247, 2019) and as StarDist and Cellpose count. Objects of fewer than
/// `AnnotatedSet.leastArea_px` pixels are left out on both sides.
public struct ObjectMatching: Sendable, Codable, Equatable {
    /// The number of true objects.
    public private(set) var objects = 0
    /// The number of found objects.
    public private(set) var found = 0
    /// The number of pairs with an IoU of 0.5 or more.
    public private(set) var pairs50 = 0
    /// The number of pairs with an IoU of 0.75 or more.
    public private(set) var pairs75 = 0
    /// The number of found objects that hold more than half of each of several true ones.
    public private(set) var merges = 0
    /// The number of true objects that hold more than half of each of several found ones.
    public private(set) var splits = 0

    /// No objects yet.
    public init() {}

    /// The share of the found objects that are in a pair at an IoU of 0.5; nil where nothing was found.
    public var precision: Double? { found > 0 ? Double(pairs50) / Double(found) : nil }
    /// 2 TP / (2 TP + FP + FN) at an IoU of 0.5; nil where there are no objects on either side.
    public var f1At50: Double? { f1(pairs50) }
    /// 2 TP / (2 TP + FP + FN) at an IoU of 0.75; nil where there are no objects on either side.
    public var f1At75: Double? { f1(pairs75) }
    /// The average precision TP / (TP + FP + FN) at an IoU of 0.5; nil where there are no objects on either side.
    public var apAt50: Double? { ap(pairs50) }
    /// The average precision TP / (TP + FP + FN) at an IoU of 0.75; nil where there are no objects on either side.
    public var apAt75: Double? { ap(pairs75) }

    private func f1(_ pairs: Int) -> Double? {
        objects + found > 0 ? Double(2 * pairs) / Double(objects + found) : nil
    }

    private func ap(_ pairs: Int) -> Double? {
        objects + found > 0 ? Double(pairs) / Double(objects + found - pairs) : nil
    }

    /// Two objects that share pixels.
    struct Overlap: Hashable {
        let truth: UInt32
        let found: UInt32
    }

    /// Counts the objects of one image.
    /// - Parameters:
    ///   - overlaps: the number of pixels that two objects share.
    ///   - truth: the area of each true object.
    ///   - found: the area of each found object.
    mutating func add(overlaps: [Overlap: Int], truth: [UInt32: Int], found: [UInt32: Int]) {
        objects += truth.count
        self.found += found.count
        var pairs: [(iou: Double, pair: Overlap)] = []
        var inFound: [UInt32: Int] = [:]
        var inTrue: [UInt32: Int] = [:]
        for (pair, shared) in overlaps {
            guard let actual = truth[pair.truth], let said = found[pair.found] else { continue }
            let iou = Double(shared) / Double(actual + said - shared)
            if iou >= 0.5 { pairs.append((iou, pair)) }
            if 2 * shared > actual { inFound[pair.found, default: 0] += 1 }
            if 2 * shared > said { inTrue[pair.truth, default: 0] += 1 }
        }
        merges += inFound.values.filter { $0 > 1 }.count
        splits += inTrue.values.filter { $0 > 1 }.count
        // Above one half an object has one partner at most. At one half exactly it may lie in two halves, which then
        // have no other partner, so taking the best first loses no pair.
        var takenTruth: Set<UInt32> = []
        var takenFound: Set<UInt32> = []
        for (iou, pair) in pairs.sorted(by: { $0.iou > $1.iou })
        where !takenTruth.contains(pair.truth) && !takenFound.contains(pair.found) {
            takenTruth.insert(pair.truth)
            takenFound.insert(pair.found)
            pairs50 += 1
            if iou >= 0.75 { pairs75 += 1 }
        }
    }
}
