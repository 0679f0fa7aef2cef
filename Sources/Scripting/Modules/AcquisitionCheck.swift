import Acquisition
import Instruments
import Optics
import Work

/// What a run is going to do, as far as that is known before it begins.
struct CheckOptions: LuaOptions {
    var folder = ""
    var width_um: Double?
    var height_um: Double?
    var x_um = 0.0
    var y_um = 0.0
    var overlap = 0.1
    var scan: String?
    var channels: [String] = []
    var movies: [MovieOptions] = []
    var positions = 1
    var pixel_um: Double?
    var margin_um = 0.0
    var criteria: String?
    static var defaults: CheckOptions { CheckOptions() }
    static let fields = [
        Option("folder", \CheckOptions.folder, "where everything goes"),
        Option("width_um", \CheckOptions.width_um, "the extent of the scanned area along x", minimum: 0.001),
        Option("height_um", \CheckOptions.height_um, "the extent of the scanned area along y", minimum: 0.001),
        Option("x_um", \CheckOptions.x_um, "the centre of the area"),
        Option("y_um", \CheckOptions.y_um, "the centre of the area"),
        Option("overlap", \CheckOptions.overlap, "the fraction that neighbours share", minimum: 0, maximum: 0.9),
        Option("scan", \CheckOptions.scan, "the channel of the scan"),
        Option("channels", \CheckOptions.channels, "the wide-field channels at every position"),
        Option("movies", \CheckOptions.movies, "the movies at every position, each { channel = , frames = }"),
        Option(
            "positions", \CheckOptions.positions, "the number of positions as far as it is known, 0 for not", minimum: 0
        ),
        Option("pixel_um", \CheckOptions.pixel_um, "the side of a pixel of the overview"),
        Option("criteria", \CheckOptions.criteria, "a condition that objects must meet"),
        Option("margin_um", \CheckOptions.margin_um, "kept between an object and the edge of its field"),
    ]
}

extension LuaModule {
    static func declareCheck(_ module: LuaModule) {
        module.function(
            "check", "Looks for everything that would stop a run later, before any light.",
            [Parameter("scope", "the microscope"), Parameter("options", "what the run is going to do")],
            result: "the problems, each in one line; empty when there are none",
            details:
                "Channels with their lights, wheels, powers, exposures and gains, the calibration of the camera, the "
                + "travel of the stage, the pixels of the overview, the margin, the folder and the space on its disk. "
                + "Wheels turn and the camera is set; every light stays as it is."
        ) { (scope: Microscope, options: CheckOptions) in
            options.check.problems(on: scope)
        }
    }
}

extension CheckOptions {
    /// The check of such a run.
    var check: RunCheck {
        var check = RunCheck(folder: folder)
        if let width_um = width_um, let height_um = height_um {
            check.area = Rectangle(
                centre: Point(x_um: x_um, y_um: y_um), width_um: width_um, height_um: height_um)
        }
        check.overlap = overlap
        check.scan = scan
        check.channels = channels
        check.movies = movies.map { ($0.channel, $0.frames) }
        check.positions = positions
        check.pixel_um = pixel_um
        check.margin_um = margin_um
        check.criteria = criteria
        return check
    }
}
