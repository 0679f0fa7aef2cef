import Imaging
import Instruments
import Optics
import Work

/// A camera as the microscope file describes it: the side of its pixels at the specimen, its calibration and its views
/// are laid over what it says itself, and it is set up.
public final class DescribedCamera: CameraWrapper {
    /// What the microscope file says of a camera whatever its driver.
    struct Settings: Sendable {
        var pixel_nm = 0.0
        var calibration = ""
        var em_calibration = ""
        var views: [String: Region] = [:]
        var region: Region?
        var binning = 1
        var cooling_C: Double?
    }

    /// The keys of every camera.
    static let settings: [Setting<Settings>] = [
        .number(
            "pixel_nm", \.pixel_nm, 1...100_000, isRequired: true,
            "the side of an unbinned pixel at the specimen; that of the objective in use where there is one"),
        .path("calibration", \.calibration, "the camera file of calibrate"),
        .path("em_calibration", \.em_calibration, "the camera file for EM gains above 1, where the other has none"),
        .regions("views", \.views, "named parts of the sensor, such as the images of a beam splitter"),
        .region("region", \.region, "what is read of the sensor"),
        .number("binning", \.binning, 1...16, "how many pixels are read as one along each side"),
        .number(
            "cooling_C", \.cooling_C, -150...50, "what its sensor is cooled to; the cooler stays as it is unless given"),
    ]

    /// The camera of the driver.
    public let camera: any Camera
    /// The side of an unbinned pixel at the specimen in nm.
    public let pixel_nm: Double
    /// Named parts of the sensor.
    public let views: [String: Region]
    private let files: [CameraCalibration]

    /// Sets a camera up. Where it refuses, it is closed.
    /// - Throws: what the camera throws; `Failure` of the camera file; `region-range` of a view.
    init(_ camera: any Camera, _ settings: Settings) throws {
        self.camera = camera
        pixel_nm = settings.pixel_nm > 0 ? settings.pixel_nm : camera.pixel_nm
        views = camera.views.merging(settings.views) { $1 }
        do {
            files = try [settings.calibration, settings.em_calibration].filter { !$0.isEmpty }.map {
                try CameraCalibration(file: $0)
            }
            for (name, view) in settings.views {
                do { try camera.checkRegion(view, binning: 1) } catch let failure as Failure {
                    throw Failure("the view '\(name)': \(failure.message)", remedy: failure.remedy, code: failure.code)
                }
            }
            if let region = settings.region { try camera.setRegion(region) }
            if settings.binning != 1 { try camera.setBinning(settings.binning) }
            if let cooling_C = settings.cooling_C { try camera.setTemperature(cooling_C) }
        } catch {
            camera.close()
            throw error
        }
    }

    /// The calibration of the camera file for the camera as it is set; without a file what the camera says. A file is for
    /// one amplifier: one with an EM gain for gains above 1, one without for a gain of 1. Maps are for unbinned frames of
    /// the whole sensor, or of the region that is read.
    public func calibration() throws -> CameraCalibration? {
        guard !files.isEmpty else { return try camera.calibration() }
        let gain = try emGain()
        guard var result = files.first(where: { ($0.em_gain > 1) == (gain > 1) }) else { return nil }
        result.em_gain = gain
        result.pixel_nm = try framePixel_nm()
        if let maps = result.maps {
            guard try binning() == 1, let part = try maps.part(try region(), of: sensor) else { return nil }
            result.maps = part
        }
        return result
    }
}

extension CameraMaps {
    /// The maps of a region of the sensor; nil where they are of neither the sensor nor the region.
    fileprivate func part(_ region: Region, of sensor: (width: Int, height: Int)) throws -> CameraMaps? {
        if (width, height) == (region.width, region.height) { return self }
        guard (width, height) == sensor else { return nil }
        func cropped(_ samples: [Float]) -> Plane<Float> {
            Plane(width: width, height: height, samples: samples).crop(region)
        }
        return try CameraMaps(
            offset: cropped(offset_counts), variance: cropped(variance_counts), gain: cropped(counts_per_electron))
    }
}

extension Setting {
    /// A rectangle on a sensor: [column, row, width, height].
    static func region(
        _ name: String, _ field: any WritableKeyPath<Settings, Region?> & Sendable, _ help: String
    ) -> Setting {
        let values = "[column, row, width, height]"
        return Setting(
            name: name, values: values, text: help, isRequired: false, standard: { _ in "the whole sensor" },
            take: { value, settings in
                guard let region = Region(described: value) else { return "is no region; give \(values)" }
                settings[keyPath: field] = region
                return nil
            })
    }

    /// Rectangles on a sensor by their names.
    static func regions(
        _ name: String, _ field: any WritableKeyPath<Settings, [String: Region]> & Sendable, _ help: String
    ) -> Setting {
        let values = "{ NAME: [column, row, width, height] }"
        return Setting(
            name: name, values: values, text: help, isRequired: false, standard: { _ in "none" },
            take: { value, settings in
                guard case .object(let members) = value else { return "is not an object; give \(values)" }
                for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                    guard let region = Region(described: member) else {
                        return "has no region '\(name)'; give \(values)"
                    }
                    settings[keyPath: field][name] = region
                }
                return nil
            })
    }
}

extension Region {
    /// A region as a list of four numbers, or as an object with `column`, `row`, `width` and `height`.
    fileprivate init?(described value: JSONValue) {
        let parts: [JSONValue?] =
            switch value {
            case .array(let list): list
            case .object(let fields) where fields.count == 4:
                ["column", "row", "width", "height"].map { fields[$0] }
            default: []
            }
        let numbers = parts.compactMap { part -> Int? in
            guard case .number(let number)? = part else { return nil }
            return Int(exactly: number)
        }
        guard parts.count == 4, numbers.count == 4, numbers[0] >= 0, numbers[1] >= 0, numbers[2] > 0, numbers[3] > 0
        else { return nil }
        self.init(column: numbers[0], row: numbers[1], width: numbers[2], height: numbers[3])
    }
}
