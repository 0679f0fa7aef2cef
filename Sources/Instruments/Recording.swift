import Foundation
import Imaging
import Work

/// Where a frame was taken.
public struct RecordedPlace: Sendable {
    /// The name, such as `position-007`.
    public var name: String
    /// Where the stage said it was.
    public var x_um: Double, y_um: Double
    /// Where the focus drive said it was, where there is one.
    public var z_um: Double?

    /// A place from its parts.
    public init(name: String, x_um: Double, y_um: Double, z_um: Double? = nil) {
        self.name = name
        self.x_um = x_um
        self.y_um = y_um
        self.z_um = z_um
    }
}

extension Microscope {
    /// What is to be kept with the frames of a channel: the microscope, the camera as it is set, the lights, the place
    /// and the program. The channel must be prepared.
    /// - Parameters:
    ///   - channel: the channel.
    ///   - place: where.
    ///   - maps: the file with the maps of the camera, relative to that of the frames; nil where it has none.
    ///   - more: further facts by name.
    public func recording(
        of channel: Channel, at place: RecordedPlace, maps: String? = nil, more: [String: JSONValue] = [:]
    ) throws -> OMERecording {
        let calibration = try camera.calibration()
        let region = try camera.region()
        var lights: [OMERecording.Light] = []
        let own = channel.lights
        for (name, power_mw) in own where power_mw > 0 || name == channel.light {
            guard let light = self.lights[name] else { continue }
            lights.append(.init(name: light.name, wavelength_nm: light.wavelength_nm, power_mw: power_mw))
        }
        for light in self.lights.values.sorted(by: { $0.name < $1.name })
        where !own.contains(where: { $0.name == light.name }) {
            guard light.isOn == true, let power_mw = try? light.power_mw() else { continue }
            lights.append(.init(name: light.name, wavelength_nm: light.wavelength_nm, power_mw: power_mw))
        }
        var position: [String: JSONValue] = [
            "name": .string(place.name), "x_um": .number(place.x_um), "y_um": .number(place.y_um),
        ]
        if let z_um = place.z_um { position["z_um"] = .number(z_um) }
        var facts: [String: JSONValue] = [
            "program": .string("Stormbench"), "version": .string(programVersion),
            "microscope": .string(name), "camera_name": .string(camera.name),
            "camera": try calibration.map { try JSONValue(encoding: $0) } ?? .null,
            "pixel_nm": .number(try camera.framePixel_nm()), "camera_settings": try cameraSettings(),
            "region": .array([region.column, region.row, region.width, region.height].map { .number(Double($0)) }),
            "channel": try JSONValue(encoding: channel), "position": .object(position),
            "lights": .array(
                lights.map {
                    .object([
                        "name": .string($0.name), "wavelength_nm": .number($0.wavelength_nm),
                        "power_mw": .number($0.power_mw),
                    ])
                }),
        ]
        if let maps { facts["camera_maps"] = .string(maps) }
        if let objective { facts["objective"] = try JSONValue(encoding: objective) }
        facts.merge(more) { _, further in further }
        var recording = OMERecording(
            microscope: name, camera: camera.name, offset_counts: calibration?.offset_counts,
            em_gain: try camera.emGain(), counts_per_electron: calibration.map { 1 / $0.electrons_per_count },
            lights: lights, place: place.name, x_um: place.x_um, y_um: place.y_um,
            text: JSONValue.object(facts).description)
        recording.cycle_ms = try camera.cycle_ms()
        recording.binning = try camera.binning()
        return recording
    }

    /// How the camera is set, as it says itself.
    private func cameraSettings() throws -> JSONValue {
        var settings: [String: JSONValue] = [
            "exposure_ms": .number(try camera.exposure_ms()), "cycle_ms": .number(try camera.cycle_ms()),
            "binning": .number(Double(try camera.binning())), "em_gain": .number(try camera.emGain()),
            "trigger_mode": .string(try camera.triggerMode().rawValue),
        ]
        if !camera.identity.isEmpty { settings["identity"] = .string(camera.identity) }
        if let temperature = try camera.temperature() {
            var fields: [String: JSONValue] = ["state": .string(temperature.state.rawValue)]
            if let celsius = temperature.celsius { fields["celsius"] = .number(celsius) }
            if let target_C = temperature.target_C { fields["target_C"] = .number(target_C) }
            settings["temperature"] = .object(fields)
        }
        if !camera.views.isEmpty {
            settings["views"] = .object(
                camera.views.mapValues { .array([$0.column, $0.row, $0.width, $0.height].map { .number(Double($0)) }) })
        }
        return .object(settings)
    }

    /// The maps of offset, variance and gain of the camera as it is set, as images of one channel; nil where it has none.
    public func cameraMaps() throws -> [Image]? {
        guard let maps = try camera.calibration()?.maps else { return nil }
        return [maps.offset_counts, maps.variance_counts, maps.counts_per_electron].map {
            Image(Plane(width: maps.width, height: maps.height, samples: $0))
        }
    }
}
