import Foundation
import Imaging
import Work

/// The brightness below which a share of what is lit lies: dense structures span decades, and a few bright points must not
/// put out the rest.
private func brightest(_ rendering: Plane<Float>, share: Double = 0.995) -> Double {
    let lit = rendering.samples.filter { $0 > 0 }.sorted()
    return lit.isEmpty ? 1 : Double(lit[min(lit.count - 1, Int(share * Double(lit.count)))])
}

/// Shows rendered localizations in colours, with a scale bar where wanted. Dense structures span decades, so what is dim is
/// brightened; images of more than 4096 pixels a side are averaged down.
/// - Parameter pixel_nm: the side of a rendered pixel.
public func superResolutionPicture(
    _ rendering: Plane<Float>, pixel_nm: Double, colourMap: ColourMap = .hot, hasScaleBar: Bool = true
) -> Image {
    var canvas = Canvas(
        rendering, colourMap: colourMap, contrast: .range(0, brightest(rendering)), gamma: 0.7,
        pixelSize_um: pixel_nm / 1000, longestSide: 4096)
    if hasScaleBar { canvas.drawScaleBar() }
    return canvas.image
}

/// How localizations are coloured by a column.
public struct LocalizationColouring: Sendable {
    /// The column, such as `frame` or `z_nm`.
    public var column: String
    /// The colours.
    public var colourMap: ColourMap
    /// The values of the first and the last colour; nil for the range that holds 98 % of the localizations.
    public var range: ClosedRange<Double>?

    /// A colouring by a column.
    public init(column: String, colourMap: ColourMap = .time, range: ClosedRange<Double>? = nil) {
        self.column = column
        self.colourMap = colourMap
        self.range = range
    }
}

extension LocalizationTable {
    /// A picture in which the colour of a place is the mean colour of its localizations and the brightness their density, with
    /// a scale bar and a colour bar where wanted.
    /// - Throws: a `Failure` for a column that is missing, an empty table, or an image that is too large.
    public func colouredPicture(
        by colouring: LocalizationColouring, pixel_nm: Double, field: Field? = nil, method: RenderingMethod = .gaussian,
        shifts: Int = 4, hasScaleBar: Bool = true
    ) throws -> Image {
        let values = try column(colouring.column)
        let sorted = values.filter(\.isFinite).sorted()
        guard let least = sorted.first, let largest = sorted.last else {
            throw Failure("there are no localizations with a value of \(colouring.column)", code: "table-empty")
        }
        // The time of a movie is shown whole; other columns have outliers.
        let isTime = colouring.column == "frame"
        let low = colouring.range?.lowerBound ?? (isTime ? least : sorted[sorted.count / 100])
        var high = colouring.range?.upperBound ?? (isTime ? largest : sorted[sorted.count - 1 - sorted.count / 100])
        if high <= low { high = low + 1 }
        // The ends of a circle of hues would look the same: it is used from red to violet only.
        let map =
            colouring.colourMap == .time ? ColourMap(name: "time") { ColourMap.time(0.8 * $0) } : colouring.colourMap
        let colours = values.map { map(($0 - low) / (high - low)) }
        func plane(_ weight: ((Colour) -> Double)?) throws -> Plane<Float> {
            try rendered(
                pixel_nm: pixel_nm, field: field, method: method, shifts: shifts,
                weights: weight.map { weight in colours.map { Float(weight($0)) } })
        }
        let density = try plane(nil)
        // Colours are darker than white: what carries them is shown brighter than in a picture of one colour map.
        let bright = brightest(density, share: 0.98)
        let channels = try [plane { $0.red }, plane { $0.green }, plane { $0.blue }].map { colour in
            Plane(
                width: density.width, height: density.height,
                samples: zip(colour.samples, density.samples).map { colour, density in
                    density <= 0 ? 0 : 255 * colour / density * Float(pow(min(1, Double(density) / bright), 0.5))
                })
        }
        var canvas = Canvas(
            adding: zip(channels, [0xFF0000, 0x00FF00, 0x0000FF]).map {
                ($0, ColourMap.tint(Colour(hex: $1)), Contrast.range(0, 255))
            }, pixelSize_um: pixel_nm / 1000, longestSide: 4096)
        if hasScaleBar {
            canvas.drawScaleBar()
            let unit = ColumnNaming.unit(of: colouring.column)
            let name = unit == "nm" ? String(colouring.column.dropLast(3)) : colouring.column
            canvas.drawColourBar(map, range: low...high, title: unit.isEmpty ? name : "\(name) (\(unit))")
        }
        return canvas.image
    }

    /// The name of a column with its unit, as axes show it.
    public static func unit(ofColumn name: String) -> String { ColumnNaming.unit(of: name) }
}

/// A rendering with whole numbers of 16 bits, its largest value at 65535, or with the counts themselves where these are
/// whole and fit.
public func sixteenBits(_ rendering: Plane<Float>) -> Plane<UInt16> {
    let largest = rendering.samples.max() ?? 0
    let isWhole = largest <= 65_535 && rendering.samples.allSatisfy { $0 == $0.rounded() }
    let scale = isWhole || largest <= 0 ? 1 : 65_535 / largest
    return rendering.map { UInt16(max(0, min(65_535, ($0 * scale).rounded()))) }
}
