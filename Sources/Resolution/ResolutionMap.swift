import Foundation
import Imaging
import Localization
import Work

/// What a map of the resolution is made with.
public struct ResolutionMapSettings: Sendable, Codable, Equatable {
    /// The side of the squares in which the resolution is measured, in nm.
    public var tile_nm = 3000.0
    /// The distance of their centres, which is the side of a pixel of the map; nil takes half the side of a square.
    public var step_nm: Double?
    /// Squares with fewer localizations stay empty.
    public var least = 200

    /// The default settings.
    public init() {}
}

/// The resolution place by place.
public struct ResolutionMap: Sendable, Equatable {
    /// The resolution in nm, one pixel for each place; NaN where it cannot be read.
    public var resolution_nm: Plane<Float>
    /// The side of a pixel of the map.
    public var step_nm: Double
    /// The upper left corner of the map in the table's coordinates.
    public var left_nm: Double, top_nm: Double
    /// The localizations in the square around each place.
    public var localizations: Plane<UInt32>

    /// The values that could be read, in ascending order.
    public var values_nm: [Double] { resolution_nm.samples.filter(\.isFinite).map(Double.init).sorted() }
    /// The value that half of the places reach; nil for an empty map.
    public var median_nm: Double? {
        let values = values_nm
        return values.isEmpty ? nil : values[values.count / 2]
    }
}

/// Maps the resolution over a field: the Fourier ring correlation in overlapping squares, with the same splits of the
/// table in all of them. It is the plain correlation: repeats of single molecules are not taken out.
/// - Throws: as `ringCorrelation`.
public func resolutionMap(
    _ table: LocalizationTable, _ settings: RingCorrelationSettings = RingCorrelationSettings(),
    _ map: ResolutionMapSettings = ResolutionMapSettings()
) throws -> ResolutionMap {
    let (table, extent) = try checked(table, settings)
    let step = map.step_nm ?? map.tile_nm / 2
    guard map.tile_nm > 0, map.tile_nm.isFinite, step > 0, step <= map.tile_nm, map.least >= 50 else {
        throw Failure(
            "a map needs squares above 0 nm, steps not larger than them and 50 localizations in each",
            code: "parameter")
    }
    let columns = max(1, (extent.width_nm / step).rounded(.up))
    let rows = max(1, (extent.height_nm / step).rounded(.up))
    guard columns * rows <= 1e6 else {
        throw Failure(
            String(format: "a map of %.0f x %.0f squares is too large", columns, rows),
            remedy: "choose a larger step", code: "field-too-large")
    }
    let (width, height) = (Int(columns), Int(rows))
    // Rows by cells of the step: a square gathers from the cells that it touches.
    var cells = [[Int]](repeating: [], count: width * height)
    for row in 0..<table.count {
        let x = min(width - 1, Int((table.x_nm[row] - extent.x_nm) / step))
        let y = min(height - 1, Int((table.y_nm[row] - extent.y_nm) / step))
        cells[y * width + x].append(row)
    }
    let splits = try halves(of: table, settings)
    let pixel = settings.pixel_nm ?? max(2, min(10, typicalUncertainty(table) / 1.5))
    let reach = Int(min(Double(max(width, height)), (map.tile_nm / step / 2 + 0.5).rounded(.up)))
    let gathered = cells
    let progress = Progress("map", total: width * height, unit: "squares")
    defer { progress.finish() }
    let found = try concurrentMap(width * height) { (place: Int) throws -> (count: Int, resolution: Float) in
        defer { progress.advance() }
        try Interruption.check()
        let (column, row) = (place % width, place / width)
        let square = Field(
            x_nm: extent.x_nm + (Double(column) + 0.5) * step - map.tile_nm / 2,
            y_nm: extent.y_nm + (Double(row) + 0.5) * step - map.tile_nm / 2, width_nm: map.tile_nm,
            height_nm: map.tile_nm)
        var inside: [Int] = []
        for y in max(0, row - reach)...min(height - 1, row + reach) {
            for x in max(0, column - reach)...min(width - 1, column + reach) {
                for index in gathered[y * width + x]
                where table.x_nm[index] >= square.x_nm && table.x_nm[index] < square.x_nm + square.width_nm
                    && table.y_nm[index] >= square.y_nm && table.y_nm[index] < square.y_nm + square.height_nm
                {
                    inside.append(index)
                }
            }
        }
        guard inside.count >= map.least else { return (inside.count, .nan) }
        let tiling = try RingTiling(
            table.rows(inside), square, pixel_nm: pixel, sharpens: settings.estimator == .ringSum)
        var total = RingSums(rings: tiling.rings)
        let parts = splits.map { split in inside.map { split[$0] } }
        for sums in try tiling.sums(parts, settings.estimator) { total += sums }
        let raw = total.correlation(settings.estimator)
        func pixels(_ ring: Int) -> Double { 2 * Double.pi * Double(max(1, ring)) * tiling.independentShare }
        let (smoothing, crossing) = smoothedCrossing(raw, step: tiling.frequencyStep, settings) { ring in
            settings.criterion.level(pixels: pixels(ring), fixed: settings.level)
        }
        let noise = CorrelationEvidence(
            pixels: (0..<tiling.rings).map(pixels), splits: splits.count, first: smoothing.firstRing,
            bias: settings.estimator == .stormAnalysis ? 4 * tiling.independentShare : 0)
        guard let crossing, noise.score(raw, to: crossing) >= CorrelationEvidence.least else {
            return (inside.count, .nan)
        }
        return (inside.count, Float(1 / (crossing * tiling.frequencyStep)))
    }
    return ResolutionMap(
        resolution_nm: Plane(width: width, height: height, samples: found.map { $0.resolution }), step_nm: step,
        left_nm: extent.x_nm, top_nm: extent.y_nm,
        localizations: Plane(width: width, height: height, samples: found.map { UInt32($0.count) }))
}

