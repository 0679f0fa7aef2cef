import Acquisition
import Foundation
import Imaging
import Optics
import Randomness
import Testing
import Work

@Suite struct TargetTests {
    private func disc(_ id: Int, _ x: Double, _ y: Double, radius: Double) -> TargetObject {
        let outline = (0..<24).map { step -> Point in
            let angle = Double(step) / 24 * 2 * Double.pi
            return Point(x_um: x + radius * cos(angle), y_um: y + radius * sin(angle))
        }
        return TargetObject(
            id: id, centroid: Point(x_um: x, y_um: y),
            box: Rectangle(left_um: x - radius, top_um: y - radius, right_um: x + radius, bottom_um: y + radius),
            area_um2: Double.pi * radius * radius, outline: outline)
    }

    /// Discs that do not touch, at random places.
    private func scattered(_ count: Int, over size_um: Double, seed: UInt64) -> [TargetObject] {
        var random = RandomSource(seed: seed)
        var discs: [TargetObject] = []
        var tries = 0
        while discs.count < count, tries < 100_000 {
            tries += 1
            let radius = random.uniform(in: 5...9)
            let x = random.uniform(in: radius...size_um - radius)
            let y = random.uniform(in: radius...size_um - radius)
            let isFree = discs.allSatisfy {
                hypot($0.centroid.x_um - x, $0.centroid.y_um - y) > radius + $0.box.width_um / 2 + 0.5
            }
            if isFree { discs.append(disc(discs.count + 1, x, y, radius: radius)) }
        }
        return discs
    }

    @Test(arguments: [(30, 300.0), (150, 400.0), (400, 700.0)])
    func objectsAreImagedExactlyOnce(_ count: Int, _ size: Double) throws {
        let objects = scattered(count, over: size, seed: UInt64(count))
        let selection = TargetSelection(fieldWidth_um: 50, fieldHeight_um: 50)
        let targets = try selection.targets(for: objects, from: Point(x_um: 0, y_um: 0))
        let times = timesImaged(
            objects.map(\.box), at: targets.positions.map { Point(x_um: $0.x_um, y_um: $0.y_um) }, fieldWidth_um: 50,
            fieldHeight_um: 50)
        let once = times.count { $0 == 1 }
        #expect(Double(once) >= 0.97 * Double(objects.count))
        #expect(times.allSatisfy { $0 >= 1 })
        #expect(targets.positions.flatMap(\.objects).sorted() == objects.map(\.id))
        #expect(targets.positions.map(\.number) == Array(1...targets.positions.count))
        #expect(try selection.targets(for: objects, from: Point(x_um: 0, y_um: 0)) == targets)
    }

    /// Clusters that each fit into one field and lie far apart: the fewest fields are known.
    @Test func clustersTakeOneFieldEach() throws {
        var objects: [TargetObject] = []
        for cluster in 0..<6 {
            for index in 0..<4 {
                let x = Double(cluster % 3) * 120 + Double(index % 2) * 15
                let y = Double(cluster / 3) * 120 + Double(index / 2) * 15
                objects.append(disc(objects.count + 1, x, y, radius: 6))
            }
        }
        let targets = try TargetSelection(fieldWidth_um: 30, fieldHeight_um: 30)
            .targets(for: objects, from: Point(x_um: 0, y_um: 0))
        #expect(targets.positions.count == 6)
        #expect(targets.positions.allSatisfy { $0.objects.count == 4 })
    }

    @Test func largeObjectsAreSampledInside() throws {
        let large = disc(9, 0, 0, radius: 100)
        let selection = TargetSelection(fieldWidth_um: 50, fieldHeight_um: 50, samplesPerLargeObject: 3, seed: 5)
        let targets = try selection.targets(for: [large], from: Point(x_um: 0, y_um: 0))
        #expect(targets.positions.count == 3)
        #expect(targets.positions.allSatisfy { hypot($0.x_um, $0.y_um) < 100 && $0.objects == [9] })
        #expect(try selection.targets(for: [large], from: Point(x_um: 0, y_um: 0)) == targets)
    }

