import Drivers
import Imaging
import Localization
import Optics
import Simulation
import Work

extension SimulatedMovie: LuaObject {
    public static let luaName = "simulation.Movie"
    public var nativeBytes: Int { truth.count * 68 }
}

/// A specimen as scripts hold it.
struct SpecimenHandle: LuaObject {
    static let luaName = "simulation.Specimen"
    let specimen: any Specimen
}

/// How a movie is simulated.
struct SimulationOptions: LuaOptions {
    var label: String?
    var x_um: Double?
    var y_um: Double?
    var settings = MovieSettings()
    var seed: UInt64 = 1
    var drift_nm = 0.0

    static let defaults = SimulationOptions()
    static let fields = [
        Option("label", \SimulationOptions.label, "the stain; the first that blinks by default"),
        Option("x_um", \SimulationOptions.x_um, "the middle of the field; on an object by default"),
        Option("y_um", \SimulationOptions.y_um, "the middle of the field; on an object by default"),
        Option("width", \SimulationOptions.settings.width, "columns", minimum: 1, maximum: 65_536),
        Option("height", \SimulationOptions.settings.height, "rows", minimum: 1, maximum: 65_536),
        Option("frames", \SimulationOptions.settings.frames, "the number of frames", minimum: 1, maximum: 1e7),
        Option("exposure_ms", \SimulationOptions.settings.exposure_ms, "the exposure time", minimum: 0.001),
        Option("power_mw", \SimulationOptions.settings.power_mw, "the laser power", minimum: 0.001),
        Option(
            "pumping_ms", \SimulationOptions.settings.pumping_ms, "light before the first frame", minimum: 0,
            maximum: 1e7),
        Option("sigma_nm", \SimulationOptions.settings.sigma_nm, "standard deviation of a spot", minimum: 1),
        Option("background", \SimulationOptions.settings.background, "photons a pixel", minimum: 0),
        Option("drift_nm", \SimulationOptions.drift_nm, "drift from the first to the last frame, along x and -y"),
        Option("seed", \SimulationOptions.seed, "of blinking and noise"),
    ]
}

/// A movie of isolated emitters.
struct GridOptions: LuaOptions {
    var width = 256
    var height = 256
    var spacing_px = 20
    var photons = 1000.0
    var sigma_nm = 130.0
    var background = 10.0
    var frames = 100
    var seed: UInt64 = 1

    static let defaults = GridOptions()
    static let fields = [
        Option("width", \GridOptions.width, "columns", minimum: 1, maximum: 65_536),
        Option("height", \GridOptions.height, "rows", minimum: 1, maximum: 65_536),
        Option("spacing_px", \GridOptions.spacing_px, "distance of neighbours", minimum: 1, maximum: 65_536),
        Option("photons", \GridOptions.photons, "photons of a spot", minimum: 0),
        Option("sigma_nm", \GridOptions.sigma_nm, "standard deviation of a spot", minimum: 1),
        Option("background", \GridOptions.background, "photons a pixel", minimum: 0),
        Option("frames", \GridOptions.frames, "the number of frames", minimum: 1, maximum: 1e7),
        Option("seed", \GridOptions.seed, "of places and noise"),
    ]
}

/// A localization table without a movie in between.
struct TableOptions: LuaOptions {
    var label: String?
    var x_um: Double?
    var y_um: Double?
    var width_um = 40.0
    var height_um = 40.0
    var statistics = LocalizationStatistics()
    var seed: UInt64 = 1

    static let defaults = TableOptions()
    static let fields = [
        Option("label", \TableOptions.label, "the stain; the first that blinks by default"),
        Option("x_um", \TableOptions.x_um, "the middle of the field; on an object by default"),
        Option("y_um", \TableOptions.y_um, "the middle of the field; on an object by default"),
        Option("width_um", \TableOptions.width_um, "width of the field", minimum: 0.1, maximum: 5000),
        Option("height_um", \TableOptions.height_um, "height of the field", minimum: 0.1, maximum: 5000),
        Option(
            "per_molecule", \TableOptions.statistics.perMolecule, "mean localizations of a molecule", minimum: 1,
            maximum: 1e5),
        Option(
            "uncertainty_nm", \TableOptions.statistics.uncertainty_nm, "error at the mean photons", minimum: 0.01,
            maximum: 1e4),
        Option("photons", \TableOptions.statistics.photons, "mean photons", minimum: 1),
        Option(
            "background", \TableOptions.statistics.background, "localizations anywhere for each of a molecule",
            minimum: 0, maximum: 100),
        Option("frames", \TableOptions.statistics.frames, "the number of frames", minimum: 1, maximum: 1e9),
        Option("seed", \TableOptions.seed, "of blinking and errors"),
    ]
}

