import Foundation
import Imaging
import Localization
import Work

extension FuzzFormat {
    /// A picture with something in it.
    private static func picture(_ width: Int, _ height: Int, channels: Int = 1, _ type: PixelType = .uint16) -> Image {
        let count = width * height * channels
        let samples: Samples =
            switch type {
            case .uint8: .uint8((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) })
            case .float32: .float32((0..<count).map { Float($0 % 97) / 3 })
            case .uint32: .uint32((0..<count).map { UInt32($0 % 5) })
            default: .uint16((0..<count).map { UInt16(truncatingIfNeeded: 100 + $0 * 31 % 900) })
            }
        return Image(width: width, height: height, channels: channels, samples: samples, pixelSize_um: 0.1)
    }

    /// Reads pages as pictures, masks and strips.
    private static func readPages(_ path: String) throws {
        let reader = try TIFFReader(path)
        for page in Set([0, 1, reader.pageCount / 2, reader.pageCount - 1]) where (0..<reader.pageCount) ~= page {
            let layout = try reader.page(page)
            if layout.width * layout.height <= 1 << 22 { _ = try? reader.read(page: page) }
        }
        _ = try? reader.read(page: 0, region: Region(column: 1, row: 1, width: 2, height: 2))
        _ = try? reader.page(channel: 1, z: 1, time: 1)
        _ = try? readLabels(path)
        _ = try readImage(path)
    }

    private static func stack(
        _ path: String, frames: Int, channels: [String] = [""], expected: Int?, _ type: PixelType = .uint16
    ) throws {
        let writer = try OMETIFFWriter(
            path, width: 12, height: 9, pixelType: type, channels: channels, pixelSize_um: 0.1, expectedFrames: expected
        )
        for _ in 0..<frames { try writer.append(picture(12, 9, channels: channels.count, type)) }
        try writer.finish()
    }

    private static func tiled(_ path: String, _ compression: TIFFCompression) throws {
        let writer = try BandTIFFWriter(
            path, width: 50, height: 40, pixelType: .uint16, tile: 32, compression: compression)
        try writer.append(picture(50, 40))
        try writer.finish()
    }

    /// One frame's directory, the frames behind it, as ImageJ writes what does not fit 4 GB.
    private static func contiguous(_ path: String) throws {
        let description = Array("ImageJ=1.53t\nimages=4\nslices=4\nunit=nm\nspacing=50\n".utf8) + [0]
        func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
        func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: Int) -> [UInt8] {
            short(tag) + short(type) + short(count) + [0, 0] + short(value) + [0, 0]
        }
        let place = 8 + 2 + 9 * 12 + 4
        let pixels = place + description.count
        var bytes: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0] + short(9)
        bytes += entry(256, 3, 1, 6) + entry(257, 3, 1, 5) + entry(258, 3, 1, 16) + entry(259, 3, 1, 1)
        bytes += entry(262, 3, 1, 1) + entry(270, 2, description.count, place) + entry(273, 4, 1, pixels)
        bytes += entry(278, 3, 1, 5) + entry(279, 4, 1, 60) + [0, 0, 0, 0] + description
        bytes += (0..<240).map { UInt8($0) }
        try writeWhole(Data(bytes), to: path)
    }

    static var images: [FuzzFormat] {
        let odd = files(in: sharedData + "/tiff_odd", ending: ".tif", ".tiff", ".btf")
        return [
            FuzzFormat(
                "tiff", file: "a.tif",
                seeds: TIFFCompression.allCases.flatMap { compression in
                    [
                        { try writeTIFF(picture(20, 15), to: "\($0)/a.tif", compression: compression) },
                        {
                            try writeTIFF(
                                picture(20, 15, channels: 3, .uint8), to: "\($0)/a.tif", compression: compression)
                        },
                        {
                            try writeTIFF(
                                picture(9, 9, channels: 2, .float32), to: "\($0)/a.tif", compression: compression)
                        },
                        { try tiled("\($0)/a.tif", compression) },
                    ]
                }, read: readPages),
            FuzzFormat(
                "tiff-odd", file: "a.tif", readsSeeds: false, seeds: copies(odd, as: "a.tif", most: 60_000),
                read: readPages),
            FuzzFormat(
                "bigtiff", file: "a.tif", seeds: [{ try stack("\($0)/a.tif", frames: 3, expected: nil) }],
                read: readPages),
            FuzzFormat(
                "ome-tiff", file: "a.ome.tif",
                seeds: [
                    { try stack("\($0)/a.ome.tif", frames: 4, expected: 4) },
                    { try stack("\($0)/a.ome.tif", frames: 2, channels: ["GFP", "Cy5"], expected: 2, .uint8) },
                ], read: readPages),
            FuzzFormat(
                "imagej-tiff", file: "a.tif",
                seeds: [
                    { try contiguous("\($0)/a.tif") },
                    { try writeTIFF(picture(9, 9, channels: 5), to: "\($0)/a.tif", compression: .none) },
                ], read: readPages),
            FuzzFormat(
                "png", file: "a.png", repair: Mutation.repairedPNG,
                seeds: [
                    { try writePNG(picture(20, 15, .uint8), to: "\($0)/a.png") },
                    { try writePNG(picture(20, 15, channels: 3, .uint8), to: "\($0)/a.png") },
                    { try writePNG(picture(20, 15, channels: 4), to: "\($0)/a.png") },
                ],
                read: { path in
                    _ = try? readLabels(path)
                    _ = try readImage(path)
                }),
        ]
    }

    // MARK: - Movies

    private static func frames(_ path: String) throws {
        let movie = try openMovie(path)
        guard movie.width * movie.height <= 1 << 24 else { return }
        for index in Set([0, movie.frameCount / 2, movie.frameCount - 1]) { _ = try movie.frame(index) }
    }

    private static func raw(_ bytes: Int) -> Data { Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 * 13) }) }

    static var movies: [FuzzFormat] {
        [
            FuzzFormat(
                "movie-tiff", file: "m.ome.tif",
                seeds: [
                    { try stack("\($0)/m.ome.tif", frames: 6, expected: 6) },
                    { try stack("\($0)/m.ome.tif", frames: 3, channels: ["a", "b"], expected: nil) },
                    { try contiguous("\($0)/m.ome.tif") },
                ], read: frames),
            FuzzFormat(
                "dax", file: "m.dax", also: ["m.inf"],
                seeds: [
                    { folder in
                        try writeWhole(raw(3 * 2 * 48), to: "\(folder)/m.dax")
                        let text =
                            "information file for\nm.dax\nframe dimensions = 8 x 6\nnumber of frames = 3\n"
                            + "data type = 16 bit integers (binary, big endian)\n"
                        try writeWhole(Data(text.utf8), to: "\(folder)/m.inf")
                    }
                ], read: frames),
            FuzzFormat(
                "raw", file: "m.raw", also: ["m.yaml"],
                seeds: [
                    { folder in
                        try writeWhole(raw(3 * 2 * 48), to: "\(folder)/m.raw")
                        let text =
                            "Byte Order: <\nData Type: uint16\nFrames: 3\nHeight: 6\nWidth: 8\nPixelsize: 130\n"
                        try writeWhole(Data(text.utf8), to: "\(folder)/m.yaml")
                    }
                ], read: frames),
            FuzzFormat(
                "spe", file: "m.spe",
                seeds: [
                    { folder in
                        var bytes = [UInt8](repeating: 0, count: 4100)
                        (bytes[42], bytes[656], bytes[1446], bytes[108]) = (8, 6, 3, 3)
                        try writeWhole(Data(bytes) + raw(3 * 2 * 48), to: "\(folder)/m.spe")
                    }
                ], read: frames),
        ]
    }
}
