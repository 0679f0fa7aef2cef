import Foundation

/// A chart laid out on its page: everything that is drawn, in points.
struct PlotLayout {
    let width: Double
    let height: Double
    private(set) var shapes: [Shape] = []

    private let plot: Plot
    private var frame: PlotFrame
    /// Where data and lines are, and the boxes of text that is placed already.
    private var samples: [ImagePoint] = []
    private var taken: [ImageRectangle] = []

    private static let ink = Colour(hex: 0x22262B)
    private static let muted = Colour(hex: 0x565D65)
    private static let grid = Colour(hex: 0xE4E7EA)
    private static let titleSize = 12.0, axisSize = 10.5, tickSize = 9.5
    private static let entryHeight = 15.0, swatchWidth = 18.0

    init(_ plot: Plot) {
        self.plot = plot
        width = plot.width.isFinite ? min(4000, max(120, plot.width)) : 480
        height = plot.height.isFinite ? min(4000, max(90, plot.height)) : 300
        frame = PlotFrame(box: ImageRectangle(x: 0, y: 0, width: 1, height: 1), x: plot.xMapping, y: plot.yMapping)
        arrange(legendHeight: 0)
        gatherSamples()
        let marks = markShapes()
        if let legend = legendInside() {
            draw(marks, legend: legend)
        } else {
            let rows = legendRows()
            arrange(legendHeight: Double(rows.count) * PlotLayout.entryHeight)
            gatherSamples()
            draw(markShapes(), legend: legendAbove(rows))
        }
    }

    // MARK: Frame and axes

    private var titleHeight: Double { plot.title.isEmpty ? 10 : 28 }

    private mutating func arrange(legendHeight: Double) {
        let top = titleHeight + legendHeight + (frame.y.labelExponent == 0 ? 0 : 10)
        let bottom = 18 + (plot.x.title.isEmpty ? 4 : 18.0)
        let innerHeight = max(20, height - top - bottom)
        let widest = yTicks(innerHeight).map { Painter.width($0.label, size: PlotLayout.tickSize) }.max() ?? 0
        let left = 12 + widest + (plot.y.title.isEmpty ? 0 : 18)
        frame.box = ImageRectangle(x: left, y: top, width: max(20, width - left - 16), height: innerHeight)
    }

    private func yTicks(_ length: Double) -> [AxisTick] { frame.y.ticks(about: Int(length / 42)) }

    private func xTicks() -> [AxisTick] {
        for count in stride(from: max(2, Int(frame.box.width / 64)), through: 2, by: -1) {
            let ticks = frame.x.ticks(about: count).filter { !$0.label.isEmpty }
            let needed = ticks.reduce(0) { $0 + Painter.width($1.label, size: PlotLayout.tickSize) + 14 }
            if needed <= frame.box.width { return frame.x.ticks(about: count) }
        }
        return frame.x.ticks(about: 2)
    }

    private mutating func draw(_ marks: [Shape], legend: [Shape]) {
        drawAxes()
        shapes.append(.clipped(frame.box.grown(by: 1), seriesShapes()))
        shapes.append(
            .line(
                ImagePoint(x: frame.box.x, y: frame.box.y + frame.box.height),
                ImagePoint(x: frame.box.x + frame.box.width, y: frame.box.y + frame.box.height),
                Stroke(colour: PlotLayout.muted, width: 1)))
        shapes += marks + legend
    }

