import Foundation
import Imaging
import Testing
import Work

@Suite struct ImageFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func image(_ type: PixelType, channels: Int, width: Int = 83, height: Int = 61) -> Image {
        let values = (0..<width * height * channels).map { ($0 * 2_654_435_761) >> 7 & 0xffff }
        let samples: Samples =
            switch type {
            case .uint8: .uint8(values.map { UInt8($0 & 255) })
            case .int8: .int8(values.map { Int8(truncatingIfNeeded: $0) })
            case .uint16: .uint16(values.map { UInt16($0) })
            case .int16: .int16(values.map { Int16(truncatingIfNeeded: $0) })
            case .uint32: .uint32(values.map { UInt32($0) << 15 })
            case .int32: .int32(values.map { Int32($0) * -9 })
            case .float32: .float32(values.map { Float($0) / 7 })
            case .float64: .float64(values.map { Double($0) / 7 })
            }
        return Image(width: width, height: height, channels: channels, samples: samples)
    }

    @Test(arguments: PixelType.allCases, TIFFCompression.allCases)
    func aWrittenTIFFComesBack(type: PixelType, compression: TIFFCompression) throws {
        for channels in [1, 2, 3, 4] {
            let path = folder.file("\(type)\(compression)\(channels).tif")
            var image = image(type, channels: channels)
            image.pixelSize_um = 0.25
            try writeTIFF(image, to: path, compression: compression)
            let back = try readImage(path)
            #expect(back.samples == image.samples)
            #expect(abs((back.pixelSize_um ?? 0) - 0.25) < 1e-6)
            let region = Region(column: 11, row: 17, width: 30, height: 20)
            if TIFFReader.pages(path) == 1 {
                #expect(
                    try TIFFReader(path).read(region: region).plane(channels - 1)
                        == image.plane(channels - 1).crop(region))
            }
        }
    }

    @Test(arguments: [(1, PixelType.uint8), (3, .uint8), (1, .uint16), (1, .float32)])
    func bandsOfAnyHeightMakeATiledImage(channels: Int, type: PixelType) throws {
        let path = folder.file("tiled.tif")
        let whole = image(type, channels: channels, width: 150, height: 131)
        let writer = try BandTIFFWriter(
            path, width: 150, height: 131, channels: channels, pixelType: type, pixelSize_um: 0.5, tile: 32)
        let source = folder.file("source.tif")
        try writeTIFF(whole, to: source)
        let reader = try TIFFReader(source)
        var row = 0
        for rows in [1, 40, 7, 70, 13] {
            try writer.append(try reader.read(region: Region(column: 0, row: row, width: 150, height: rows)))
            row += rows
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.finish()
        let tiled = try TIFFReader(path)
        #expect(tiled.first.isTiled && tiled.first.blockWidth == 32)
        #expect(try tiled.read().samples == whole.samples)
        let region = Region(column: 20, row: 30, width: 100, height: 50)
        #expect(try tiled.read(region: region).plane() == whole.plane().crop(region))
    }

    @Test func anUnfinishedTiledImageLeavesNothing() throws {
        do {
            let writer = try BandTIFFWriter(folder.file("t.tif"), width: 40, height: 40, pixelType: .uint8)
            try writer.append(image(.uint8, channels: 1, width: 40, height: 8))
            #expect(throws: Failure.self) { try writer.finish() }
            #expect(throws: Failure.self) { try writer.append(image(.uint8, channels: 1, width: 41, height: 8)) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test(arguments: [1, 2, 3, 4], [PixelType.uint8, .uint16])
    func aWrittenPNGComesBack(channels: Int, type: PixelType) throws {
        let path = folder.file("picture.png")
        var image = image(type, channels: channels)
        image.pixelSize_um = 0.5
        try writePNG(image, to: path)
        #expect(try readImage(path) == image)
    }

    @Test func regionsOutsideAreRefused() throws {
        let path = folder.file("small.tif")
        try writeTIFF(image(.uint8, channels: 1), to: path)
        let reader = try TIFFReader(path)
        for region in [
            Region(column: -1, row: 0, width: 2, height: 2), Region(column: 80, row: 0, width: 4, height: 1),
            Region(column: 0, row: 0, width: .max, height: 1), Region(column: .max, row: 0, width: 1, height: 1),
            Region(column: 0, row: 0, width: 0, height: 1),
        ] {
            #expect(throws: Failure.self) { try reader.read(region: region) }
        }
        #expect(throws: Failure.self) { try writePNG(image(.float32, channels: 1), to: folder.file("x.png")) }
    }

    @Test func filesOfAFolderComeInCountingOrder() throws {
        for name in ["b10.tif", "b2.tif", "a.PNG", "notes.txt", ".hidden.tif"] {
            _ = FileManager.default.createFile(atPath: folder.file(name), contents: Data())
        }
        #expect(
            try imageFiles(in: folder.path).map { URL(fileURLWithPath: $0).lastPathComponent } == [
                "a.PNG", "b2.tif", "b10.tif",
            ])
        #expect(throws: Failure.self) { try imageFiles(in: folder.file("none")) }
    }
}

extension TIFFReader {
    /// The number of pages of a file; 0 where it cannot be read.
    fileprivate static func pages(_ path: String) -> Int { (try? TIFFReader(path).pageCount) ?? 0 }
}