/// A plain simulated camera.
struct SensorOptions: LuaOptions {
    var pixel_nm = 100.0
    var offset_counts = 100.0
    var electrons_per_count = 1.0
    var em_gain = 1.0
    var quantum_efficiency = 1.0
    var read_noise_electrons = 1.5
    var bits = 16

    static let defaults = SensorOptions()
    static let fields = [
        Option("pixel_nm", \SensorOptions.pixel_nm, "the side of a pixel", minimum: 1, maximum: 100_000),
        Option("offset_counts", \SensorOptions.offset_counts, "count without light", minimum: 0, maximum: 60_000),
        Option("electrons_per_count", \SensorOptions.electrons_per_count, "electrons for one count", minimum: 0.001),
        Option("em_gain", \SensorOptions.em_gain, "multiplication of electrons, 1 for none", minimum: 1),
        Option(
            "quantum_efficiency", \SensorOptions.quantum_efficiency, "photo-electrons per photon", minimum: 0.01,
            maximum: 1),
        Option("read_noise_electrons", \SensorOptions.read_noise_electrons, "read noise", minimum: 0),
        Option("bits", \SensorOptions.bits, "bits of the converter", minimum: 8, maximum: 16),
    ]

    var sensor: SensorModel {
        SensorModel(
            CameraCalibration(
                pixel_nm: pixel_nm, offset_counts: offset_counts, electrons_per_count: electrons_per_count,
                em_gain: em_gain, quantum_efficiency: quantum_efficiency, read_noise_electrons: read_noise_electrons),
            bits: bits)
    }
}

extension LuaModule {
    /// Specimens, and movies of them with ground truth.
    static var simulation: LuaModule {
        LuaModule("simulation", "Simulates specimens and movies of them with their ground truth.") { module in
            module.function(
                "specimen", "Makes a specimen over millimetres; the same seed gives the same specimen.",
                [
                    Parameter("kind", "nuclei, axons, microtubules, spheres, clusters or image"),
                    Parameter(
                        "settings", "of that kind, such as density_per_mm2, labelling, period_nm, path, pixel_um",
                        default: .record([:])),
                    Parameter("seed", "of everything random in it", default: 1),
                ], result: "the specimen"
            ) { (kind: String, settings: LuaValue, seed: UInt64) in
                var fields: [String: JSONValue] = [:]
                if case .object(let given) = try JSONValue(settings) { fields = given }
                fields["kind"] = .string(kind)
                return SpecimenHandle(specimen: try makeSpecimen(fields, seed: seed))
            }
            module.function(
                "movie", "Simulates a dSTORM movie of a specimen.",
                [
                    Parameter("specimen", "the specimen"), Parameter("options", "how"),
                    Parameter("camera", "the camera"),
                ], result: "the movie with its truth"
            ) { (specimen: SpecimenHandle, options: SimulationOptions, camera: SensorOptions) in
                let found = specimen.specimen.placeOfObject()
                var settings = options.settings
                settings.drift_nm = [options.drift_nm, -options.drift_nm]
                return try simulateMovie(
                    of: specimen.specimen, label: options.label,
                    centre_um: [options.x_um ?? found.x, options.y_um ?? found.y], settings: settings,
                    sensor: camera.sensor, seed: options.seed)
            }
            module.function(
                "localizations", "Simulates a localization table of a specimen without a movie in between.",
                [Parameter("specimen", "the specimen"), Parameter("options", "how")],
                result: "two tables with the same rows: the localizations, and their true places"
            ) { (specimen: SpecimenHandle, options: TableOptions) in
                let found = specimen.specimen.placeOfObject()
                let area = Rectangle(
                    centre: Point(x_um: options.x_um ?? found.x, y_um: options.y_um ?? found.y),
                    width_um: options.width_um, height_um: options.height_um)
                let tables = try simulateLocalizations(
                    of: specimen.specimen, label: options.label, in: area, options.statistics, seed: options.seed)
                return [tables.found, tables.truth]
            }
            module.function(
                "grid", "Simulates isolated emitters of one brightness, for comparison with the Cramér-Rao bound.",
                [Parameter("options", "how"), Parameter("camera", "the camera")], result: "the movie with its truth"
            ) { (options: GridOptions, camera: SensorOptions) in
                try gridMovie(
                    width: options.width, height: options.height, spacing_px: options.spacing_px,
                    photons: options.photons, sigma_px: options.sigma_nm / camera.pixel_nm,
                    background: options.background, frames: options.frames, sensor: camera.sensor,
                    seed: options.seed)
            }
            declareClasses(module)
        }
    }

