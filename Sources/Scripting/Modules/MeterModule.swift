import Instruments

/// A power meter as scripts hold it.
struct MeterHandle: LuaObject {
    static let luaName = "microscope.Meter"
    let meter: any Meter
}

extension LuaModule {
    /// Power meters.
    static func declareMeters(_ module: LuaModule) {
        module.class(MeterHandle.self, "A power meter.") { meter in
            meter.property("name", "its name") { $0.meter.name }
            meter.property("wavelength_nm", "the wavelength for which its sensor is corrected") {
                try $0.meter.wavelength_nm()
            }
            meter.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.meter)
            }
            meter.method("power_mw", "Measures.", result: "the power on its sensor") { (handle: MeterHandle) in
                try handle.meter.power_mw()
            }
            meter.method(
                "set_wavelength", "Sets the wavelength of the light that it is to measure.",
                [Parameter("wavelength_nm", "the wavelength", minimum: 100, maximum: 20_000)]
            ) { (handle: MeterHandle, wavelength_nm: Double) -> Void in try handle.meter.setWavelength(wavelength_nm) }
            meter.text { "meter \($0.meter.name)" }
        }
    }
}
