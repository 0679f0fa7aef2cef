import Imaging
import Randomness
import Segmentation
import Testing

/// Outlines of few objects, drawn too wide or too narrow on purpose, against the edges they were drawn for. Edges are
/// found to some 0.3 pixels.
@Suite struct AnnotationAlignmentTests {
    private static let radius = 12.0

    /// Disks of radius 12 with soft edges, and outlines that lie `offsets` outside of them.
    private func annotated(_ offsets: [Double], contrast: Double = 100) throws -> AnnotatedSet {
        let side = 80
        var random = RandomSource(seed: 3)
        func disks(_ radius: (Int) -> Double) -> Plane<UInt32> {
            plane(side * offsets.count, side) { row, column in
                let index = column / side
                return inDisk(row, column, x: (Double(index) + 0.5) * Double(side), y: 40, radius: radius(index))
                    ? UInt32(index + 1) : 0
            }
        }
        let image = disks { _ in Self.radius }.map { Float($0 > 0 ? contrast : 0) }.blurred(sigma_px: 1.5)
            .map { $0 + Float(random.normal(mean: 500, deviation: 2)) }
        return try AnnotatedSet([
            AnnotatedImage(name: "disks", channels: [image], labels: disks { Self.radius + offsets[$0] })
        ])
    }

    /// The radius of a disk of the area that objects have on average in a target.
    private func radius(_ target: Plane<UInt8>, of count: Int) -> Double {
        (Double(target.samples.count { $0 == 1 }) / Double(count) / .pi).squareRoot()
    }

    /// One outline that lies d outside its edge comes to lie (d + 0.9) / 4 outside.
    @Test(arguments: [1.5, 0.0, -1.5])
    func oneOutlineMovesToItsEdge(offset: Double) throws {
        let set = try annotated([offset])
        let fields = TrainingFields(set, scaling: IntensityScaling(), objectLimit: 1, seed: 1)
        let field = fields.training[0]
        #expect(field.drawn.samples.count { $0 == 1 } == set.objects[0].area)
        #expect(abs(radius(field.target, of: 1) - Self.radius - (offset + 0.9) / 4) < 0.3)
        #expect(abs(try #require(fields.outlineShift_px) - abs(offset - (offset + 0.9) / 4)) < 0.3)
    }

    /// Nine outlines that all lie 2 pixels outside show a habit: (2 * 9 + 0.9) / (9 + 3) pixels of it are kept.
    @Test func habitOfManyIsKept() throws {
        let set = try annotated(Array(repeating: 2, count: 9))
        let fields = TrainingFields(set, scaling: IntensityScaling(), heldOutPatches: 0, seed: 1)
        #expect(abs(radius(fields.training[0].target, of: 9) - Self.radius - 1.575) < 0.2)
    }

    /// Slips to both sides are undone; 0.9 / (4 + 3) pixels outside is where outlines are expected.
    @Test func slipsAreUndone() throws {
        let set = try annotated([2, -2, 2, -2])
        let fields = TrainingFields(set, scaling: IntensityScaling(), heldOutPatches: 0, seed: 1)
        for index in 0..<4 {
            let part = Region(column: 80 * index, row: 0, width: 80, height: 80)
            #expect(abs(radius(fields.training[0].target.crop(part), of: 1) - Self.radius - 0.9 / 7) < 0.3)
        }
    }

    @Test func outlinesWithoutEdgeOrUnwantedStay() throws {
        let faint = TrainingFields(try annotated([2], contrast: 1), scaling: IntensityScaling(), seed: 1)
        #expect(faint.outlineShift_px == nil)
        #expect(faint.training[0].target == faint.training[0].drawn)
        let asDrawn = TrainingFields(
            try annotated([2]), scaling: IntensityScaling(), objectLimit: 1, alignsOutlines: false, seed: 1)
        #expect(asDrawn.outlineShift_px == nil)
        #expect(asDrawn.training[0].target == asDrawn.training[0].drawn)
        let many = TrainingFields(
            try annotated(Array(repeating: 2, count: 31)), scaling: IntensityScaling(), heldOutPatches: 0, seed: 1)
        #expect(many.outlineShift_px == nil)
    }

    /// What is scored is the annotation as it was drawn.
    @Test func heldOutPatchesStayAsDrawn() throws {
        let set = try annotated(Array(repeating: 2, count: 12))
        let fields = TrainingFields(set, scaling: IntensityScaling(), objectLimit: 12, heldOutSide: 64, seed: 1)
        #expect(try #require(fields.outlineShift_px) > 0.2)
        #expect(fields.heldOut.count == 2)
        for patch in fields.heldOut { #expect(abs(radius(patch.target, of: 1) - Self.radius - 2) < 0.1) }
    }

    /// Where two objects touch there is no edge to the background, and their border stays where it was drawn.
    @Test func bordersBetweenObjectsStay() throws {
        let image: Plane<Float> = plane(100, 60) { row, column in
            (22..<38).contains(row) && (22..<78).contains(column) ? 1000 : 100
        }
        let labels: Plane<UInt32> = plane(100, 60) { row, column in
            (20..<40).contains(row) && (20..<80).contains(column) ? (column < 50 ? 1 : 2) : 0
        }
        var random = RandomSource(seed: 1)
        let noisy = image.blurred(sigma_px: 1).map { $0 + Float(random.normal(deviation: 5)) }
        let set = try AnnotatedSet([AnnotatedImage(name: "pair", channels: [noisy], labels: labels)])
        let target = TrainingFields(set, scaling: IntensityScaling(), seed: 1).training[0].target
        for row in 24..<36 {
            for column in 44..<56 { #expect(target[row, column] == 1) }
        }
        #expect(target[30, 20] == 0 && target[20, 35] == 0 && target[39, 65] == 0)
    }
}
