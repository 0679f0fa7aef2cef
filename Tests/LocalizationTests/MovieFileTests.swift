import Foundation
import Imaging
import Localization
import Optics
import Testing
import Work

/// A little-endian TIFF of grey pages of 16 bits, with a description on the first.
func writePages(
    _ path: String, _ pages: [(width: Int, height: Int, value: Int)], description: String = "", samples: Int = 1
) throws {
    var bytes: [UInt8] = [0x49, 0x49, 42, 0]
    func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let text = Array(description.utf8) + [0]
    bytes += number(8 + text.count, 4) + text
    for (index, page) in pages.enumerated() {
        let start = bytes.count
        let entries: [(Int, Int, Int, Int)] = [
            (256, 4, 1, page.width), (257, 4, 1, page.height), (258, 3, 1, 16), (259, 3, 1, 1),
            (262, 3, 1, samples == 3 ? 2 : 1), (270, 2, text.count, 8), (273, 4, 1, start + 2 + 10 * 12 + 4),
            (277, 3, 1, samples), (278, 4, 1, page.height), (279, 4, 1, page.width * page.height * samples * 2),
        ]
        bytes += number(entries.count, 2)
        for (tag, type, count, value) in entries {
            bytes += number(tag, 2) + number(type, 2) + number(count, 4) + number(value, 4)
        }
        let pixels = (0..<page.width * page.height * samples).flatMap { number(page.value + $0 % samples, 2) }
        bytes += number(index == pages.count - 1 ? 0 : bytes.count + 4 + pixels.count, 4) + pixels
    }
    try writeWhole(Data(bytes), to: path)
}

@Suite struct MovieFileTests {
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    /// The XML of a set: each file with the numbers of its frames.
    private func series(_ files: [(name: String, frames: Range<Int>)], total: Int) -> String {
        let blocks = files.flatMap { file in
            file.frames.map { time in
                "<TiffData FirstT=\"\(time)\" IFD=\"\(time - file.frames.lowerBound)\" PlaneCount=\"1\">"
                    + "<UUID FileName=\"\(file.name)\">urn:uuid:\(file.name)</UUID></TiffData>"
            }
        }
        return
            "<OME><Image><Pixels DimensionOrder=\"XYCZT\" Type=\"uint16\" SizeX=\"4\" SizeY=\"3\" SizeC=\"1\" SizeZ=\"1\" "
            + "SizeT=\"\(total)\"><Channel/>\(blocks.joined())</Pixels></Image></OME>"
    }

    @Test func aSetOfFilesIsOneMovie() throws {
        try withTemporaryFolder { folder in
            let xml = series([("a.ome.tif", 0..<5), ("a_1.ome.tif", 5..<8)], total: 8)
            try writePages("\(folder)/a.ome.tif", (0..<5).map { (4, 3, 100 + $0) }, description: xml)
            try writePages("\(folder)/a_1.ome.tif", (5..<8).map { (4, 3, 100 + $0) }, description: xml)
            for name in ["a", "a_1"] {
                let movie = try openMovie("\(folder)/\(name).ome.tif")
                #expect(movie.frameCount == 8 && movie.loss == nil && movie.plane == nil)
                #expect(try (0..<8).map { try movie.frame($0)[1, 2] } == (100..<108).map(Float.init))
            }
            // A part that leaves the description to another.
            try writePages(
                "\(folder)/a_1.ome.tif", (5..<8).map { (4, 3, 100 + $0) },
                description: "<OME><BinaryOnly MetadataFile=\"a.ome.tif\" UUID=\"urn:uuid:1\"/></OME>")
            #expect(try openMovie("\(folder)/a_1.ome.tif").frame(7)[0, 0] == 107)
            try FileManager.default.removeItem(atPath: "\(folder)/a_1.ome.tif")
            let part = try openMovie("\(folder)/a.ome.tif")
            #expect(part.frameCount == 5)
            #expect(part.loss?.contains("ends after 5 of the 8 frames, for a_1.ome.tif is missing") == true)
            // A file that was renamed is itself.
            let alone = series([("old.ome.tif", 0..<3)], total: 3)
            try writePages("\(folder)/new.ome.tif", (0..<3).map { (4, 3, $0) }, description: alone)
            let renamed = try openMovie("\(folder)/new.ome.tif")
            #expect(renamed.frameCount == 3 && renamed.loss == nil)
        }
    }

    @Test(arguments: [0, 2, 5]) func aPageOfAnotherSizeIsLeftOut(place: Int) throws {
        try withTemporaryFolder { folder in
            var pages = (0..<5).map { (width: 4, height: 3, value: 100 + $0) }
            pages.insert((2, 2, 7), at: place)
            try writePages("\(folder)/m.tif", pages)
            let movie = try openMovie("\(folder)/m.tif")
            #expect(movie.width == 4 && movie.height == 3 && movie.frameCount == 5)
            #expect(movie.loss?.contains("1 page of another size (2x2 among 4x3) is left out") == true)
            #expect(try (0..<5).map { try movie.frame($0)[0, 0] } == (100..<105).map(Float.init))
        }
    }

