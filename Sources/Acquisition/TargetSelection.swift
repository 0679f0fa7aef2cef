import Foundation
import Optics
import Randomness
import Work

/// How fields of view are chosen for objects.
public struct TargetSelection: Sendable, Codable, Equatable {
    /// The width of a field of view.
    public var fieldWidth_um: Double
    /// The height of a field of view.
    public var fieldHeight_um: Double
    /// The distance kept between an object and the edge of its field.
    public var margin_um: Double
    /// Smaller objects are left out.
    public var minimumArea_um2: Double
    /// Larger objects are left out.
    public var maximumArea_um2: Double
    /// A condition on the columns of `TargetObject` that objects must meet; nil for none.
    public var criteria: String?
    /// Whether objects at the edge of the scanned area are left out.
    public var excludesBorder: Bool
    /// How objects that do not fit into one field are imaged.
    public var large: LargeMethod
    /// The number of fields of such an object; 0 for as many as it holds (at random places one).
    public var samplesPerLargeObject: Int
    /// The greatest number of positions; those with the most objects stay.
    public var limit: Int?
    /// The seed of the random places.
    public var seed: UInt64

    /// A choice from its parts.
    public init(
        fieldWidth_um: Double, fieldHeight_um: Double, margin_um: Double = 0.5, minimumArea_um2: Double = 0,
        maximumArea_um2: Double = .greatestFiniteMagnitude, criteria: String? = nil, excludesBorder: Bool = true,
        large: LargeMethod = .random, samplesPerLargeObject: Int = 1, limit: Int? = nil, seed: UInt64 = 1
    ) {
        self.fieldWidth_um = fieldWidth_um
        self.fieldHeight_um = fieldHeight_um
        self.margin_um = margin_um
        self.minimumArea_um2 = minimumArea_um2
        self.maximumArea_um2 = maximumArea_um2
        self.criteria = criteria
        self.excludesBorder = excludesBorder
        self.large = large
        self.samplesPerLargeObject = samplesPerLargeObject
        self.limit = limit
        self.seed = seed
    }

    /// An object without a position.
    public struct Omission: Sendable, Codable, Equatable {
        /// The object.
        public var object: Int
        /// Why: `touches the edge of the scanned area`, `smaller than ...`, `not ...` (the criteria), `beyond the limit of positions`.
        public var reason: String
    }

    /// What becomes of an object that is larger than a field.
    public struct LargeObject: Sendable, Codable, Equatable {
        /// The object.
        public var object: Int
        /// The number of fields that are there for it.
        public var fields: Int
        /// The share of its area that lies in some field, whatever that is there for.
        public var share: Double
    }

    /// Light that falls on an object before its own movie.
    public struct EarlierLight: Sendable, Codable, Equatable {
        /// The object.
        public var object: Int
        /// As a share of the light of one position, the mean over the part of the object that is imaged.
        public var positions: Double
    }

    /// The chosen positions.
    public struct Targets: Sendable, Codable, Equatable {
        /// In the order of the visit, numbered from 1.
        public var positions: [AcquisitionPlan.Position]
        /// The objects that get none.
        public var omitted: [Omission]
        /// The length of the way from the start through all positions.
        public var travel_um: Double
        /// The objects that are larger than a field.
        public var large: [LargeObject]
        /// How many pairs of fields overlap.
        public var overlaps: Int
        /// The objects that get light of other positions before their own movie.
        public var earlierLight: [EarlierLight]
    }

