import Imaging
import Work

/// What a search for objects in a mask is told.
struct ComponentOptions: LuaOptions {
    var connectivity = 8
    var minimumArea = 1

    static let defaults = ComponentOptions()
    static let fields = [
        Option(
            "connectivity", \ComponentOptions.connectivity, "4 (sides) or 8 (sides and corners)", minimum: 4, maximum: 8
        ),
        Option("least_area_px", \ComponentOptions.minimumArea, "smaller objects are left out", minimum: 1),
    ]
}

extension LuaModule {
    /// Methods of an image that make other images or measure objects.
    static func declareProcessing(of image: ClassBuilder<Image>) {
        image.method(
            "crop", "Cuts a part out, with all channels.",
            [
                Parameter("column", "the leftmost column"), Parameter("row", "the topmost row"),
                Parameter("width", "columns", minimum: 1), Parameter("height", "rows", minimum: 1),
            ], result: "the part"
        ) { (image: Image, column: Int, row: Int, width: Int, height: Int) in
            try image.crop(Region(column: column, row: row, width: width, height: height))
        }
        image.method(
            "threshold_otsu", "Finds the threshold that best separates dark and bright (Otsu 1979).",
            [Parameter("channel", "from 1", default: 1)], result: "the threshold"
        ) { (image: Image, channel: Int) in Double(otsuThreshold(try image.checkedPlane(channel))) }
        image.method(
            "mask", "Marks the pixels above a threshold.",
            [Parameter("threshold", "the value"), Parameter("channel", "from 1", default: 1)],
            result: "an image of uint8 with 1 above the threshold and 0 elsewhere"
        ) { (image: Image, threshold: Double, channel: Int) in
            Image(try image.checkedPlane(channel).mask(above: Float(threshold)), pixelSize_um: image.pixelSize_um)
        }
        image.method(
            "components", "Numbers the connected regions of the pixels that are not zero.",
            [
                Parameter("options", "how regions are found"),
                Parameter("intensity", "an image of the same size to average over each object"),
            ],
            result:
                "an image of labels, and a list of objects with label, area_px, row, column (mean position), left, top, width, height and mean"
        ) { (image: Image, options: ComponentOptions, intensity: Image?) in
            guard let connectivity = Connectivity(rawValue: options.connectivity) else {
                throw Failure("connectivity is 4 or 8, not \(options.connectivity)", code: "out-of-range")
            }
            let (labels, objects) = labelComponents(
                image.labels().map { $0 == 0 ? 0 : 1 }, connectivity: connectivity, minimumArea: options.minimumArea,
                intensity: try image.matching(intensity))
            return Results(Image(labels, pixelSize_um: image.pixelSize_um), objects.map(\.record))
        }
        image.method(
            "objects", "Measures the objects of an image of labels.",
            [Parameter("intensity", "an image of the same size to average over each object")],
            result: "a list of objects as `components` gives it"
        ) { (image: Image, intensity: Image?) in
            measureObjects(image.labels(), intensity: try image.matching(intensity)).map(\.record)
        }
        image.method(
            "blur", "Blurs all channels with a Gaussian.",
            [Parameter("sigma_px", "its standard deviation", minimum: 0, maximum: 1000)], result: "an image of float32"
        ) { (image: Image, sigma: Double) in try image.mapPlanes { $0.blurred(sigma_px: sigma) } }
        image.method(
            "resize", "Makes the image larger (linear interpolation) or smaller (average over areas).",
            [
                Parameter("width", "new columns", minimum: 1, maximum: 100_000),
                Parameter("height", "new rows", minimum: 1, maximum: 100_000),
            ], result: "an image of float32"
        ) { (image: Image, width: Int, height: Int) in
            guard width * height * image.channels <= 1 << 31 else {
                throw Failure("an image of \(width)x\(height) pixels is too large", code: "out-of-range")
            }
            var resized = try image.mapPlanes { $0.resized(width: width, height: height) }
            resized.pixelSize_um = image.pixelSize_um.map { $0 * Double(image.width) / Double(width) }
            return resized
        }
    }
}

extension ImageObject {
    fileprivate var record: [String: LuaValue] {
        var record: [String: LuaValue] = [
            "label": .integer(Int(label)), "area_px": .integer(area), "row": .number(row), "column": .number(column),
            "left": .integer(bounds.column), "top": .integer(bounds.row), "width": .integer(bounds.width),
            "height": .integer(bounds.height),
        ]
        if let mean = meanIntensity { record["mean"] = .number(mean) }
        return record
    }
}

extension Image {
    /// The first channel of an image that must have the same size.
    fileprivate func matching(_ other: Image?) throws -> Plane<Float>? {
        guard let other else { return nil }
        guard other.width == width, other.height == height else {
            throw Failure(
                "the image to measure has \(other.width)x\(other.height) pixels, not \(width)x\(height)",
                code: "size-mismatch")
        }
        return other.plane()
    }
}
