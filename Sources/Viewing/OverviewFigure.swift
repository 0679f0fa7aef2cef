import Foundation
import Optics

/// The overview with tiles, outlines, positions and the way between them drawn over it. Each layer can be switched off by a box
/// above the picture, without a script.
func overviewFigure(_ overview: Report.Overview, positions: [Report.Position]) throws -> String {
    let area = overview.area
    let image = try embedded(overview.image, longestSide: 2000)
    // One unit of the drawing is 1/1000 of its longer side.
    let unit = max(area.width_um, area.height_um) / 1000
    let stroke = { (width: Double) in svg(width * unit) }
    var layers: [(name: String, label: String, count: Int, content: String)] = []
    let tiles = overview.tiles.map { rectangle($0, origin: area) }.joined()
    layers.append(
        ("tiles", "tiles", overview.tiles.count, "<g class=\"tiles\" stroke-width=\"\(stroke(0.9))\">\(tiles)</g>"))
    let outlines = overview.outlines.filter { $0.count > 2 }.map { outline in
        let points = outline.filter { $0.count >= 2 }.map {
            "\(svg($0[0] - area.left_um)),\(svg($0[1] - area.top_um))"
        }
        return "<polygon points=\"\(points.joined(separator: " "))\"/>"
    }
    layers.append(
        (
            "outlines", "objects", overview.outlines.count,
            "<g class=\"outlines\" stroke-width=\"\(stroke(1.6))\">\(outlines.joined())</g>"
        ))
    let centres = positions.map {
        "\(svg($0.field.left_um + $0.field.width_um / 2 - area.left_um)),\(svg($0.field.top_um + $0.field.height_um / 2 - area.top_um))"
    }
    layers.append(
        (
            "way", "way", positions.count > 1 ? 1 : 0,
            "<polyline class=\"way\" stroke-width=\"\(stroke(1.4))\" points=\"\(centres.joined(separator: " "))\"/>"
        ))
    let side = positions.map { min($0.field.width_um, $0.field.height_um) }.min() ?? 0
    let letter = min(20 * unit, max(12 * unit, side * 0.24))
    let fields = positions.map { position in
        let state = position.skipped == nil ? "" : " class=\"skipped\""
        let x = position.field.left_um - area.left_um
        let y = position.field.top_um - area.top_um
        let width = letter * (0.75 + 0.6 * Double(String(position.number).count))
        return "<a href=\"#position-\(position.number)\"\(state)><title>position \(position.number)</title>"
            + rectangle(position.field, origin: area)
            + "<rect class=\"flag\" x=\"\(svg(x))\" y=\"\(svg(y))\" width=\"\(svg(width))\" height=\"\(svg(letter * 1.35))\"/>"
            + "<text x=\"\(svg(x + width / 2))\" y=\"\(svg(y + letter * 1.02))\" font-size=\"\(svg(letter))\">\(position.number)</text></a>"
    }
    layers.append(
        (
            "fields", "positions", positions.count,
            "<g class=\"fields\" stroke-width=\"\(stroke(2.2))\">\(fields.joined())</g>"
        ))
    let boxes = layers.filter { $0.count > 0 }.map {
        "<input type=\"checkbox\" id=\"layer-\($0.name)\" checked><label for=\"layer-\($0.name)\" class=\"chip \($0.name)\">\($0.label)\($0.name == "way" ? "" : " · \(grouped($0.count))")</label>"
    }
    let bar = scaleBar(width_um: area.width_um)
    let ratio = svg(area.width_um / max(1e-9, area.height_um))
    return """
        <div class="overview">
        \(boxes.joined())
        <div class="canvas" style="aspect-ratio:\(ratio);width:min(100%,calc(88vh*\(ratio)))">
        <img src="\(image)" alt="stitched overview">
        <svg viewBox="0 0 \(svg(area.width_um)) \(svg(area.height_um))" preserveAspectRatio="none">\(layers.map(\.content).joined())</svg>
        \(bar)</div></div>
        """
}

private func rectangle(_ box: Rectangle, origin: Rectangle) -> String {
    "<rect x=\"\(svg(box.left_um - origin.left_um))\" y=\"\(svg(box.top_um - origin.top_um))\" width=\"\(svg(box.width_um))\" height=\"\(svg(box.height_um))\"/>"
}

/// A bar of a round length, at most a quarter of the picture.
func scaleBar(width_um: Double) -> String {
    guard width_um > 0, width_um.isFinite else { return "" }
    let decade = pow(10, floor(log10(width_um / 4)))
    let length = [5.0, 2, 1].map { $0 * decade }.first { $0 <= width_um / 4 } ?? decade
    let label =
        length >= 1000
        ? "\(short(length / 1000)) mm" : length >= 1 ? "\(short(length)) µm" : "\(short(length * 1000)) nm"
    return "<span class=\"bar\" style=\"width:\(svg(length / width_um * 100))%\"><b>\(label)</b></span>"
}
