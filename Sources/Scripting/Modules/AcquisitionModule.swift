import Acquisition
import Foundation
import Imaging
import Instruments
import Optics
import Work

extension AcquisitionRun: LuaObject { public static let luaName = "acquisition.Run" }
extension Scan: LuaObject { public static let luaName = "acquisition.Scan" }
extension Overview: LuaObject { public static let luaName = "acquisition.Overview" }
extension TargetSelection.Targets: LuaObject { public static let luaName = "acquisition.Targets" }
extension AcquisitionPlan: LuaObject { public static let luaName = "acquisition.Plan" }
extension AcquisitionPlan.Position: LuaObject { public static let luaName = "acquisition.Position" }
extension PositionRecord: LuaObject { public static let luaName = "acquisition.Record" }
extension PositionRecord.File: LuaObject { public static let luaName = "acquisition.File" }

/// The objects of a segmentation as one value of a script.
struct FoundObjects: LuaObject {
    static let luaName = "acquisition.Objects"
    var map: AcquisitionRun.ObjectMap
    var objects: [TargetObject] { map.objects }
}

/// How a run is begun.
struct RunOptions: LuaOptions {
    var parameters = StoredValue(json: .null)
    var resume = false
    var approach_um = MotionPolicy().approach_um
    var timeout_ms = MotionPolicy().timeout_ms
    var restarts = 2
    var slack_ms = Microscope.slack_ms
    static var defaults: RunOptions { RunOptions() }
    static let fields = [
        Option("parameters", \RunOptions.parameters, "what the run depends on; output and resume are left out"),
        Option("resume", \RunOptions.resume, "go on with the run of the folder"),
        Option(
            "approach_um", \RunOptions.approach_um, "every place is approached from this far on one side", minimum: 0),
        Option("timeout_ms", \RunOptions.timeout_ms, "the time that a move may take", minimum: 1),
        Option(
            "restarts", \RunOptions.restarts,
            "how often a camera that stalls in a movie is started again; the gap is kept with the movie", minimum: 0),
        Option("slack_ms", \RunOptions.slack_ms, "what a frame may take beyond its exposure", minimum: 1),
    ]
}

/// What is scanned.
struct ScanOptions: LuaOptions {
    var width_um = 300.0
    var height_um = 300.0
    var x_um = 0.0
    var y_um = 0.0
    var channel = "DAPI"
    var overlap = 0.1
    static var defaults: ScanOptions { ScanOptions() }
    static let fields = [
        Option("width_um", \ScanOptions.width_um, "the extent of the area along x", minimum: 0.001),
        Option("height_um", \ScanOptions.height_um, "the extent of the area along y", minimum: 0.001),
        Option("x_um", \ScanOptions.x_um, "the centre of the area"),
        Option("y_um", \ScanOptions.y_um, "the centre of the area"),
        Option("channel", \ScanOptions.channel, "the channel"),
        Option("overlap", \ScanOptions.overlap, "the fraction that neighbours share", minimum: 0, maximum: 0.9),
    ]
}

/// How positions are chosen.
struct TargetOptions: LuaOptions {
    var margin_um = 1.0
    var minimum_area_um2 = 0.0
    var criteria: String?
    var exclude_border = true
    var large = LargeMethod.random.rawValue
    var samples = 1
    var limit = 0
    var seed: UInt64 = 1
    static var defaults: TargetOptions { TargetOptions() }
    static let fields = [
        Option("margin_um", \TargetOptions.margin_um, "kept between an object and the edge of its field", minimum: 0),
        Option("minimum_area_um2", \TargetOptions.minimum_area_um2, "smaller objects are left out", minimum: 0),
        Option(
            "criteria", \TargetOptions.criteria,
            "a condition that objects must meet, such as area_um2 > 5 and eccentricity < 0.9"),
        Option("exclude_border", \TargetOptions.exclude_border, "leave objects at the edge of the scan out"),
        Option(
            "large", \TargetOptions.large, "how objects larger than a field are imaged",
            choices: LargeMethod.allCases.map(\.rawValue)),
        Option(
            "samples", \TargetOptions.samples,
            "fields of an object larger than one; 0 for as many as it holds, at random places one", minimum: 0),
        Option("limit", \TargetOptions.limit, "the greatest number of positions, 0 for all", minimum: 0),
        Option("seed", \TargetOptions.seed, "the seed of random places"),
    ]
}

