import Imaging
import Localization
import Work

/// A movie as scripts hold it.
struct OpenMovie: LuaObject {
    static let luaName = "localization.Movie"
    let movie: any Movie
}

extension CameraCalibration: LuaObject { public static let luaName = "localization.Camera" }
extension Drift: LuaObject {
    public static let luaName = "localization.Drift"
    public var nativeBytes: Int { 16 * x_nm.count }
}
extension LocalizationTable: LuaObject {
    public static let luaName = "localization.Table"
    public var nativeBytes: Int { count * (20 + 8 * columnNames.count) }
}

extension LocalizationSettings: LuaOptions {
    public static let defaults = LocalizationSettings()
    public static let fields = [
        Option("sigma_nm", \LocalizationSettings.sigma_nm, "standard deviation of a spot", minimum: 1),
        Option("fit_sigma", \LocalizationSettings.fitsSigma, "whether each spot's width is fitted"),
        Option(
            "filter", \LocalizationSettings.filterName, "band-pass before detection",
            choices: DetectionFilter.allCases.map(\.rawValue)),
        Option("threshold", \LocalizationSettings.threshold, "height in standard deviations of the noise", minimum: 1),
        Option("side", \LocalizationSettings.side, "side of the fitted square in pixels, odd"),
        Option(
            "significance", \LocalizationSettings.significance, "least photons in units of their standard error",
            minimum: 0),
    ]

    fileprivate var filterName: String {
        get { filter.rawValue }
        set { filter = DetectionFilter(rawValue: newValue) ?? .wavelet }
    }
}

/// How a table is rendered.
struct RenderingOptions: LuaOptions {
    var pixel_nm = 10.0
    var method = RenderingMethod.gaussian.rawValue
    var width_nm: Double?
    var height_nm: Double?
    var left_nm = 0.0
    var top_nm = 0.0
    var scale_bar = true

    static let defaults = RenderingOptions()
    static let fields = [
        Option("pixel_nm", \RenderingOptions.pixel_nm, "side of a rendered pixel", minimum: 0.1),
        Option(
            "method", \RenderingOptions.method, "a Gaussian by precision, or counts",
            choices: RenderingMethod.allCases.map(\.rawValue)),
        Option("width_nm", \RenderingOptions.width_nm, "width of the field from the origin; all by default"),
        Option("height_nm", \RenderingOptions.height_nm, "height of the field from the origin; all by default"),
        Option("left_nm", \RenderingOptions.left_nm, "left edge of the field"),
        Option("top_nm", \RenderingOptions.top_nm, "upper edge of the field"),
        Option("scale_bar", \RenderingOptions.scale_bar, "whether a coloured picture has a scale bar"),
    ]
}

/// How drift is found.
struct DriftOptions: LuaOptions {
    var blocks: Int?
    var pixel_nm = 20.0
    var reach_nm = 1500.0

    static let defaults = DriftOptions()
    static let fields = [
        Option("blocks", \DriftOptions.blocks, "parts of the movie; by the number of localizations by default"),
        Option("pixel_nm", \DriftOptions.pixel_nm, "pixel of the correlated images", minimum: 1),
        Option("reach_nm", \DriftOptions.reach_nm, "largest drift between two parts", minimum: 10),
    ]
}

extension LuaModule {
    /// Movies, localization tables and what is done with them.
    static var localization: LuaModule {
        LuaModule("localization", "Finds single molecules in movies; works on tables of them.") { module in
            declareMovies(module)
            declareTables(module)
            declareTableClass(module)
        }
    }