    /// Chooses positions for objects.
    ///
    /// Larger objects come first, in fields that do not overlap: side by side, at random places or along their axes.
    /// Objects that fit into a field and lie in one of those are imaged with it; the others are gathered into as few
    /// fields as possible, each object in exactly one, apart from other fields where there is room. The positions are
    /// ordered by a short way; of two that overlap, that whose objects the light of the other would bleach more comes
    /// first.
    /// - Parameters:
    ///   - objects: what was found.
    ///   - shapes: where the objects of the given numbers lie, in squares of a side; what is inside the outline without
    ///     it.
    ///   - start: where the stage stands.
    /// - Throws: `Failure` with code `field-too-small` when the margin leaves nothing of a field; as `condition`.
    public func targets(
        for objects: [TargetObject], from start: Point,
        shapes: (_ wanted: Set<Int>, _ step_um: Double) throws -> [Int: ObjectShape] = { _, _ in [:] }
    ) throws -> Targets {
        let width = fieldWidth_um - 2 * margin_um
        let height = fieldHeight_um - 2 * margin_um
        guard width > 0, height > 0 else {
            throw Failure(
                "a margin of \(margin_um) um leaves nothing of a field of \(tenths(fieldWidth_um)) x "
                    + "\(tenths(fieldHeight_um)) um", remedy: "choose a smaller margin", code: "field-too-small")
        }
        let condition = try condition()
        var omitted: [Omission] = []
        var small: [TargetObject] = []
        var large: [TargetObject] = []
        for object in objects {
            if let reason = reasonToOmit(object, condition) {
                omitted.append(Omission(object: object.id, reason: reason))
            } else if object.box.width_um <= width, object.box.height_um <= height {
                small.append(object)
            } else {
                large.append(object)
            }
        }
        let step = min(fieldWidth_um, fieldHeight_um) / 64
        let found = try large.isEmpty ? [:] : shapes(Set(large.map(\.id)), step)
        let members = large.map {
            LargeFields.Member(id: $0.id, shape: found[$0.id] ?? ObjectShape(outline: $0.outline, step_um: step))
        }
        var fields = LargeFields(
            width_um: fieldWidth_um, height_um: fieldHeight_um, method: self.large, count: samplesPerLargeObject,
            seed: seed
        ).fields(for: members, others: small.map(\.box))
        let alone = take(small, into: &fields)
        let taken = fields.map(\.box)
        let imaged = small.filter { object in !alone.contains { $0.id == object.id } }.map(\.box)
        let cover = FieldCover(
            boxes: alone.map(\.box), width_um: fieldWidth_um, height_um: fieldHeight_um, margin_um: margin_um,
            taken: taken, imaged: imaged)
        fields += cover.fields().map {
            LargeFields.Field(box: $0.box, objects: $0.members.map { alone[$0].id }.sorted())
        }
        if let limit, fields.count > limit {
            let ranked = fields.indices.sorted { (-fields[$0].objects.count, $0) < (-fields[$1].objects.count, $1) }
            let kept = Set(ranked.prefix(max(0, limit)))
            let covered = Set(kept.flatMap { fields[$0].objects })
            let lost = Set(fields.flatMap(\.objects)).subtracting(covered)
            omitted += lost.sorted().map { Omission(object: $0, reason: "beyond the limit of \(limit) positions") }
            fields = fields.indices.filter(kept.contains).map { fields[$0] }
        }
        let points = fields.map(\.box.centre)
        let boxes = Dictionary(uniqueKeysWithValues: small.map { ($0.id, $0.box) })
        let shapes = Dictionary(uniqueKeysWithValues: members.map { ($0.id, $0.shape) })
        let order = sparing(shortTour(through: points, from: start), fields, boxes, shapes)
        let positions = order.enumerated().map { number, index in
            AcquisitionPlan.Position(
                number: number + 1, x_um: points[index].x_um, y_um: points[index].y_um, objects: fields[index].objects)
        }
        let all = fields.map(\.box)
        return Targets(
            positions: positions, omitted: omitted,
            travel_um: tourLength_um(order.map { points[$0] }, from: start),
            large: members.map { member in
                LargeObject(
                    object: member.id, fields: fields.count { $0.objects.contains(member.id) },
                    share: member.shape.share(in: all))
            }, overlaps: pairs(of: all).count,
            earlierLight: earlierLight(order.map { fields[$0] }, boxes, shapes))
    }

    /// The light that objects get before their movie, for fields in the order of their visit.
    private func earlierLight(
        _ fields: [LargeFields.Field], _ boxes: [Int: Rectangle], _ shapes: [Int: ObjectShape]
    ) -> [EarlierLight] {
        let overlapping = pairs(of: fields.map(\.box))
        guard !overlapping.isEmpty else { return [] }
        var sums: [Int: (light: Double, area: Double)] = [:]
        for (index, field) in fields.enumerated() {
            let earlier = overlapping.filter { $0.1 == index }.map { fields[$0.0] }
            for object in field.objects {
                if let shape = shapes[object] {
                    for cell in shape.cells where field.box.contains(x_um: cell.x_um, y_um: cell.y_um) {
                        // What an earlier field of its own has imaged is done.
                        let before = earlier.filter { $0.box.contains(x_um: cell.x_um, y_um: cell.y_um) }
                        let isDone = before.contains { $0.objects.contains(object) }
                        sums[object, default: (0, 0)].area += cell.area_um2
                        if !isDone { sums[object]?.light += Double(before.count) * cell.area_um2 }
                    }
                } else if let box = boxes[object] {
                    let light = earlier.reduce(0) { $0 + $1.box.overlap_um2(with: box) }
                    sums[object] = (light, box.width_um * box.height_um)
                }
            }
        }
        return sums.sorted { $0.key < $1.key }.compactMap { object, sum in
            sum.light > 0 && sum.area > 0 ? EarlierLight(object: object, positions: sum.light / sum.area) : nil
        }
    }