    private mutating func drawAxes() {
        let box = frame.box, bottom = box.y + box.height
        let size = PlotLayout.tickSize
        for tick in xTicks() {
            let x = box.x + frame.x.fraction(of: tick.value) * box.width
            let isLabelled = !tick.label.isEmpty
            shapes.append(
                .line(
                    ImagePoint(x: x, y: box.y), ImagePoint(x: x, y: bottom),
                    Stroke(colour: PlotLayout.grid, width: isLabelled ? 0.8 : 0.4)))
            guard isLabelled else { continue }
            shapes.append(text(tick.label, x, bottom + 13, size, PlotLayout.muted, .middle))
        }
        for tick in yTicks(box.height) {
            let y = bottom - frame.y.fraction(of: tick.value) * box.height
            let isLabelled = !tick.label.isEmpty
            shapes.append(
                .line(
                    ImagePoint(x: box.x, y: y), ImagePoint(x: box.x + box.width, y: y),
                    Stroke(colour: PlotLayout.grid, width: isLabelled ? 0.8 : 0.4)))
            guard isLabelled else { continue }
            shapes.append(text(tick.label, box.x - 6, y + size * Label.capHeight / 2, size, PlotLayout.muted, .end))
        }
        drawTitles(bottom)
    }

    private mutating func drawTitles(_ bottom: Double) {
        let box = frame.box, middle = box.y + box.height / 2
        let xTitle = plot.x.title + exponent(frame.x)
        let (xText, xSize) = fitted(xTitle, PlotLayout.axisSize, box.width)
        shapes.append(text(xText, box.x + box.width / 2, bottom + 30, xSize, PlotLayout.ink, .middle))
        let (yText, ySize) = fitted(plot.y.title, PlotLayout.axisSize, height - 8)
        let half = Painter.width(yText, size: ySize) / 2
        let centre = min(max(middle, half + 4), max(half + 4, height - half - 4))
        shapes.append(
            .text(
                Label(
                    text: yText, at: ImagePoint(x: 15, y: centre), size: ySize, colour: PlotLayout.ink, anchor: .middle,
                    isVertical: true)))
        if frame.y.labelExponent != 0 {
            let factor = "×10" + AxisMapping.superscript(frame.y.labelExponent)
            shapes.append(text(factor, box.x, box.y - 6, PlotLayout.tickSize, PlotLayout.muted, .start))
        }
        guard !plot.title.isEmpty else { return }
        let (title, size) = fitted(plot.title, PlotLayout.titleSize, width - 24, isBold: true)
        shapes.append(
            .text(
                Label(
                    text: title,
                    at: ImagePoint(
                        x: min(box.x, max(8, width - 12 - Painter.width(title, size: size, isBold: true))), y: 18),
                    size: size, colour: PlotLayout.ink, isBold: true)))
    }

    private func exponent(_ mapping: AxisMapping) -> String {
        mapping.labelExponent == 0 ? "" : "  ×10" + AxisMapping.superscript(mapping.labelExponent)
    }

    // MARK: Data

    private func colours() -> [Colour] {
        var next = 0
        return plot.series.map { series in
            if let colour = series.colour { return colour }
            defer { next += 1 }
            return Colour.series(next)
        }
    }

    private func seriesShapes() -> [Shape] {
        zip(plot.series, colours()).flatMap { $0.shapes(in: frame, $1) }
    }

    private mutating func gatherSamples() {
        let box = frame.box
        samples = plot.series.flatMap { $0.samples(in: frame) }
        for mark in plot.marks {
            switch mark {
            case .horizontal(let at, _):
                guard let y = frame.place(frame.x.lower, at)?.y else { continue }
                samples += PlotFrame.along([ImagePoint(x: box.x, y: y), ImagePoint(x: box.x + box.width, y: y)])
            case .vertical(let at, _):
                guard let x = frame.place(at, frame.y.lower)?.x else { continue }
                samples += PlotFrame.along([ImagePoint(x: x, y: box.y), ImagePoint(x: x, y: box.y + box.height)])
            case .point(let x, let y, _):
                if let place = frame.place(x, y) { samples.append(place) }
            }
        }
        samples = samples.filter { box.contains($0) }
        taken = []
    }

    private func cost(_ box: ImageRectangle) -> Int {
        let inside = samples.reduce(0) { $0 + (box.contains($1) ? 1 : 0) }
        let covered = taken.reduce(0) { $0 + ($1.overlaps(box) ? 1000 : 0) }
        let fits =
            box.x >= frame.box.x - 1 && box.y >= frame.box.y - 1
            && box.x + box.width <= frame.box.x + frame.box.width + 10
            && box.y + box.height <= frame.box.y + frame.box.height + 1
        return inside + covered + (fits ? 0 : 500)
    }

