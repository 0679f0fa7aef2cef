import Foundation

/// The place of the data in a chart: the rectangle between the axes and the two mappings.
struct PlotFrame {
    var box: ImageRectangle
    var x: AxisMapping
    var y: AxisMapping

    /// The place of a data point, nil where it can't be shown. Far outside the frame it is moved nearer, so that the
    /// numbers stay drawable.
    func place(_ xValue: Double, _ yValue: Double) -> ImagePoint? {
        let across = x.fraction(of: xValue), up = y.fraction(of: yValue)
        guard !across.isNaN, !up.isNaN, xValue.isFinite, yValue.isFinite else { return nil }
        return ImagePoint(
            x: box.x + min(20, max(-20, across)) * box.width,
            y: box.y + (1 - min(20, max(-20, up))) * box.height)
    }

    /// The level from which bars rise.
    var base: Double { y.isLogarithmic ? y.lower : 0 }

    /// The runs of a curve without its gaps, thinned to what the eye can tell apart.
    func runs(_ xs: [Double], _ ys: [Double]) -> [[ImagePoint]] {
        var runs: [[ImagePoint]] = []
        var run: [ImagePoint] = []
        for (xValue, yValue) in zip(xs, ys) {
            if let point = place(xValue, yValue) {
                run.append(point)
            } else if !run.isEmpty {
                runs.append(thinned(run))
                run = []
            }
        }
        if !run.isEmpty { runs.append(thinned(run)) }
        return runs
    }

    /// Of neighbouring points in one half-point column the first, the last, the highest and the lowest.
    private func thinned(_ run: [ImagePoint]) -> [ImagePoint] {
        guard run.count > 2000 else { return run }
        var kept: [ImagePoint] = []
        var start = 0
        while start < run.count {
            let column = floor(run[start].x * 2)
            var end = start + 1
            while end < run.count, floor(run[end].x * 2) == column { end += 1 }
            let group = start..<end
            let highest = group.min { run[$0].y < run[$1].y } ?? start
            let lowest = group.max { run[$0].y < run[$1].y } ?? start
            for index in Set([start, highest, lowest, end - 1]).sorted() { kept.append(run[index]) }
            start = end
        }
        return kept
    }

    /// The places of dots, of those that coincide to a quarter of a point only one.
    func dots(_ xs: [Double], _ ys: [Double]) -> [ImagePoint] {
        let places = zip(xs, ys).compactMap { place($0, $1) }.filter { box.grown(by: 4).contains($0) }
        guard places.count > 2000 else { return places }
        var seen = Set<ImagePoint>()
        return places.filter { seen.insert(ImagePoint(x: ($0.x * 4).rounded(), y: ($0.y * 4).rounded())).inserted }
    }

    /// The corners of bars, each from the base up and down again.
    func bars(_ edges: [Double], _ heights: [Double]) -> [[ImagePoint]] {
        guard edges.count > 1 else { return [] }
        return heights.prefix(edges.count - 1).indices.compactMap { index in
            guard heights[index] != base, let left = place(edges[index], base),
                let right = place(edges[index + 1], base),
                let top = place(edges[index], heights[index])
            else { return nil }
            return [left, ImagePoint(x: left.x, y: top.y), ImagePoint(x: right.x, y: top.y), right]
        }
    }
}

extension PlotFrame {
    /// The outline of bars that stand side by side, without the lines between them.
    func skyline(_ edges: [Double], _ heights: [Double]) -> [ImagePoint] {
        let count = min(heights.count, edges.count - 1)
        guard count > 0 else { return [] }
        var places = [place(edges[0], base)]
        for index in 0..<count {
            let height = heights[index].isFinite && heights[index] > base ? heights[index] : base
            places += [place(edges[index], height), place(edges[index + 1], height)]
        }
        places.append(place(edges[count], base))
        return places.compactMap { $0 }
    }
}

extension Plot.Series {
    /// All x values that the axis has to reach.
    var xValues: [Double] {
        switch form {
        case .line(let x, let y, _), .points(let x, let y): Array(x.prefix(y.count))
        case .bars(let edges, let heights), .steps(let edges, let heights): Array(edges.prefix(heights.count + 1))
        case .band(let x, let lower, let upper): Array(x.prefix(min(lower.count, upper.count)))
        }
    }

    /// All y values that the axis has to reach.
    var yValues: [Double] {
        switch form {
        case .line(let x, let y, _), .points(let x, let y): Array(y.prefix(x.count))
        case .bars(_, let heights), .steps(_, let heights): heights + [0]
        case .band(let x, let lower, let upper): Array(lower.prefix(x.count) + upper.prefix(x.count))
        }
    }

    /// Whether the data should keep a distance from the ends of the x axis.
    var needsMargin: Bool {
        if case .points = form { return true }
        return false
    }

