import Foundation
import Imaging
import Testing
import Work

/// What values of masks, planes of stacks and units of pixel sizes mean.
@Suite struct MaskReadingTests {
    private let folder: TemporaryFolder
    /// Two squares of objects that leave the border free.
    private static let side = 20
    private static let isObject: [Bool] = (0..<side * side).map { place in
        let (row, column) = place.quotientAndRemainder(dividingBy: side)
        return (3..<9).contains(row) && ((3..<9).contains(column) || (11..<17).contains(column))
    }

    init() throws { folder = try TemporaryFolder() }

    private func expectObjects(_ path: String, at location: SourceLocation = #_sourceLocation) throws {
        #expect(try readLabels(path).samples.map { $0 != 0 } == Self.isObject, "\(path)", sourceLocation: location)
    }

    private func tiff(_ values: [UInt8], photometric: Int, description: String = "", palette: [UInt16] = [])
        -> TIFFBytes
    {
        TIFFBytes(
            width: Self.side, height: Self.side, pages: [values], photometric: photometric,
            description: Array(description.utf8), palette: palette)
    }

    @Test func tablesThatOnlyShowValuesInvertedChangeNothing() throws {
        let stored = Self.isObject.map { $0 ? UInt8(255) : 0 }
        let path = folder.file("mask.tif")
        // ImageJ's inverting LUT, and the same from another program.
        for description in ["ImageJ=1.54f\nmin=0.0\nmax=255.0\n", ""] {
            try tiff(stored, photometric: 0, description: description).write(to: path)
            try expectObjects(path)
        }
        // White objects on black, stored as white-is-zero.
        try tiff(stored.map { 255 - $0 }, photometric: 0).write(to: path)
        try expectObjects(path)
        // ImageJ's stored values stay even where its objects fill the border.
        try tiff(stored.map { 255 - $0 }, photometric: 0, description: "ImageJ=1.54f\n").write(to: path)
        #expect(try readLabels(path).samples.map { $0 == 0 } == Self.isObject)
    }

    @Test func palettesOfGreysGiveTheirGreyValues() throws {
        let path = folder.file("mask.tif")
        func palette(_ greys: [UInt16]) -> [UInt16] {
            let all = (greys + Array(repeating: 0, count: 256 - greys.count)).map { $0 * 257 }
            return all + all + all
        }
        // Index 0 is white and marks the objects; index 1 is black and marks them; an inverting table of 256 values.
        try tiff(Self.isObject.map { $0 ? 0 : 1 }, photometric: 3, palette: palette([255])).write(to: path)
        try expectObjects(path)
        try tiff(Self.isObject.map { $0 ? 1 : 0 }, photometric: 3, palette: palette([255])).write(to: path)
        try expectObjects(path)
        try tiff(Self.isObject.map { $0 ? 255 : 0 }, photometric: 3, palette: palette((0..<256).map { 255 - $0 }))
            .write(to: path)
        try expectObjects(path)
        // Colours: the index is the label.
        var colours = palette([0, 200, 100])
        colours[1] = 9
        try tiff(Self.isObject.map { $0 ? 2 : 0 }, photometric: 3, palette: colours).write(to: path)
        #expect(try readLabels(path).samples == Self.isObject.map { $0 ? 2 : 0 })
    }

    @Test func floatsAreLabelsProbabilitiesOrOneValue() throws {
        let path = folder.file("mask.tif")
        func write(_ value: (Bool, Int) -> Float) throws {
            let samples = Self.isObject.enumerated().map { value($1, $0) }
            try writeTIFF(Image(Plane(width: Self.side, height: Self.side, samples: samples)), to: path)
        }
        try write { isObject, _ in isObject ? 0.5 : 0 }
        try expectObjects(path)
        try write { isObject, _ in isObject ? 3 : .nan }
        try expectObjects(path)
        try write { isObject, _ in isObject ? 7 : -1 }
        try expectObjects(path)
        try write { isObject, place in (isObject ? 0.6 : 0.1) + Float(place % 7) * 0.05 }
        try expectObjects(path)
        let notes = try readMask(path).notes
        #expect(notes.count == 1 && notes[0].contains("mask.tif") && notes[0].contains("probabilities"))
    }

    @Test func coloursOfSixteenBitsAndTransparencyAreTold() throws {
        let path = folder.file("mask.png")
        let size = Self.side * Self.side
        var samples = [UInt16](repeating: 0, count: 3 * size)
        for place in 0..<size where Self.isObject[place] { samples[size + place] = 300 }
        try writePNG(Image(width: Self.side, height: Self.side, channels: 3, samples: .uint16(samples)), to: path)
        try expectObjects(path)
        // White everywhere, drawn by its transparency.
        let alpha = Self.isObject.map { $0 ? UInt8(255) : 0 }
        let white = [UInt8](repeating: 255, count: 3 * size)
        try writePNG(Image(width: Self.side, height: Self.side, channels: 4, samples: .uint8(white + alpha)), to: path)
        try expectObjects(path)
    }