    // MARK: Marks

    private mutating func markShapes() -> [Shape] {
        let box = frame.box
        let stroke = Stroke(colour: PlotLayout.ink, width: 1, dash: [4, 3])
        var shapes: [Shape] = []
        for mark in plot.marks {
            switch mark {
            case .horizontal(let at, let label):
                guard let y = frame.place(frame.x.lower, at)?.y, y >= box.y - 0.5, y <= box.y + box.height + 0.5 else {
                    continue
                }
                shapes.append(.line(ImagePoint(x: box.x, y: y), ImagePoint(x: box.x + box.width, y: y), stroke))
                let (width, height) = size(of: label)
                let above = y - height - 2, below = y + 3
                let ends = [box.x + box.width - width - 3, box.x + 4, box.x + box.width / 2 - width / 2]
                shapes += placed(label, ends.map { ($0, above) } + ends.map { ($0, below) })
            case .vertical(let at, let label):
                guard let x = frame.place(at, frame.y.lower)?.x, x >= box.x - 0.5, x <= box.x + box.width + 0.5 else {
                    continue
                }
                shapes.append(.line(ImagePoint(x: x, y: box.y), ImagePoint(x: x, y: box.y + box.height), stroke))
                let (width, _) = size(of: label)
                let heights = stride(from: 0.02, through: 0.9, by: 0.11).map { box.y + $0 * box.height }
                shapes += placed(label, heights.flatMap { [(x + 5, $0), (x - width - 5, $0)] })
            case .point(let xValue, let yValue, let label):
                guard let place = frame.place(xValue, yValue), box.grown(by: 1).contains(place) else { continue }
                shapes.append(
                    .discs([place], radius: 4, stroke: Stroke(colour: PlotLayout.ink, width: 1.4), fill: .white))
                let (width, height) = size(of: label)
                let right = place.x + 8, left = place.x - width - 8, centre = place.x - width / 2
                let over = place.y - height - 5, under = place.y + 5
                shapes += placed(
                    label,
                    [
                        (right, over), (left, over), (right, under), (left, under), (centre, over - 4),
                        (centre, under + 4),
                    ])
            }
        }
        return shapes
    }

    private func size(of label: String) -> (width: Double, height: Double) {
        (Painter.width(label, size: PlotLayout.tickSize), PlotLayout.tickSize * 1.2)
    }

    /// The label at the first of the top left corners where it covers least.
    private mutating func placed(_ label: String, _ corners: [(x: Double, y: Double)]) -> [Shape] {
        guard !label.isEmpty else { return [] }
        let (width, height) = size(of: label)
        let boxes = corners.map { ImageRectangle(x: $0.x, y: $0.y, width: width, height: height) }
        guard let best = boxes.min(by: { cost($0) < cost($1) }) else { return [] }
        taken.append(best)
        let base = best.y + height / 2 + PlotLayout.tickSize * Label.capHeight / 2
        return [
            .text(
                Label(
                    text: label, at: ImagePoint(x: best.x, y: base), size: PlotLayout.tickSize, colour: PlotLayout.ink,
                    halo: Colour.white.opacity(0.85)))
        ]
    }

    // MARK: Legend

    private var entries: [(label: String, series: Plot.Series, colour: Colour)] {
        zip(plot.series, colours()).filter { !$0.0.label.isEmpty }.map { ($0.label, $0, $1) }
    }