    /// The shapes of the series.
    func shapes(in frame: PlotFrame, _ colour: Colour) -> [Shape] {
        switch form {
        case .line(let x, let y, let isDashed):
            let runs = frame.runs(x, y)
            return [
                .path(
                    runs.filter { $0.count > 1 }, closed: false,
                    stroke: Stroke(colour: colour, width: 1.6, dash: isDashed ? [5, 3] : []), fill: nil),
                .discs(runs.filter { $0.count == 1 }.map { $0[0] }, radius: 2, stroke: nil, fill: colour),
            ]
        case .points(let x, let y):
            let dots = frame.dots(x, y)
            let radius = dots.count <= 150 ? 2.6 : dots.count <= 2000 ? 1.6 : 0.9
            return [.discs(dots, radius: radius, stroke: nil, fill: colour.opacity(dots.count <= 150 ? 0.9 : 0.5))]
        case .bars(let edges, let heights):
            return [
                .path(
                    frame.bars(edges, heights), closed: true,
                    stroke: edges.count < 120 ? Stroke(colour: .white, width: 0.6) : nil, fill: colour.opacity(0.85))
            ]
        case .steps(let edges, let heights):
            let stroke = Stroke(colour: colour, width: 1.6)
            return [.path([frame.skyline(edges, heights)], closed: false, stroke: stroke, fill: nil)]
        case .band(let x, let lower, let upper):
            let lows = frame.runs(x, lower), highs = frame.runs(x, upper)
            let areas = zip(lows, highs).map { $0 + $1.reversed() }
            return [.path(areas, closed: true, stroke: nil, fill: colour.opacity(0.2))]
        }
    }

    /// Points spread over everything that the series draws, to keep text away from it.
    func samples(in frame: PlotFrame) -> [ImagePoint] {
        switch form {
        case .line(let x, let y, _):
            return frame.runs(x, y).flatMap { PlotFrame.along($0) }
        case .points(let x, let y):
            return frame.dots(x, y)
        case .bars(let edges, let heights), .steps(let edges, let heights):
            return frame.bars(edges, heights).flatMap { bar in
                PlotFrame.along([bar[0], bar[1]]) + PlotFrame.along([bar[1], bar[2]])
                    + PlotFrame.along([
                        ImagePoint(x: (bar[0].x + bar[3].x) / 2, y: bar[0].y),
                        ImagePoint(x: (bar[0].x + bar[3].x) / 2, y: bar[1].y),
                    ])
            }
        case .band(let x, let lower, let upper):
            return zip(x, zip(lower, upper)).flatMap { place -> [ImagePoint] in
                guard let low = frame.place(place.0, place.1.0), let high = frame.place(place.0, place.1.1) else {
                    return []
                }
                return PlotFrame.along([low, high])
            }
        }
    }
}

extension PlotFrame {
    /// Points at most four points apart along a line.
    static func along(_ line: [ImagePoint]) -> [ImagePoint] {
        guard var last = line.first else { return [] }
        var points = [last]
        for next in line.dropFirst() {
            let steps = min(2000, max(1, Int(hypot(next.x - last.x, next.y - last.y) / 4)))
            for step in 1...steps {
                let t = Double(step) / Double(steps)
                points.append(ImagePoint(x: last.x + t * (next.x - last.x), y: last.y + t * (next.y - last.y)))
            }
            last = next
        }
        return points
    }
}

extension Plot {
    /// The x mapping that suits the data and marks.
    var xMapping: AxisMapping {
        var values = series.flatMap(\.xValues)
        for mark in marks {
            switch mark {
            case .vertical(let at, _), .point(let at, _, _): values.append(at)
            case .horizontal: break
            }
        }
        return mapping(
            x, values, marginBelow: series.contains(where: \.needsMargin),
            marginAbove: series.contains(where: \.needsMargin))
    }

    /// The y mapping that suits the data and marks. Data that begin near zero begin at zero.
    var yMapping: AxisMapping {
        var values = series.flatMap(\.yValues)
        for mark in marks {
            switch mark {
            case .horizontal(let at, _), .point(_, let at, _): values.append(at)
            case .vertical: break
            }
        }
        let finite = values.filter(\.isFinite)
        let lowest = finite.min() ?? 0, highest = finite.max() ?? 1
        let beginsAtZero = !y.isLogarithmic && lowest >= 0 && lowest < 0.35 * highest
        if beginsAtZero { values.append(0) }
        return mapping(y, values, marginBelow: !beginsAtZero, marginAbove: true)
    }

    private func mapping(_ axis: Axis, _ values: [Double], marginBelow: Bool, marginAbove: Bool) -> AxisMapping {
        if let range = axis.range {
            return AxisMapping(from: range.lowerBound, to: range.upperBound, isLogarithmic: axis.isLogarithmic)
        }
        let shown = values.filter { $0.isFinite && (!axis.isLogarithmic || $0 > 0) }
        guard let lowest = shown.min(), let highest = shown.max() else {
            return AxisMapping(from: axis.isLogarithmic ? 0.1 : 0, to: 1, isLogarithmic: axis.isLogarithmic)
        }
        let tight = AxisMapping(from: lowest, to: highest, isLogarithmic: axis.isLogarithmic)
        guard lowest < highest else { return tight }
        return AxisMapping(
            from: marginBelow ? tight.value(at: -0.05) : tight.lower,
            to: marginAbove ? tight.value(at: 1.06) : tight.upper, isLogarithmic: axis.isLogarithmic)
    }
}
