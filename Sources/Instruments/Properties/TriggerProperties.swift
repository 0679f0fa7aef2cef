import Work

extension Trigger {
    /// Whether it passes the camera's signal on.
    public var triggerProperties: [DeviceProperty] {
        [
            .state("is_passing", "whether it lets light through while the camera exposes") { [self] in
                guard let isPassing else {
                    throw Failure("trigger \(name) does not answer", remedy: "check its cable", code: "no-answer")
                }
                return isPassing
            }
        ]
    }

    /// Those of every trigger.
    public var properties: [DeviceProperty] { triggerProperties }
}

extension Meter {
    /// The wavelength that it is set for, and what it measures.
    public var meterProperties: [DeviceProperty] {
        [
            .number(
                "wavelength_nm", 100...20_000, "the wavelength for which its sensor is corrected",
                get: { [self] in try wavelength_nm() }, set: { [self] in try setWavelength($0) }),
            .reading("power_mw", "the power that falls on its sensor now") { [self] in try power_mw() },
        ]
    }

    /// Those of every meter.
    public var properties: [DeviceProperty] { meterProperties }
}