    @Test func channelsAndSlicesAreChosen() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/m.tif"
            let pages = (0..<12).map { (width: 4, height: 3, value: $0) }
            try writePages(path, pages, description: "ImageJ=1.53t\nimages=12\nchannels=2\nframes=6\n")
            let first = try openMovie(path)
            #expect(first.frameCount == 6 && first.plane?.contains("channel 1 of 2") == true)
            #expect(try first.frame(5)[0, 0] == 10)
            let second = try openMovie(path, channel: 1)
            #expect(second.plane == nil)
            #expect(try second.frame(5)[0, 0] == 11)
            #expect(message { _ = try openMovie(path, channel: 2) }.contains("no channel 3; it has 2"))
            try writePages(path, pages, description: "ImageJ=1.53t\nimages=12\nslices=3\nframes=4\n")
            #expect(try openMovie(path).plane?.contains("slice 1 of 3") == true)
            #expect(try openMovie(path, slice: 2).frame(3)[0, 0] == 11)
            // A stack of slices alone is a movie.
            try writePages(path, pages, description: "ImageJ=1.53t\nimages=12\nslices=12\n")
            let stack = try openMovie(path)
            #expect(stack.frameCount == 12 && stack.plane == nil && stack.loss == nil)
            #expect(message { _ = try openMovie(path, slice: 1) }.contains("its slices are the frames"))
            // Fewer pages than the description names.
            try writePages(path, pages, description: "ImageJ=1.53t\nimages=20\nframes=20\n")
            #expect(try openMovie(path).loss?.contains("12 of the 20 frames") == true)
        }
    }

    @Test func picturesAreNoMovies() throws {
        try withTemporaryFolder { folder in
            try writePages("\(folder)/c.tif", [(4, 3, 5), (4, 3, 6)], samples: 3)
            #expect(message { _ = try openMovie("\(folder)/c.tif") }.contains("colour pictures of 3 samples"))
            #expect(try openMovie("\(folder)/c.tif", channel: 2).frame(1)[0, 0] == 8)
            try writeWhole(Data("x".utf8), to: "\(folder)/p.png")
            #expect(message { _ = try openMovie("\(folder)/p.png") }.contains("p.png is a picture, not a movie"))
        }
    }

    /// Names that lead out of the folder are not followed.
    @Test func aSetStaysInItsFolder() throws {
        try withTemporaryFolder { folder in
            let xml = series([("m.ome.tif", 0..<2), ("../m.ome.tif", 2..<4)], total: 4)
            try writePages("\(folder)/m.ome.tif", [(4, 3, 1), (4, 3, 2)], description: xml)
            #expect(try openMovie("\(folder)/m.ome.tif").frameCount == 2)
        }
    }

    @Test func aMovieBelowTheOffsetIsRefused() throws {
        try withTemporaryFolder { folder in
            try writePages("\(folder)/m.tif", (0..<4).map { (16, 16, 118 + $0) })
            let movie = try openMovie("\(folder)/m.tif")
            let wrong = CameraCalibration(pixel_nm: 100, offset_counts: 500)
            let said = message { _ = try Localizer(camera: wrong).localize(movie) }
            #expect(said.contains("m.tif: 100 % of the pixels lie below the camera's offset of 500.0 counts"))
            let right = CameraCalibration(pixel_nm: 100, offset_counts: 120)
            #expect(try Localizer(camera: right).localize(movie).count == 0)
        }
    }

    /// A gain so small that every pixel knows nothing.
    @Test func mapsWithoutAUsablePixelAreRefused() throws {
        func plane(_ value: Float) -> Plane<Float> {
            Plane(width: 2, height: 2, samples: [Float](repeating: value, count: 4))
        }
        var camera = CameraCalibration(pixel_nm: 100)
        camera.maps = try CameraMaps(offset: plane(100), variance: plane(4), gain: plane(1e-20))
        let said = message { _ = try Localizer(camera: camera).detect(plane(110)) }
        #expect(said.contains("no usable pixel"))
    }

    @Test func cameraFilesOfOthersAreNamed() throws {
        try withTemporaryFolder { folder in
            func said(_ text: String) -> String {
                message {
                    try writeWhole(Data(text.utf8), to: "\(folder)/c.json")
                    _ = try CameraCalibration(file: "\(folder)/c.json")
                }
            }
            #expect(said("{\"pixel_nm\": 97, \"offset_counts\": 398.6, \"camera\": \"Orca\", \"em_gain\": null}") == "")
            #expect(
                said("{\"pixel_nm\": 97, \"baseline\": 398}").contains("no 'baseline'; did you mean offset_counts?"))
            #expect(said("{\"pixel_nm\": 97, \"e_per_adu\": 0.4}").contains("did you mean electrons_per_count?"))
            #expect(said("{\"pixel_nm\": 97, \"offset_count\": 398}").contains("did you mean offset_counts?"))
            #expect(said("{\"pixel_nm\": 97, \"em_gain\": 0}").contains("em_gain is 0.0; give 1.0 to"))
            #expect(said("{\"pixel_nm\": \"97\"}").contains("pixel_nm is not a number"))
            #expect(said("{\"offset_counts\": 100}").contains("names no pixel_nm"))
            #expect(said("[1]").contains("is not a camera file"))
        }
    }
}
