import Instruments
import Work

/// A light source of a simulated microscope.
struct LightModel: Sendable {
    var name = ""
    var wavelength_nm = 647.0
    var maximum_mw = 100.0

    static let settings: [Setting<LightModel>] = [
        .number("wavelength_nm", \.wavelength_nm, 200...2000, "the wavelength"),
        .number("maximum_mw", \.maximum_mw, 0.001...100_000, "the greatest power"),
    ]

    func named(_ name: String) -> LightModel {
        var model = self
        model.name = name
        return model
    }
}

/// A wheel of a simulated microscope: what each position lets through.
struct WheelModel: Sendable {
    var name = ""
    /// The bands in nm by position; a position without bands is closed.
    var positions: [(name: String, bands: [ClosedRange<Double>])] = []
    var turning_ms = 60.0

    static let settings: [Setting<WheelModel>] = [
        .bands("positions", \.positions, "what each position lets through; [] for a closed one"),
        .number("turning_ms", \.turning_ms, 0...60_000, "the time of a turn"),
    ]

    func named(_ name: String) -> WheelModel {
        var model = self
        model.name = name
        return model
    }
}

extension WheelModel {
    /// What a real wheel lets through, as far as the names of its positions say it: `525/50` is 500 to 550 nm, and what
    /// is named otherwise lets everything through.
    init(seen wheel: any Wheel) {
        name = wheel.name
        turning_ms = 0
        positions = wheel.positions.map { position in
            let numbers = position.split(separator: "/", omittingEmptySubsequences: false).map {
                Double($0) ?? .nan
            }
            let isBand = numbers.count == 2 && numbers[0] > numbers[1] && numbers[1] > 0
            return (
                position,
                [isBand ? numbers[0] - numbers[1] / 2...numbers[0] + numbers[1] / 2 : 0...Double.infinity]
            )
        }
    }
}

/// The focus drive of a simulated microscope.
struct FocusModel: Sendable {
    var z_um = -100.0...100.0

    static let settings: [Setting<FocusModel>] = [.range("z_um", \.z_um, "where it may go")]
}

/// The camera of a simulated microscope.
struct CameraModel: Sendable {
    var width = 512
    var height = 512
    var pixel_nm = 100.0
    var bits = 16
    var offset_counts = 200.0
    var quantumEfficiency = 0.92
    /// Conventional amplifier: without electron multiplication.
    var readNoise = 6.0
    var electronsPerCount = 1.5
    /// Electron multiplying amplifier.
    var multiplyingReadNoise = 50.0
    var multiplyingElectronsPerCount = 12.0
    var maximumGain = 300.0
    var darkElectrons = 0.003
    /// The time to read one row in ms.
    var row_ms = 0.0344
    /// Frames that wait for the host before frames get lost.
    var buffer = 512
    /// How it is turned and mirrored against the stage.
    var orientation = SensorOrientation()

    static let settings: [Setting<CameraModel>] = [
        .number("width", \.width, 8...8192, "columns of its sensor"),
        .number("height", \.height, 8...8192, "rows of its sensor"),
        .number("pixel_nm", \.pixel_nm, 5...10_000, "the side of an unbinned pixel at the specimen"),
        .number("bits", \.bits, 8...16, "bits of a count"),
        .number("offset_counts", \.offset_counts, 0...60_000, "what a pixel counts in the dark"),
        .number("quantum_efficiency", \.quantumEfficiency, 0.01...1, "electrons for a photon"),
        .number("read_noise_electrons", \.readNoise, 0...1000, "noise of the conventional amplifier"),
        .number(
            "electrons_per_count", \.electronsPerCount, 0.001...1000, "of the conventional amplifier"),
        .number(
            "em_read_noise_electrons", \.multiplyingReadNoise, 0...10_000,
            "noise of the multiplying amplifier"),
        .number(
            "em_electrons_per_count", \.multiplyingElectronsPerCount, 0.001...1000,
            "of the multiplying amplifier"),
        .number("maximum_em_gain", \.maximumGain, 1...10_000, "the greatest EM gain"),
        .number("dark_electrons", \.darkElectrons, 0...1000, "electrons of a pixel in the dark"),
        .number("row_ms", \.row_ms, 0...10, "the time to read one row"),
        .number("buffer", \.buffer, 2...1_000_000, "frames that wait before frames get lost"),
        .quarters("rotation_deg", \.orientation.quarters, "how it is turned against the stage, from x to y"),
        .flag("mirrored", \.orientation.isMirrored, "whether it is mirrored left to right before it is turned"),
    ]

    /// The camera with the columns along x and the rows along y of the stage.
    var upright: CameraModel {
        var model = self
        (model.width, model.height) = orientation.upright(width: width, height: height)
        return model
    }
}

extension Setting {
    /// Quarters of a turn, in degrees.
    fileprivate static func quarters(
        _ name: String, _ field: any WritableKeyPath<Settings, Int> & Sendable, _ help: String
    ) -> Setting {
        let values = "0, 90, 180 or 270"
        return Setting(
            name: name, values: values, text: help, isRequired: false,
            standard: { String(90 * $0[keyPath: field]) },
            take: { value, settings in
                guard case .number(let degrees) = value, let whole = Int(exactly: degrees), whole.isMultiple(of: 90),
                    (0...270).contains(whole)
                else { return "is no quarter of a turn; give \(values)" }
                settings[keyPath: field] = whole / 90
                return nil
            })
    }

    /// Bands of wavelengths by their names.
    fileprivate static func bands(
        _ name: String,
        _ field: any WritableKeyPath<Settings, [(name: String, bands: [ClosedRange<Double>])]>
            & Sendable,
        _ help: String
    ) -> Setting {
        let values = "{ NAME: [from, to, ...] } in nm"
        return Setting(
            name: name, values: values, text: help, isRequired: false, standard: { _ in "none" },
            take: { value, settings in
                guard case .object(let members) = value else { return "is not an object; give \(values)" }
                settings[keyPath: field] = []
                for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                    guard case .array(let list) = member, list.count.isMultiple(of: 2) else {
                        return "has no list of bands as '\(name)'; give \(values)"
                    }
                    let edges = list.compactMap {
                        if case .number(let edge) = $0, edge.isFinite { edge } else { nil }
                    }
                    let starts = stride(from: 0, to: list.count, by: 2)
                    guard edges.count == list.count, starts.allSatisfy({ edges[$0] < edges[$0 + 1] }) else {
                        return "has no list of bands as '\(name)'; give \(values)"
                    }
                    settings[keyPath: field].append((name, starts.map { edges[$0]...edges[$0 + 1] }))
                }
                return nil
            })
    }
}
