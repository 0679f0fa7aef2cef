import Foundation
import Imaging
import Segmentation
import Testing
import Work

/// What is said of images and masks that cannot be learned from: one line with the file, the value and the remedy.
@Suite struct TrainingInputTests {
    private func withFolders(_ body: (_ images: String, _ masks: String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "input-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["images", "masks"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try body(folder + "/images", folder + "/masks")
    }

    private func expect(
        _ code: String, _ words: [String], images: String, masks: String, classes: Int = 2,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let failure = try #require(
            #expect(throws: Failure.self, sourceLocation: location) {
                _ = try AnnotatedSet.read(images: images, masks: masks, classes: classes)
            }, sourceLocation: location)
        #expect(failure.code == code, "\(failure)", sourceLocation: location)
        #expect(!failure.description.contains("\n"), "\(failure)", sourceLocation: location)
        for word in words { #expect(failure.description.contains(word), "\(failure)", sourceLocation: location) }
    }

    @Test func badInputIsToldInOneLine() throws {
        try withFolders { images, masks in
            let image: Plane<UInt16> = plane(60, 50) { row, column in UInt16(row * column) }
            let mask: Plane<UInt8> = plane(60, 50) { row, column in row > 10 && row < 30 && column > 10 ? 1 : 0 }
            let (a, m) = (images + "/a.tif", masks + "/a.png")
            try writeTIFF(Image(image), to: a)
            try writePNG(Image(mask), to: masks + "/other.png")
            try expect("mask-missing", ["a.tif", masks, "a.png"], images: images, masks: masks)

            try writePNG(Image(mask.crop(Region(column: 0, row: 0, width: 59, height: 50))), to: m)
            try expect("size-mismatch", ["a.tif", "60x50", "59x50", "full size"], images: images, masks: masks)
            try writePNG(Image(mask.map { _ in UInt8(0) }), to: m)
            try expect("annotation-empty", ["a.tif", "mark at least one object"], images: images, masks: masks)
            try writePNG(Image(mask.map { $0 * 7 }), to: m)
            try expect(
                "class-out-of-range", ["a.tif", "7", "3 classes", "--classes 8"], images: images, masks: masks,
                classes: 3)
            try Data("no image".utf8).write(to: URL(fileURLWithPath: m))
            try expect("not-an-image", [m], images: images, masks: masks)
            try writePNG(Image(mask), to: m)
            try Data(contentsOf: URL(fileURLWithPath: m)).prefix(70).write(to: URL(fileURLWithPath: m))
            try expect("png-damaged", [m], images: images, masks: masks)

            try writePNG(Image(mask), to: m)
            #expect(try AnnotatedSet.read(images: images, masks: masks).objects.count == 1)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: a))
            try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: a))
            try expect("tiff-damaged", [a, "cut off"], images: images, masks: masks)
            try bytes.write(to: URL(fileURLWithPath: a))

            let colours = Image(
                width: 60, height: 50, channels: 3, samples: .uint8((0..<9000).map { UInt8($0 / 3000) }))
            try writePNG(colours, to: images + "/b.png")
            try writePNG(Image(mask), to: masks + "/b.png")
            try expect("channel-mismatch", ["b.png", "3 channels", "a.tif", "1"], images: images, masks: masks)
            try expect("file-missing", [images + "/none.tif"], images: images + "/none.tif", masks: m)
        }
    }

    @Test func namesMayHaveSeveralParts() throws {
        try withFolders { images, masks in
            let mask: Plane<UInt8> = plane(60, 50) { row, column in row > 10 && row < 30 && column > 10 ? 1 : 0 }
            for name in ["one", "two", "three"] {
                for folder in [images, masks] { try writePNG(Image(mask), to: "\(folder)/\(name).png") }
            }
            func names(only: String? = nil, except: String? = nil) throws -> [String] {
                try AnnotatedSet.read(images: images, masks: masks, only: only, except: except).images.map(\.name)
            }
            #expect(try Set(names(only: "one,three")) == ["one.png", "three.png"])
            #expect(try names(except: "one,tw") == ["three.png"])
            #expect(try names(only: "t", except: "three") == ["two.png"])
            #expect(throws: Failure.self) { try names(except: "o,t") }
            #expect(throws: Failure.self) { try names(only: "four") }
        }
    }

    @Test func oneDamagedFileDoesNotSpoilTheRest() throws {
        try withFolders { images, masks in
            let mask: Plane<UInt8> = plane(60, 50) { row, column in row > 10 && row < 30 && column > 10 ? 1 : 0 }
            for name in ["a", "b", "c", "d"] {
                for folder in [images, masks] { try writePNG(Image(mask), to: "\(folder)/\(name).png") }
            }
            try Data("no image".utf8).write(to: URL(fileURLWithPath: images + "/b.png"))
            try writePNG(Image(mask.crop(Region(column: 0, row: 0, width: 59, height: 50))), to: masks + "/c.png")
            try Data().write(to: URL(fileURLWithPath: masks + "/d.png"))
            var left: [String] = []
            let set = try AnnotatedSet.read(
                images: images, masks: masks,
                skip: { file, failure in
                    left.append("\(file): \(failure)")
                })
            #expect(set.images.map(\.name) == ["a.png"])
            #expect(left.count == 3 && left.allSatisfy { !$0.contains("a.png") }, "\(left)")
            for name in ["b", "c", "d"] {
                #expect(left.contains { $0.hasPrefix("\(images)/\(name).png: ") }, "\(left)")
            }

            try Data("no image".utf8).write(to: URL(fileURLWithPath: images + "/a.png"))
            let failure = #expect(throws: Failure.self) {
                try AnnotatedSet.read(images: images, masks: masks, skip: { _, _ in })
            }
            #expect(failure?.code == "not-an-image")
        }
    }
}