    private static func declareMovies(_ module: LuaModule) {
        module.class(OpenMovie.self, "A movie on disk, read frame by frame.") { movie in
            movie.property("path", "the file") { $0.movie.path }
            movie.property("width", "columns of a frame") { $0.movie.width }
            movie.property("height", "rows of a frame") { $0.movie.height }
            movie.property("frames", "the number of whole frames") { $0.movie.frameCount }
            movie.property("pixel_nm", "side of a pixel, where the file says") { $0.movie.pixel_nm }
            movie.property("loss", "what of the file is not used, nil when it is whole") { $0.movie.loss }
            movie.text { "movie \($0.movie.path), \($0.movie.frameCount) frames \($0.movie.width)x\($0.movie.height)" }
        }
        module.function(
            "open", "Opens a movie: TIFF, .dax with .inf, .raw with .yaml.", [Parameter("path", "the file")],
            result: "the movie"
        ) { (path: String) in OpenMovie(movie: try openMovie(path)) }

        module.class(CameraCalibration.self, "How a camera turns photons into counts.") { camera in
            camera.property("pixel_nm", "side of a pixel", get: { $0.pixel_nm }, set: { $0.pixel_nm = $1 })
            camera.property(
                "offset_counts", "mean count in the dark", get: { $0.offset_counts }, set: { $0.offset_counts = $1 })
            camera.property(
                "electrons_per_count", "electrons for one count", get: { $0.electrons_per_count },
                set: { $0.electrons_per_count = $1 })
            camera.property(
                "em_gain", "multiplication of electrons, 1 for none", get: { $0.em_gain }, set: { $0.em_gain = $1 })
            camera.property(
                "quantum_efficiency", "photo-electrons per photon", get: { $0.quantum_efficiency },
                set: { $0.quantum_efficiency = $1 })
            camera.property(
                "read_noise_electrons", "read noise after multiplication", get: { $0.read_noise_electrons },
                set: { $0.read_noise_electrons = $1 })
        }
        module.function(
            "camera", "Makes a camera calibration, from a camera file or for a plain camera.",
            [Parameter("file", "JSON with pixel_nm, offset_counts, ...; 100 nm, 1 electron per count without one")],
            result: "the calibration"
        ) { (file: String?) in try file.map { try CameraCalibration(file: $0) } ?? CameraCalibration(pixel_nm: 100) }

        let steps = [Parameter("movie", "the movie"), Parameter("camera", "its camera")]
        module.function(
            "localize", "Finds and fits the molecules of a movie.", steps + [Parameter("options", "how")],
            result: "the table of all frames"
        ) { (movie: OpenMovie, camera: CameraCalibration, options: LocalizationSettings) in
            try Localizer(camera: camera, settings: options).localize(movie.movie)
        }
        let single = [Parameter("frame", "the frame's number, from 1", minimum: 1)]
        module.function(
            "detect", "Finds the places of spots in one frame, without a fit.",
            steps + single + [Parameter("options", "how")],
            result: "a table of pixel centres with background and significance"
        ) { (movie: OpenMovie, camera: CameraCalibration, frame: Int, options: LocalizationSettings) in
            let found = try Localizer(camera: camera, settings: options).detect(try movie.movie.frame(frame - 1))
            var table = LocalizationTable(
                frame: found.map { _ in Int32(clamping: frame) },
                x_nm: found.map { (Double($0.column) + 0.5) * camera.pixel_nm },
                y_nm: found.map { (Double($0.row) + 0.5) * camera.pixel_nm })
            table["background"] = found.map { Double($0.background) }
            table["significance"] = found.map { Double($0.significance) }
            return table
        }
        module.function(
            "fit", "Fits the spots of one frame at given places.",
            steps + single + [Parameter("places", "a table as detect gives it"), Parameter("options", "how")],
            result: "the table of fits that are sound"
        ) {
            (
                movie: OpenMovie, camera: CameraCalibration, frame: Int, places: LocalizationTable,
                options: LocalizationSettings
            ) in
            let background = places["background"]
            let candidates = (0..<places.count).compactMap { row -> SpotCandidate? in
                let (x, y) = (places.x_nm[row] / camera.pixel_nm, places.y_nm[row] / camera.pixel_nm)
                guard x >= 0, y >= 0, x < 1e6, y < 1e6 else { return nil }
                return SpotCandidate(
                    column: Int(x), row: Int(y), background: Float(background?[row] ?? 1), significance: 0)
            }
            return try Localizer(camera: camera, settings: options).fit(
                candidates, in: try movie.movie.frame(frame - 1), number: frame)
        }
    }

