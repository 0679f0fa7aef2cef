import Foundation
import Localization
import Optics
import Randomness
import Work

/// How a dSTORM movie of a specimen is taken.
public struct MovieSettings: Sendable, Equatable {
    /// Columns and rows.
    public var width: Int
    /// Rows.
    public var height: Int
    /// The number of frames.
    public var frames: Int
    /// The exposure time; frames follow each other without a gap.
    public var exposure_ms: Double
    /// The laser power.
    public var power_mw: Double
    /// For how long the laser drives the molecules into the dark before the first frame.
    public var pumping_ms: Double
    /// Standard deviation of the spots in nm.
    public var sigma_nm: Double
    /// Photons a pixel under the spots.
    public var background: Double
    /// How far the specimen moves from the first to the last frame in nm.
    public var drift_nm: SIMD2<Double>

    /// Settings of a usual movie.
    public init(
        width: Int = 256, height: Int = 256, frames: Int = 1000, exposure_ms: Double = 20, power_mw: Double = 100,
        pumping_ms: Double = 1500, sigma_nm: Double = 120, background: Double = 8, drift_nm: SIMD2<Double> = .zero
    ) {
        self.width = width
        self.height = height
        self.frames = frames
        self.exposure_ms = exposure_ms
        self.power_mw = power_mw
        self.pumping_ms = pumping_ms
        self.sigma_nm = sigma_nm
        self.background = background
        self.drift_nm = drift_nm
    }
}

/// Simulates a dSTORM movie of a specimen with its ground truth.
/// - Parameters:
///   - label: the stain; nil takes the first one that consists of molecules.
///   - centre_um: the place of the specimen in the middle of the movie.
///   - seed: of blinking and noise.
/// - Returns: the movie; its truth has one row for each molecule and frame in which it shines, with the photons of the
///   part of the frame in which it was on.
/// - Throws: a `Failure` for impossible settings, a stain that does not blink, or `Interrupted`.
public func simulateMovie(
    of specimen: any Specimen, label: String? = nil, centre_um: SIMD2<Double> = .zero, settings: MovieSettings,
    sensor: SensorModel, seed: UInt64
) throws -> SimulatedMovie {
    let blinking = specimen.labels.compactMap { stain -> (name: String, dye: Blinking)? in
        if case .molecules(let dye) = stain.form { return (stain.name, dye) }
        return nil
    }
    guard let (name, dye) = label.map({ wanted in blinking.first { $0.name == wanted } }) ?? blinking.first else {
        throw Failure(
            "the specimen '\(specimen.name)' has no blinking stain '\(label ?? "")'",
            remedy: "choose one of \(blinking.map(\.name).joined(separator: ", "))", code: "label-unknown")
    }
    guard (1...65_536).contains(settings.width), (1...65_536).contains(settings.height),
        (1...10_000_000).contains(settings.frames), settings.exposure_ms > 0, settings.power_mw > 0,
        settings.exposure_ms.isFinite, settings.power_mw.isFinite, settings.pumping_ms.isFinite,
        abs(centre_um.x) < 1e9, abs(centre_um.y) < 1e9, (0.1...1e6).contains(settings.sigma_nm),
        (0.1...1e6).contains(sensor.calibration.pixel_nm)
    else {
        throw Failure(
            "a movie needs pixels, frames, an exposure time, a laser power and a spot width above 0",
            code: "bad-parameter")
    }
    let pixel_nm = sensor.calibration.pixel_nm
    let size = SIMD2(Double(settings.width), Double(settings.height)) * pixel_nm / 1000
    let corner = centre_um - size / 2
    let border = 5 * settings.sigma_nm / 1000
    let area = Rectangle(x_um: corner.x...corner.x + size.x, y_um: corner.y...corner.y + size.y).grown(by: border)
    let molecules = specimen.emitters(of: name, in: area)

    let random = RandomSource(seed: seed)
    var population = BlinkingPopulation(count: molecules.count, dye: dye, random: random.split(0))
    if settings.pumping_ms > 0 {
        population.illuminate(
            duration_ms: settings.pumping_ms, power_mw: settings.power_mw, activation_mw: 0
        ) { _ in }
    }
    let rate = dye.photonsPerMs(power_mw: settings.power_mw)
    var rows = SpotRows()
    let progress = Progress("blinking", total: settings.frames, unit: "frames")
    defer { progress.finish() }
    for frame in 0..<settings.frames {
        try Interruption.check()
        var photons: [Int: Double] = [:]
        population.illuminate(
            duration_ms: settings.exposure_ms, power_mw: settings.power_mw, activation_mw: 0
        ) { shine in photons[shine.index, default: 0] += rate * shine.on_ms }
        let share = settings.frames > 1 ? Double(frame) / Double(settings.frames - 1) : 0
        for (index, light) in photons.sorted(by: { $0.key < $1.key }) where light > 0 {
            let place = (SIMD2(molecules[index].x_um, molecules[index].y_um) - corner) * 1000
            rows.add(frame + 1, place + settings.drift_nm * share, light, index)
        }
        progress.advance()
    }
    return try SimulatedMovie(
        width: settings.width, height: settings.height, frames: settings.frames, spots: rows.table,
        sigma_nm: settings.sigma_nm, background: settings.background, sensor: sensor, seed: random.split(1).seed)
}

/// Columns of spots while they are gathered.
private struct SpotRows {
    private var frame: [Int32] = []
    private var x_nm: [Double] = []
    private var y_nm: [Double] = []
    private var photons: [Double] = []
    private var emitter: [Double] = []

    mutating func add(_ number: Int, _ place_nm: SIMD2<Double>, _ light: Double, _ molecule: Int) {
        frame.append(Int32(truncatingIfNeeded: number))
        x_nm.append(place_nm.x)
        y_nm.append(place_nm.y)
        photons.append(light)
        emitter.append(Double(molecule))
    }

    var table: LocalizationTable {
        var table = LocalizationTable(frame: frame, x_nm: x_nm, y_nm: y_nm)
        table["photons"] = photons
        table["emitter"] = emitter
        return table
    }
}

extension RandomSource {
    /// A seed drawn from a copy of the stream.
    fileprivate var seed: UInt64 {
        var copy = self
        return copy.next()
    }
}