    private static func declareClasses(_ module: LuaModule) {
        module.class(SpecimenHandle.self, "Something to look at, over millimetres.") { specimen in
            specimen.property("name", "its kind") { $0.specimen.name }
            specimen.property("labels", "the names of its stains") { $0.specimen.labels.map(\.name) }
            specimen.method(
                "objects", "The true objects whose centre lies in an area.",
                [
                    Parameter("x_um", "centre of the area"), Parameter("y_um", "centre of the area"),
                    Parameter("width_um", "its width", minimum: 0, maximum: 20_000),
                    Parameter("height_um", "its height", minimum: 0, maximum: 20_000),
                ], result: "records with x_um, y_um and radius_um"
            ) { (handle: SpecimenHandle, x_um: Double, y_um: Double, width_um: Double, height_um: Double) in
                handle.specimen.objects(
                    in: Rectangle(centre: Point(x_um: x_um, y_um: y_um), width_um: width_um, height_um: height_um)
                ).map { object -> [String: LuaValue] in
                    [
                        "x_um": .number(object.x_um), "y_um": .number(object.y_um),
                        "radius_um": .number(object.radius_um),
                    ]
                }
            }
            specimen.text { "specimen of \($0.specimen.name)" }
        }
        module.class(SimulatedMovie.self, "A simulated movie; its frames are made when they are asked for.") { movie in
            movie.property("width", "columns of a frame") { $0.width }
            movie.property("height", "rows of a frame") { $0.height }
            movie.property("frames", "the number of frames") { $0.frames }
            movie.property("truth", "every emitter in every frame in which it shines") { $0.truth }
            movie.property("camera", "the calibration of the camera") { $0.sensor.calibration }
            movie.property("emitters", "the number of molecules that shine") { Set($0.truth["emitter"] ?? []).count }
            movie.method("frame", "One frame.", [Parameter("number", "from 1", minimum: 1)], result: "its counts") {
                (movie: SimulatedMovie, number: Int) in
                guard number <= movie.frames else {
                    throw Failure(
                        "the movie has no frame \(number)", remedy: "it has \(movie.frames)", code: "frame-range")
                }
                return Image(movie.frame(number - 1), pixelSize_um: movie.sensor.calibration.pixel_nm / 1000)
            }
            movie.method("write", "Writes the frames as OME-TIFF.", [Parameter("path", "the file")]) {
                (movie: SimulatedMovie, path: String) -> Void in try movie.write(path)
            }
            movie.method(
                "write_truth", "Writes the truth as a ThunderSTORM table.", [Parameter("path", "the file")]
            ) { (movie: SimulatedMovie, path: String) -> Void in try movie.truth.writeThunderSTORM(path) }
            movie.method("write_camera", "Writes the camera file.", [Parameter("path", "the file")]) {
                (movie: SimulatedMovie, path: String) -> Void in try movie.writeCamera(path)
            }
            movie.length { $0.frames }
            movie.text { "simulated movie, \($0.frames) frames \($0.width)x\($0.height)" }
        }
    }
}