    @Test func planesOfAStackAreChosenAndSaid() throws {
        let path = folder.file("stack.ome.tif")
        let writer = try OMETIFFWriter(path, width: 4, height: 3, channels: ["DAPI", "GFP"], axis: .z, zStep_um: 0.3)
        for z in 0..<3 {
            let samples =
                [UInt16](repeating: UInt16(10 * z), count: 12) + [UInt16](repeating: UInt16(10 * z + 1), count: 12)
            try writer.append(Image(width: 4, height: 3, channels: 2, samples: .uint16(samples)))
        }
        try writer.finish()
        func read(_ channel: String?, _ slice: String?) throws -> (values: [Double], plane: String, note: String?) {
            let found = try readChosenImage(path, planes: PlaneChoice(channel: channel, slice: slice))
            let values = (0..<found.image.channels).map { found.image.sample(channel: $0, row: 1, column: 1) }
            return (values, found.plane, found.note)
        }
        let plain = try read(nil, nil)
        #expect(plain.values == [0, 1] && plain.plane == "slice 1 of 3")
        #expect(plain.note?.contains("stack.ome.tif: took slice 1 of 3; choose with --slice N, max or mean") == true)
        let third = try read("gfp", "3")
        #expect(third.values == [21] && third.plane == "channel 2 of 2 (GFP), slice 3 of 3" && third.note == nil)
        #expect(try read("1", "max").values == [20] && read("2", "mean").values == [11])
        #expect(try read("2,1", "2").values == [11, 10])
        for (channel, slice, words) in [
            ("3", "1", "no channel 3; it has 2: DAPI, GFP"), ("1", "4", "no slice 4; it has 3"),
            ("1", "x", "no slice x"),
        ] {
            let failure = #expect(throws: Failure.self) { try read(channel, slice) }
            #expect(failure?.description.contains(words) == true, "\(String(describing: failure))")
        }
        // Pages that nothing is said about.
        let pages = folder.file("pages.tif")
        try TIFFBytes(width: 2, height: 2, pages: [[1, 1, 1, 1], [7, 7, 7, 7]]).write(to: pages)
        let first = try readChosenImage(pages, planes: PlaneChoice())
        #expect(first.plane == "page 1 of 2" && first.note != nil && first.image.sample(row: 0, column: 0) == 1)
        for choice in [PlaneChoice(slice: "2"), PlaneChoice(frame: "2"), PlaneChoice(slice: "max")] {
            #expect(try readImage(pages, planes: choice).sample(row: 0, column: 0) == 7)
        }
    }

    @Test func anOMEFileThatWasRenamedIsWholeInItself() throws {
        let path = folder.file("after.ome.tif")
        let planes = (0..<2).map {
            "<TiffData FirstC=\"\($0)\" IFD=\"\($0)\" PlaneCount=\"1\"><UUID FileName=\"before.ome.tif\">u</UUID></TiffData>"
        }
        func text(_ planes: [String]) -> [UInt8] {
            Array(
                ("<OME><Image><Pixels DimensionOrder=\"XYCZT\" SizeC=\"2\" SizeZ=\"1\" SizeT=\"1\">" + planes.joined()
                    + "</Pixels></Image></OME>").utf8)
        }
        try TIFFBytes(width: 2, height: 2, pages: [[1, 1, 1, 1], [7, 7, 7, 7]], description: text(planes)).write(
            to: path)
        let image = try readImage(path)
        #expect(image.channels == 2 && image.sample(channel: 1, row: 0, column: 0) == 7)
        // A plane that is missing here is still told.
        try TIFFBytes(width: 2, height: 2, pages: [[1, 1, 1, 1]], description: text(planes)).write(to: path)
        #expect(throws: Failure.self) { try readImage(path, planes: PlaneChoice(channel: "2")) }
    }

    @Test func unitsAreReadAsPeopleSpellThem() throws {
        let path = folder.file("unit.tif")
        func pixel(_ description: [UInt8], _ x: Double, _ y: Double, _ unit: Int) throws -> TIFFReader {
            try TIFFBytes(
                width: 2, height: 2, pages: [[1, 2, 3, 4]], description: description, resolution: (x, y, unit)
            ).write(to: path)
            return try TIFFReader(path)
        }
        func expect(_ reader: TIFFReader, _ what: String, at location: SourceLocation = #_sourceLocation) {
            #expect(abs((reader.pixelSize_um ?? 0) - 0.645) < 1e-5, "\(what)", sourceLocation: location)
        }
        let spellings: [(String, Double)] = [
            ("um", 0.645), ("\u{B5}m", 0.645), ("\u{3BC}m", 0.645), ("\\u00B5m", 0.645), ("\\u03BCm", 0.645),
            ("micron", 0.645), ("microns", 0.645), ("micrometer", 0.645), ("micrometers", 0.645), ("micrometre", 0.645),
            ("Micrometres", 0.645), ("nm", 645), ("nanometre", 645), ("nanometers", 645), ("mm", 645e-6),
            ("millimetre", 645e-6), ("cm", 645e-7), ("inch", 0.645 / 25_400), ("\u{C2}\u{B5}m", 0.645),
        ]
        for (unit, size) in spellings {
            expect(try pixel(Array("ImageJ=1.54f\nunit=\(unit)\n".utf8), 1 / size, 1 / size, 1), unit)
        }
        // One byte, as old programs wrote it; and the unit in the tags alone.
        expect(
            try pixel(Array("ImageJ=1.30\nunit=".utf8) + [0xB5] + Array("m\n".utf8), 1 / 0.645, 1 / 0.645, 1), "Latin-1"
        )
        for (unit, length) in [(2, 25_400.0), (3, 10_000)] {
            for description in ["", "ImageJ=1.54f\n"] {
                expect(try pixel(Array(description.utf8), length / 0.645, length / 0.645, unit), description)
            }
        }
        for unit in ["pixel", "furlong"] {
            #expect(try pixel(Array("ImageJ=1.54f\nunit=\(unit)\n".utf8), 1, 1, 1).pixelSize_um == nil)
        }
        #expect(try pixel([], 72, 72, 2).pixelSize_um == nil)
        let oblong = try pixel(Array("ImageJ=1.54f\nunit=um\n".utf8), 1 / 0.645, 1 / 1.29, 1)
        #expect(!oblong.metadata.hasSquarePixels && abs((oblong.metadata.pixelSizeY_um ?? 0) - 1.29) < 1e-4)
    }
}
