import Foundation
import Imaging
import Testing
import Work

@Suite struct DrawingPlotTests {
    private let red = Colour(hex: 0xFF0000)

    /// The columns and rows of the pixels of pure red.
    private func redPixels(_ canvas: Canvas) -> (columns: [Int], rows: [Int]) {
        var columns: [Int] = [], rows: [Int] = []
        for row in 0..<canvas.height {
            for column in 0..<canvas.width where canvas[row, column] == red {
                columns.append(column)
                rows.append(row)
            }
        }
        return (columns, rows)
    }

    @Test(arguments: [false, true])
    func equalStepsAreEquallyFarApart(isLogarithmic: Bool) throws {
        let values = isLogarithmic ? [1.0, 10, 100, 1000] : [0, 1, 2, 3]
        let places = try values.map { value in
            var plot = Plot(
                x: .init("x", isLogarithmic: isLogarithmic, range: isLogarithmic ? 0.1...10_000 : -1...4),
                y: .init("y", range: 0...2))
            plot.series = [Plot.Series(.points(x: [value], y: [1]), colour: red)]
            return try #require(centre(plot.canvas(scale: 4)))
        }
        let step = places[1] - places[0]
        #expect(step > 100)
        #expect(abs(places[2] - places[1] - step) < 1.5)
        #expect(abs(places[3] - places[2] - step) < 1.5)
    }

    /// The mean column of the reddish pixels (dots are a little transparent), nil where there are none.
    private func centre(_ canvas: Canvas) -> Double? {
        var sum = 0.0, count = 0.0
        for row in 0..<canvas.height {
            for column in 0..<canvas.width where canvas[row, column].red > canvas[row, column].green + 0.6 {
                sum += Double(column)
                count += 1
            }
        }
        return count > 0 ? sum / count : nil
    }

    @Test func fullRangeLineGoesFromCornerToCorner() {
        var plot = Plot(x: .init("x", range: 0...1), y: .init("y", range: 0...1), width: 300, height: 200)
        plot.series = [.line(x: [0, 1], y: [0, 1], colour: red)]
        let (columns, rows) = redPixels(plot.canvas(scale: 2))
        let left = columns.min() ?? 0, right = columns.max() ?? 0
        let top = rows.min() ?? 0, bottom = rows.max() ?? 0
        #expect(right - left > 450 && bottom - top > 250)
        #expect(right < 600 && bottom < 400)
        // The line rises: its highest pixel is its rightmost.
        let highest = rows.indices.filter { rows[$0] == top }.map { columns[$0] }.max() ?? 0
        #expect(highest > right - 6)
    }

    @Test func oddDataGiveAPicture() {
        let odd: [Double] = [.nan, .infinity, -.infinity, 0, -1, 1e308, -1e308, .leastNonzeroMagnitude]
        let plain = Plot(x: .init("x"), y: .init("y"))
        for isLogarithmic in [false, true] {
            var plot = Plot(
                title: String(repeating: "long title ", count: 30), x: .init("x", isLogarithmic: isLogarithmic),
                y: .init(String(repeating: "y", count: 200), isLogarithmic: isLogarithmic))
            plot.series = [
                .line(x: odd, y: odd.reversed(), label: "line"), .points(x: odd, y: [1], label: "points"),
                .band(x: odd, lower: odd, upper: odd.reversed(), label: "band"),
                Plot.Series(.bars(edges: odd, heights: odd), label: "bars"),
                Plot.Series(.steps(edges: [], heights: []), label: "steps"), .histogram(of: odd), .histogram(of: []),
                .histogram(of: [3, 3, 3], label: String(repeating: "w", count: 300)),
            ]
            plot.marks = odd.flatMap {
                [.horizontal(at: $0, label: "a"), .vertical(at: $0, label: "b"), .point(x: $0, y: 1, label: "c")]
            }
            #expect(plot.canvas(scale: 1).width == 480)
            let text = plot.svg()
            #expect(!text.contains("nan") && !text.contains("inf"))
            plot.width = .nan
            plot.height = -3
            #expect(plot.canvas(scale: .nan).height == 180)
        }
        #expect(plain.canvas().width == 960)
    }

    @Test func svgIsWellFormedAndEscaped() throws {
        var plot = Plot(title: "a < b & \"c\"", x: .init("x & y"), y: .init("<y>"))
        plot.series = [.line(x: [1, 2, 3], y: [1, 4, 9], label: "x² > 0\u{1}")]
        plot.marks = [.horizontal(at: 2, label: "1/7")]
        let text = plot.svg()
        let parser = XMLCheck()
        #expect(parser.accepts(text))
        #expect(text.contains("a &lt; b &amp; &quot;c&quot;"))
        #expect(!text.contains(" id="))
    }

    @Test func longCurvesAreThinned() {
        let count = 300_000
        var plot = Plot(x: .init("x"), y: .init("y"))
        plot.series = [.line(x: (0..<count).map(Double.init), y: (0..<count).map { sin(Double($0)) })]
        #expect(plot.svg().utf8.count < 200_000)
    }

    @Test func histogramCountsClosedForm() {
        guard
            case .bars(let edges, let heights) = Plot.Series.histogram(
                of: [0, 0.5, 1, 1.5, 2.5, 3, 9, .nan], binWidth: 1, range: 0...3
            ).form
        else { return #expect(Bool(false), "not bars") }
        #expect(edges == [0, 1, 2, 3])
        #expect(heights == [2, 2, 2])
        // 1000 even values on 0...1: IQR 1/2, width 2 * 0.5 / 10 = 0.1.
        guard case .bars(_, let even) = Plot.Series.histogram(of: (0...1000).map { Double($0) / 1000 }).form else {
            return #expect(Bool(false), "not bars")
        }
        #expect(even.count == 10 || even.count == 11)
        #expect(even.reduce(0, +) == 1001)
    }
}

/// Whether a text is well-formed: every element is closed in order.
private struct XMLCheck {
    func accepts(_ text: String) -> Bool {
        var open: [Substring] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { return false }
            let tag = rest[rest.index(after: start)..<end]
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(tag.prefix { $0 != " " })
            }
            rest = rest[rest.index(after: end)...]
        }
        return open.isEmpty && !text.contains("\u{1}")
    }
}
