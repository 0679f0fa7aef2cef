/// What a TIFF file says about its pages as a whole.
public struct TIFFMetadata: Sendable, Equatable {
    /// Who wrote the arrangement of the pages.
    public enum Flavour: String, Sendable { case plain, imageJ, ome }

    /// Whose metadata the other fields come from.
    public internal(set) var flavour = Flavour.plain
    /// The numbers of channels, slices and time points.
    public internal(set) var sizeC = 1, sizeZ = 1, sizeT = 1
    /// The side of a pixel in um; nil where it is not known.
    public internal(set) var pixelSizeX_um: Double?, pixelSizeY_um: Double?
    /// The distance of slices in um; nil where it is not known.
    public internal(set) var pixelSizeZ_um: Double?
    /// The time from one time point to the next; nil where it is not known.
    public internal(set) var frameInterval_ms: Double?
    /// The names of the channels as far as they are given.
    public internal(set) var channelNames: [String] = []
    /// The text of the first page's description: ImageJ's lines, OME-XML or free text.
    public internal(set) var description = ""

    /// The letters of the axes, fastest first, such as `CZT`.
    var order = "CZT"
    /// The directories of the planes in axis order, where they are not simply 0, 1, 2, ...
    var planes: [Int: TIFFPlaneLocation] = [:]
    /// The file of the set that holds the description, where this one leaves it to another.
    public internal(set) var describingFile: String?
    /// The samples that one page of an OME file holds.
    var samplesPerPage = 1

    /// Whether pixels are as high as wide, as far as it is known.
    public var hasSquarePixels: Bool {
        guard let width = pixelSizeX_um, let height = pixelSizeY_um else { return true }
        return abs(width / height - 1) < 0.01
    }
    /// The number of planes.
    public var planeCount: Int { sizeC * sizeZ * sizeT }
    /// Whether planes lie elsewhere than in the order of the pages, or in other files.
    public var hasPlaneList: Bool { !planes.isEmpty }

    /// The most planes that a description may name.
    private static let mostPlanes = 1 << 31
    /// The most entries that are kept of where planes lie.
    private static let mostEntries = 1 << 23

    /// Takes planes that all name one other file as planes of this one where it holds as many pages: it was renamed
    /// after it was written.
    mutating func settleRenamed(pageCount: Int) {
        let needed = planeCount / max(1, samplesPerPage)
        guard pageCount >= needed, planes.count >= needed, Set(planes.values.map(\.file)).count == 1,
            planes.values.allSatisfy({ $0.file != nil && $0.page < pageCount })
        else { return }
        for (plane, location) in planes { planes[plane] = TIFFPlaneLocation(page: location.page) }
    }

    init() {}

    /// Reads a description and the resolution tags of the first page.
    init(description: String, page: TIFFPage, fileName: String) {
        self.description = description
        pixelSizeX_um = page.tagPixelSize_um
        pixelSizeY_um = page.tagPixelHeight_um ?? page.tagPixelSize_um
        if description.hasPrefix("ImageJ=") {
            readImageJ(page)
        } else if description.contains("<OME") || description.contains(":OME") {
            readOME(fileName)
        }
        boundSizes()
    }

    /// Takes numbers that no file can hold for damage: then the pages are what there is.
    private mutating func boundSizes() {
        let each = sizeC.multipliedReportingOverflow(by: sizeZ)
        let all = each.partialValue.multipliedReportingOverflow(by: sizeT)
        if each.overflow || all.overflow || all.partialValue > Self.mostPlanes { (sizeC, sizeZ, sizeT) = (1, 1, 1) }
    }

    /// The number of a plane among all planes, counted in axis order.
    func planeNumber(channel: Int, z: Int, time: Int) -> Int {
        var number = 0
        var stride = 1
        for axis in order {
            switch axis {
            case "C":
                number += channel / samplesPerPage * stride
                stride *= max(1, sizeC / samplesPerPage)
            case "Z":
                number += z * stride
                stride *= sizeZ
            default:
                number += time * stride
                stride *= sizeT
            }
        }
        return number
    }

