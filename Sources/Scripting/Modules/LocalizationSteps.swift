import Imaging
import Localization
import Work

extension Drift: LuaObject {
    public static let luaName = "localization.Drift"
    public var nativeBytes: Int { 16 * x_nm.count }
}

extension ChannelRegistration: LuaObject { public static let luaName = "localization.Registration" }

/// How a table is rendered.
struct RenderingOptions: LuaOptions {
    var pixel_nm = 10.0
    var method = RenderingMethod.gaussian.rawValue
    var shifts = 4
    var width_nm: Double?
    var height_nm: Double?
    var left_nm = 0.0
    var top_nm = 0.0
    var scale_bar = true
    var colour_by: String?
    var colours: String?
    var bits = 32

    static let defaults = RenderingOptions()
    static let fields = [
        Option("pixel_nm", \RenderingOptions.pixel_nm, "side of a rendered pixel", minimum: 0.1),
        Option(
            "method", \RenderingOptions.method,
            "counts, a Gaussian by precision, or the mean of shifted histograms",
            choices: RenderingMethod.allCases.map(\.rawValue)),
        Option("shifts", \RenderingOptions.shifts, "pixels of a bin of shifted histograms", minimum: 1, maximum: 100),
        Option("width_nm", \RenderingOptions.width_nm, "width of the field; all by default"),
        Option("height_nm", \RenderingOptions.height_nm, "height of the field; all by default"),
        Option("left_nm", \RenderingOptions.left_nm, "left edge of the field"),
        Option("top_nm", \RenderingOptions.top_nm, "upper edge of the field"),
        Option("scale_bar", \RenderingOptions.scale_bar, "whether a coloured picture has scale bar and colour bar"),
        Option("colour_by", \RenderingOptions.colour_by, "a column that colours a .png, such as frame or z_nm"),
        Option(
            "colours", \RenderingOptions.colours, "the colour map of a .png; hot, or time where a column colours it",
            choices: ColourMap.all.map(\.name)),
        Option("bits", \RenderingOptions.bits, "bits of a sample of a .tif: 32 for floats, 16 for whole numbers"),
    ]

    fileprivate var field: Field? {
        guard let width_nm, let height_nm else { return nil }
        return Field(x_nm: left_nm, y_nm: top_nm, width_nm: width_nm, height_nm: height_nm)
    }

    fileprivate func rendered(_ table: LocalizationTable) throws -> Plane<Float> {
        try table.rendered(
            pixel_nm: pixel_nm, field: field, method: RenderingMethod(rawValue: method) ?? .gaussian, shifts: shifts)
    }

    fileprivate func picture(_ table: LocalizationTable) throws -> Image {
        let map = colours.flatMap { ColourMap.named($0) }
        guard let colour_by else {
            return superResolutionPicture(
                try rendered(table), pixel_nm: pixel_nm, colourMap: map ?? .hot, hasScaleBar: scale_bar)
        }
        return try table.colouredPicture(
            by: LocalizationColouring(column: colour_by, colourMap: map ?? .time), pixel_nm: pixel_nm, field: field,
            method: RenderingMethod(rawValue: method) ?? .gaussian, shifts: shifts, hasScaleBar: scale_bar)
    }
}

/// How drift is found.
struct DriftOptions: LuaOptions {
    var method = "intersection"
    var blocks: Int?
    var pixel_nm = 20.0
    var reach_nm: Double?
    var segment_frames: Int?

    static let defaults = DriftOptions()
    static let fields = [
        Option(
            "method", \DriftOptions.method, "adaptive intersection maximization, or redundant cross-correlation",
            choices: ["intersection", "correlation"]),
        Option(
            "pixel_nm", \DriftOptions.pixel_nm, "cell of the intersections, pixel of the correlated images", minimum: 1),
        Option(
            "reach_nm", \DriftOptions.reach_nm,
            "largest drift from a segment to the next (60), or between any two blocks (1500)", minimum: 10),
        Option("segment_frames", \DriftOptions.segment_frames, "intersection: frames of a segment", minimum: 1),
        Option(
            "blocks", \DriftOptions.blocks, "correlation: parts of the movie; by the number of localizations by default"
        ),
    ]

    fileprivate func drift(of table: LocalizationTable) throws -> Drift {
        if method == "correlation" {
            return try table.drift(blocks: blocks, pixel_nm: pixel_nm, reach_nm: reach_nm ?? 1500)
        }
        return try table.driftByIntersection(
            segmentFrames: segment_frames, cell_nm: pixel_nm, reach_nm: reach_nm ?? 60)
    }
}

