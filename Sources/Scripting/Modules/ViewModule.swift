import Acquisition
import Foundation
import Optics
import Viewing
import Work

/// What a report shows.
struct ReportOptions: LuaOptions {
    var title = "Automated acquisition"
    var subtitle = ""
    var scan: Scan?
    var overview: Overview?
    var objects: FoundObjects?
    var targets: TargetSelection.Targets?
    var records: [PositionRecord] = []
    var results = LuaValue.nil
    var figures = LuaValue.nil
    var parameters = LuaValue.nil
    var warnings: [String] = []
    static var defaults: ReportOptions { ReportOptions() }
    static let fields = [
        Option("title", \ReportOptions.title, "the heading"),
        Option("subtitle", \ReportOptions.subtitle, "a line beneath"),
        Option("scan", \ReportOptions.scan, "the scan"),
        Option("overview", \ReportOptions.overview, "the overview"),
        Option("objects", \ReportOptions.objects, "the objects"),
        Option("targets", \ReportOptions.targets, "the positions"),
        Option("records", \ReportOptions.records, "what was taken at the positions"),
        Option(
            "results", \ReportOptions.results,
            "by the name of a movie: { localizations, precision_nm, resolution_nm, corrected_nm, picture, width_um, detail, detail_um, "
                + "frequency_per_nm, correlation, corrected, threshold }"
        ),
        Option("figures", \ReportOptions.figures, "the figures at the top, a list of { label, value, note }"),
        Option("parameters", \ReportOptions.parameters, "what the run was started with"),
        Option("warnings", \ReportOptions.warnings, "what the reader should know"),
    ]
}

extension LuaModule {
    /// Reports.
    static var view: LuaModule {
        LuaModule("view", "Reports of runs.") { module in
            module.function(
                "report", "Writes report.html of a run: one page with everything in it, to be read without a network.",
                [Parameter("run", "the run"), Parameter("contents", "what it shows")], result: "the path of the page"
            ) { (run: AcquisitionRun, contents: ReportOptions) in
                let path = run.path("report.html")
                try report(of: run, contents).write(to: path)
                return path
            }
        }
    }

    private static func report(of run: AcquisitionRun, _ contents: ReportOptions) throws -> Report {
        var report = Report(
            title: contents.title, subtitle: contents.subtitle,
            date: Date().formatted(date: .abbreviated, time: .shortened))
        report.figures = try JSONValue(contents.figures).decodedList(as: Report.Figure.self)
        report.overview = overview(run, contents)
        if let scan = contents.scan {
            let results = try JSONValue(contents.results)
            report.positions = try contents.records.map { record in
                try position(record, of: run, scan: scan, results: results)
            }
        }
        report.timings = timings(run, contents)
        if case .object(let parameters) = try JSONValue(contents.parameters) {
            report.parameters = parameters.sorted { $0.key < $1.key }.filter { $0.value != .null }.map { name, value in
                if case .string(let text) = value { return .init(name: name, value: text) }
                return .init(name: name, value: value.description)
            }
        }
        report.warnings = contents.warnings
        report.skipped =
            run.skipped.map { .init(name: $0.step, value: $0.reason) }
            + omitted(contents.targets?.omitted ?? [])
        return report
    }

    /// The objects without a position, those with the same reason together.
    private static func omitted(_ omissions: [TargetSelection.Omission]) -> [Report.Entry] {
        Dictionary(grouping: omissions, by: \.reason).sorted { $0.key < $1.key }.map { reason, omissions in
            let numbers = omissions.map { "\($0.object)" }
            let shown = numbers.prefix(12).joined(separator: ", ") + (numbers.count > 12 ? " ..." : "")
            let name = numbers.count == 1 ? "object \(shown)" : "\(numbers.count) objects"
            return .init(name: name, value: numbers.count == 1 ? reason : "\(reason): \(shown)")
        }
    }

    private static func overview(_ run: AcquisitionRun, _ contents: ReportOptions) -> Report.Overview? {
        guard let overview = contents.overview, let scan = contents.scan else { return nil }
        return Report.Overview(
            image: run.path(overview.preview), area: overview.geometry.box,
            tiles: scan.tiles.map {
                Rectangle(
                    centre: Point(x_um: $0.x_um, y_um: $0.y_um), width_um: scan.plan.fieldWidth_um,
                    height_um: scan.plan.fieldHeight_um)
            }, outlines: (contents.objects?.objects ?? []).map { $0.outline.map { [$0.x_um, $0.y_um] } })
    }

    private static func position(
        _ record: PositionRecord, of run: AcquisitionRun, scan: Scan, results: JSONValue
    ) throws -> Report.Position {
        let width_um = scan.plan.fieldWidth_um
        var position = Report.Position(
            number: record.position.number,
            field: Rectangle(
                centre: Point(x_um: record.position.x_um, y_um: record.position.y_um), width_um: width_um,
                height_um: scan.plan.fieldHeight_um),
            objects: record.position.objects, skipped: record.skipped)
        position.pictures = record.images.map {
            Report.Picture(image: run.path($0.file), label: $0.channel, width_um: width_um)
        }
        position.movies = try record.movies.map { file in
            var movie = Report.Movie(channel: file.channel, frames: file.frames)
            guard let result = results[file.name] else { return movie }
            let values = try result.decoded(as: MovieResult.self)
            movie.localizations = values.localizations
            movie.precision_nm = values.precision_nm
            movie.resolution_nm = values.resolution_nm
            movie.curve = zip(values.frequency_per_nm ?? [], values.correlation ?? []).map { [$0, $1] }
            movie.corrected_nm = values.corrected_nm
            movie.correctedCurve = values.corrected.map { zip(values.frequency_per_nm ?? [], $0).map { [$0, $1] } }
            movie.threshold = values.threshold
            movie.picture = values.picture.map {
                Report.Picture(image: run.path($0), label: file.channel, width_um: values.width_um ?? width_um)
            }
            if let detail = values.detail {
                position.pictures.append(
                    Report.Picture(image: run.path(detail), label: "detail", width_um: values.detail_um))
            }
            return movie
        }
        return position
    }

    /// What a script says of a movie.
    private struct MovieResult: Decodable {
        var localizations: Int?
        var precision_nm: Double?
        var resolution_nm: Double?
        var picture: String?
        var width_um: Double?
        var detail: String?
        var detail_um: Double?
        var frequency_per_nm: [Double]?
        var correlation: [Double]?
        var corrected_nm: Double?
        var corrected: [Double]?
        var threshold: Double?
    }

    private static func timings(_ run: AcquisitionRun, _ contents: ReportOptions) -> [Report.Timing] {
        var seconds = contents.scan?.seconds ?? StepSeconds()
        for record in contents.records { seconds += record.seconds }
        let atMicroscope: [Report.Timing] = [
            .init(label: "microscope: exposing", seconds: seconds.exposing),
            .init(label: "microscope: moving", seconds: seconds.moving),
            .init(label: "microscope: set-up and read-out", seconds: seconds.other),
        ]
        let steps = run.journal.steps.filter { !["run", "session", "scan", "tile", "image", "movie"].contains($0) }
        let computed = steps.map { Report.Timing(label: $0, seconds: run.journal.seconds(of: $0)) }
        return (atMicroscope + computed).filter { $0.seconds > 0 }
    }
}

extension JSONValue {
    /// The elements of a list as a type; none for anything else.
    fileprivate func decodedList<Element: Decodable>(as type: Element.Type) throws -> [Element] {
        guard case .array(let values) = self else { return [] }
        return try values.map { try $0.decoded(as: type) }
    }
}
