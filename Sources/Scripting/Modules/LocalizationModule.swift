import Imaging
import Localization
import Optics
import Work

/// A movie as scripts hold it.
struct OpenMovie: LuaObject {
    static let luaName = "localization.Movie"
    let movie: any Movie
}

/// Which planes of a file with several are a movie.
private struct MoviePlanes: LuaOptions {
    var channel: Int?
    var slice: Int?

    static let defaults = MoviePlanes()
    static let fields = [
        Option("channel", \MoviePlanes.channel, "of a file with several, from 1", minimum: 1),
        Option("slice", \MoviePlanes.slice, "of a file with several focus planes at each time, from 1", minimum: 1),
    ]
}

/// A stream as scripts hold it.
struct OpenStream: LuaObject {
    static let luaName = "localization.Stream"
    let stream: LocalizationStream
}

extension ImageShift: LuaObject { public static let luaName = "localization.Shift" }
extension CameraCalibration: LuaObject { public static let luaName = "localization.Camera" }

extension LocalizationSettings: LuaOptions {
    public static let defaults = LocalizationSettings()
    public static let fields = [
        Option("sigma_nm", \LocalizationSettings.sigma_nm, "standard deviation of a spot", minimum: 1),
        Option(
            "model", \LocalizationSettings.modelName,
            "shape of a spot: round with the given or a fitted width, elliptical, or widths that follow from the height",
            choices: SpotModel.allCases.map(\.rawValue)),
        Option(
            "method", \LocalizationSettings.methodName, "how a spot's parameters are estimated",
            choices: FitMethod.allCases.map(\.rawValue)),
        Option("overlaps", \LocalizationSettings.fitsOverlaps, "whether overlapping molecules are fitted together"),
        Option(
            "astigmatism", \LocalizationSettings.astigmatism,
            "the widths by height for the astigmatic model; see localization.astigmatism"),
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

    fileprivate var modelName: String {
        get { model.rawValue }
        set { model = SpotModel(rawValue: newValue) ?? .circular }
    }

    fileprivate var methodName: String {
        get { method.rawValue }
        set { method = FitMethod(rawValue: newValue) ?? .likelihood }
    }
}

extension LuaModule {
    /// Movies, localization tables and what is done with them.
    static var localization: LuaModule {
        LuaModule("localization", "Finds single molecules in movies; works on tables of them.") { module in
            declareMovies(module)
            declareFits(module)
            declareStream(module)
            declareAstigmatism(module)
            declareTables(module)
            declareTableSteps(module)
            declareCalibration(module)
        }
    }

    private static func declareMovies(_ module: LuaModule) {
        module.class(OpenMovie.self, "A movie on disk, read frame by frame.") { movie in
            movie.property("path", "the file") { $0.movie.path }
            movie.property("width", "columns of a frame") { $0.movie.width }
            movie.property("height", "rows of a frame") { $0.movie.height }
            movie.property("frames", "the number of whole frames") { $0.movie.frameCount }
            movie.property("pixel_nm", "side of a pixel, where the file says") { $0.movie.pixel_nm }
            movie.property("camera", "the camera as it was set, where the movie says; see problem") {
                $0.movie.recording?.camera
            }
            movie.property("recording", "what the movie says of how it was recorded: lights, exposure, place, version")
            {
                $0.movie.recording?.facts.luaValue ?? .nil
            }
            movie.property("problem", "what was recorded but cannot be used, nil when there is nothing") {
                $0.movie.recording?.problem
            }
            movie.property("loss", "what of the file is not used, nil when it is whole") { $0.movie.loss }
            movie.property("plane", "which channel or slice of several a frame is, where nobody chose one; else nil") {
                $0.movie.plane
            }
            movie.text { "movie \($0.movie.path), \($0.movie.frameCount) frames \($0.movie.width)x\($0.movie.height)" }
        }
        module.function(
            "open", "Opens a movie: TIFF, .dax with .inf, .spe, .raw with .yaml.",
            [
                Parameter("path", "the file; the others of an OME-TIFF set are found by it"),
                Parameter("options", "which planes"),
            ],
            result: "the movie"
        ) { (path: String, planes: MoviePlanes) in
            OpenMovie(
                movie: try openMovie(path, channel: planes.channel.map { $0 - 1 }, slice: planes.slice.map { $0 - 1 }))
        }

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
            camera.property("has_maps", "whether each pixel has its own offset, noise and gain") { $0.maps != nil }
            camera.property(
                "read_noise_electrons", "read noise after multiplication", get: { $0.read_noise_electrons },
                set: { $0.read_noise_electrons = $1 })
        }
        module.function(
            "camera", "Makes a camera calibration, from a camera file or for a plain camera.",
            [Parameter("file", "JSON with pixel_nm, offset_counts, ...; 100 nm, 1 electron per count without one")],
            result: "the calibration"
        ) { (file: String?) in try file.map { try CameraCalibration(file: $0) } ?? CameraCalibration(pixel_nm: 100) }

    }