/// How channels are registered.
private struct RegistrationOptions: LuaOptions {
    var model: String?
    var reach_nm = 5000.0

    static let defaults = RegistrationOptions()
    static let fields = [
        Option(
            "model", \RegistrationOptions.model, "the displacement; the one with the least error by default",
            choices: ChannelRegistration.Model.allCases.map(\.rawValue)),
        Option("reach_nm", \RegistrationOptions.reach_nm, "the largest shift between the channels", minimum: 1),
    ]
}

/// Steps on tables: each is a function of the module and a method of tables, declared once.
private struct TableSteps {
    let module: LuaModule
    let table: ClassBuilder<LocalizationTable>

    func step<each Argument: LuaReadable, Value: LuaWritable>(
        _ name: String, _ summary: String, _ parameters: [Parameter], result: String, details: String = "",
        _ body: @escaping (LocalizationTable, repeat each Argument) throws -> Value
    ) {
        module.function(
            name, summary, [Parameter("table", "the localizations")] + parameters, result: result, details: details,
            body)
        table.method(name, summary, parameters, result: result, details: details, body)
    }
}

extension LuaModule {
    static func declareTableSteps(_ module: LuaModule) {
        module.class(Drift.self, "The way of the specimen during a movie.") { drift in
            drift.property("x_nm", "along x for each frame") { $0.x_nm }
            drift.property("y_nm", "along y for each frame") { $0.y_nm }
            drift.property("z_nm", "along z for each frame; nil where only x and y are known") { $0.z_nm }
            drift.property("range_nm", "the largest of the ranges of the axes") { $0.range_nm }
            drift.property(
                "note", "why nothing was found, so that the trace is 0; nil where drift was found"
            ) { $0.note }
            drift.method("write", "Writes the trace as CSV.", [Parameter("path", "the file")]) {
                (drift: Drift, path: String) in try drift.write(path)
            }
            drift.method("plot", "Draws the trace.", [Parameter("path", "a .png file")]) {
                (drift: Drift, path: String) in try drift.plot().writePNG(to: path)
            }
        }
        module.function(
            "read_drift", "Reads a drift trace.", [Parameter("path", "a file that drift:write made")],
            result: "the drift"
        ) { (path: String) in try Drift(file: path) }
        module.class(ChannelRegistration.self, "How one channel's positions become another's.") { registration in
            registration.property("model", "shift, affine, quadratic or cubic") { $0.model.rawValue }
            registration.property("beads", "the number of common beads") { $0.beads }
            registration.property("chance", "the probability that chance brings as many beads together") { $0.chance }
            registration.property("residual_nm", "root mean square distance of the beads afterwards") { $0.residual_nm }
            registration.property("leave_one_out_nm", "the same for beads that did not take part: the error to expect")
            {
                $0.leaveOneOut_nm
            }
            registration.method(
                "apply", "Moves a table to the other channel.",
                [Parameter("table", "localizations of the moving channel")],
                result: "a new table"
            ) { (registration: ChannelRegistration, table: LocalizationTable) in registration.registered(table) }
            registration.method("write", "Writes the registration as JSON.", [Parameter("path", "the file")]) {
                (registration: ChannelRegistration, path: String) in try registration.write(path)
            }
            registration.text {
                "\($0.model.rawValue) registration from \($0.beads) beads, error \(LuaValue.digits(($0.leaveOneOut_nm * 100).rounded() / 100)) nm"
            }
        }
        module.function(
            "read_registration", "Reads a registration.", [Parameter("path", "a file that registration:write made")],
            result: "the registration"
        ) { (path: String) in try ChannelRegistration(file: path) }

        module.class(LocalizationTable.self, "Localizations as columns.") { table in
            declareTableProperties(table)
            let steps = TableSteps(module: module, table: table)
            declareChoices(steps)
            declareCorrections(steps)
            declareRendering(steps)
        }
    }

