import Foundation
import Imaging
import Work

extension Image: LuaObject {
    public static let luaName = "imaging.Image"
    public var nativeBytes: Int { samples.count * pixelType.bytes }
}

extension TIFFReader: LuaObject {
    public static let luaName = "imaging.Stack"
    public var nativeBytes: Int { 16 * pageCount }
}

extension LuaModule {
    /// Images and their files.
    static var imaging: LuaModule {
        LuaModule(
            "imaging",
            "Reads, measures and writes images. Rows and columns count from 0 at the top left, pages and channels from 1."
        ) { module in
            declareFiles(module)
            declareImage(module)
            declareStack(module)
            declareStackWriter(module)
            declarePlot(module)
        }
    }

    private static func declareFiles(_ module: LuaModule) {
        module.function(
            "read", "Reads an image: TIFF or PNG, told by the content.",
            [
                Parameter("path", "the file"), Parameter("page", "a page of a TIFF file, from 1", minimum: 1),
                Parameter("planes", "channel, slice and frame of a stack"),
            ],
            result: "the image; without a page the first plane of a stack with all its channels, or the chosen ones"
        ) { (path: String, page: Int?, planes: PlaneOptions) in
            guard let page else { return try readImage(path, planes: planes.choice) }
            let stack = try TIFFReader(path)
            return try stack.read(page: stack.index(ofPage: page))
        }
        module.function(
            "read_labels", "Reads a mask: the label of every pixel, 0 for background.",
            [Parameter("path", "the file; palette indices and colours become numbers")],
            result: "an image of one channel of uint32",
            details: """
                Values count as they are stored: a table that only shows them inverted (ImageJ's inverting LUT, white-is-zero)
                changes nothing. A palette without colours gives its grey values. Transparent pixels are background.
                """
        ) { (path: String) in Image(try readLabels(path)) }
        module.function(
            "open", "Opens a TIFF stack for reading page by page: OME-TIFF, ImageJ, BigTIFF of any length.",
            [Parameter("path", "the file")], result: "the stack"
        ) { (path: String) in try TIFFReader(path) }
        module.function(
            "files", "Lists the image files of a folder in the order people count.",
            [Parameter("folder", "the folder")],
            result: "their paths"
        ) { (folder: String) in try imageFiles(in: folder) }
        module.function(
            "from_rows", "Makes an image from numbers.",
            [
                Parameter("rows", "a list of rows, each a list of numbers"),
                Parameter(
                    "type", "the type of the samples; numbers beyond its ends are clipped", default: "float32",
                    choices: ["uint8", "uint16", "uint32", "float32"]),
            ], result: "an image of one channel"
        ) { (rows: [[Double]], type: String) in
            guard let width = rows.first?.count, width > 0, rows.allSatisfy({ $0.count == width }) else {
                throw Failure("the rows of an image must be of the same length", code: "size-mismatch")
            }
            let values = rows.flatMap { $0 }
            func clipped<Sample: FixedWidthInteger>(_: Sample.Type) -> [Sample] {
                values.map { $0 > 0 ? Sample(min($0.rounded(), Double(Sample.max))) : 0 }
            }
            let samples: Samples =
                switch type {
                case "uint8": .uint8(clipped(UInt8.self))
                case "uint16": .uint16(clipped(UInt16.self))
                case "uint32": .uint32(clipped(UInt32.self))
                default: .float32(values.map { Float($0) })
                }
            return Image(width: width, height: rows.count, samples: samples)
        }
    }

    private static func declareImage(_ module: LuaModule) {
        module.class(Image.self, "An image of one or more channels.") { image in
            image.property("width", "the number of columns") { $0.width }
            image.property("height", "the number of rows") { $0.height }
            image.property("channels", "the number of channels") { $0.channels }
            image.property("type", "the type of the samples, such as uint16") { $0.pixelType.rawValue }
            image.property(
                "pixel_um", "the side of a pixel at the specimen; nil where it is not known",
                get: { $0.pixelSize_um },
                set: { (image: inout Image, size: Double?) in
                    guard size.map({ $0 > 0 && $0.isFinite }) ?? true else {
                        throw Failure("a pixel cannot be \(LuaValue.digits(size ?? 0)) um large", code: "out-of-range")
                    }
                    image.pixelSize_um = size
                })
            image.method(
                "at", "Gives the sample of a pixel.",
                [
                    Parameter("row", "from 0 at the top"), Parameter("column", "from 0 at the left"),
                    Parameter("channel", "from 1", default: 1),
                ], result: "the sample"
            ) { (image: Image, row: Int, column: Int, channel: Int) in
                guard (0..<image.height) ~= row, (0..<image.width) ~= column else {
                    throw Failure(
                        "row \(row), column \(column) lies outside the image of \(image.width)x\(image.height) pixels",
                        code: "out-of-range")
                }
                try image.check(channel)
                return image.sample(channel: channel - 1, row: row, column: column)
            }
            image.method(
                "statistics", "Measures a channel.", [Parameter("channel", "from 1", default: 1)],
                result: "min, max, mean, sd and median"
            ) { (image: Image, channel: Int) -> [String: Double] in
                let plane = try image.checkedPlane(channel)
                let (range, moments) = (plane.finiteRange, plane.moments)
                return [
                    "min": Double(range.lowerBound), "max": Double(range.upperBound), "mean": moments.mean,
                    "sd": moments.standardDeviation, "median": Double(plane.quantiles([0.5])[0]),
                ]
            }
            image.method(
                "quantile", "Gives the value below which a part of the samples lies.",
                [
                    Parameter("fraction", "the part", minimum: 0, maximum: 1),
                    Parameter("channel", "from 1", default: 1),
                ], result: "the value"
            ) { (image: Image, fraction: Double, channel: Int) in
                Double(try image.checkedPlane(channel).quantiles([fraction])[0])
            }
            image.method(
                "channel", "Takes one channel out as an image of float samples.", [Parameter("channel", "from 1")],
                result: "the image"
            ) { (image: Image, channel: Int) in
                Image(try image.checkedPlane(channel), pixelSize_um: image.pixelSize_um)
            }
            image.method(
                "write",
                "Writes the image; the name's extension tells the format. ImageJ opens all but float64, and BigTIFF (over 4 GB) "
                    + "with its Bio-Formats plugin only. A device or pipe gets the data.",
                [
                    Parameter("path", "a .tif, .tiff or .png file"),
                    Parameter(
                        "compression", "of a TIFF file", default: "deflate",
                        choices: TIFFCompression.allCases.map(\.rawValue)),
                ]
            ) { (image: Image, path: String, compression: String) in
                switch (path as NSString).pathExtension.lowercased() {
                case "png": try writePNG(image, to: path)
                case "tif", "tiff":
                    try writeTIFF(image, to: path, compression: TIFFCompression(rawValue: compression) ?? .deflate)
                default: throw Failure("\(path): an image is written as .tif or .png", code: "not-supported")
                }
            }
            image.text { image in
                let channels = image.channels == 1 ? "" : ", \(image.channels) channels"
                let size = image.pixelSize_um.map { ", \(LuaValue.digits($0)) um a pixel" } ?? ""
                return "image \(image.width)x\(image.height) \(image.pixelType.rawValue)\(channels)\(size)"
            }
            image.metamethod("__eq", "Whether size, type and all samples are the same.") {
                (left: Image, right: Image) in
                left.width == right.width && left.channels == right.channels && left.samples == right.samples
            }
            declareProcessing(of: image)
            declareDrawing(of: image)
        }
    }

