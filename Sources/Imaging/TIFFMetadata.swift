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
    var planes: [Int: PlaneLocation] = [:]
    /// The samples that one page of an OME file holds.
    var samplesPerPage = 1

    /// Where a plane is: a directory of this file, or a directory of the file of another name.
    enum PlaneLocation: Equatable, Sendable {
        case directory(Int)
        case file(String, directory: Int)
    }

    /// Whether pixels are as high as wide, as far as it is known.
    public var hasSquarePixels: Bool {
        guard let width = pixelSizeX_um, let height = pixelSizeY_um else { return true }
        return abs(width / height - 1) < 0.01
    }

    /// Takes planes that all name one other file as planes of this one where it holds as many pages: it was renamed after
    /// it was written.
    mutating func settleRenamed(pageCount: Int) {
        let each = sizeC.multipliedReportingOverflow(by: sizeZ)
        let total = each.partialValue.multipliedReportingOverflow(by: sizeT)
        let needed = total.partialValue / max(1, samplesPerPage)
        guard !each.overflow, !total.overflow, pageCount >= needed, planes.count >= needed else { return }
        var names: Set<String> = []
        for location in planes.values {
            guard case .file(let name, let directory) = location, directory < pageCount else { return }
            names.insert(name)
        }
        guard names.count == 1 else { return }
        for (plane, location) in planes {
            if case .file(_, let directory) = location { planes[plane] = .directory(directory) }
        }
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
            case "Image":
                images += 1
                isComplete = images > 1
            case "Pixels":
                flavour = .ome
                sizeC = max(1, number("SizeC") ?? 1)
                sizeZ = max(1, number("SizeZ") ?? 1)
                sizeT = max(1, number("SizeT") ?? 1)
                if let text = tag.attributes["DimensionOrder"], text.hasPrefix("XY") {
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
                if let block, block.count <= 1 << 20, block.first != block.directory {
                    for step in 0..<block.count { planes[block.first + step] = .directory(block.directory + step) }
                }
            case "UUID":
                guard let block, let name = tag.attributes["FileName"], name != fileName, block.count <= 1 << 20 else {
                    break
                }
                for step in 0..<max(1, block.count) {
                    planes[block.first + step] = .file(name, directory: block.directory + step)
                }
            default: break
            }
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
