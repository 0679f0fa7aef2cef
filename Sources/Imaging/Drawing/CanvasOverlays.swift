import Foundation

/// Drawings over an image, all in the coordinates of the image.
extension Canvas {
    /// The width of a line that is seen well, in canvas pixels.
    private var lineWidth: Double { max(1, textSize / 9) }

    /// Draws outlines of objects.
    /// - Parameters:
    ///   - outlines: see `outlines(of:)`; `smoothed` ones look better on enlarged images.
    ///   - colour: one colour for all; where nil, each label gets one of the bright hues by its number.
    ///   - fill: the opacity of the colour inside, 0 for none.
    ///   - width: the width of the lines in canvas pixels.
    public mutating func drawOutlines(
        _ outlines: [Outline], colour: Colour? = nil, fill: Double = 0, width: Double? = nil
    ) {
        let scale = scale
        paint(
            outlines.map { outline in
                // The golden angle keeps the hues of neighbouring numbers apart.
                let hue = (Double(outline.label % 100_000) * 0.618034).truncatingRemainder(dividingBy: 1)
                let colour = colour ?? ColourMap.time(hue)
                return .path(
                    outline.rings, closed: true, stroke: Stroke(colour: colour, width: (width ?? lineWidth) / scale),
                    fill: fill > 0 ? colour.opacity(fill) : nil)
            })
    }

    /// Draws the way from point to point, with an arrow head in the middle of every longer step.
    public mutating func drawPath(_ points: [ImagePoint], colour: Colour = .white) {
        let points = points.filter(\.isDrawable)
        guard points.count > 1 else { return }
        let head = textSize * 0.55 / scale
        var heads: [[ImagePoint]] = []
        for (from, to) in zip(points, points.dropFirst()) {
            let length = hypot(to.x - from.x, to.y - from.y)
            guard length > 3 * head else { continue }
            let (ux, uy) = ((to.x - from.x) / length, (to.y - from.y) / length)
            let tip = ImagePoint(
                x: (from.x + to.x) / 2 + ux * head / 2, y: (from.y + to.y) / 2 + uy * head / 2)
            heads.append([
                tip, ImagePoint(x: tip.x - head * (ux + 0.45 * uy), y: tip.y - head * (uy - 0.45 * ux)),
                ImagePoint(x: tip.x - head * (ux - 0.45 * uy), y: tip.y - head * (uy + 0.45 * ux)),
            ])
        }
        paint([
            .path(
                [points], closed: false, stroke: Stroke(colour: .black.opacity(0.5), width: 2.4 * lineWidth / scale),
                fill: nil),
            .path([points], closed: false, stroke: Stroke(colour: colour, width: lineWidth / scale), fill: nil),
            .path(heads, closed: true, stroke: nil, fill: colour),
        ])
    }

    /// Draws a ring around each point.
    /// - Parameters:
    ///   - radius: the radius of the rings in canvas pixels; a third of the text size where nil.
    ///   - labels: texts beside the points, in the same order; may be fewer than points.
    public mutating func drawPoints(
        _ points: [ImagePoint], colour: Colour = Colour(hex: 0xFFD23F), radius: Double? = nil, labels: [String] = []
    ) {
        let radius = radius ?? textSize / 3
        paint([
            .discs(
                points.filter(\.isDrawable), radius: radius / scale,
                stroke: Stroke(colour: colour, width: lineWidth / scale), fill: nil)
        ])
        for (point, label) in zip(points, labels) where point.isDrawable {
            drawText(label, at: point, offset: (radius + textSize * 0.25, textSize * 0.35), colour: colour)
        }
    }

    /// Draws a rectangle, such as a tile or a field of view, with a label in its top left corner.
    /// - Parameter isDashed: whether the line is broken.
    public mutating func drawRectangle(
        _ rectangle: ImageRectangle, label: String = "", colour: Colour = Colour(hex: 0x5CCBF5), isDashed: Bool = false
    ) {
        drawRectangles([rectangle], labels: label.isEmpty ? [] : [label], colour: colour, isDashed: isDashed)
    }

    /// Draws rectangles, such as tiles or fields of view, with labels in their top left corners.
    /// - Parameters:
    ///   - labels: texts in the same order; may be fewer than rectangles.
    ///   - isDashed: whether the lines are broken.
    public mutating func drawRectangles(
        _ rectangles: [ImageRectangle], labels: [String] = [], colour: Colour = Colour(hex: 0x5CCBF5),
        isDashed: Bool = false
    ) {
        let dash = isDashed ? [4 * lineWidth / scale, 3 * lineWidth / scale] : []
        let corners = rectangles.map(\.corners).filter { $0.allSatisfy(\.isDrawable) }
        paint([
            .path(
                corners, closed: true, stroke: Stroke(colour: colour, width: lineWidth / scale, dash: dash), fill: nil)
        ])
        let size = textSize
        for (rectangle, label) in zip(rectangles, labels) where rectangle.corners.allSatisfy(\.isDrawable) {
            let corner = ImagePoint(x: rectangle.x, y: rectangle.y)
            drawText(label, at: corner, offset: (lineWidth + size * 0.2, lineWidth + size * 0.95), colour: colour)
        }
    }

    /// Writes text with a dark rim, its base line beginning at a point.
    public mutating func drawText(_ text: String, at point: ImagePoint, colour: Colour = .white) {
        drawText(text, at: point, offset: (0, 0), colour: colour)
    }

    private mutating func drawText(
        _ text: String, at point: ImagePoint, offset: (x: Double, y: Double), colour: Colour
    ) {
        guard point.isDrawable else { return }
        let at = ImagePoint(x: point.x * scale + offset.x, y: point.y * scale + offset.y)
        paintUnscaled([
            .text(Label(text: text, at: at, size: textSize, colour: colour, halo: .black.opacity(0.7)))
        ])
    }
}

extension ImagePoint {
    /// Whether drawing can cope with the numbers.
    var isDrawable: Bool { abs(x) < 1e6 && abs(y) < 1e6 }
}
