import Foundation
import Imaging
import Testing
import Work

/// What other programs need to find in the files; `scripts/check-pictures` opens them in ImageJ and tifffile.
@Suite struct ViewerFormTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The entries of each directory of a little-endian classic TIFF file by tag: type, count and value or offset.
    private func directories(_ path: String) throws -> [[Int: (type: Int, count: Int, value: Int)]] {
        let bytes = [UInt8](try readFile(path))
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        }
        #expect(number(0, 4) == 0x002A_4949)
        var result: [[Int: (type: Int, count: Int, value: Int)]] = []
        var place = number(4, 4)
        while place != 0 {
            var entries: [Int: (type: Int, count: Int, value: Int)] = [:]
            let count = number(place, 2)
            for index in 0..<count {
                let at = place + 2 + 12 * index
                let (type, values) = (number(at + 2, 2), number(at + 4, 4))
                entries[number(at, 2)] = (type, values, number(at + 8, type == 3 && values == 1 ? 2 : 4))
            }
            result.append(entries)
            place = number(place + 2 + 12 * count, 4)
        }
        return result
    }

    private func noise(_ width: Int, _ height: Int, channels: Int) -> Image {
        let values = (0..<width * height * channels).map { UInt16(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9) }
        return Image(width: width, height: height, channels: channels, samples: .uint16(values), pixelSize_um: 0.25)
    }

    @Test(arguments: TIFFCompression.allCases, [1, 2, 3, 4])
    func imagesAreInStripsWithPredictorsThatImageJUndoes(compression: TIFFCompression, channels: Int) throws {
        let path = folder.file("image.tif")
        try writeTIFF(noise(700, 900, channels: channels), to: path, compression: compression)
        let pages = try directories(path)
        #expect(pages.count == (channels == 3 ? 1 : channels))
        for page in pages {
            #expect(page[322] == nil && page[273] != nil)
            let predictor = page[317]?.value ?? 1
            #expect(predictor == (compression == .lzw && channels != 3 ? 2 : 1))
        }
    }

    @Test(arguments: [2, 4, 7]) func channelsWithoutCompressionLieOneBehindTheOther(channels: Int) throws {
        let path = folder.file("stack.tif")
        let image = noise(37, 21, channels: channels)
        try writeTIFF(image, to: path, compression: .none)
        let pages = try directories(path)
        #expect(pages.count == channels)
        let start = try #require(pages.first?[273]?.value)
        for (channel, page) in pages.enumerated() { #expect(page[273]?.value == start + channel * 37 * 21 * 2) }
        let bytes = try readFile(path)
        #expect([UInt8](bytes[start..<start + channels * 37 * 21 * 2]) == image.bytes())
        let text = try #require(pages.first?[270])
        let description = String(decoding: bytes[text.value..<text.value + text.count - 1], as: UTF8.self)
        #expect(
            description.hasPrefix("ImageJ=") && description.contains("\nimages=\(channels)\nchannels=\(channels)\n"))
        #expect(description.hasSuffix("unit=micron\n") && pages.first?[296]?.value == 1)
        #expect(try readImage(path) == image)
    }

    @Test(arguments: [PixelType.uint8, .uint32, .float32]) func bandsOfOrdinaryImagesAreInStrips(type: PixelType) throws
    {
        let path = folder.file("bands.tif")
        let samples = try #require(
            [
                PixelType.uint8: Samples.uint8((0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 / 77) }),
                .uint32: .uint32((0..<1_500_000).map { UInt32($0 / 5) }),
                .float32: .float32((0..<1_500_000).map { Float($0) / 3 }),
            ][type])
        let whole = Image(width: 1500, height: 1000, samples: samples)
        let writer = try BandTIFFWriter(path, width: 1500, height: 1000, pixelType: type, pixelSize_um: 0.5)
        var row = 0
        for rows in [1, 512, 88, 399] {
            try writer.append(try whole.crop(Region(column: 0, row: row, width: 1500, height: rows)))
            row += rows
        }
        try writer.finish()
        let page = try #require(try directories(path).first)
        #expect(page[322] == nil && (page[317]?.value ?? 1) == 1)
        let reader = try TIFFReader(path)
        #expect(!reader.first.isTiled && reader.first.blockWidth == 1500)
        #expect(try reader.read().samples == samples)
    }

    @Test func aPictureOfFewBrightSamplesSaysWhatToShow() throws {
        let path = folder.file("rendering.tif")
        var plane = Plane<Float>(width: 200, height: 200, filledWith: 0)
        for index in stride(from: 0, to: 40_000, by: 20) { plane.samples[index] = 1 + Float(index % 7) / 7 }
        plane.samples[777] = 500
        try writeTIFF(Image(plane, pixelSize_um: 0.02), to: path)
        let lines = try TIFFReader(path).metadata.description.split(separator: "\n")
        func value(_ key: String) -> Double? {
            lines.first { $0.hasPrefix(key + "=") }.flatMap { Double($0.dropFirst(key.count + 1)) }
        }
        #expect(value("min") == 0)
        #expect(abs((value("max") ?? 0) - 1.86) < 0.02)
        let back = try readImage(path)
        #expect(back.samples == .float32(plane.samples) && abs((back.pixelSize_um ?? 0) - 0.02) < 1e-6)
        // An even picture needs no such line, nor does an empty one or one of a single value.
        for plane in [plane.map { min($0, 3) }, plane.map { _ in 5 }, plane.map { _ in .nan }] {
            try writeTIFF(Image(plane), to: path)
            #expect(try TIFFReader(path).metadata.description == "")
        }
    }
}