    /// The legend in a free place of the frame; nil where there is none.
    private func legendInside() -> [Shape]? {
        let entries = entries
        guard !entries.isEmpty else { return [] }
        let widest = entries.map { Painter.width($0.label, size: PlotLayout.tickSize) }.max() ?? 0
        let width = PlotLayout.swatchWidth + 6 + widest, height = Double(entries.count) * PlotLayout.entryHeight
        let box = frame.box
        guard width + 20 < box.width, height + 16 < box.height else { return nil }
        let xs = [box.x + box.width - width - 8, box.x + 10, box.x + (box.width - width) / 2]
        let ys = [box.y + 6, box.y + box.height - height - 8, box.y + (box.height - height) / 2]
        for y in ys {
            for x in xs where cost(ImageRectangle(x: x, y: y, width: width, height: height).grown(by: 3)) == 0 {
                return entries.enumerated().flatMap { index, entry in
                    entryShapes(entry, x: x, y: y + Double(index) * PlotLayout.entryHeight)
                }
            }
        }
        return nil
    }

    /// The legend's entries in as many rows as they need above the frame.
    private func legendRows() -> [[Int]] {
        var rows: [[Int]] = [[]]
        var x = 0.0
        for (index, entry) in entries.enumerated() {
            let width = entryWidth(entry.label)
            if x + width > frame.box.width, !(rows.last ?? []).isEmpty {
                rows.append([])
                x = 0
            }
            rows[rows.count - 1].append(index)
            x += width
        }
        return rows
    }

    private func entryWidth(_ label: String) -> Double {
        PlotLayout.swatchWidth + 22 + Painter.width(label, size: PlotLayout.tickSize)
    }

    private func legendAbove(_ rows: [[Int]]) -> [Shape] {
        let entries = entries
        var shapes: [Shape] = []
        for (index, row) in rows.enumerated() {
            var x = frame.box.x
            for entry in row {
                let y = titleHeight - 5 + Double(index) * PlotLayout.entryHeight
                shapes += entryShapes(entries[entry], x: x, y: y)
                x += entryWidth(entries[entry].label)
            }
        }
        return shapes
    }

    private func entryShapes(
        _ entry: (label: String, series: Plot.Series, colour: Colour), x: Double, y: Double
    ) -> [Shape] {
        let middle = y + PlotLayout.entryHeight / 2, end = x + PlotLayout.swatchWidth
        let swatch: Shape =
            switch entry.series.form {
            case .line(_, _, let isDashed):
                .line(
                    ImagePoint(x: x, y: middle), ImagePoint(x: end, y: middle),
                    Stroke(colour: entry.colour, width: 2, dash: isDashed ? [5, 3] : []))
            case .steps:
                .line(
                    ImagePoint(x: x, y: middle), ImagePoint(x: end, y: middle), Stroke(colour: entry.colour, width: 2))
            case .points:
                .discs([ImagePoint(x: (x + end) / 2, y: middle)], radius: 3, stroke: nil, fill: entry.colour)
            case .bars:
                .rectangle(
                    ImageRectangle(x: x + 3, y: middle - 4, width: 12, height: 8), fill: entry.colour.opacity(0.85))
            case .band:
                .rectangle(ImageRectangle(x: x, y: middle - 4, width: 18, height: 8), fill: entry.colour.opacity(0.25))
            }
        let base = middle + PlotLayout.tickSize * Label.capHeight / 2
        return [swatch, text(entry.label, end + 6, base, PlotLayout.tickSize, PlotLayout.ink, .start)]
    }

    // MARK: Text

    private func text(
        _ text: String, _ x: Double, _ y: Double, _ size: Double, _ colour: Colour, _ anchor: Label.Anchor
    ) -> Shape {
        .text(Label(text: text, at: ImagePoint(x: x, y: y), size: size, colour: colour, anchor: anchor))
    }

    /// The text at a size at which it fits, shortened where the size would become unreadable.
    private func fitted(_ text: String, _ size: Double, _ room: Double, isBold: Bool = false) -> (String, Double) {
        let needed = Painter.width(text, size: size, isBold: isBold)
        guard needed > room else { return (text, size) }
        let smaller = max(size * 0.75, size * room / needed)
        var shortened = text
        while shortened.count > 1, Painter.width(shortened + "…", size: smaller, isBold: isBold) > room {
            shortened.removeLast()
        }
        return (
            shortened.count < text.count && Painter.width(text, size: smaller, isBold: isBold) > room
                ? shortened + "…" : text, smaller
        )
    }
}
