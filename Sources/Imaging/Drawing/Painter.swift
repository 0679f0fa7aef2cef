import CCairo

/// Paints shapes on a cairo context.
struct Painter {
    static let fontFamily = "DejaVu Sans"

    let context: OpaquePointer

    func paint(_ shapes: [Shape]) {
        for shape in shapes { paint(shape) }
    }

    private func paint(_ shape: Shape) {
        switch shape {
        case .path(let lines, let closed, let stroke, let fill):
            cairo_new_path(context)
            for line in lines where !line.isEmpty {
                cairo_move_to(context, line[0].x, line[0].y)
                for point in line.dropFirst() { cairo_line_to(context, point.x, point.y) }
                if closed { cairo_close_path(context) }
            }
            finish(stroke, fill)
        case .discs(let centres, let radius, let stroke, let fill):
            for centre in centres {
                cairo_new_path(context)
                cairo_arc(context, centre.x, centre.y, radius, 0, 2 * Double.pi)
                finish(stroke, fill)
            }
        case .text(let label):
            paint(label)
        case .clipped(let box, let shapes):
            cairo_save(context)
            cairo_rectangle(context, box.x, box.y, box.width, box.height)
            cairo_clip(context)
            paint(shapes)
            cairo_restore(context)
        }
    }

    private func paint(_ label: Label) {
        Painter.selectFont(context, size: label.size, isBold: label.isBold)
        let width = Painter.advance(context, label.text)
        let start =
            switch label.anchor {
            case .start: 0.0
            case .middle: -width / 2
            case .end: -width
            }
        cairo_save(context)
        cairo_translate(context, label.at.x, label.at.y)
        if label.isVertical { cairo_rotate(context, -Double.pi / 2) }
        cairo_new_path(context)
        cairo_move_to(context, start, 0)
        cairo_text_path(context, label.text)
        if let halo = label.halo {
            setColour(halo)
            cairo_set_line_width(context, label.size * 0.24)
            cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
            cairo_stroke_preserve(context)
        }
        setColour(label.colour)
        cairo_fill(context)
        cairo_restore(context)
    }

    private func finish(_ stroke: Stroke?, _ fill: Colour?) {
        if let fill {
            setColour(fill)
            cairo_set_fill_rule(context, CAIRO_FILL_RULE_EVEN_ODD)
            cairo_fill_preserve(context)
        }
        if let stroke {
            setColour(stroke.colour)
            cairo_set_line_width(context, stroke.width)
            cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
            cairo_set_dash(context, stroke.dash, Int32(stroke.dash.count), 0)
            cairo_stroke_preserve(context)
        }
        cairo_new_path(context)
    }

    private func setColour(_ colour: Colour) {
        cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, colour.opacity)
    }

    private static func selectFont(_ context: OpaquePointer, size: Double, isBold: Bool) {
        cairo_select_font_face(
            context, fontFamily, CAIRO_FONT_SLANT_NORMAL, isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        cairo_set_font_size(context, size)
    }

    private static func advance(_ context: OpaquePointer, _ text: String) -> Double {
        var extents = cairo_text_extents_t()
        cairo_text_extents(context, text, &extents)
        return extents.x_advance
    }

    /// The width of a line of text.
    static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
        guard let surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1) else { return 0 }
        defer { cairo_surface_destroy(surface) }
        guard let context = cairo_create(surface) else { return 0 }
        defer { cairo_destroy(context) }
        // Measured large, so that the width doesn't depend on the rounding of letters to whole pixels.
        selectFont(context, size: 100, isBold: isBold)
        return advance(context, text) * size / 100
    }
}