/// A movie of a plan.
struct MovieOptions: LuaOptions, LuaWritable {
    var channel = ""
    var frames = 1000
    static var defaults: MovieOptions { MovieOptions() }
    static let fields = [
        Option("channel", \MovieOptions.channel, "the channel"),
        Option("frames", \MovieOptions.frames, "the number of frames", minimum: 1),
    ]
    func push(to lua: LuaContext) throws -> Int32 {
        try LuaValue.record(["channel": .text(channel), "frames": .integer(frames)]).push(to: lua)
    }
}

/// What is taken at every position.
struct PlanOptions: LuaOptions {
    var channels: [String] = []
    var movies: [MovieOptions] = []
    static var defaults: PlanOptions { PlanOptions() }
    static let fields = [
        Option("channels", \PlanOptions.channels, "up to three wide-field channels"),
        Option("movies", \PlanOptions.movies, "up to two movies, each { channel = , frames = }"),
    ]
}

extension LuaModule {
    /// The automated run.
    static var acquisition: LuaModule {
        LuaModule("acquisition", "Automated runs: scan, positions, movies, with a journal to go on from.") { module in
            module.function(
                "begin", "Begins a run in a folder, or goes on with it.",
                [Parameter("folder", "where everything goes"), Parameter("options", "how")],
                result: "the run",
                details:
                    "A folder that holds a run already is refused unless `resume` is given, and so is a resumed run "
                    + "with other parameters."
            ) { (folder: String, options: RunOptions) in
                var parameters = StoredValue.plainNumbers(options.parameters.json)
                if case .object(var fields) = parameters {
                    for name in ["output", "resume"] { fields[name] = nil }
                    parameters = .object(fields)
                }
                let motion = MotionPolicy(timeout_ms: options.timeout_ms, approach_um: options.approach_um)
                guard case .object(let fields) = parameters else {
                    return try AcquisitionRun(
                        folder: folder, parameters: [:], resume: options.resume, motion: motion,
                        slack_ms: options.slack_ms, restarts: options.restarts)
                }
                return try AcquisitionRun(
                    folder: folder, parameters: fields, resume: options.resume, motion: motion,
                    slack_ms: options.slack_ms, restarts: options.restarts)
            }
            declareCheck(module)
            declareEstimate(module)
            declareRun(module)
            declareResults(module)
        }
    }