    @Test func omissionsHaveReasons() throws {
        var cut = disc(1, 0, 0, radius: 5)
        cut.touchesBorder = true
        let objects = [cut, disc(2, 100, 0, radius: 1), disc(3, 200, 0, radius: 6), disc(4, 300, 0, radius: 6)]
        let selection = TargetSelection(
            fieldWidth_um: 40, fieldHeight_um: 40, minimumArea_um2: 20, limit: 1)
        let targets = try selection.targets(for: objects, from: Point(x_um: 0, y_um: 0))
        #expect(targets.positions.map(\.objects) == [[3]])
        #expect(targets.omitted.map(\.object) == [1, 2, 4])
        #expect(
            targets.omitted.map(\.reason) == [
                "touches the edge of the scanned area", "smaller than 20.0 um2", "beyond the limit of 1 positions",
            ])
        let none = try selection.targets(for: [], from: Point(x_um: 0, y_um: 0))
        #expect(none.positions.isEmpty)
    }

    @Test func criteriaChooseObjects() throws {
        var long = disc(2, 100, 0, radius: 6)
        long.eccentricity = 0.95
        let objects = [disc(1, 0, 0, radius: 6), long, disc(3, 200, 0, radius: 2)]
        func targets(_ criteria: String) throws -> TargetSelection.Targets {
            try TargetSelection(fieldWidth_um: 40, fieldHeight_um: 40, criteria: criteria)
                .targets(for: objects, from: Point(x_um: 0, y_um: 0))
        }
        let chosen = try targets("area_um2 > 50 and eccentricity < 0.9")
        #expect(chosen.positions.map(\.objects) == [[1]])
        #expect(chosen.omitted.map(\.reason) == Array(repeating: "not area_um2 > 50 and eccentricity < 0.9", count: 2))
        #expect(try targets("not (width_um < 5) or x_um > 150").omitted.isEmpty)
        func remedy(_ criteria: String) -> String? {
            #expect(throws: Failure.self) { try targets(criteria) }
            do { _ = try targets(criteria) } catch { return (error as? Failure)?.remedy }
            return nil
        }
        #expect(remedy("area_um > 5") == "did you mean area_um2?")
        #expect(remedy("os.exit(1)") != nil)
    }

    @Test func labelsBecomeObjects() {
        // A rectangle and an L that touches the edge; every number stands for 2 x 2 pixels.
        let rows: [[UInt32]] = [
            [0, 0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 0, 7, 0, 0],
            [0, 1, 1, 1, 0, 7, 0, 0],
            [0, 0, 0, 0, 0, 7, 7, 7],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ]
        let doubled = rows.flatMap { row in
            let wide = row.flatMap { [$0, $0] }
            return wide + wide
        }
        let labels = Plane(width: 16, height: 10, samples: doubled)
        let objects = TargetObject.objects(in: labels, origin: Point(x_um: 10, y_um: 20), pixel_um: 1)
        #expect(objects.map(\.id) == [1, 7])
        #expect(objects[0].area_um2 == 24)
        #expect(objects[0].centroid == Point(x_um: 15, y_um: 24))
        #expect(objects[0].box == Rectangle(left_um: 12, top_um: 22, right_um: 18, bottom_um: 26))
        #expect(objects.map(\.touchesBorder) == [false, true])
        // The shoelace area of an outline is the area of its pixels (the simplification drops no corner here).
        for object in objects {
            let closed = object.outline + object.outline.prefix(1)
            let twice = zip(closed, closed.dropFirst()).reduce(0) {
                $0 + $1.0.x_um * $1.1.y_um - $1.1.x_um * $1.0.y_um
            }
            #expect(abs(twice / 2) == object.area_um2)
        }
        #expect(objects[1].contains(Point(x_um: 21, y_um: 23)))
        #expect(!objects[1].contains(Point(x_um: 24, y_um: 23)))
    }
}
