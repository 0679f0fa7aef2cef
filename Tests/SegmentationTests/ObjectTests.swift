import Foundation
import Imaging
import Randomness
import Segmentation
import Testing

@Suite struct ObjectTests {
    @Test func measuresOfAnEllipse() throws {
        // Half axes 30 and 18: eccentricity sqrt(1 - (18/30)^2) = 0.8.
        let mask: Plane<UInt8> = plane(120, 90) { row, column in
            let dx = (Double(column) + 0.5 - 60) / 30
            let dy = (Double(row) + 0.5 - 45) / 18
            return dx * dx + dy * dy < 1 ? 255 : 0
        }
        let intensity: Plane<Float> = plane(120, 90) { row, column in mask[row, column] > 0 ? 50 : 3 }
        let found = try SegmentedObjects(mask: mask, intensity: intensity, pixelSize_um: 0.5)
        let object = try #require(found.objects.first)
        #expect(found.objects.count == 1)
        #expect(abs(object.x_px - 60) < 1e-9 && abs(object.y_px - 45) < 1e-9)
        #expect(abs(Double(object.area_px) - .pi * 30 * 18) < 15)
        #expect(abs(object.eccentricity - 0.8) < 0.003)
        #expect(object.meanIntensity == 50)
        #expect(object.box == Region(column: 30, row: 27, width: 60, height: 36))
    }

    @Test func smallPartsAreLeftOut() throws {
        let mask: Plane<UInt8> = plane(50, 50) { row, column in
            (row < 4 && column < 5) || (row > 20 && column > 20 && row < 30 && column < 30) ? 1 : 0
        }
        let found = try SegmentedObjects(mask: mask, leastArea_px: 30)
        #expect(found.objects.map(\.area_px) == [81])
        #expect(found.labels[0, 0] == 0 && found.labels[25, 25] == 1)
        #expect(try SegmentedObjects(mask: mask, leastArea_px: 1).objects.count == 2)
    }

    @Test func classesStayApart() throws {
        let mask: Plane<UInt8> = plane(40, 20) { row, column in
            (5..<15).contains(row) ? ((5..<15).contains(column) ? 1 : (15..<25).contains(column) ? 2 : 0) : 0
        }
        let found = try SegmentedObjects(mask: mask, classes: 3)
        #expect(found.objects.map(\.classNumber) == [1, 2])
        #expect(found.mask(classes: 3) == mask)
    }

    @Test func distancesAgreeWithSearch() {
        var random = RandomSource(seed: 8)
        let mask: Plane<UInt8> = plane(37, 29) { _, _ in random.chance(0.93) ? 1 : 0 }
        let distance = distanceTransform(mask)
        for row in 0..<29 {
            for column in 0..<37 {
                var nearest = Double.infinity
                for r in 0..<29 {
                    for c in 0..<37 where mask[r, c] == 0 {
                        nearest = min(nearest, hypot(Double(r - row), Double(c - column)))
                    }
                }
                #expect(abs(Double(distance[row, column]) - nearest) < 1e-4)
            }
        }
    }

    @Test func touchingDisksAreCutApart() throws {
        let mask: Plane<UInt8> = plane(120, 80) { row, column in
            inDisk(row, column, x: 40, y: 40, radius: 20) || inDisk(row, column, x: 72, y: 40, radius: 18) ? 1 : 0
        }
        #expect(try SegmentedObjects(mask: mask).objects.count == 1)
        let found = try SegmentedObjects(mask: mask, separate: true).objects
        #expect(found.count == 2)
        #expect(abs((found.map(\.x_px).min() ?? 0) - 40) < 2)
        #expect(abs((found.map(\.x_px).max() ?? 0) - 72) < 2)
    }

    @Test func oneNucleusStaysWhole() throws {
        // An ellipse and a disk with a ragged border have one middle.
        let mask: Plane<UInt8> = plane(160, 80) { row, column in
            let dx = (Double(column) + 0.5 - 50) / 40
            let dy = (Double(row) + 0.5 - 40) / 22
            let angle = atan2(Double(row) - 40, Double(column) - 125)
            let ragged = inDisk(row, column, x: 125, y: 40, radius: 22 + 1.5 * sin(9 * angle))
            return dx * dx + dy * dy < 1 || ragged ? 1 : 0
        }
        #expect(try SegmentedObjects(mask: mask, separate: true).objects.count == 2)
    }

    @Test func tableHasOneLinePerObject() throws {
        let mask: Plane<UInt8> = plane(20, 20) { row, column in row < 10 && column < 10 ? 255 : 0 }
        let path = NSTemporaryDirectory() + "objects-\(UUID().uuidString).csv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SegmentedObjects(mask: mask, pixelSize_um: 2).writeCSV(to: path)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            lines[1].hasPrefix(
                "1,5.00,5.00,10.000,10.000,100,400.000,0,0,10,10,0.000,0.000,20.000,20.000,,,0.0000,1"))
    }
}

