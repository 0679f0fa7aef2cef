import CCairo
import Foundation

extension Canvas {
    /// One picture of a montage.
    public struct Panel: Sendable {
        /// The picture.
        public var canvas: Canvas
        /// The line of text above it; may be empty.
        public var caption: String

        /// A picture with a caption.
        public init(_ canvas: Canvas, caption: String = "") {
            self.canvas = canvas
            self.caption = caption
        }
    }

    /// Pictures side by side on white, row after row, each scaled to fit its cell, with its caption above.
    /// - Parameters:
    ///   - columns: pictures in a row; where nil, as many as make the whole nearly square.
    ///   - cellWidth: the width of a cell in pixels. Cells are as high as the highest picture at that width, at most one
    ///     and a half times the width. All is made smaller where it would be larger than a canvas can be.
    public static func montage(_ panels: [Panel], columns: Int? = nil, cellWidth: Int = 480) -> Canvas {
        guard !panels.isEmpty else { return Canvas(width: 1, height: 1) }
        let columns = max(1, min(panels.count, columns ?? Int(Double(panels.count).squareRoot().rounded(.up))))
        let rows = (panels.count + columns - 1) / columns
        let aspect = min(1.5, panels.map { Double($0.canvas.height) / Double($0.canvas.width) }.max() ?? 1)
        let limit = Double(maximalSide) * 0.9
        let widest = min(limit / Double(columns), limit / Double(rows) / (aspect + 0.1))
        let cell = max(16, min(Double(max(16, cellWidth)), widest.rounded(.down)))
        let gap = (cell / 32).rounded(.up), text = max(9, cell / 30)
        let captionHeight = panels.allSatisfy(\.caption.isEmpty) ? 0 : (text * 1.7).rounded()
        let tall = (cell * aspect).rounded(.up)
        var montage = Canvas(
            width: Int(gap + (cell + gap) * Double(columns)),
            height: Int(gap + (tall + captionHeight + gap) * Double(rows)))
        montage.textSize = text
        for (index, panel) in panels.enumerated() {
            let x = gap + (cell + gap) * Double(index % columns)
            let y = gap + (tall + captionHeight + gap) * Double(index / columns)
            montage.place(
                panel.canvas, in: ImageRectangle(x: x, y: y + captionHeight, width: cell, height: tall))
            guard !panel.caption.isEmpty else { continue }
            var caption = panel.caption
            while caption.count > 1, Painter.width(caption, size: text) > cell { caption.removeLast() }
            if caption != panel.caption { caption = caption.dropLast() + "…" }
            montage.paintUnscaled([
                .text(
                    Label(
                        text: caption, at: ImagePoint(x: x, y: y + text * 1.05), size: text,
                        colour: Colour(hex: 0x22262B)))
            ])
        }
        return montage
    }

    /// Puts a canvas into the top left of a box, as large as it fits.
    private mutating func place(_ canvas: Canvas, in box: ImageRectangle) {
        let factor = min(box.width / Double(canvas.width), box.height / Double(canvas.height))
        canvas.withSurface { surface in
            withContext { context in
                cairo_translate(context, box.x, box.y)
                cairo_scale(context, factor, factor)
                cairo_set_source_surface(context, surface, 0, 0)
                let pattern = cairo_get_source(context)
                cairo_pattern_set_filter(pattern, factor >= 2 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD)
                cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD)
                cairo_rectangle(context, 0, 0, Double(canvas.width), Double(canvas.height))
                cairo_fill(context)
            }
        }
    }
}
