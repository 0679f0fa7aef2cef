import Foundation
import Work

/// Puts the page of a report together.
struct ReportPage {
    private let report: Report

    init(_ report: Report) { self.report = report }

    /// The whole page.
    func html() throws -> String {
        var body = header()
        if !report.warnings.isEmpty { body += warnings() }
        if let overview = report.overview {
            body += section("Overview", id: "overview", try overviewFigure(overview, positions: report.positions))
        }
        if !report.positions.isEmpty {
            body += section(
                "Positions", id: "positions", "<div class=\"cards\">\(try report.positions.map(card).joined())</div>")
            body += section("Table", id: "table", table())
        }
        if !report.timings.isEmpty { body += section("Time", id: "time", timings()) }
        if !report.skipped.isEmpty { body += section("Left out", id: "skipped", entries(report.skipped)) }
        if !report.parameters.isEmpty { body += section("Parameters", id: "parameters", entries(report.parameters)) }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(escaped(report.title))</title>
            <style>\(reportStyle)</style></head>
            <body><main>\(body)</main></body></html>

            """
    }

    private func header() -> String {
        let figures = report.figures.map { figure in
            let note = figure.note.map { "<small>\(escaped($0))</small>" } ?? ""
            return
                "<div class=\"figure\"><dt>\(escaped(figure.label))</dt><dd>\(escaped(figure.value))\(note)</dd></div>"
        }
        return """
            <header><p class="mark">Stormbench</p><h1>\(escaped(report.title))</h1>
            <p class="subtitle">\(escaped(report.subtitle))<span>\(escaped(report.date))</span></p>
            <dl class="figures">\(figures.joined())</dl></header>
            """
    }

    private func warnings() -> String {
        "<ul class=\"warnings\" role=\"status\">\(report.warnings.map { "<li>\(escaped($0))</li>" }.joined())</ul>"
    }

    private func section(_ title: String, id: String, _ content: String) -> String {
        "<section id=\"\(id)\"><h2>\(title)</h2>\(content)</section>"
    }

    private func card(_ position: Report.Position) throws -> String {
        let x = position.field.left_um + position.field.width_um / 2
        let y = position.field.top_um + position.field.height_um / 2
        var content = ""
        if let reason = position.skipped { content += "<p class=\"reason\">\(escaped(reason))</p>" }
        let pictures = try position.movies.compactMap(\.picture).map {
            try picture($0, longestSide: 900, hasBar: true)
        }
        let small = try position.pictures.map { try picture($0, longestSide: 420, hasBar: false) }
        if !pictures.isEmpty || !small.isEmpty {
            content += "<div class=\"pictures\">\(pictures.joined())<div class=\"strip\">\(small.joined())</div></div>"
        }
        for movie in position.movies { content += facts(of: movie) + correlationChart(movie) }
        let objects =
            position.objects.isEmpty
            ? ""
            : " · \(position.objects.count == 1 ? "object" : "objects") \(position.objects.map(String.init).joined(separator: ", "))"
        return """
            <article class="card\(position.skipped == nil ? "" : " left-out")" id="position-\(position.number)">
            <h3><span class="number">\(position.number)</span><span>x \(short(x)) · y \(short(y)) µm\(objects)</span></h3>\(content)</article>
            """
    }

    private func picture(_ picture: Report.Picture, longestSide: Int, hasBar: Bool) throws -> String {
        let source = try embedded(picture.image, longestSide: longestSide)
        return """
            <figure><div class="canvas"><img src="\(source)" alt="\(escaped(picture.label))">\
            \(hasBar ? picture.width_um.map { scaleBar(width_um: $0) } ?? "" : "")</div><figcaption>\(escaped(picture.label))</figcaption></figure>
            """
    }

    private func facts(of movie: Report.Movie) -> String {
        var facts: [(String, String)] = [("frames", grouped(movie.frames))]
        if let count = movie.localizations { facts.append(("localizations", grouped(count))) }
        if let precision = movie.precision_nm { facts.append(("precision", "\(short(precision)) nm")) }
        if let resolution = movie.resolution_nm { facts.append(("FRC", "\(short(resolution)) nm")) }
        if let resolution = movie.corrected_nm { facts.append(("without repeats", "\(short(resolution)) nm")) }
        return "<dl class=\"facts\"><div class=\"channel\">\(escaped(movie.channel))</div>"
            + facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }.joined() + "</dl>"
    }

    private func table() -> String {
        let heads = [
            "", "x µm", "y µm", "objects", "channel", "frames", "localizations", "precision nm", "FRC nm",
            "without repeats nm",
        ]
        var rows = ""
        for position in report.positions {
            let x = position.field.left_um + position.field.width_um / 2
            let y = position.field.top_um + position.field.height_um / 2
            let place =
                "<td><a href=\"#position-\(position.number)\">\(position.number)</a></td><td>\(String(format: "%.1f", x))</td><td>\(String(format: "%.1f", y))</td><td>\(position.objects.count)</td>"
            if let reason = position.skipped {
                rows += "<tr class=\"left-out\">\(place)<td colspan=\"6\">\(escaped(reason))</td></tr>"
            }
            for movie in position.movies {
                let values = [
                    grouped(movie.frames), movie.localizations.map(grouped) ?? "–",
                    movie.precision_nm.map(short) ?? "–",
                    movie.resolution_nm.map(short) ?? "–", movie.corrected_nm.map(short) ?? "–",
                ]
                rows +=
                    "<tr>\(place)<td class=\"text\">\(escaped(movie.channel))</td>\(values.map { "<td>\($0)</td>" }.joined())</tr>"
            }
        }
        return
            "<div class=\"scroll\"><table><thead><tr>\(heads.map { "<th>\($0)</th>" }.joined())</tr></thead><tbody>\(rows)</tbody></table></div>"
    }

    private func timings() -> String {
        let total = report.timings.reduce(0) { $0 + $1.seconds }
        guard total > 0 else { return "" }
        let bars = report.timings.enumerated().map { index, timing in
            "<i class=\"c\(index % 6)\" style=\"flex:\(svg(timing.seconds / total * 1000))\" title=\"\(escaped(timing.label))\"></i>"
        }
        let legend = report.timings.enumerated().map { index, timing in
            "<li><i class=\"c\(index % 6)\"></i>\(escaped(timing.label))<b>\(Progress.duration(timing.seconds))</b><small>\(short(timing.seconds / total * 100)) %</small></li>"
        }
        return "<div class=\"stack\">\(bars.joined())</div><ul class=\"legend\">\(legend.joined())</ul>"
    }

    private func entries(_ entries: [Report.Entry]) -> String {
        "<dl class=\"entries\">\(entries.map { "<div><dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd></div>" }.joined())</dl>"
    }
}