    private static func declareFits(_ module: LuaModule) {
        let steps = [Parameter("movie", "the movie"), Parameter("camera", "its camera")]
        module.function(
            "localize", "Finds and fits the molecules of a movie.", steps + [Parameter("options", "how")],
            result: "the table of all frames"
        ) { (movie: OpenMovie, camera: CameraCalibration, options: LocalizationSettings) in
            let source = movie.movie
            return try Localizer(camera: camera, settings: options).localize(source).withMovie(
                pixel_nm: camera.pixel_nm, width: source.width, height: source.height, frames: source.frameCount)
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

    /// Localization while the camera runs.
    private static func declareStream(_ module: LuaModule) {
        module.class(OpenStream.self, "Localizes frames as a camera gives them, on other cores.") { stream in
            stream.property("finished", "the frames that have been localized") { $0.stream.finishedFrames }
            stream.property("skipped", "the frames of a recording that came faster than they could be localized") {
                $0.stream.skipped
            }
            stream.method(
                "add", "Adds the next frame and returns at once.", [Parameter("image", "the frame's counts")],
                result: "its number, from 1"
            ) { (stream: OpenStream, image: Image) in try stream.stream.add(image.plane()) }
            stream.method(
                "table", "The localizations of a frame that has been added; waits for them.",
                [Parameter("frame", "its number", minimum: 1)], result: "the table"
            ) { (stream: OpenStream, frame: Int) in try stream.stream.wait(for: frame) }
            stream.method("finish", "Waits for all frames.", result: "the table of all frames") {
                (stream: OpenStream) in try stream.stream.finish()
            }
            stream.text { "stream of frames \($0.stream.width)x\($0.stream.height)" }
        }
        module.class(ImageShift.self, "How far one image has moved against another.") { shift in
            shift.property("columns", "how far it lies to the right, in pixels") { $0.columns }
            shift.property("rows", "how far it lies below, in pixels") { $0.rows }
            shift.property("height", "the peak of the correlation in standard deviations of the rest") { $0.height }
            shift.property("chance", "the height that noise alone reaches once in a thousand pairs") { $0.chance }
            shift.property("is_evident", "whether the images show the same: the peak is 1.5 times what chance makes") {
                $0.isEvident
            }
            shift.text { String(format: "shift of (%.2f, %.2f) pixels", $0.columns, $0.rows) }
        }
        module.function(
            "shift", "How far what two images show has moved from the first to the second, by phase correlation.",
            [Parameter("first", "an image"), Parameter("second", "another of the same size")], result: "the shift"
        ) { (first: Image, second: Image) in try ImageShift(from: first.plane(), to: second.plane()) }
        module.function(
            "stream", "Opens a stream of frames of one size for localization while a camera runs.",
            [
                Parameter("camera", "the camera"), Parameter("width", "columns of a frame", minimum: 1),
                Parameter("height", "rows of a frame", minimum: 1), Parameter("options", "how"),
            ], result: "the stream"
        ) { (camera: CameraCalibration, width: Int, height: Int, options: LocalizationSettings) in
            OpenStream(
                stream: try LocalizationStream(
                    Localizer(camera: camera, settings: options), width: width, height: height))
        }
    }
}
