import Foundation
import Imaging
import Segmentation
import Testing
import Work

/// Whether the values of a mask are objects, classes, soft edges or none of these, and which mask belongs to which image.
@Suite final class MaskMeaningTests {
    private let folder = NSTemporaryDirectory() + "meaning-\(UUID().uuidString)"
    private static let side = 160

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// 16 disks numbered from 1.
    private static let labels: Plane<UInt8> = plane(side, side) { row, column in
        let (line, place) = (row / 40, column / 40)
        return inDisk(row % 40, column % 40, x: 20, y: 20, radius: 12) ? UInt8(line * 4 + place + 1) : 0
    }

    private func write(_ mask: Plane<UInt8>, _ name: String = "mask.png") throws -> String {
        let path = "\(folder)/\(name)"
        try writePNG(mask, to: path)
        return path
    }

    /// The objects that the program counts in a mask, and what it notes.
    private func read(_ mask: Plane<UInt8>) throws -> (objects: Int, notes: [String]) {
        let read = try readAnnotation(write(mask))
        let image = try AnnotatedImage(
            name: "mask.png", channels: [read.labels.map { Float($0) }], labels: read.labels)
        return (try AnnotatedSet([image]).objects.count, read.notes)
    }

    @Test func valuesAreObjectsOrClasses() throws {
        let labels = Self.labels
        #expect(try read(labels).objects == 16)
        #expect(try read(labels.map { $0 > 0 ? 255 : 0 }).objects == 16)
        // Two values that mark many disks each, and two that mark two each beside one that marks twelve.
        #expect(try read(labels.map { $0 == 0 ? 0 : 1 + $0 % 2 }).objects == 16)
        #expect(try read(labels.map { $0 == 0 ? 0 : $0 < 3 ? 1 : $0 < 5 ? 2 : 3 }).objects == 16)
        // An object cut in two by a crossing one stays one of many.
        let cut: Plane<UInt8> = plane(Self.side, Self.side) { row, column in
            labels[row, column] == 6 && (58..<62).contains(column) ? 0 : labels[row, column]
        }
        #expect(try read(cut).objects == 16)
    }

    @Test func softEdgesAreCutAtHalf() throws {
        let binary = Self.labels.map { $0 > 0 ? Float(255) : 0 }
        let soft: Plane<UInt8> = plane(Self.side, Self.side) { row, column in
            var sum: Float = 0
            for r in max(0, row - 1)...min(Self.side - 1, row + 1) {
                for c in max(0, column - 1)...min(Self.side - 1, column + 1) { sum += binary[r, c] / 9 }
            }
            // Ringing of JPEG near both ends.
            return UInt8(min(255, max(0, sum + (sum > 0 ? Float((row * 7 + column * 3) % 5) - 2 : 0))))
        }
        let found = try read(soft)
        #expect(found.objects == 16 && found.notes.count == 1 && found.notes[0].contains("soft edges"))
    }

    @Test func masksThatCannotBeOneAreTold() throws {
        let labels = Self.labels
        func code(_ mask: Plane<UInt8>, _ words: String) throws {
            let path = try write(mask)
            let failure = #expect(throws: Failure.self) { try readAnnotation(path) }
            #expect(failure?.description.contains(words) == true && failure?.description.contains(path) == true)
        }
        try code(labels.map { $0 > 0 ? 2 : 1 }, "no background (0), its values are 1 and 2")
        try code(labels.map { _ in 255 }, "no background (0), all its values are 255")
        try code(labels.map { $0 + 1 }, "no background (0), its values are 1 to 17")
        let noise: Plane<UInt8> = plane(Self.side, Self.side) { row, column in
            UInt8((row * 7919 + column * 104_729 + row * column * 31) % 61 + (labels[row, column] > 0 ? 150 : 20))
        }
        try code(noise, "looks like an image")
        let inverted = try readAnnotation(write(labels.map { $0 > 0 ? 0 : 255 }))
        #expect(inverted.notes.count == 1 && inverted.notes[0].contains("looks inverted"))
        // A full mask that was found is no fault, and class numbers stay as they are.
        #expect(try readAnnotation(write(labels.map { _ in 255 }), isTruth: false).notes.isEmpty)
        #expect(try readAnnotation(write(labels.map { $0 > 0 ? 2 : 1 }), classes: 3).labels.samples.contains(2))
    }

    @Test func noFileIsItsOwnMask() throws {
        let mask = Self.labels
        for name in ["a.png", "a_cp_masks.png", "b.png", "b_mask.png"] { _ = try write(mask, name) }
        let pairs = try maskPairs(images: folder, masks: folder)
        #expect(pairs.map { ($0.image as NSString).lastPathComponent } == ["a.png", "b.png"])
        #expect(pairs.map { ($0.mask as NSString).lastPathComponent } == ["a_cp_masks.png", "b_mask.png"])
        _ = try write(mask, "c.png")
        let failure = #expect(throws: Failure.self) { try maskPairs(images: self.folder, masks: self.folder) }
        #expect(failure?.description.contains("c.png would be its own mask") == true)
        #expect(throws: Failure.self) { try maskPairs(images: self.folder + "/c.png", masks: self.folder + "/c.png") }
        // `.ome.tif` is one ending, also of a single image.
        try FileManager.default.createDirectory(atPath: folder + "/m", withIntermediateDirectories: true)
        _ = try write(mask, "m/x.png")
        #expect(try Segmentation.mask(of: folder + "/x.ome.tif", in: folder + "/m") == folder + "/m/x.png")
    }

    @Test func anImageIsNoMaskOfItself() throws {
        let noise: Plane<UInt8> = plane(Self.side, Self.side) { row, column in
            UInt8((row / 8 * 31 + column / 8 * 17) % 200)
        }
        for name in ["i", "m"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            _ = try write(noise, name + "/a.png")
        }
        let failure = #expect(throws: Failure.self) {
            try AnnotatedSet.read(images: self.folder + "/i", masks: self.folder + "/m")
        }
        #expect(failure?.message.contains("is the image itself") == true)
    }

    @Test func namesOfResultsAreKeptApart() {
        #expect(
            resultNames(of: ["f/a.tif", "f/a.png", "f/a.ome.tif", "f/b.ome.tif", "f/a-tif.tif"])
                == ["a-tif-2", "a-png", "a-ome-tif", "b", "a-tif"])
    }

    @Test func anEmptyTruthCountsWhatIsFoundThere() throws {
        var tally = ScoreTally()
        let empty = Self.labels.map { _ in UInt32(0) }
        let found = Self.labels.map { UInt32($0) }
        try tally.add(mask: empty.map { UInt8($0) }, objects: empty, truth: empty, name: "none")
        #expect(tally.scores.dice == 1 && tally.scores.accuracy == 1 && tally.scores.falseObjects == 0)
        try tally.add(mask: Self.labels, objects: found, truth: empty, name: "false")
        #expect(tally.scores.dice == 0 && tally.scores.objects == 0 && tally.scores.falseObjects == 16)
        try tally.add(mask: Self.labels, objects: found, truth: found, name: "right")
        // As many pixels right as false: 2 TP / (2 TP + FP) = 2/3.
        #expect(abs(tally.scores.dice - 2.0 / 3) < 1e-12 && tally.scores.objects == 16 && tally.scores.detected == 1)
    }
}