    /// ImageJ's description: lines `key=value`; the planes come channel first, then slice, then frame.
    private mutating func readImageJ(_ page: TIFFPage) {
        flavour = .imageJ
        var fields: [Substring: Substring] = [:]
        for line in description.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        func count(_ key: Substring) -> Int? {
            fields[key].flatMap { Int($0) }.flatMap { (1...1 << 30) ~= $0 ? $0 : nil }
        }
        sizeC = count("channels") ?? 1
        sizeZ = count("slices") ?? 1
        let images = count("images") ?? 1
        let each = sizeC.multipliedReportingOverflow(by: sizeZ)
        sizeT = count("frames") ?? (each.overflow ? 1 : max(1, images / each.partialValue))
        let unit = fields["unit"].flatMap { LengthUnit.micrometers(String($0)) }
        // Without a line for the unit the tags tell it.
        if let written = fields["unit"], !written.isEmpty {
            pixelSizeX_um = unit.flatMap { unit in page.resolution.map { unit / $0 } }
            let unitY = fields["yunit"].flatMap { LengthUnit.micrometers(String($0)) } ?? unit
            pixelSizeY_um = unitY.flatMap { unit in page.resolutionY.map { unit / $0 } } ?? pixelSizeX_um
        }
        if let unit, let spacing = fields["spacing"].flatMap({ Double($0) }), spacing > 0 {
            pixelSizeZ_um = spacing * unit
        }
        if let interval = fields["finterval"].flatMap({ Double($0) }), interval > 0 {
            frameInterval_ms = interval * 1000
        }
    }

    /// OME-XML, the first image of it (https://docs.openmicroscopy.org/ome-model).
    private mutating func readOME(_ fileName: String) {
        var images = 0
        var block: (first: Int, count: Int, directory: Int)?
        var isComplete = false
        for tag in XMLTags(description) where !isComplete {
            func number(_ key: Substring) -> Int? {
                tag.attributes[key].flatMap { Int($0) }.flatMap { (0...1 << 30) ~= $0 ? $0 : nil }
            }
            switch tag.name {
            case "BinaryOnly":
                describingFile = tag.attributes["MetadataFile"].flatMap { $0 == fileName ? nil : $0 }
            case "Image":
                images += 1
                isComplete = images > 1
            case "Pixels":
                flavour = .ome
                sizeC = max(1, number("SizeC") ?? 1)
                sizeZ = max(1, number("SizeZ") ?? 1)
                sizeT = max(1, number("SizeT") ?? 1)
                boundSizes()
                if let text = tag.attributes["DimensionOrder"], text.hasPrefix("XY"),
                    text.dropFirst(2).sorted() == ["C", "T", "Z"]
                {
                    order = String(text.dropFirst(2))
                }
                pixelSizeX_um = length(tag, "PhysicalSizeX") ?? pixelSizeX_um
                pixelSizeY_um = length(tag, "PhysicalSizeY") ?? pixelSizeY_um
                pixelSizeZ_um = length(tag, "PhysicalSizeZ")
                frameInterval_ms = tag.attributes["TimeIncrement"].flatMap { Double($0) }.flatMap { value in
                    TIFFMetadata.milliseconds(tag.attributes["TimeIncrementUnit"] ?? "s").map { $0 * value }
                }
            case "Channel":
                channelNames.append(tag.attributes["Name"] ?? tag.attributes["ID"] ?? "")
                samplesPerPage = max(1, number("SamplesPerPixel") ?? samplesPerPage)
            case "TiffData":
                let plane = planeNumber(
                    channel: number("FirstC") ?? 0, z: number("FirstZ") ?? 0, time: number("FirstT") ?? 0)
                let directory = number("IFD")
                block = (plane, number("PlaneCount") ?? (directory == nil ? .max : 1), directory ?? 0)
                // A block that maps planes to directories of the same numbers needs no entries.
                if let block, block.first != block.directory { note(block, file: nil) }
            case "UUID":
                guard let block, let name = tag.attributes["FileName"], name != fileName else { break }
                note(block, file: name)
            default: break
            }
        }
    }

    /// Notes where the planes of a block lie.
    private mutating func note(_ block: (first: Int, count: Int, directory: Int), file: String?) {
        let last = min(
            planeCount, block.first.addingReportingOverflow(block.count).overflow ? .max : block.first + block.count)
        guard block.first < last, planes.count + last - block.first <= Self.mostEntries else { return }
        for plane in block.first..<last {
            planes[plane] = TIFFPlaneLocation(file: file, page: block.directory + plane - block.first)
        }
    }

    private func length(_ tag: XMLTags.Tag, _ key: Substring) -> Double? {
        guard let value = tag.attributes[key].flatMap({ Double($0) }), value > 0, value.isFinite else { return nil }
        return LengthUnit.micrometers(tag.attributes[key + "Unit"] ?? "um").map { $0 * value }
    }

    private static func milliseconds(_ unit: String) -> Double? {
        switch unit {
        case "s": 1000
        case "ms": 1
        case "\u{B5}s", "\u{3BC}s", "us": 1e-3
        case "min": 60_000
        case "h": 3_600_000
        default: nil
        }
    }
}

/// Where a plane of a stack is.
public struct TIFFPlaneLocation: Sendable, Equatable {
    /// The name of another file of the set beside this one; nil for this file.
    public var file: String?
    /// The page there, from 0.
    public var page: Int
}