    private static func declareRun(_ module: LuaModule) {
        module.class(AcquisitionRun.self, "A run in its folder; what its journal has is not done again.") { run in
            run.property("folder", "the folder of the run") { $0.folder }
            run.property("is_resumed", "whether it goes on from an earlier session") { $0.journal.isResumed }
            run.property("seconds", "the time of all its sessions until now") { $0.seconds }
            run.property("skipped", "what was left out in this session, with reasons") { run in
                run.skipped.map { ["step": $0.step, "reason": $0.reason] }
            }
            run.method("path", "The path of a file of the run.", [Parameter("file", "its name in the folder")]) {
                (run: AcquisitionRun, file: String) in run.path(file)
            }
            run.method(
                "once", "Does a step unless the journal has it.",
                [
                    Parameter("step", "the kind of the step"), Parameter("key", "which one"),
                    Parameter("body", "does it and returns plain data"),
                    Parameter(
                        "inputs", "plain data that the result depends on, such as settings or a file's `inputs`"),
                ], result: "what the step returned, now or in an earlier session",
                details:
                    "A step with another key or other inputs is another step. What comes back is what was returned, to "
                    + "the bit: NaN, infinities, bytes, integers and floats, tables with any plain keys."
            ) { (run: AcquisitionRun, step: String, name: String, body: LuaFunction, inputs: StoredValue) in
                let key = try StepKey(name, inputs: inputs.json)
                return StoredValue(json: try run.once(step, key: key) { try body.call(as: StoredValue.self).json })
            }
            run.method(
                "scan", "Scans an area tile by tile; the light is on during exposures only.",
                [Parameter("scope", "the microscope"), Parameter("options", "what")], result: "the scan"
            ) { (run: AcquisitionRun, scope: Microscope, options: ScanOptions) in
                try run.scan(
                    Rectangle(
                        centre: Point(x_um: options.x_um, y_um: options.y_um), width_um: options.width_um,
                        height_um: options.height_um), on: scope, channel: options.channel, overlap: options.overlap)
            }
            run.method(
                "overview", "Stitches a scan by its stage coordinates into overview.tif and overview.png.",
                [
                    Parameter("scan", "the scan"),
                    Parameter("pixel_um", "the side of a pixel, at least the camera's", minimum: 0.001),
                    Parameter("offset_counts", "the camera's count without light", default: 100, minimum: 0),
                ], result: "the overview"
            ) { (run: AcquisitionRun, scan: Scan, pixel_um: Double, offset_counts: Double) in
                try run.overview(of: scan, pixel_um: pixel_um, offset_counts: offset_counts)
            }
            run.method(
                "objects", "Finds the objects of an overview by a segmentation of your choice.",
                [
                    Parameter("overview", "the overview"),
                    Parameter("segment", "gets the overview's path and returns a label image of its size"),
                ], result: "the objects",
                details:
                    "The label image and the outlines are kept, so that a resumed run does not segment again. Another "
                    + "function is another question, and so is one that holds another model, number, text or table."
            ) { (run: AcquisitionRun, overview: Overview, segment: LuaFunction) in
                // What the function changes while it runs is not what it was asked.
                let before = try FunctionInputs(segment)
                let code = before.code.description
                let known = run.journal.value(of: "function", key: code, as: [String].self) ?? []
                let map = try run.objects(
                    in: overview, inputs: before.fingerprint(without: known),
                    settled: {
                        let state = try FunctionInputs(segment).changes(since: before)
                        if !Set(state).isSubset(of: known) {
                            try run.journal.record("function", key: code, Set(known).union(state).sorted())
                        }
                        return try before.fingerprint(without: known + state)
                    }
                ) { try segment.call($0, as: Image.self) }
                return FoundObjects(map: map)
            }
            run.method(
                "targets", "Chooses fields of view for objects: few fields, each object wholly in exactly one.",
                [
                    Parameter("objects", "the objects"), Parameter("scope", "the microscope"),
                    Parameter("options", "how"),
                ],
                result: "the positions, ordered by a short way, also in positions.csv"
            ) { (run: AcquisitionRun, found: FoundObjects, scope: Microscope, options: TargetOptions) in
                let field = try scope.fieldOfView()
                let start = try scope.stage.position()
                let selection = TargetSelection(
                    fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, margin_um: options.margin_um,
                    minimumArea_um2: options.minimum_area_um2, criteria: options.criteria,
                    excludesBorder: options.exclude_border,
                    large: LargeMethod(rawValue: options.large) ?? .random, samplesPerLargeObject: options.samples,
                    limit: options.limit > 0 ? options.limit : nil,
                    seed: options.seed)
                return try run.targets(
                    for: found.map, from: start, selection: selection)
            }
            run.method(
                "plan", "Says what is taken at every position, and checks that it fits on the disk.",
                [
                    Parameter("targets", "the positions"), Parameter("scope", "the microscope"),
                    Parameter("options", "what is taken"),
                ], result: "the plan"
            ) { (run: AcquisitionRun, targets: TargetSelection.Targets, scope: Microscope, options: PlanOptions) in
                let plan = try AcquisitionPlan(
                    positions: targets.positions, channels: try options.channels.map(scope.channel(named:)),
                    movies: try options.movies.map {
                        AcquisitionPlan.Movie(channel: try scope.channel(named: $0.channel), frames: $0.frames)
                    })
                try run.checkSpace(for: plan, on: scope)
                try run.keep(plan)
                return plan
            }
            run.method(
                "acquire", "Takes everything that a plan asks for at one position.",
                [
                    Parameter("position", "the position"), Parameter("plan", "the plan"),
                    Parameter("scope", "the microscope"),
                ], result: "the files, or the reason why the position was left out"
            ) { (run: AcquisitionRun, position: AcquisitionPlan.Position, plan: AcquisitionPlan, scope: Microscope) in
                try run.acquire(position, of: plan, on: scope)
            }
            run.method(
                "calibration", "The camera's calibration as it is set for a channel; the light stays off.",
                [Parameter("scope", "the microscope"), Parameter("channel", "its name")],
                result: "the calibration; a camera without one is an error"
            ) { (_: AcquisitionRun, scope: Microscope, name: String) in
                _ = try scope.prepare(try scope.channel(named: name))
                guard let calibration = try scope.camera.calibration() else {
                    throw Failure(
                        "\(scope.camera.name) of \(scope.name) is not calibrated",
                        remedy: "put its offset, gain and noise into the microscope's description",
                        code: "not-calibrated")
                }
                return calibration
            }
            run.method(
                "times", "Adds up where the time at the microscope went.",
                [Parameter("scan", "the scan"), Parameter("records", "what was taken at the positions")],
                result:
                    "{ exposing_s, moving_s, other_s, overhead } by the microscope's clock; overhead is the share in which no "
                    + "frame was taken"
            ) { (_: AcquisitionRun, scan: Scan, records: [PositionRecord]) in
                let seconds = records.reduce(into: scan.seconds) { $0 += $1.seconds }
                return [
                    "exposing_s": seconds.exposing, "moving_s": seconds.moving, "other_s": seconds.other,
                    "overhead": seconds.total > 0 ? 1 - seconds.exposing / seconds.total : 0,
                ]
            }
            run.method(
                "truth", "Compares the positions with the true objects of a simulated specimen.",
                [
                    Parameter("scope", "the microscope"), Parameter("scan", "the scan"),
                    Parameter("records", "what was taken at the positions, or the positions themselves"),
                    Parameter("least_um2", "smaller true objects are not asked for", default: 0, minimum: 0),
                ],
                result:
                    "{ objects, once, never, repeatedly, share, large, large_share, large_shares, large_fields }: of the true "
                    + "objects that fit into a field and lie wholly in the scanned area, how many lie wholly inside "
                    + "exactly one field with a movie; of larger ones the share of their area that lies in some field, and "
                    + "the number of fields with a piece at least half a field long; nil on a real microscope",
                details:
                    "Nuclei, spheres and clusters are taken one by one. Of fibres, what is connected is one object, as a "
                    + "light microscope shows it."
            ) {
                (
                    _: AcquisitionRun, scope: Microscope, scan: Scan,
                    records: Either<TargetSelection.Targets, [PositionRecord]>,
                    least_um2: Double
                ) in
                scope.truth.map { truth in
                    TrueCoverage(
                        of: truth, in: scan.plan.area,
                        by: imaged(records).map { scan.plan.field(x_um: $0.x_um, y_um: $0.y_um) },
                        width_um: scan.plan.fieldWidth_um, height_um: scan.plan.fieldHeight_um, least_um2: least_um2
                    ).record
                }
            }
            run.method(
                "true_mask", "Draws the true objects of a simulated specimen as they lie in an overview.",
                [
                    Parameter("scope", "the microscope"), Parameter("overview", "the overview"),
                    Parameter("least_um", "the least width of fibres in the mask", default: 0, minimum: 0),
                ], result: "the mask, 255 in objects; nil on a real microscope"
            ) { (_: AcquisitionRun, scope: Microscope, overview: Overview, least_um: Double) in
                scope.truth.map { truth in
                    let place = overview.geometry
                    return Image(
                        truth.mask(
                            width: place.width, height: place.height, x_um: place.origin.x_um,
                            y_um: place.origin.y_um, pixel_um: place.pixel_um, leastRadius_um: least_um / 2),
                        pixelSize_um: place.pixel_um)
                }
            }
            run.text { "run in \($0.folder)" }
            run.closing { $0.close() }
        }
    }

