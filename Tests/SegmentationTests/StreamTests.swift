import Foundation
import Imaging
import Randomness
import Segmentation
import Testing
import Work

/// Objects of masks that come by rows, against whole planes and closed forms.
@Suite struct StreamedObjectTests {
    /// Blobs: noise, blurred and cut at a level.
    private func blobs(_ width: Int, _ height: Int, seed: UInt64, sigma: Double, share: Double) -> Plane<UInt8> {
        var random = RandomSource(seed: seed)
        let noise: Plane<Float> = plane(width, height) { _, _ in Float(random.normal()) }
        let smooth = noise.blurred(sigma_px: sigma)
        let level = smooth.quantiles([1 - share])[0]
        return smooth.map { $0 > level ? 255 : 0 }
    }

    @Test(arguments: [(2.0, 0.3), (4.0, 0.45), (3.0, 0.6)])
    func partsAreCutAsInTheWholePlane(sigma: Double, share: Double) throws {
        let mask = blobs(300, 260, seed: 3, sigma: sigma, share: share)
        let found = try SegmentedObjects(mask: mask, leastArea_px: 1, separate: true)
        let whole = separateTouching(mask)
        #expect(found.labels == whole)
        #expect(found.objects.count == Int(whole.samples.max() ?? 0))
    }

    @Test func measuresAgreeWithSumsOverPixels() throws {
        let mask = blobs(400, 1300, seed: 4, sigma: 4, share: 0.3)
        var random = RandomSource(seed: 9)
        let image: Plane<Float> = plane(400, 1300) { _, _ in Float(random.uniform(in: 0...4000).rounded()) }
        for separate in [false, true] {
            let found = try SegmentedObjects(
                mask: mask, leastArea_px: 30, separate: separate, intensity: image, pixelSize_um: 0.5)
            #expect(found.objects.count > 50)
            var order: [UInt32] = []
            var sums: [UInt32: (n: Double, x: Double, y: Double, value: Double, most: Double)] = [:]
            for row in 0..<1300 {
                for column in 0..<400 where found.labels[row, column] > 0 {
                    let label = found.labels[row, column]
                    if sums[label] == nil { order.append(label) }
                    var sum = sums[label] ?? (0, 0, 0, 0, 0)
                    sum.n += 1
                    sum.x += Double(column) + 0.5
                    sum.y += Double(row) + 0.5
                    sum.value += Double(image[row, column])
                    sum.most = max(sum.most, Double(image[row, column]))
                    sums[label] = sum
                }
            }
            #expect(order == (1...UInt32(found.objects.count)).map { $0 })
            for object in found.objects {
                let sum = try #require(sums[UInt32(object.id)])
                #expect(object.area_px == Int(sum.n) && object.area_px >= 30)
                #expect(abs(object.x_px - sum.x / sum.n) < 1e-9 && abs(object.y_px - sum.y / sum.n) < 1e-9)
                #expect(abs(object.meanIntensity - sum.value / sum.n) < 1e-9 && object.maxIntensity == sum.most)
            }
        }
    }

    @Test func classesAreNumberedOneAfterTheOther() throws {
        let shapes = blobs(200, 1100, seed: 6, sigma: 3, share: 0.5)
        let kinds = blobs(200, 1100, seed: 7, sigma: 5, share: 0.5)
        let mask: Plane<UInt8> = plane(200, 1100) { row, column in
            shapes[row, column] > 0 ? (kinds[row, column] > 0 ? 2 : 1) : 0
        }
        let found = try SegmentedObjects(mask: mask, classes: 3, leastArea_px: 20)
        var expected = Plane<UInt32>(width: 200, height: 1100, filledWith: 0)
        var count: UInt32 = 0
        for value: UInt8 in [1, 2] {
            let (labels, objects) = labelComponents(mask.map { $0 == value ? 1 : 0 }, minimumArea: 20)
            for index in labels.samples.indices where labels.samples[index] > 0 {
                expected.samples[index] = labels.samples[index] + count
            }
            let numbers = count + 1...count + UInt32(objects.count)
            #expect(numbers.allSatisfy { found.objects[Int($0) - 1].classNumber == Int(value) })
            count += UInt32(objects.count)
        }
        #expect(found.labels == expected && found.objects.count == Int(count))
        #expect(found.mask(classes: 3) == labelled(mask, expected))
    }

    /// The mask where there is a label.
    private func labelled(_ mask: Plane<UInt8>, _ labels: Plane<UInt32>) -> Plane<UInt8> {
        plane(mask.width, mask.height) { labels[$0, $1] > 0 ? mask[$0, $1] : 0 }
    }

    /// Two checkerboards of 8-connected pixels have so many runs that they are giants; the last row makes them one.
    @Test func giantsAreOneObjectEach() throws {
        let (width, height) = (2101, 2000)
        func board(_ bridge: Bool) -> Plane<UInt8> {
            plane(width, height) { row, column in
                if column == 1050 { return bridge && row == height - 1 ? 1 : 0 }
                return (row + column) % 2 == 0 || (bridge && row == height - 1) ? 1 : 0
            }
        }
        let apart = try SegmentedObjects(mask: board(false), separate: true)
        #expect(apart.objects.map(\.area_px) == [1050 * 1000, 1050 * 1000])
        #expect(apart.objects[0].box == Region(column: 0, row: 0, width: 1050, height: 2000))
        #expect(apart.objects[1].box == Region(column: 1051, row: 0, width: 1050, height: 2000))
        #expect(abs(apart.objects[0].x_px - 525) < 1e-6 && abs(apart.objects[0].y_px - 1000) < 1e-6)
        let one = try SegmentedObjects(mask: board(true))
        #expect(one.objects.map(\.area_px) == [2100 * 1000 + 1050 + 1])
        #expect(one.labels.samples.max() == 1)
    }

    @Test func whatIsTooLargeToCutStaysWhole() throws {
        let mask = Plane<UInt8>(width: 4200, height: 4200, filledWith: 1)
        let image: Plane<Float> = plane(4200, 4200) { row, _ in Float(row) }
        let found = try SegmentedObjects(mask: mask, separate: true, intensity: image)
        #expect(found.objects.map(\.area_px) == [4200 * 4200])
        #expect(found.objects[0].meanIntensity == 2099.5 && found.objects[0].maxIntensity == 4199)
    }

    @Test func manyRunsGoThroughAFile() throws {
        // 4.5 million runs: single pixels on every other column and row.
        let mask: Plane<UInt8> = plane(3000, 6000) { row, column in row % 2 == 0 && column % 2 == 0 ? 1 : 0 }
        let found = try SegmentedObjects(mask: mask, leastArea_px: 1)
        #expect(found.objects.count == 1500 * 3000)
        let isRight = (0..<6000).allSatisfy { row in
            (0..<3000).allSatisfy { column in
                found.labels[row, column]
                    == (row % 2 == 0 && column % 2 == 0 ? UInt32(row / 2 * 1500 + column / 2 + 1) : 0)
            }
        }
        #expect(isRight)
    }

    @Test func sizesAreDrawn() throws {
        let folder = NSTemporaryDirectory() + "sizes-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let found = try SegmentedObjects(mask: blobs(200, 200, seed: 5, sigma: 3, share: 0.3))
        try found.objects.writeSizes(to: folder + "/sizes.png", pixelSize_um: 0.5)
        try [SegmentedObject]().writeSizes(to: folder + "/none.png", pixelSize_um: nil)
        #expect(try readPNG(folder + "/sizes.png").width > 100)
        #expect(try readPNG(folder + "/none.png").width > 100)
    }
}
