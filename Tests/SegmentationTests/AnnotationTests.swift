import Imaging
import Segmentation
import Testing
import Work

@Suite struct AnnotationTests {
    private func annotated(_ labels: Plane<UInt32>, name: String = "a.tif", channels: Int = 1) throws -> AnnotatedImage
    {
        let image = Plane<Float>(width: labels.width, height: labels.height, filledWith: 1)
        return try AnnotatedImage(name: name, channels: Array(repeating: image, count: channels), labels: labels)
    }

    private func code(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? Failure)?.code }
    }

    @Test func countsValuesAsObjects() throws {
        // Two touching squares of different values and a sliver of 4 pixels.
        let labels: Plane<UInt32> = plane(40, 20) { row, column in
            if row < 2, column < 2 { return 900 }
            guard (5..<15).contains(row) else { return 0 }
            return (5..<15).contains(column) ? 7 : (15..<25).contains(column) ? 3 : 0
        }
        let set = try AnnotatedSet([annotated(labels)])
        #expect(set.objects.map(\.area) == [100, 100])
        #expect(set.objects.map(\.box.column).sorted() == [5, 15])
    }

    @Test func countsPartsOfBinaryMask() throws {
        let labels: Plane<UInt32> = plane(40, 20) { row, column in
            (5..<15).contains(row) && ((2..<12).contains(column) || (20..<30).contains(column)) ? 255 : 0
        }
        let set = try AnnotatedSet([annotated(labels)])
        #expect(set.objects.map(\.area) == [100, 100])
    }

    @Test func classesAreClassNumbers() throws {
        let labels: Plane<UInt32> = plane(40, 20) { row, column in
            (5..<15).contains(row) ? ((2..<12).contains(column) ? 1 : (20..<30).contains(column) ? 2 : 0) : 0
        }
        let set = try AnnotatedSet([annotated(labels)], classes: 3)
        #expect(set.objects.map(\.classNumber) == [1, 2])
        #expect(code { _ = try AnnotatedSet([annotated(labels.map { $0 * 2 })], classes: 3) } == "class-out-of-range")
    }

    @Test func refusesWhatDoesNotFit() throws {
        let labels: Plane<UInt32> = plane(20, 20) { row, column in row > 5 && column > 5 ? 1 : 0 }
        #expect(
            code {
                _ = try AnnotatedImage(
                    name: "a", channels: [Plane<Float>(width: 19, height: 20, filledWith: 0)], labels: labels)
            } == "size-mismatch")
        #expect(code { _ = try AnnotatedSet([annotated(labels.map { _ in 0 })]) } == "annotation-empty")
        #expect(code { _ = try AnnotatedSet([]) } == "images-missing")
        #expect(
            code { _ = try AnnotatedSet([annotated(labels), annotated(labels, name: "b", channels: 3)]) }
                == "channel-mismatch")
        let speck: Plane<UInt32> = plane(20, 20) { row, column in row == 3 && column < 5 ? 1 : 0 }
        #expect(code { _ = try AnnotatedSet([annotated(speck)]) } == "annotation-too-small")
    }

    /// Nine disks on a grid of 60 pixels.
    private func grid() throws -> AnnotatedSet {
        let labels: Plane<UInt32> = plane(200, 200) { row, column in
            for index in 0..<9
            where inDisk(
                row, column, x: 40 + 60 * Double(index % 3), y: 40 + 60 * Double(index / 3), radius: 12)
            {
                return UInt32(index + 1)
            }
            return 0
        }
        return try AnnotatedSet([annotated(labels)])
    }

    @Test func oneObjectLeavesNeighboursOut() throws {
        let set = try grid()
        let fields = TrainingFields(set, scaling: IntensityScaling(), objectLimit: 1, patch: 96, seed: 4)
        let field = try #require(fields.training.first)
        #expect(fields.objectsUsed == 1 && fields.heldOut.isEmpty)
        let object = try #require(field.objects.first)
        var counted = 0
        for row in 0..<200 {
            for column in 0..<200 {
                let label = set.instances[0][row, column]
                let target = field.target[row, column]
                if label == object.label { #expect(target == 1) }
                if label > 0, label != object.label { #expect(target == TrainingField.ignored) }
                if target != TrainingField.ignored { counted += 1 }
            }
        }
        #expect(counted < 96 * 96 && counted > 96 * 96 / 2)
    }

    @Test func heldOutPixelsAreNotLearned() throws {
        let set = try grid()
        let fields = TrainingFields(set, scaling: IntensityScaling(), heldOutSide: 40, seed: 4)
        #expect(fields.heldOut.count == 1)
        #expect(fields.objectsUsed == 8)
        let ignored = fields.training[0].target.samples.count { $0 == TrainingField.ignored }
        #expect(ignored == 40 * 40)
        #expect(fields.heldOut[0].target.samples.count { $0 == 1 } == set.objects[0].area)
        #expect(abs(fields.classShares.reduce(0, +) - 1) < 1e-9)
    }

    /// Squares of 10 pixels in one image and of `side` in another: the standard deviation of the logarithms of two
    /// numbers is that of their ratio over the square root of 2. Sizes that differ within images do not count.
    @Test(arguments: [(14, 1.609), (10, 1), (30, 2)])
    func magnificationIsToldFromSizes(side: Int, spread: Double) throws {
        func squares(_ sides: [Int], _ name: String) throws -> AnnotatedImage {
            let labels: Plane<UInt32> = plane(200, 50) { row, column in
                let number = column / 50
                return row < sides[number] && column % 50 < sides[number] ? UInt32(number + 1) : 0
            }
            return try annotated(labels, name: name)
        }
        func magnification(_ sides: [[Int]]) throws -> Double {
            let set = try AnnotatedSet(sides.enumerated().map { try squares($1, "\($0).tif") })
            return TrainingFields(set, scaling: IntensityScaling(), seed: 1).magnification
        }
        #expect(abs(try magnification([[10, 10, 10, 10], [side, side, side, side]]) - spread) < 0.01)
        #expect(abs(try magnification([[10, side, 10, side], [side, 10, side, 10]]) - 1) < 1e-6)
        #expect(try magnification([[10, side, 10, side]]) == 1)
    }
}
