import Foundation
import Imaging
import Instruments
import Optics

/// How the true objects of a simulated specimen were imaged.
///
/// Things with a closed outline are taken one by one. Of fibres that cross or touch, what is connected is one object, as
/// a light microscope shows it: nobody could tell them apart in the scan.
public struct TrueCoverage: Sendable, Equatable {
    /// The objects that lie wholly in the scanned area and fit into a field.
    public var objects = 0
    /// How many of them lie wholly inside exactly one field.
    public var once = 0
    /// How many lie wholly inside none.
    public var never = 0
    /// How many lie wholly inside several.
    public var repeatedly = 0
    /// The objects that lie wholly in the scanned area or reach its edge and are larger than a field.
    public var large = 0
    /// The share of the area of each large object that lies in some field.
    public var largeShares: [Double] = []
    /// In how many fields each large object lies with a piece at least half a field long.
    public var largeFields: [Int] = []

    /// The share of the area of all large objects that lies in some field; nil where there are none.
    public var largeShare: Double?

    /// Compares fields with the truth.
    /// - Parameters:
    ///   - truth: what is really there.
    ///   - area: what was scanned.
    ///   - fields: the fields that were imaged.
    ///   - width_um: the width of a field.
    ///   - height_um: the height of a field.
    ///   - least_um2: smaller true objects are not asked for.
    public init(
        of truth: any Truth, in area: Rectangle, by fields: [Rectangle], width_um: Double, height_um: Double,
        least_um2: Double = 0
    ) {
        var large: [ObjectShape] = []
        var boxes: [Rectangle] = []
        let step = min(width_um, height_um) / 100
        for object in Self.objects(of: truth, in: area) where object.area_um2 >= least_um2 {
            if object.box.width_um <= width_um, object.box.height_um <= height_um {
                if !object.isCut { boxes.append(object.box) }
            } else {
                large.append(object.shape(step))
            }
        }
        let times = boxes.map { box in fields.count { $0.contains(box) } }
        objects = times.count
        once = times.count { $0 == 1 }
        never = times.count { $0 == 0 }
        repeatedly = times.count { $0 > 1 }
        self.large = large.count
        largeShares = large.map { $0.share(in: fields) }
        largeFields = large.map { shape in
            fields.count { shape.extent_um(in: $0) >= min(width_um, height_um) / 2 }
        }
        let all = large.reduce(0) { $0 + $1.area_um2 }
        largeShare = all > 0 ? zip(large, largeShares).reduce(0) { $0 + $1.0.area_um2 * $1.1 } / all : nil
    }

    private struct Found {
        var box: Rectangle
        var area_um2: Double
        var isCut: Bool
        var shape: (Double) -> ObjectShape
    }

    private static func objects(of truth: any Truth, in area: Rectangle) -> [Found] {
        // Objects are listed by their middle, and fibres are long.
        let near = truth.objects(in: area.grown(by: 150))
        var found = near.filter(\.isClosed).compactMap { object -> Found? in
            let outline = object.outline_um.map { Point(x_um: $0.x, y_um: $0.y) }
            guard var box = outline.first.map({ Rectangle(centre: $0, width_um: 0, height_um: 0) }) else {
                return nil
            }
            for point in outline { box = box.union(Rectangle(centre: point, width_um: 0, height_um: 0)) }
            guard box.overlap_um2(with: area) > 0 else { return nil }
            let inside = outline.map {
                Point(
                    x_um: min(max($0.x_um, area.left_um), area.right_um),
                    y_um: min(max($0.y_um, area.top_um), area.bottom_um))
            }
            return Found(
                box: box, area_um2: Double.pi * object.radius_um * object.radius_um, isCut: !area.contains(box),
                shape: { ObjectShape(outline: inside, step_um: $0) })
        }
        guard near.contains(where: { !$0.isClosed }) else { return found }
        // Fibres as they are seen: at least as wide as the spot of a point.
        let pixel_um = max(0.1, (area.width_um * area.height_um / 16e6).squareRoot())
        let geometry = Geometry(
            origin: Point(x_um: area.left_um, y_um: area.top_um), pixel_um: pixel_um,
            width: Int((area.width_um / pixel_um).rounded(.up)), height: Int((area.height_um / pixel_um).rounded(.up)))
        let mask = truth.mask(
            width: geometry.width, height: geometry.height, x_um: area.left_um, y_um: area.top_um, pixel_um: pixel_um,
            leastRadius_um: 0.15)
        let labels = labelComponents(mask).labels
        for object in TargetObject.objects(in: labels, origin: geometry.origin, pixel_um: pixel_um) {
            found.append(
                Found(
                    box: object.box, area_um2: object.area_um2, isCut: object.touchesBorder,
                    shape: { step in
                        ObjectShape.shapes(in: labels, geometry, of: [object.id], step_um: step)[object.id]
                            ?? ObjectShape(outline: object.outline, step_um: step)
                    }))
        }
        return found
    }
}

extension ObjectShape {
    /// The longer side of the smallest rectangle around what lies inside a rectangle, 0 for nothing.
    func extent_um(in box: Rectangle) -> Double {
        let inside = cells.filter { box.contains(x_um: $0.x_um, y_um: $0.y_um) }
        guard let left = inside.map(\.x_um).min(), let right = inside.map(\.x_um).max(),
            let top = inside.map(\.y_um).min(), let bottom = inside.map(\.y_um).max()
        else { return 0 }
        return max(right - left, bottom - top) + step_um
    }
}