    /// Puts objects that fit into a field into those that there are; what is left.
    private func take(_ small: [TargetObject], into fields: inout [LargeFields.Field]) -> [TargetObject] {
        small.filter { object in
            let wanted = object.box.grown(by: margin_um)
            guard let index = fields.firstIndex(where: { $0.box.contains(wanted) }) else { return true }
            fields[index].objects = (fields[index].objects + [object.id]).sorted()
            return false
        }
    }

    /// The pairs of fields that share more than a hair.
    private func pairs(of fields: [Rectangle]) -> [(Int, Int)] {
        fields.indices.flatMap { first in
            fields.indices.dropFirst(first + 1).filter {
                fields[first].overlap_um2(with: fields[$0]) > 1e-6 * fieldWidth_um * fieldHeight_um
            }.map { (first, $0) }
        }
    }

    /// An order of visit in which, of two fields that overlap, the one with more of its objects in the other comes first,
    /// before the light of the other has bleached them; but for that as it was.
    private func sparing(
        _ order: [Int], _ fields: [LargeFields.Field], _ boxes: [Int: Rectangle], _ shapes: [Int: ObjectShape]
    ) -> [Int] {
        var order = order
        let overlapping = pairs(of: fields.map(\.box))
        func harm(to field: LargeFields.Field, by other: LargeFields.Field) -> Double {
            field.objects.reduce(0) { sum, object in
                let shared = shapes[object].map { shape in
                    shape.cells.reduce(0.0) { sum, cell in
                        let isInBoth =
                            field.box.contains(x_um: cell.x_um, y_um: cell.y_um)
                            && other.box.contains(x_um: cell.x_um, y_um: cell.y_um)
                        return isInBoth ? sum + cell.area_um2 : sum
                    }
                }
                return sum + (shared ?? boxes[object].map { $0.overlap_um2(with: other.box) } ?? 0)
            }
        }
        let wishes = overlapping.compactMap { a, b -> (first: Int, then: Int)? in
            let (toA, toB) = (harm(to: fields[a], by: fields[b]), harm(to: fields[b], by: fields[a]))
            return toA == toB ? nil : toA > toB ? (a, b) : (b, a)
        }
        // Wishes may contradict each other around a ring: every one is tried a few times, no more.
        for _ in 0..<4 {
            var hasChanged = false
            for wish in wishes {
                guard let first = order.firstIndex(of: wish.first), let then = order.firstIndex(of: wish.then),
                    then < first
                else { continue }
                order.remove(at: first)
                order.insert(wish.first, at: then)
                hasChanged = true
            }
            if !hasChanged { break }
        }
        return order
    }

    /// The criteria, understood.
    /// - Throws: a `Failure` for a condition that cannot be understood or names a column that objects do not have.
    public func condition() throws -> Condition? {
        guard let criteria else { return nil }
        let condition = try Condition(criteria, example: "area_um2 > 5 and eccentricity < 0.9")
        try condition.check(columns: TargetObject.columns, of: "objects")
        return condition
    }

    private func reasonToOmit(_ object: TargetObject, _ condition: Condition?) -> String? {
        if excludesBorder && object.touchesBorder { return "touches the edge of the scanned area" }
        if object.area_um2 < minimumArea_um2 { return "smaller than \(tenths(minimumArea_um2)) um2" }
        if object.area_um2 > maximumArea_um2 { return "larger than \(tenths(maximumArea_um2)) um2" }
        if let condition, !condition.holds(object.value) { return "not \(condition.text)" }
        return nil
    }
}

/// How often each object lies wholly inside a field of view: 1 for an object that was imaged exactly once.
/// - Parameters:
///   - objects: the extents of the objects.
///   - positions: the centres of the fields.
public func timesImaged(
    _ objects: [Rectangle], at positions: [Point], fieldWidth_um: Double, fieldHeight_um: Double
) -> [Int] {
    let fields = positions.map { Rectangle(centre: $0, width_um: fieldWidth_um, height_um: fieldHeight_um) }
    return objects.map { object in fields.count { $0.contains(object) } }
}