    private static func declareTables(_ module: LuaModule) {
        module.function(
            "read", "Reads a localization table (ThunderSTORM CSV and its relatives).",
            [Parameter("path", "the file"), Parameter("pixel_nm", "side of a pixel, for files in pixels")],
            result: "the table"
        ) { (path: String, pixel_nm: Double?) in try LocalizationTable(thunderSTORM: path, pixel_nm: pixel_nm) }

        module.function(
            "table", "Makes a localization table from columns.",
            [Parameter("columns", "lists of equal length by name; frame, x_nm and y_nm must be among them")],
            result: "the table"
        ) { (columns: [String: [Double]]) in
            guard let frame = columns["frame"], let x = columns["x_nm"], let y = columns["y_nm"],
                columns.values.allSatisfy({ $0.count == frame.count })
            else {
                throw Failure(
                    "a localization table needs frame, x_nm and y_nm and columns of equal length",
                    code: "column-missing")
            }
            guard frame.allSatisfy({ abs($0) < 2e9 }) else {
                throw Failure("a frame is not a number", code: "table-value")
            }
            var table = LocalizationTable(frame: frame.map { Int32($0.rounded()) }, x_nm: x, y_nm: y)
            for name in columns.keys.sorted() where !["frame", "x_nm", "y_nm"].contains(name) {
                table[name] = columns[name]
            }
            return table
        }

        module.function(
            "score", "Compares a table with the truth, frame by frame with the best assignment.",
            [
                Parameter("found", "the table"), Parameter("truth", "the true positions"),
                Parameter("tolerance_nm", "the largest distance of a pair", default: 250, minimum: 0),
            ], result: "recall, precision, jaccard, rmse_nm, rmse_x_nm, rmse_y_nm, efficiency and the numbers of rows"
        ) { (found: LocalizationTable, truth: LocalizationTable, tolerance_nm: Double) in
            let scores = scoreLocalizations(found, truth: truth, tolerance_nm: tolerance_nm)
            let numbers: [String: LuaValue] = [
                "recall": .number(scores.recall), "precision": .number(scores.precision),
                "jaccard": .number(scores.jaccard), "rmse_nm": .number(scores.rmse_nm),
                "rmse_x_nm": .number(scores.rmse_x_nm), "rmse_y_nm": .number(scores.rmse_y_nm),
                "efficiency": .number(scores.efficiency), "matched": .integer(scores.matched),
                "spurious": .integer(scores.spurious), "missed": .integer(scores.missed),
            ]
            return numbers
        }
    }

