import Work

/// What every device of a kind lists, so that a driver adds only what is peculiar to it:
///
///     var properties: [DeviceProperty] { lightProperties + [.reading("diode_C", "temperature of the diode") { ... }] }
extension Device {
    /// Nothing, for a device of no kind.
    public var properties: [DeviceProperty] { [] }
}

extension LightSource {
    /// Wavelength, greatest power, and what comes out now.
    public var lightProperties: [DeviceProperty] {
        [
            .described("wavelength_nm", .number(wavelength_nm), "the wavelength"),
            .described("maximum_mw", .number(maximum_mw), "the greatest power that may be set"),
            .reading("power_mw", "the power that it emits now") { [self] in try power_mw() },
            .state("is_on", "whether light comes out") { [self] in
                guard let isOn else {
                    throw Failure("laser \(name) does not answer", remedy: "check its cable", code: "no-answer")
                }
                return isOn
            },
        ]
    }

    /// Those of every light.
    public var properties: [DeviceProperty] { lightProperties }
}

extension StageDrive {
    /// Where it is and what it does.
    public var stageProperties: [DeviceProperty] {
        [
            .reading("x_um", "where it says it is") { [self] in try position().x_um },
            .reading("y_um", "where it says it is") { [self] in try position().y_um },
            .text("state", "moved, moving or unknown") { [self] in state().rawValue },
        ]
    }

    /// Those of every stage.
    public var properties: [DeviceProperty] { stageProperties }
}

extension FocusDrive {
    /// Where it is and what it does.
    public var focusProperties: [DeviceProperty] {
        [
            .reading("z_um", "where it says it is") { [self] in try position() },
            .text("state", "moved, moving or unknown") { [self] in state().rawValue },
        ]
    }

    /// Those of every focus drive.
    public var properties: [DeviceProperty] { focusProperties }
}

extension Wheel {
    /// The position in the light path.
    public var wheelProperties: [DeviceProperty] {
        [
            .choice(
                "selected", of: positions, "the position in the light path",
                get: { [self] in
                    guard let selected else {
                        throw Failure(
                            "wheel \(name) turns, or stands at no named position, or does not answer",
                            remedy: "select a position", code: "no-answer")
                    }
                    return selected
                }, set: { [self] in try select($0) })
        ]
    }

    /// Those of every wheel.
    public var properties: [DeviceProperty] { wheelProperties }
}

extension Camera {
    /// Exposure and cycle, gain, what is read of the sensor, and what it has of temperature, triggers and views.
    public func cameraProperties() -> [DeviceProperty] {
        var all: [DeviceProperty] = [
            .number(
                "exposure_ms", exposureRange_ms, "the exposure time of a frame",
                get: { [self] in try self.exposure_ms() }, set: { [self] in try setExposure($0) }),
            .reading("cycle_ms", "the time from a frame to the next") { [self] in try self.cycle_ms() },
        ]
        if let gains = try? emGainRange(), gains.upperBound > 1 {
            all.append(
                .number(
                    "em_gain", gains, "the electron multiplying gain, 1 for none", get: { [self] in try self.emGain() },
                    set: { [self] in try setEMGain($0) }))
        }
        all.append(
            .text("region", "what is read of the sensor: column, row, width, height") { [self] in
                let region = try region()
                return "\(region.column), \(region.row), \(region.width), \(region.height)"
            })
        if let least = binnings.min(), let most = binnings.max(), most > 1 {
            all.append(
                .whole(
                    "binning", least...most, "how many pixels are read as one along each side",
                    get: { [self] in try self.binning() }, set: { [self] in try setBinning($0) }))
        }
        if let now = try? temperature() {
            all.append(
                .text("temperature", "what the sensor has, and what the cooler does") { [self] in
                    try self.temperature()?.text ?? "unknown"
                })
            if let range = temperatureRange_C, now.target_C != nil {
                all.append(
                    .number(
                        "cooling_C", range, "the set point of the cooler",
                        get: { [self] in try self.temperature()?.target_C ?? range.upperBound },
                        set: { [self] in try setTemperature($0) }))
            }
        }
        if triggerModes.count > 1 {
            all.append(
                .choice(
                    "trigger_mode", of: triggerModes.map(\.rawValue), "what begins frames",
                    get: { [self] in try self.triggerMode().rawValue },
                    set: { [self] in try TriggerMode(rawValue: $0).map(setTriggerMode) }))
        }
        if !views.isEmpty {
            all.append(
                .described("views", .text(views.keys.sorted().joined(separator: ", ")), "named parts of the sensor"))
        }
        if !identity.isEmpty { all.append(.text("identity", "model and serial number") { [self] in identity }) }
        return all + [
            .described("width_px", .number(Double(sensor.width)), "columns of the sensor"),
            .described("height_px", .number(Double(sensor.height)), "rows of the sensor"),
        ]
    }

    /// Those of every camera.
    public var properties: [DeviceProperty] { cameraProperties() }
}