extension ResolutionMap {
    /// Writes the map: a TIFF holds the resolution in nm as floats (NaN where there is none), a PNG shows it in colours
    /// with a colour bar and a scale bar, black where there is none.
    /// - Throws: a `Failure` that names the file.
    public func write(_ path: String) throws {
        switch (path as NSString).pathExtension.lowercased() {
        case "tif", "tiff": try writeTIFF(Image(resolution_nm, pixelSize_um: step_nm / 1000), to: path)
        case "png": try picture().writePNG(to: path)
        default:
            throw Failure("\(path): a map is written as .tif or .png", code: "not-supported")
        }
    }

    /// The map in colours: bright is fine.
    public func picture() -> Canvas {
        let values = values_nm
        let low = values.isEmpty ? 0 : values[values.count * 2 / 100]
        let high = max(low + 1, values.isEmpty ? 1 : values[min(values.count - 1, values.count * 98 / 100)])
        let colours = ColourMap(name: "resolution") { ColourMap.tide(1 - 0.85 * $0) }
        var bytes = [UInt8](repeating: 0, count: 3 * resolution_nm.samples.count)
        for (index, value) in resolution_nm.samples.enumerated() where value.isFinite {
            let (red, green, blue) = colours((Double(value) - low) / (high - low)).bytes
            bytes[index] = red
            bytes[index + resolution_nm.samples.count] = green
            bytes[index + 2 * resolution_nm.samples.count] = blue
        }
        let image = Image(
            width: resolution_nm.width, height: resolution_nm.height, channels: 3, samples: .uint8(bytes),
            pixelSize_um: step_nm / 1000)
        var canvas = Canvas(image, shortestSide: 640)
        canvas.drawColourBar(colours, range: low...high, title: "FRC (nm)")
        canvas.drawScaleBar(corner: .bottomLeft)
        return canvas
    }
}
