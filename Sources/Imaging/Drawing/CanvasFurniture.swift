import Foundation

/// What explains an image: scale bar, colour bar and captions. They are placed in corners of the canvas.
extension Canvas {
    /// A corner of the canvas.
    public enum Corner: String, Sendable, CaseIterable {
        case topLeft, topRight, bottomLeft, bottomRight

        var isRight: Bool { self == .topRight || self == .bottomRight }
        var isBottom: Bool { self == .bottomLeft || self == .bottomRight }
    }

    /// The distance of furniture from the edges in canvas pixels.
    private var margin: Double { textSize * 0.9 }

    /// Draws a scale bar with its length; does nothing where `pixelSize_um` is not known.
    /// - Parameter length_um: the length; where nil, 1, 2 or 5 times a power of ten that takes about a fifth of the width.
    /// - Returns: the length of the bar in um, 0 where none was drawn.
    @discardableResult
    public mutating func drawScaleBar(length_um: Double? = nil, corner: Corner = .bottomRight, colour: Colour = .white)
        -> Double
    {
        guard let pixelSize_um, pixelSize_um > 0, pixelSize_um.isFinite else { return 0 }
        let canvasPixel_um = pixelSize_um / scale
        let length = length_um ?? Canvas.roundLength(below: Double(width) * canvasPixel_um / 4)
        let wide = length / canvasPixel_um
        guard length > 0, wide >= 1, wide + 2 * margin <= Double(width) else { return 0 }
        let thick = max(3, (textSize / 4).rounded())
        let left = (corner.isRight ? Double(width) - margin - wide : margin).rounded()
        let text = Canvas.lengthText(length)
        let top = (corner.isBottom ? Double(height) - margin - thick : margin + textSize * 1.05).rounded()
        let bar = ImageRectangle(x: left, y: top, width: wide, height: thick)
        paintUnscaled([
            .rectangle(bar.grown(by: max(1, textSize * 0.08)), fill: Colour.black.opacity(0.45)),
            .rectangle(bar, fill: colour),
            .text(
                Label(
                    text: text, at: ImagePoint(x: left + wide / 2, y: top - textSize * 0.3), size: textSize,
                    colour: colour, anchor: .middle, halo: .black.opacity(0.7))),
        ])
        return length
    }

    /// The largest length of 1, 2 or 5 times a power of ten that is not above a limit.
    static func roundLength(below limit: Double) -> Double {
        guard limit > 0, limit.isFinite else { return 0 }
        let power = pow(10, floor(log10(limit)))
        return ([5, 2].first { $0 * power <= limit * (1 + 1e-9) } ?? 1) * power
    }

    /// A length in the unit that suits it, such as `200 nm`, `5 µm` or `1.5 mm`.
    static func lengthText(_ length_um: Double) -> String {
        func number(_ value: Double) -> String { String(format: "%.4g", value) }
        if length_um >= 1000 { return "\(number(length_um / 1000)) mm" }
        return length_um >= 1 ? "\(number(length_um)) µm" : "\(number(length_um * 1000)) nm"
    }

    /// Writes a caption with a dark rim into a corner; lines are separated by line breaks.
    public mutating func drawCaption(_ text: String, corner: Corner = .topLeft, colour: Colour = .white) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let step = textSize * 1.35
        let first =
            corner.isBottom
            ? Double(height) - margin - step * Double(lines.count - 1) : margin + textSize * Label.capHeight
        let x = corner.isRight ? Double(width) - margin : margin
        paintUnscaled(
            lines.enumerated().map { index, line in
                .text(
                    Label(
                        text: line, at: ImagePoint(x: x, y: first + step * Double(index)), size: textSize,
                        colour: colour, anchor: corner.isRight ? .end : .start, halo: .black.opacity(0.7)))
            })
    }

    /// Draws an upright colour bar with ticks on a dark ground.
    /// - Parameters:
    ///   - range: the values at the bottom and at the top.
    ///   - title: the quantity with its unit, written above.
    public mutating func drawColourBar(
        _ colourMap: ColourMap, range: ClosedRange<Double>, title: String = "", corner: Corner = .topRight
    ) {
        let mapping = AxisMapping(from: range.lowerBound, to: range.upperBound)
        let exponent = mapping.labelExponent == 0 ? "" : " ×10" + AxisMapping.superscript(mapping.labelExponent)
        let heading = title + exponent
        let tall = min(textSize * 9, Double(height) - 4 * margin), wide = textSize * 0.8
        guard tall > textSize else { return }
        let ticks = mapping.ticks(about: max(2, Int(tall / textSize / 2.2)))
        let labels = ticks.map { Painter.width($0.label, size: textSize * 0.85) }.max() ?? 0
        let inner = max(wide + textSize * 0.4 + labels, Painter.width(heading, size: textSize * 0.85))
        let pad = textSize * 0.6
        let head = heading.isEmpty ? 0 : textSize * 1.3
        let plate = ImageRectangle(
            x: corner.isRight ? Double(width) - margin / 2 - inner - 2 * pad : margin / 2,
            y: corner.isBottom ? Double(height) - margin / 2 - tall - head - 2 * pad : margin / 2,
            width: inner + 2 * pad, height: tall + head + 2 * pad)
        let left = plate.x + pad, top = plate.y + pad + head
        var shapes: [Shape] = [.rectangle(plate, fill: .black.opacity(0.6))]
        let bands = Int(tall)
        for band in 0..<bands {
            let strip = ImageRectangle(
                x: left, y: top + tall * Double(band) / Double(bands), width: wide, height: tall / Double(bands) + 0.6)
            shapes.append(.rectangle(strip, fill: colourMap(1 - (Double(band) + 0.5) / Double(bands))))
        }
        let bar = ImageRectangle(x: left, y: top, width: wide, height: tall)
        shapes.append(.rectangle(bar, stroke: Stroke(colour: .white.opacity(0.5), width: max(1, textSize / 16))))
        let small = textSize * 0.85
        for tick in ticks {
            let y = top + tall * (1 - mapping.fraction(of: tick.value))
            shapes.append(
                .line(
                    ImagePoint(x: left + wide, y: y), ImagePoint(x: left + wide + textSize * 0.2, y: y),
                    Stroke(colour: .white, width: max(1, textSize / 14))))
            shapes.append(
                .text(
                    Label(
                        text: tick.label,
                        at: ImagePoint(x: left + wide + textSize * 0.4, y: y + small * Label.capHeight / 2),
                        size: small,
                        colour: .white)))
        }
        if !heading.isEmpty {
            let at = ImagePoint(x: left, y: plate.y + pad + small * Label.capHeight)
            shapes.append(.text(Label(text: heading, at: at, size: small, colour: .white)))
        }
        paintUnscaled(shapes)
    }
}