    private static func declareStack(_ module: LuaModule) {
        module.class(TIFFReader.self, "A TIFF file that is read page by page.") { stack in
            stack.property("path", "the file") { $0.path }
            stack.property("pages", "the number of pages") { $0.pageCount }
            stack.property("width", "the number of columns of the first page") { $0.width }
            stack.property("height", "the number of rows of the first page") { $0.height }
            stack.property("type", "the type of the samples") { $0.first.pixelType.rawValue }
            stack.property("channels", "the number of channels") { max($0.metadata.sizeC, $0.first.channels) }
            stack.property("slices", "the number of focal planes") { $0.metadata.sizeZ }
            stack.property("times", "the number of time points") { $0.metadata.sizeT }
            stack.property("channel_names", "the names of the channels, where given") { $0.metadata.channelNames }
            stack.property("pixel_um", "the side of a pixel; nil where it is not known") { $0.pixelSize_um }
            stack.property("pixel_height_um", "the height of a pixel; nil where it is not known") {
                $0.metadata.pixelSizeY_um
            }
            stack.property("slice_um", "the distance of focal planes; nil where it is not known") {
                $0.metadata.pixelSizeZ_um
            }
            stack.property("description", "the description: OME-XML, ImageJ's lines or free text") {
                $0.metadata.description
            }
            stack.length { $0.pageCount }
            stack.method(
                "read", "Reads a page.", [Parameter("page", "from 1", default: 1, minimum: 1)], result: "the image"
            ) { (stack: TIFFReader, page: Int) in try stack.read(page: stack.index(ofPage: page)) }
            stack.method(
                "read_region", "Reads a part of a page; the rest stays on disk.",
                [
                    Parameter("page", "from 1", minimum: 1), Parameter("column", "the leftmost column", minimum: 0),
                    Parameter("row", "the topmost row", minimum: 0), Parameter("width", "columns", minimum: 1),
                    Parameter("height", "rows", minimum: 1),
                ], result: "the image"
            ) { (stack: TIFFReader, page: Int, column: Int, row: Int, width: Int, height: Int) in
                let region = Region(column: column, row: row, width: width, height: height)
                return try stack.read(page: stack.index(ofPage: page), region: region)
            }
            stack.method(
                "page_of", "Finds the page of a plane of an ImageJ or OME stack.",
                [
                    Parameter("channel", "from 1", minimum: 1), Parameter("slice", "from 1", default: 1, minimum: 1),
                    Parameter("time", "from 1", default: 1, minimum: 1),
                ], result: "the page, from 1"
            ) { (stack: TIFFReader, channel: Int, slice: Int, time: Int) in
                try stack.page(channel: channel - 1, z: slice - 1, time: time - 1) + 1
            }
            stack.text {
                "stack \($0.path): \($0.pageCount) pages of \($0.width)x\($0.height) \($0.first.pixelType.rawValue)"
            }
        }
    }
}

extension Image {
    /// A channel, counted from 1, as a plane of floats.
    func checkedPlane(_ channel: Int) throws -> Plane<Float> {
        try check(channel)
        return plane(channel - 1)
    }

    fileprivate func check(_ channel: Int) throws {
        guard (1...channels) ~= channel else {
            throw Failure("the image has no channel \(channel)", remedy: "it has \(channels)", code: "out-of-range")
        }
    }
}

extension TIFFReader {
    /// The index of a page that a script counts from 1.
    fileprivate func index(ofPage page: Int) throws -> Int {
        guard (1...max(1, pageCount)) ~= page else {
            throw Failure("\(path) has no page \(page)", remedy: "it has \(pageCount)", code: "page-missing")
        }
        return page - 1
    }
}
