import Foundation
import Imaging
import Testing
import Work

@Suite struct StackTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func frame(_ number: Int, width: Int = 16, height: Int = 12) -> Plane<UInt16> {
        Plane(
            width: width, height: height,
            samples: (0..<width * height).map { UInt16(truncatingIfNeeded: $0 * 7 + number * 31) })
    }

    @Test(arguments: [nil, 5]) func framesComeBackWithTheirMetadata(expected: Int?) throws {
        let path = folder.file("movie.ome.tif")
        let writer = try OMETIFFWriter(
            path, width: 16, height: 12, channels: ["DAPI <405>"], pixelSize_um: 0.1085, expectedFrames: expected)
        for number in 0..<5 {
            try writer.append(frame(number), info: .init(deltaT_ms: 20.5 * Double(number), exposure_ms: 20))
            #expect(!FileManager.default.fileExists(atPath: path))
        }
        try writer.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["movie.ome.tif"])
        let reader = try TIFFReader(path)
        #expect(reader.pageCount == 5)
        #expect(reader.metadata.flavour == .ome)
        #expect(reader.metadata.sizeT == 5 && reader.metadata.sizeC == 1 && reader.metadata.sizeZ == 1)
        #expect(reader.metadata.channelNames == ["DAPI <405>"])
        #expect(reader.pixelSize_um == 0.1085)
        for number in [4, 0, 2] {
            #expect(try reader.read(page: number) == Image(frame(number), pixelSize_um: 0.1085))
        }
        #expect(try reader.page(channel: 0, time: 3) == 3)
        #expect(throws: Failure.self) { try reader.page(channel: 1) }
        #expect(throws: Failure.self) { try reader.read(page: 5) }
        // Classic TIFF, which more programs read than BigTIFF.
        #expect(try readFile(path)[2] == 42)
    }

    @Test(arguments: [(0, nil), (700, nil), (1500, nil), (2560, nil), (2500, 5)])
    func aMovieThatOutgrowsClassicTIFFBecomesBigTIFF(largest: Int, expected: Int?) throws {
        let path = folder.file("growing.ome.tif")
        let writer = try OMETIFFWriter(
            path, width: 16, height: 12, pixelSize_um: 0.5, expectedFrames: expected, largestClassic: largest)
        for number in 0..<5 {
            try writer.append(frame(number))
            let begun = try TIFFReader(folder.file(".growing.ome.tif.part"))
            #expect(begun.pageCount == number + 1)
            #expect(try begun.read(page: number).samples == .uint16(frame(number).samples))
        }
        try writer.finish()
        #expect(try readFile(path)[2] == 43)
        let reader = try TIFFReader(path)
        #expect(reader.pageCount == 5 && reader.metadata.sizeT == 5 && reader.pixelSize_um == 0.5)
        for number in 0..<5 {
            #expect(try reader.read(page: number) == Image(frame(number), pixelSize_um: 0.5))
        }
    }

    @Test func framesWrittenBeforeACrashAreReadable() throws {
        let path = folder.file("crash.ome.tif")
        let writer = try OMETIFFWriter(path, width: 16, height: 12)
        for number in 0..<3 { try writer.append(frame(number)) }
        let reader = try TIFFReader(folder.file(".crash.ome.tif.part"))
        #expect(reader.pageCount == 3)
        #expect(try reader.read(page: 2).samples == .uint16(frame(2).samples))
        writer.discard()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func channelsOfAFrameAreFoundByNumber() throws {
        let path = folder.file("channels.ome.tif")
        let writer = try OMETIFFWriter(path, width: 16, height: 12, channels: ["a", "b"], axis: .z, zStep_um: 0.3)
        for z in 0..<3 {
            try writer.append(
                Image(
                    width: 16, height: 12, channels: 2,
                    samples: .uint16(frame(2 * z).samples + frame(2 * z + 1).samples)))
        }
        try writer.finish()
        let reader = try TIFFReader(path)
        #expect(reader.metadata.sizeC == 2 && reader.metadata.sizeZ == 3 && reader.metadata.pixelSizeZ_um == 0.3)
        #expect(try reader.page(channel: 1, z: 2) == 5)
        let first = try readImage(path)
        #expect(first.channels == 2 && first.plane(1).samples == frame(1).samples.map { Float($0) })
        #expect(throws: Failure.self) { try writer.append(frame(1)) }
    }

    @Test func seventyThousandPagesAreWithinReach() throws {
        let path = folder.file("long.tif")
        let writer = try OMETIFFWriter(path, width: 4, height: 3)
        for number in 0..<70_000 { try writer.append(frame(number, width: 4, height: 3)) }
        try writer.finish()
        let reader = try TIFFReader(path)
        #expect(reader.pageCount == 70_000)
        for number in stride(from: 69_999, to: 0, by: -7) {
            #expect(try reader.read(page: number).samples == .uint16(frame(number, width: 4, height: 3).samples))
        }
    }

    @Test func framesBeyondFourGigabytesOfAnImageJStackAreRead() throws {
        let path = folder.file("large.tif")
        let (width, height, images) = (1024, 512, 6000)
        let description = "ImageJ=1.53k\nimages=\(images)\nframes=\(images)\nunit=micron\nloop=false\n"
        func big(_ value: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(value >> (8 * (bytes - 1 - $0)) & 255) }
        }
        var header: [UInt8] = [0x4D, 0x4D, 0, 42] + big(8, 4)
        let textStart = 8 + 2 + 9 * 12 + 4
        let dataStart = 512
        let tags: [(Int, Int, Int, Int)] = [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16 << 16), (262, 3, 1, 1 << 16),
            (270, 2, description.utf8.count + 1, textStart), (273, 4, 1, dataStart), (277, 3, 1, 1 << 16),
            (278, 4, 1, height), (279, 4, 1, width * height * 2),
        ]
        header += big(tags.count, 2)
        for (tag, type, count, value) in tags { header += big(tag, 2) + big(type, 2) + big(count, 4) + big(value, 4) }
        header += big(0, 4) + Array(description.utf8) + [0]
        _ = FileManager.default.createFile(atPath: path, contents: Data(header))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        let frameBytes = width * height * 2
        try handle.truncate(atOffset: UInt64(dataStart + images * frameBytes))
        for number in [0, 4096, 5999] {
            try handle.seek(toOffset: UInt64(dataStart + number * frameBytes + 2 * (100 * width + 7)))
            handle.write(Data(big(1000 + number, 2)))
        }
        try handle.close()

        let reader = try TIFFReader(path)
        #expect(reader.pageCount == images && reader.metadata.sizeT == images)
        for number in [5999, 0, 4096] {
            let plane = try reader.read(page: number).plane()
            #expect(plane[100, 7] == Float(1000 + number))
            #expect(plane.samples.reduce(0, +) == Float(1000 + number))
            let part = try reader.read(page: number, region: Region(column: 5, row: 99, width: 4, height: 3))
            #expect(part.plane()[1, 2] == Float(1000 + number))
        }
        #expect(try reader.read(page: 1).plane().samples.allSatisfy { $0 == 0 })
    }

    /// The description names 2^30 images in a file that holds one and a half.
    @Test func framesThatAFileDoesNotHoldAreNotPromised() throws {
        for images in [3, 1 << 30] {
            let path = folder.file("claims.tif")
            var bytes: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 8, 0]
            func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
            let description = Array("ImageJ=1.53k\nimages=\(images)\n".utf8) + [0]
            let data = 10 + 8 * 12 + 4 + description.count
            for (tag, type, count, value) in [
                (256, 4, 1, 4), (257, 4, 1, 2), (258, 3, 1, 16), (262, 3, 1, 1), (270, 2, description.count, 110),
                (273, 4, 1, data), (278, 4, 1, 2), (279, 4, 1, 16),
            ] { bytes += little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4) }
            bytes += little(0, 4) + description + [UInt8](repeating: 1, count: 24)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let reader = try TIFFReader(path)
            #expect(reader.pageCount == 1 && reader.isCutOff)
            #expect(try reader.read(page: 0).samples == .uint16(Array(repeating: 257, count: 8)))
            #expect(throws: Failure.self) { try reader.read(page: 1) }
        }
    }

    @Test func aFileCutOffGivesOneClearLine() throws {
        let path = folder.file("whole.tif")
        let writer = try OMETIFFWriter(path, width: 16, height: 12)
        for number in 0..<3 { try writer.append(frame(number)) }
        try writer.finish()
        let whole = try readFile(path)
        let cut = folder.file("cut.tif")
        for length in stride(from: 0, to: whole.count, by: 61) {
            try whole.prefix(length).write(to: URL(fileURLWithPath: cut))
            do {
                let reader = try TIFFReader(cut)
                for page in 0..<reader.pageCount { _ = try reader.read(page: page) }
            } catch let failure as Failure {
                #expect(failure.message.contains("cut.tif") && !failure.description.contains("\n"))
            }
        }
        #expect(throws: Failure.self) { try TIFFReader(folder.file("missing.tif")) }
        #expect(throws: Failure.self) { try readImage(folder.path) }
    }
}