    private static func declareResults(_ module: LuaModule) {
        module.class(Scan.self, "A scan that was taken.") { scan in
            scan.property("tiles", "the number of tiles") { $0.tiles.count }
            scan.property("channel", "the name of the channel") { $0.channel }
            scan.property("seconds", "how long it took") { $0.seconds.total }
            scan.text { "scan of \($0.tiles.count) tiles" }
        }
        module.class(Overview.self, "The stitched picture of a scan.") { overview in
            overview.property("pixel_um", "the side of a pixel") { $0.geometry.pixel_um }
            overview.property("file", "the 16-bit TIFF in the folder of the run") { $0.file }
            overview.property("preview", "the PNG in the folder of the run") { $0.preview }
            overview.text { "overview of \($0.geometry.width)x\($0.geometry.height) pixels" }
        }
        module.class(FoundObjects.self, "The objects of an overview.") { found in
            found.length { $0.objects.count }
            found.method("records", "The objects as a list of tables.") { (found: FoundObjects) in
                found.objects.map { object -> [String: LuaValue] in
                    [
                        "id": .integer(object.id), "x_um": .number(object.centroid.x_um),
                        "y_um": .number(object.centroid.y_um), "area_um2": .number(object.area_um2),
                        "touches_border": .boolean(object.touchesBorder),
                    ]
                }
            }
            found.text { "\($0.objects.count) objects" }
        }
        module.class(TargetSelection.Targets.self, "Positions chosen for objects.") { targets in
            targets.property("positions", "the positions in the order of the visit") { $0.positions }
            targets.property("omitted", "the objects without a position, with reasons") { targets in
                targets.omitted.map { ["object": LuaValue.integer($0.object), "reason": .text($0.reason)] }
            }
            targets.property(
                "large",
                "the objects larger than a field: { object, fields, share }, the share of the area that is in fields"
            ) { targets in
                targets.large.map { large -> [String: LuaValue] in
                    [
                        "object": .integer(large.object), "fields": .integer(large.fields),
                        "share": .number(large.share),
                    ]
                }
            }
            targets.property("overlaps", "how many pairs of fields overlap") { $0.overlaps }
            targets.property(
                "earlier_light",
                "the objects that get light of other positions before their own movie: { object, positions }, in shares of "
                    + "the light of one position"
            ) { targets in
                targets.earlierLight.map { earlier -> [String: LuaValue] in
                    ["object": .integer(earlier.object), "positions": .number(earlier.positions)]
                }
            }
            targets.property("travel_um", "the way through all positions") { $0.travel_um }
            targets.length { $0.positions.count }
            targets.text { "\($0.positions.count) positions" }
        }
        module.class(AcquisitionPlan.self, "What is taken at every position.") { plan in
            plan.property("positions", "the positions in the order of the visit") { $0.positions }
            plan.length { $0.positions.count }
            plan.text { "plan of \($0.positions.count) positions" }
        }
        module.class(AcquisitionPlan.Position.self, "One place on the specimen.") { position in
            position.property("number", "its number in the order of the visit") { $0.number }
            position.property("name", "its name in files") { $0.name }
            position.property("x_um", "the stage position") { $0.x_um }
            position.property("y_um", "the stage position") { $0.y_um }
            position.property("objects", "the numbers of its objects") { $0.objects }
            position.text { String(format: "%@ at (%.1f, %.1f) um", $0.name, $0.x_um, $0.y_um) }
        }
        module.class(PositionRecord.self, "What was taken at one position.") { record in
            record.property("position", "the position") { $0.position }
            record.property("images", "the wide-field images") { $0.images }
            record.property("movies", "the movies") { $0.movies }
            record.property("skipped", "why it was left out, nil when it was not") { $0.skipped }
            record.property("seconds", "how long it took") { $0.seconds.total }
            record.text {
                "\($0.position.name): \($0.skipped ?? "\($0.images.count) images, \($0.movies.count) movies")"
            }
        }
        module.class(PositionRecord.File.self, "One file of a position.") { file in
            file.property("channel", "the name of the channel") { $0.channel }
            file.property("file", "the file in the folder of the run") { $0.file }
            file.property("name", "its name without folder and ending") { $0.name }
            file.property("frames", "the number of frames") { $0.frames }
            file.property("gaps", "where the camera had to be started again: { after_frame, pause_ms, reason }") {
                ($0.gaps ?? []).map(\.record)
            }
            file.property("inputs", "the fingerprint of all that it was asked for") { $0.inputs.description }
            file.text { $0.file }
        }
    }
}

extension TrueCoverage {
    fileprivate var record: [String: LuaValue] {
        [
            "objects": .integer(objects), "once": .integer(once), "never": .integer(never),
            "repeatedly": .integer(repeatedly),
            "share": objects > 0 ? .number(Double(once) / Double(objects)) : .nil,
            "large": .integer(large), "large_share": largeShare.map { .number($0) } ?? .nil,
            "large_shares": .list(largeShares.map { .number($0) }),
            "large_fields": .list(largeFields.map { .integer($0) }),
        ]
    }
}

/// The positions themselves, or those where a movie was taken.
private func imaged(
    _ records: Either<TargetSelection.Targets, [PositionRecord]>
) -> [AcquisitionPlan.Position] {
    switch records {
    case .first(let targets): targets.positions
    case .second(let records): records.filter { !$0.movies.isEmpty }.map(\.position)
    }
}