    private static func declareChoices(_ steps: TableSteps) {
        steps.step(
            "filter", "Keeps the rows that meet a condition, or in which a column lies between limits.",
            [
                Parameter("condition", "such as \"photons > 500 and uncertainty_nm < 20\", or the name of a column"),
                Parameter("minimum", "the least value of that column; nil for none"),
                Parameter("maximum", "the largest value of that column; nil for none"),
            ], result: "a new table",
            details: """
                Conditions know the columns by their names, numbers, `+ - * / ^`, `< <= > >= == !=` (in chains too: \
                `100 < sigma_nm < 180`), `and or not`, parentheses, `abs sqrt log exp min max` and `pi`.
                """
        ) { (table: LocalizationTable, condition: String, minimum: Double?, maximum: Double?) in
            guard minimum != nil || maximum != nil else { return try table.filtered(by: condition) }
            let column = try table.column(condition)
            return table.filtered { column[$0] >= minimum ?? -.infinity && column[$0] <= maximum ?? .infinity }
        }
        steps.step(
            "duplicates", "Removes what was fitted twice in a frame; the most precise stays.",
            [Parameter("radius_nm", "the distance within which two are the same", default: 50, minimum: 0)],
            result: "a new table"
        ) { (table: LocalizationTable, radius_nm: Double) in try table.withoutDuplicates(radius_nm: radius_nm) }
        steps.step(
            "density", "Counts the other localizations of any frame around each.",
            [Parameter("radius_nm", "how far", default: 50, minimum: 0)],
            result: "a new table with the column neighbours, for filter"
        ) { (table: LocalizationTable, radius_nm: Double) in
            var counted = table
            counted["neighbours"] = try table.neighbours(radius_nm: radius_nm)
            return counted
        }
        steps.step(
            "link", "Merges localizations of one molecule in following frames.",
            [
                Parameter("radius_nm", "the largest step", default: 50, minimum: 0),
                Parameter("gap", "dark frames in between", default: 1, minimum: 0, maximum: 1e6),
            ], result: "a new table with the column detections"
        ) { (table: LocalizationTable, radius_nm: Double, gap: Int) in
            table.merged(try table.tracks(radius_nm: radius_nm, gap: gap))
        }
    }

    private static func declareCorrections(_ steps: TableSteps) {
        steps.step(
            "drift", "Finds the drift, along z too where the table has z_nm.", [Parameter("options", "how")],
            result: "the drift; table:correct takes it out",
            details: """
                Where localizations of different times have no more in common than chance brings, the drift is 0 and its note \
                says so. \
                Intersection (Ma et al. 2024) follows short segments and is right for most movies; correlation (Wang et al. \
                2014) compares all pairs of a few large blocks and also finds jumps of more than reach_nm.
                """
        ) { (table: LocalizationTable, options: DriftOptions) in try options.drift(of: table) }
        steps.step("correct", "Takes a drift out.", [Parameter("drift", "the drift")], result: "a new table") {
            (table: LocalizationTable, drift: Drift) in drift.corrected(table)
        }
        steps.step(
            "register", "Finds how beads of this channel lie to the same beads in another.",
            [Parameter("reference", "the beads in the channel that stays"), Parameter("options", "how")],
            result: "the registration; its apply moves tables of this channel",
            details: """
                Beads that meet no more often than chance lets them are refused. The error is that of beads that are left out \
                of the fit. Without a model the simplest of shift, affine, \
                quadratic and cubic is taken that is within 5 % of the best.
                """
        ) { (table: LocalizationTable, reference: LocalizationTable, options: RegistrationOptions) in
            try ChannelRegistration(
                moving: table, to: reference, model: options.model.flatMap { ChannelRegistration.Model(rawValue: $0) },
                reach_nm: options.reach_nm)
        }
    }

    private static func declareRendering(_ steps: TableSteps) {
        steps.step(
            "render", "Draws the localizations as an image whose sum is their number.", [Parameter("options", "how")],
            result: "an image of floats with its pixel size"
        ) { (table: LocalizationTable, options: RenderingOptions) in
            Image(try options.rendered(table), pixelSize_um: options.pixel_nm / 1000)
        }
        steps.table.method(
            "draw", "Draws the localizations into a file: .tif with samples and pixel size, .png in colours.",
            [Parameter("path", "a .tif or .png file"), Parameter("options", "how")]
        ) { (table: LocalizationTable, path: String, options: RenderingOptions) in
            if path.lowercased().hasSuffix(".png") { return try writePNG(try options.picture(table), to: path) }
            let plane = try options.rendered(table)
            let size = options.pixel_nm / 1000
            switch options.bits {
            case 16: try writeTIFF(Image(sixteenBits(plane), pixelSize_um: size), to: path)
            case 32: try writeTIFF(Image(plane, pixelSize_um: size), to: path)
            default:
                throw Failure(
                    "images of \(options.bits) bits cannot be written", remedy: "choose 16 or 32", code: "parameter")
            }
        }
    }
}
