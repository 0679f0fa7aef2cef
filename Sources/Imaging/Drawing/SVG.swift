import Foundation

/// Writes shapes as SVG text. The elements carry no identifiers, so that many documents fit into one HTML page.
enum SVG {
    static func document(_ shapes: [Shape], width: Double, height: Double, title: String) -> String {
        var text =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"\(number(width))\" "
            + "height=\"\(number(height))\" viewBox=\"0 0 \(number(width)) \(number(height))\" "
            + "font-family=\"\(Painter.fontFamily), Verdana, sans-serif\">\n"
        if !title.isEmpty { text += "<title>\(escaped(title))</title>\n" }
        text += "<rect width=\"\(number(width))\" height=\"\(number(height))\" fill=\"#ffffff\"/>\n"
        for shape in shapes { text += element(shape) }
        return text + "</svg>\n"
    }

    private static func element(_ shape: Shape) -> String {
        switch shape {
        case .path(let lines, let closed, let stroke, let fill):
            let path = lines.filter { !$0.isEmpty }.map { line in
                "M" + line.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: "L") + (closed ? "Z" : "")
            }
            guard !path.isEmpty else { return "" }
            return "<path d=\"\(path.joined())\"\(look(stroke, fill))/>\n"
        case .discs(let centres, let radius, let stroke, let fill):
            guard !centres.isEmpty else { return "" }
            let circles = centres.map {
                "<circle cx=\"\(number($0.x))\" cy=\"\(number($0.y))\" r=\"\(number(radius))\"/>"
            }
            return "<g\(look(stroke, fill))>\(circles.joined())</g>\n"
        case .text(let label):
            return element(label)
        case .clipped(let box, let shapes):
            let place = "\(number(box.x)) \(number(box.y)) \(number(box.width)) \(number(box.height))"
            return "<svg x=\"\(number(box.x))\" y=\"\(number(box.y))\" width=\"\(number(box.width))\" "
                + "height=\"\(number(box.height))\" viewBox=\"\(place)\" overflow=\"hidden\">\n"
                + shapes.map(element).joined() + "</svg>\n"
        }
    }

    private static func element(_ label: Label) -> String {
        let anchor =
            switch label.anchor {
            case .start: ""
            case .middle: " text-anchor=\"middle\""
            case .end: " text-anchor=\"end\""
            }
        let place =
            label.isVertical
            ? " transform=\"translate(\(number(label.at.x)) \(number(label.at.y))) rotate(-90)\""
            : " x=\"\(number(label.at.x))\" y=\"\(number(label.at.y))\""
        var halo = ""
        if let colour = label.halo {
            halo =
                " paint-order=\"stroke\" stroke=\"\(colour.hex)\" stroke-opacity=\"\(number(colour.opacity))\" "
                + "stroke-width=\"\(number(label.size * 0.24))\" stroke-linejoin=\"round\""
        }
        return
            "<text\(place)\(anchor) font-size=\"\(number(label.size))\"\(label.isBold ? " font-weight=\"bold\"" : "")"
            + " fill=\"\(label.colour.hex)\"\(halo)>\(escaped(label.text))</text>\n"
    }

    private static func look(_ stroke: Stroke?, _ fill: Colour?) -> String {
        var text = fill.map { " fill=\"\($0.hex)\"" } ?? " fill=\"none\""
        if let fill, fill.opacity < 1 { text += " fill-opacity=\"\(number(fill.opacity))\"" }
        if fill != nil { text += " fill-rule=\"evenodd\"" }
        guard let stroke else { return text }
        text += " stroke=\"\(stroke.colour.hex)\" stroke-width=\"\(number(stroke.width))\" stroke-linejoin=\"round\""
        if stroke.colour.opacity < 1 { text += " stroke-opacity=\"\(number(stroke.colour.opacity))\"" }
        if !stroke.dash.isEmpty {
            text += " stroke-dasharray=\"\(stroke.dash.map(number).joined(separator: " "))\""
        }
        return text
    }

    /// A number with at most two decimals.
    private static func number(_ value: Double) -> String {
        let text = String(format: "%.2f", value)
        guard text.hasSuffix("0") else { return text }
        return String(text.dropLast(text.hasSuffix(".00") ? 3 : 1))
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default:
                let isControl = scalar.value < 0x20 && scalar != "\t" || (0xFFFE...0xFFFF).contains(scalar.value)
                result.unicodeScalars.append(isControl ? " " : scalar)
            }
        }
        return result
    }
}
