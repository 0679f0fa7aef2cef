import Foundation
import Imaging
import Optics
import Testing
import Viewing
import Work

@Suite struct ReportTests {
    /// A picture of soft spots.
    private func picture(_ name: String, in folder: String, width: Int, height: Int) throws -> String {
        let path = "\(folder)/\(name).png"
        var samples = [UInt8](repeating: 0, count: width * height)
        for row in 0..<height {
            for column in 0..<width {
                let wave = sin(Double(column) / 17) * cos(Double(row) / 13)
                samples[row * width + column] = UInt8(30 + 90 * max(0, wave))
            }
        }
        try writePNG(Plane(width: width, height: height, samples: samples), to: path)
        return path
    }

    private func withReport<Result>(_ body: (Report, _ folder: String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "report-\(UUID().uuidString)"
        try makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let area = Rectangle(x_um: -150...150, y_um: -100...100)
        let curve = stride(from: 0.0, through: 0.06, by: 0.0006).map { [$0, exp(-pow($0 / 0.019, 2))] }
        var positions: [Report.Position] = []
        for number in 1...5 {
            let field = Rectangle(
                centre: Point(x_um: -114.5 + Double(number % 3) * 90, y_um: -64.5 + Double(number / 3) * 95),
                width_um: 51, height_um: 51)
            let image = try picture("super-\(number)", in: folder, width: 1200, height: 1200)
            positions.append(
                Report.Position(
                    number: number, field: field, objects: [number * 2, number * 2 + 1],
                    pictures: number == 4
                        ? []
                        : [
                            .init(
                                image: try picture("wide-\(number)", in: folder, width: 300, height: 300),
                                label: "DAPI", width_um: 51)
                        ],
                    movies: number == 4
                        ? []
                        : [
                            .init(
                                channel: "dSTORM-647", frames: 2000, localizations: 34_567, precision_nm: 11.24,
                                resolution_nm: 38.4, picture: .init(image: image, label: "dSTORM-647", width_um: 51),
                                curve: curve, corrected_nm: 61.7,
                                correctedCurve: curve.map { [$0[0], pow($0[1], 2.6)] },
                                threshold: 1.0 / 7)
                        ], skipped: number == 4 ? "stage has not arrived after 10000 ms" : nil))
        }
        let outline: [[Double]] = (0..<20).map { step in
            let angle = Double(step) * Double.pi / 10
            return [20 + 9 * cos(angle), 10 + 8 * sin(angle)]
        }
        let tiles: [Rectangle] = (0..<24).map { index in
            let left = -150 + Double(index % 6) * 49
            let top = -100 + Double(index / 6) * 48
            return Rectangle(left_um: left, top_um: top, right_um: left + 55, bottom_um: top + 55)
        }
        let image = try picture("overview", in: folder, width: 2600, height: 1733)
        var report = Report(
            title: "Nuclei <A & B>", subtitle: "simulated microscope · 300 × 200 µm", date: "2026-11-23 16:40")
        report.figures = [
            .init(label: "tiles", value: "24"), .init(label: "objects", value: "31"),
            .init(label: "positions", value: "5", note: "1 left out"), .init(label: "movies", value: "4"),
            .init(label: "median FRC", value: "38 nm"),
            .init(label: "time", value: "4 min 12 s", note: "21 % overhead"),
        ]
        report.overview = .init(image: image, area: area, tiles: tiles, outlines: [outline])
        report.positions = positions
        report.timings = [
            .init(label: "exposing", seconds: 160), .init(label: "moving", seconds: 21),
            .init(label: "reconstruction", seconds: 70.4),
        ]
        report.parameters = [.init(name: "area", value: "300x200"), .init(name: "seed", value: "1")]
        report.warnings = ["the model's <pixel size> differs from the overview's"]
        report.skipped = [.init(name: "object 3", value: "touches the edge of the scanned area")]
        return try body(report, folder)
    }

    @Test func onePageHoldsEverything() throws {
        try withReport { report, folder in
            let path = folder + "/report.html"
            try report.write(to: path)
            let page = String(decoding: try readFile(path), as: UTF8.self)
            // Nothing is fetched from elsewhere, nothing runs.
            for forbidden in ["<script", "http:", "https:", "src=\"/", "url(", "@import", folder] {
                #expect(!page.contains(forbidden), "\(forbidden)")
            }
            #expect(page.components(separatedBy: "data:image/png;base64,").count == 1 + 1 + 4 + 4)
            for number in 1...5 {
                #expect(page.contains("id=\"position-\(number)\""))
                #expect(page.contains("href=\"#position-\(number)\""))
            }
            #expect(page.contains("Nuclei &lt;A &amp; B&gt;"))
            #expect(!page.contains("<A & B>"))
            #expect(page.components(separatedBy: "<circle class=\"mark plain\"").count == 1 + 4)
            #expect(page.components(separatedBy: "<circle class=\"mark corrected\"").count == 1 + 4)
            #expect(page.components(separatedBy: "<td>61.7</td>").count == 1 + 4)
            #expect(page.contains("stage has not arrived after 10000 ms"))
            // Large pictures are shrunk: 1200 x 1200 to 900 x 900 and so on keep the page small.
            #expect(page.utf8.count < 6_000_000)
            #expect(isBalanced(page))
        }
    }

    /// Every tag that opens is closed in the right order.
    private func isBalanced(_ page: String) -> Bool {
        let empty: Set<Substring> = ["meta", "img", "input", "!doctype"]
        var open: [Substring] = []
        for part in page.split(separator: "<").dropFirst() {
            guard let end = part.firstIndex(of: ">") else { return false }
            let tag = part[..<end]
            let name = tag.prefix { !$0.isWhitespace && $0 != "/" || $0 == "/" && tag.first == "/" }
            if tag.first == "/" {
                guard open.popLast() == tag.dropFirst() else { return false }
            } else if tag.last != "/", !empty.contains(name) {
                open.append(name)
            }
        }
        return open.isEmpty
    }

    @Test func emptyRunsHaveAPageToo() throws {
        try withReport { _, folder in
            let path = folder + "/empty.html"
            try Report(title: "Nothing found", subtitle: "", date: "").write(to: path)
            #expect(isBalanced(String(decoding: try readFile(path), as: UTF8.self)))
        }
    }

    @Test func missingPicturesAreNamed() throws {
        try withReport { report, folder in
            var report = report
            report.overview?.image = folder + "/gone.png"
            #expect(throws: Failure.self) { try report.write(to: folder + "/report.html") }
            #expect(!FileManager.default.fileExists(atPath: folder + "/report.html"))
        }
    }
}
