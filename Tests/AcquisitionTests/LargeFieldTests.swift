import Acquisition
import Foundation
import Optics
import Randomness
import Testing

/// Objects larger than a field of 50 um.
@Suite struct LargeFieldTests {
    private func object(_ id: Int, _ outline: [Point], area_um2: Double = 1000) -> TargetObject {
        let (x, y) = (outline.map(\.x_um), outline.map(\.y_um))
        let box = Rectangle(
            left_um: x.min() ?? 0, top_um: y.min() ?? 0, right_um: x.max() ?? 0, bottom_um: y.max() ?? 0)
        return TargetObject(id: id, centroid: box.centre, box: box, area_um2: area_um2, outline: outline)
    }

    private func disc(_ id: Int, _ x: Double, _ y: Double, _ radius: Double) -> TargetObject {
        object(
            id,
            (0..<90).map { step in
                let angle = Double(step) / 90 * 2 * Double.pi
                return Point(x_um: x + radius * cos(angle), y_um: y + radius * sin(angle))
            })
    }

    /// A fibre of 4 um along a wave of 320 um.
    private var fibre: TargetObject {
        func edge(_ shift: Double) -> [Point] {
            stride(from: 0.0, through: 320, by: 2).map { Point(x_um: $0, y_um: 40 * sin($0 / 50) + shift) }
        }
        return object(7, edge(-2) + edge(2).reversed())
    }

    private func targets(
        _ objects: [TargetObject], _ method: LargeMethod, _ count: Int = 0, seed: UInt64 = 1
    ) throws -> TargetSelection.Targets {
        try TargetSelection(
            fieldWidth_um: 50, fieldHeight_um: 50, large: method, samplesPerLargeObject: count, seed: seed
        ).targets(for: objects, from: Point(x_um: 0, y_um: 0))
    }

    private func fields(_ targets: TargetSelection.Targets) -> [Rectangle] {
        targets.positions.map {
            Rectangle(centre: Point(x_um: $0.x_um, y_um: $0.y_um), width_um: 50, height_um: 50)
        }
    }

    private func areApart(_ fields: [Rectangle]) -> Bool {
        fields.indices.allSatisfy { first in
            fields.indices.allSatisfy { second in
                let (a, b) = (fields[first], fields[second])
                let x = min(a.right_um, b.right_um) - max(a.left_um, b.left_um)
                let y = min(a.bottom_um, b.bottom_um) - max(a.top_um, b.top_um)
                return first == second || x < 1e-6 || y < 1e-6
            }
        }
    }

    /// The share of an object that lies in fields, by random points inside its outline.
    private func share(of object: TargetObject, in fields: [Rectangle]) -> Double {
        var random = RandomSource(seed: 5)
        var (inside, covered) = (0, 0)
        while inside < 2000 {
            let point = Point(
                x_um: random.uniform(in: object.box.left_um...object.box.right_um),
                y_um: random.uniform(in: object.box.top_um...object.box.bottom_um))
            guard object.contains(point) else { continue }
            inside += 1
            let dot = Rectangle(centre: point, width_um: 0, height_um: 0)
            if fields.contains(where: { $0.contains(dot) }) { covered += 1 }
        }
        return Double(covered) / Double(inside)
    }

    @Test func tilesCoverAnObjectOnce() throws {
        let large = disc(3, 13, -4, 90)
        let chosen = try targets([large], .tile)
        let covered = share(of: large, in: fields(chosen))
        #expect(covered >= 0.95)
        #expect(areApart(fields(chosen)))
        // 180 um are four fields across; the corners of the square hold nothing.
        #expect(chosen.positions.count <= 14)
        #expect(chosen.large.count == 1 && abs(chosen.large[0].share - covered) < 0.02)
        #expect(chosen.overlaps == 0 && chosen.earlierLight.isEmpty)
        #expect(try targets([large], .tile, 2).positions.count == 2)
    }

    @Test func fieldsFollowAFibre() throws {
        let chosen = try targets([fibre], .along)
        #expect(areApart(fields(chosen)))
        #expect(share(of: fibre, in: fields(chosen)) >= 0.9)
        // Its way is 400 um long; a plain tiling of its extent takes 7 x 2 fields.
        #expect((7...11).contains(chosen.positions.count))
        let three = try targets([fibre], .along, 3)
        #expect(three.positions.count == 3 && areApart(fields(three)))
        // From one end to the other.
        let x = three.positions.map(\.x_um).sorted()
        #expect(x[0] < 60 && x[2] > 260 && x[1] > 100 && x[1] < 220)
        #expect(three.positions.allSatisfy { $0.objects == [7] })
    }

    @Test(arguments: [UInt64(1), 2, 3]) func randomFieldsAreSeparate(_ seed: UInt64) throws {
        let chosen = try targets([disc(3, 0, 0, 90), fibre], .random, 3, seed: seed)
        #expect(areApart(fields(chosen)))
        for id in [3, 7] { #expect(chosen.positions.count { $0.objects.contains(id) } >= 3) }
    }

    /// What lies in the fields of a large object is imaged with it, and what lies beside keeps away from them.
    @Test func smallObjectsBesideALargeOne() throws {
        let large = object(
            1, [(0, 0), (120, 0), (120, 20), (0, 20)].map { Point(x_um: Double($0.0), y_um: Double($0.1)) })
        let small = [disc(2, 60, 30, 3), disc(3, 20, 70, 6), disc(4, 110, -40, 6)]
        let chosen = try targets([large] + small, .tile)
        let boxes = fields(chosen)
        #expect(areApart(boxes))
        for object in small { #expect(boxes.count { $0.contains(object.box) } == 1) }
        #expect(chosen.positions.count <= 5)
        #expect(Set(chosen.positions.flatMap(\.objects)) == [1, 2, 3, 4])
    }

    /// Two objects that no two separate fields can hold: the one that lies in the other's field comes first.
    @Test func whatTheOthersLightWouldBleachComesFirst() throws {
        // 44 um wide each: a field has 5 um of play, and they lie 2 um apart in y but beside each other in x.
        func bar(_ id: Int, _ left: Double, _ top: Double, _ width: Double, _ height: Double) -> TargetObject {
            object(
                id,
                [(left, top), (left + width, top), (left + width, top + height), (left, top + height)].map {
                    Point(x_um: $0.0, y_um: $0.1)
                })
        }
        // The second reaches into the field of the first; the first does not reach into that of the second.
        let chosen = try targets([bar(1, 0, 0, 48, 4), bar(2, 20, 7, 4, 48)], .tile)
        #expect(chosen.positions.count == 2)
        if chosen.overlaps > 0 {
            let first = try #require(chosen.positions.first { $0.objects == [2] })
            let then = try #require(chosen.positions.first { $0.objects == [1] })
            let harm = { (box: Rectangle, position: AcquisitionPlan.Position) -> Double in
                let field = Rectangle(
                    centre: Point(x_um: position.x_um, y_um: position.y_um), width_um: 50, height_um: 50)
                return max(0, min(field.right_um, box.right_um) - max(field.left_um, box.left_um))
                    * max(0, min(field.bottom_um, box.bottom_um) - max(field.top_um, box.top_um))
            }
            let toSecond = harm(Rectangle(left_um: 20, top_um: 7, right_um: 24, bottom_um: 55), then)
            let toFirst = harm(Rectangle(left_um: 0, top_um: 0, right_um: 48, bottom_um: 4), first)
            #expect((first.number < then.number) == (toSecond > toFirst))
            #expect(chosen.earlierLight.count <= 1)
        }
    }
}