    private static func declareTableClass(_ module: LuaModule) {
        module.class(Drift.self, "The way of the specimen during a movie.") { drift in
            drift.property("x_nm", "along x for each frame") { $0.x_nm }
            drift.property("y_nm", "along y for each frame") { $0.y_nm }
            drift.property("range_nm", "the larger of the two ranges") { drift in
                max(
                    (drift.x_nm.max() ?? 0) - (drift.x_nm.min() ?? 0), (drift.y_nm.max() ?? 0) - (drift.y_nm.min() ?? 0)
                )
            }
            drift.method("write", "Writes the trace as CSV.", [Parameter("path", "the file")]) {
                (drift: Drift, path: String) in try drift.write(path)
            }
            drift.method("plot", "Draws the trace.", [Parameter("path", "a .png file")]) {
                (drift: Drift, path: String) in try drift.plot().writePNG(to: path)
            }
        }
        module.class(LocalizationTable.self, "Localizations as columns.") { table in
            table.length { $0.count }
            table.text { "\($0.count) localizations: \($0.allColumnNames.joined(separator: ", "))" }
            table.property("columns", "the names of the columns") { $0.allColumnNames }
            table.property("frames", "the number of the last frame") { Int($0.frame.max() ?? 0) }
            table.method("column", "Gives a column as a list.", [Parameter("name", "such as x_nm")], result: "numbers")
            {
                (table: LocalizationTable, name: String) in try values(table, name)
            }
            table.method(
                "median", "Gives the median of a column, leaving out what is not a number.",
                [Parameter("name", "such as uncertainty_nm")], result: "the median; nil for an empty column"
            ) { (table: LocalizationTable, name: String) -> Double? in
                let sorted = try values(table, name).filter(\.isFinite).sorted()
                return sorted.isEmpty ? nil : sorted[sorted.count / 2]
            }
            table.method(
                "filter", "Keeps the rows in which a column lies between limits.",
                [
                    Parameter("name", "the column"), Parameter("minimum", "the least value; nil for none"),
                    Parameter("maximum", "the largest value; nil for none"),
                ], result: "a new table"
            ) { (table: LocalizationTable, name: String, minimum: Double?, maximum: Double?) in
                let column = try values(table, name)
                return table.filtered { column[$0] >= minimum ?? -.infinity && column[$0] <= maximum ?? .infinity }
            }
            table.method(
                "link", "Merges localizations of one molecule in following frames.",
                [
                    Parameter("radius_nm", "the largest step", default: 50, minimum: 0),
                    Parameter("gap", "dark frames in between", default: 1, minimum: 0, maximum: 1e6),
                ], result: "a new table with the column detections"
            ) { (table: LocalizationTable, radius_nm: Double, gap: Int) in
                table.merged(try table.tracks(radius_nm: radius_nm, gap: gap))
            }
            table.method("drift", "Finds the drift by redundant cross-correlation.", [Parameter("options", "how")]) {
                (table: LocalizationTable, options: DriftOptions) in
                try table.drift(blocks: options.blocks, pixel_nm: options.pixel_nm, reach_nm: options.reach_nm)
            }
            table.method("correct", "Takes a drift out.", [Parameter("drift", "the drift")], result: "a new table") {
                (table: LocalizationTable, drift: Drift) in drift.corrected(table)
            }
            table.method(
                "draw",
                "Draws the localizations: .tif with float samples and pixel size, .png in colours.",
                [Parameter("path", "a .tif or .png file"), Parameter("options", "how")]
            ) { (table: LocalizationTable, path: String, options: RenderingOptions) in
                let plane = try rendered(table, options)
                if path.lowercased().hasSuffix(".png") {
                    let picture = superResolutionPicture(
                        plane, pixel_nm: options.pixel_nm, hasScaleBar: options.scale_bar)
                    try writePNG(picture, to: path)
                } else {
                    try writeTIFF(Image(plane, pixelSize_um: options.pixel_nm / 1000), to: path)
                }
            }
            table.method(
                "render", "Draws the localizations as an image whose sum is their number.",
                [Parameter("options", "how")], result: "an image of floats with its pixel size"
            ) { (table: LocalizationTable, options: RenderingOptions) in
                Image(try rendered(table, options), pixelSize_um: options.pixel_nm / 1000)
            }
            table.method("write", "Writes a ThunderSTORM CSV.", [Parameter("path", "the file")]) {
                (table: LocalizationTable, path: String) in try table.writeThunderSTORM(path)
            }
        }
    }

    private static func values(_ table: LocalizationTable, _ name: String) throws -> [Double] {
        if let values = table.values(name) { return values }
        let near = nearestName(to: name, in: table.allColumnNames).map { "did you mean \($0)?" }
        throw Failure(
            "the table has no column \(name)",
            remedy: near ?? "it has \(table.allColumnNames.joined(separator: ", "))", code: "column-missing")
    }

    private static func rendered(_ table: LocalizationTable, _ options: RenderingOptions) throws -> Plane<Float> {
        guard options.left_nm == 0, options.top_nm == 0 else {
            var moved = LocalizationTable(
                frame: table.frame, x_nm: table.x_nm.map { $0 - options.left_nm },
                y_nm: table.y_nm.map { $0 - options.top_nm })
            moved["uncertainty_nm"] = table["uncertainty_nm"]
            var rest = options
            (rest.left_nm, rest.top_nm) = (0, 0)
            return try rendered(moved, rest)
        }
        var field: Field?
        if let width = options.width_nm, let height = options.height_nm {
            field = Field(width_nm: width, height_nm: height)
        }
        return try table.rendered(
            pixel_nm: options.pixel_nm, field: field, method: RenderingMethod(rawValue: options.method) ?? .gaussian)
    }
}
