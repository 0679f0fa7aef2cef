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
    /// Whether objects at the edge of the scanned area are left out.
    public var excludesBorder: Bool
    /// The number of fields at random places inside an object that does not fit into one field.
    public var samplesPerLargeObject: Int
    /// The greatest number of positions; those with the most objects stay.
    public var limit: Int?
    /// The seed of the random places.
    public var seed: UInt64

    /// A choice from its parts.
    public init(
        fieldWidth_um: Double, fieldHeight_um: Double, margin_um: Double = 0.5, minimumArea_um2: Double = 0,
        maximumArea_um2: Double = .greatestFiniteMagnitude, excludesBorder: Bool = true,
        samplesPerLargeObject: Int = 1, limit: Int? = nil, seed: UInt64 = 1
    ) {
        self.fieldWidth_um = fieldWidth_um
        self.fieldHeight_um = fieldHeight_um
        self.margin_um = margin_um
        self.minimumArea_um2 = minimumArea_um2
        self.maximumArea_um2 = maximumArea_um2
        self.excludesBorder = excludesBorder
        self.samplesPerLargeObject = samplesPerLargeObject
        self.limit = limit
        self.seed = seed
    }

    /// An object without a position.
    public struct Omission: Sendable, Codable, Equatable {
        /// The object.
        public var object: Int
        /// Why: `touches the edge of the scanned area`, `smaller than ...`, `beyond the limit of positions`.
        public var reason: String
    }

    /// The chosen positions.
    public struct Targets: Sendable, Codable, Equatable {
        /// In the order of the visit, numbered from 1.
        public var positions: [AcquisitionPlan.Position]
        /// The objects that get none.
        public var omitted: [Omission]
        /// The length of the way from the start through all positions.
        public var travel_um: Double
    }

    /// Chooses positions for objects.
    ///
    /// Objects that fit into a field are gathered into as few fields as possible, each object in exactly one; larger
    /// objects are sampled at random places inside. The positions are ordered by a short tour.
    /// - Parameters:
    ///   - objects: what was found.
    ///   - start: where the stage stands.
    /// - Throws: `Failure` with code `field-too-small` when the margin leaves nothing of a field.
    public func targets(for objects: [TargetObject], from start: Point) throws -> Targets {
        let width = fieldWidth_um - 2 * margin_um
        let height = fieldHeight_um - 2 * margin_um
        guard width > 0, height > 0 else {
            throw Failure(
                "a margin of \(margin_um) um leaves nothing of a field of \(tenths(fieldWidth_um)) x "
                    + "\(tenths(fieldHeight_um)) um", remedy: "choose a smaller margin", code: "field-too-small")
        }
        var omitted: [Omission] = []
        var small: [TargetObject] = []
        var large: [TargetObject] = []
        for object in objects {
            if let reason = reasonToOmit(object) {
                omitted.append(Omission(object: object.id, reason: reason))
            } else if object.box.width_um <= width, object.box.height_um <= height {
                small.append(object)
            } else {
                large.append(object)
            }
        }
        let cover = FieldCover(
            boxes: small.map(\.box), width_um: fieldWidth_um, height_um: fieldHeight_um, margin_um: margin_um)
        var fields = cover.fields().map { (centre: $0.box.centre, objects: $0.members.map { small[$0].id }.sorted()) }
        for object in large {
            for point in samples(inside: object) { fields.append((point, [object.id])) }
        }
        if let limit, fields.count > limit {
            let ranked = fields.indices.sorted { (-fields[$0].objects.count, $0) < (-fields[$1].objects.count, $1) }
            let kept = Set(ranked.prefix(max(0, limit)))
            let covered = Set(kept.flatMap { fields[$0].objects })
            let lost = Set(fields.flatMap(\.objects)).subtracting(covered)
            omitted += lost.sorted().map { Omission(object: $0, reason: "beyond the limit of \(limit) positions") }
            fields = fields.indices.filter(kept.contains).map { fields[$0] }
        }
        let points = fields.map(\.centre)
        let order = shortTour(through: points, from: start)
        let positions = order.enumerated().map { number, index in
            AcquisitionPlan.Position(
                number: number + 1, x_um: fields[index].centre.x_um, y_um: fields[index].centre.y_um,
                objects: fields[index].objects)
        }
        return Targets(
            positions: positions, omitted: omitted,
            travel_um: tourLength_um(order.map { points[$0] }, from: start))
    }

    private func reasonToOmit(_ object: TargetObject) -> String? {
        if excludesBorder && object.touchesBorder { return "touches the edge of the scanned area" }
        if object.area_um2 < minimumArea_um2 { return "smaller than \(tenths(minimumArea_um2)) um2" }
        if object.area_um2 > maximumArea_um2 { return "larger than \(tenths(maximumArea_um2)) um2" }
        return nil
    }

    /// Random places inside an object, a field apart from each other as far as it has room for that.
    private func samples(inside object: TargetObject) -> [Point] {
        var random = RandomSource(seed: seed).split(object.id)
        var points: [Point] = []
        for _ in 0..<max(0, samplesPerLargeObject) {
            for _ in 0..<1000 {
                let point = Point(
                    x_um: random.uniform(in: object.box.x_um),
                    y_um: random.uniform(in: object.box.y_um))
                let isApart = points.allSatisfy {
                    abs($0.x_um - point.x_um) >= fieldWidth_um || abs($0.y_um - point.y_um) >= fieldHeight_um
                }
                if isApart, object.contains(point) {
                    points.append(point)
                    break
                }
            }
        }
        return points
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