@Suite struct ScoreTests {
    @Test func scoresByHand() throws {
        // Truth: two squares of 100 pixels. Prediction: the first one shifted by 2 columns, the second missed, and a
        // false square of 50 pixels.
        let truth: Plane<UInt32> = plane(60, 40) { row, column in
            guard (5..<15).contains(row) else { return 0 }
            return (5..<15).contains(column) ? 1 : (30..<40).contains(column) ? 2 : 0
        }
        let mask: Plane<UInt8> = plane(60, 40) { row, column in
            ((5..<15).contains(row) && (7..<17).contains(column))
                || ((20..<30).contains(row) && (5..<10).contains(column))
                ? 255 : 0
        }
        var tally = ScoreTally()
        try tally.add(mask: mask, objects: SegmentedObjects(mask: mask).labels, truth: truth, name: "hand")
        let scores = tally.scores
        #expect(abs(scores.dice - 2.0 * 80 / (200 + 150)) < 1e-12)
        #expect(abs(scores.accuracy - Double(2400 - 120 - 70) / 2400) < 1e-12)
        #expect(scores.objects == 2)
        #expect(scores.detected == 0.5)
        // The Dice of the shifted square is 2 * 80 / 200 = 0.8.
        #expect(scores.objectsDice75 == 0.5)
    }

    @Test func mergedObjectsCostObjectDice() throws {
        let truth: Plane<UInt32> = plane(40, 20) { row, column in
            (5..<15).contains(row) ? ((5..<15).contains(column) ? 1 : (15..<25).contains(column) ? 2 : 0) : 0
        }
        let mask = truth.map { $0 > 0 ? UInt8(255) : 0 }
        var tally = ScoreTally()
        try tally.add(mask: mask, objects: SegmentedObjects(mask: mask).labels, truth: truth, name: "merged")
        #expect(tally.scores.dice == 1 && tally.scores.detected == 1 && tally.scores.objectsDice75 == 0)
    }

    @Test func objectsArePairedOneToOne() throws {
        // A merged pair, an object in two parts with one of exactly half its size, a shifted one with an IoU of 60/140,
        // one found well (90/110), a false one, and a speck.
        func box(_ row: Int, _ column: Int, _ rows: Range<Int>, _ columns: Range<Int>) -> Bool {
            rows.contains(row) && columns.contains(column)
        }
        let truth: Plane<UInt32> = plane(80, 60) { row, column in
            if box(row, column, 0..<10, 0..<10) { return 1 }
            if box(row, column, 0..<10, 10..<20) { return 2 }
            if box(row, column, 20..<30, 0..<20) { return 3 }
            if box(row, column, 40..<50, 0..<10) { return 4 }
            return box(row, column, 40..<50, 30..<40) ? 5 : 0
        }
        let found: Plane<UInt32> = plane(80, 60) { row, column in
            if box(row, column, 0..<10, 0..<20) { return 1 }
            if box(row, column, 20..<30, 0..<10) { return 2 }
            if box(row, column, 20..<30, 11..<20) { return 3 }
            if box(row, column, 40..<50, 4..<14) { return 4 }
            if box(row, column, 40..<50, 31..<41) { return 5 }
            if box(row, column, 52..<58, 60..<70) { return 6 }
            return box(row, column, 0..<3, 70..<75) ? 7 : 0
        }
        var tally = ScoreTally()
        try tally.add(mask: found.map { $0 > 0 ? 255 : 0 }, objects: found, truth: truth, name: "pairs")
        let matching = try #require(tally.scores.matching)
        // Pairs at 0.5: the merged one with one of its two (100/200), the half (100/200) and the one found well.
        #expect(matching.objects == 5 && matching.found == 6)
        #expect(matching.pairs50 == 3 && matching.pairs75 == 1)
        #expect(matching.merges == 1 && matching.splits == 1)
        #expect(matching.precision == 0.5 && matching.f1At50 == 6.0 / 11 && matching.apAt50 == 3.0 / 8)
        #expect(matching.f1At75 == 2.0 / 11 && matching.apAt75 == 1.0 / 10)

        let nothing = truth.map { _ in UInt32(0) }
        var empty = ScoreTally()
        try empty.add(mask: found.map { $0 > 0 ? 255 : 0 }, objects: found, truth: nothing, name: "empty")
        #expect(empty.scores.matching?.found == 6 && empty.scores.matching?.precision == 0)
        var none = ScoreTally()
        try none.add(mask: nothing.map { _ in 0 }, objects: nothing, truth: nothing, name: "none")
        #expect(none.scores.matching?.f1At50 == nil && none.scores.inWords.contains("no true objects"))
    }

    @Test func classesAreScoredApart() throws {
        let truth: Plane<UInt32> = plane(30, 10) { _, column in UInt32(column / 10) }
        let mask: Plane<UInt8> = plane(30, 10) { _, column in column < 20 ? UInt8(column / 10) : 1 }
        var tally = ScoreTally(classes: 3)
        try tally.add(
            mask: mask, objects: SegmentedObjects(mask: mask, classes: 3).labels, truth: truth, name: "classes")
        // Class 1: 100 right of 100 true and 200 said; class 2: none.
        #expect(abs(tally.scores.dice - (2.0 / 3 + 0) / 2) < 1e-12)
        #expect(abs(tally.scores.accuracy - 2.0 / 3) < 1e-12)
    }
}
