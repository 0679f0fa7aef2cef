import Instruments
import Work

extension DCAMCamera {
    /// The temperature of the sensor; nil for a camera that does not tell what its cooler does.
    public func temperature() throws -> CameraTemperature? {
        let target_C = try open { $0.target_C }
        let handle = handle
        return try library.run("reading of the temperature") { calls in
            guard let status = try calls.value(.coolerStatus, of: handle) else { return nil }
            let celsius = try calls.value(.sensorTemperature, of: handle)
            let state: CameraTemperature.State =
                switch Int(status) {
                case 1: celsius.map { $0 < 5 } == true ? .warming : .off
                case 2, 4: .stabilised
                case 3: .cooling
                default: .fault
                }
            return CameraTemperature(celsius: celsius, target_C: target_C, state: state)
        }
    }

    /// What the cooler can be set to; nil where it has no set point.
    public var temperatureRange_C: ClosedRange<Double>? { model.temperature_C }

    /// Cools to a temperature; nil switches the cooler off.
    public func setTemperature(_ target_C: Double?) throws {
        guard model.hasCooler else {
            throw Failure("\(name) has no cooler that can be set", remedy: "leave cooling_C out", code: "no-cooler")
        }
        if let target_C {
            guard let range = model.temperature_C else {
                throw Failure(
                    "the cooler of \(name) has no set point", remedy: "leave cooling_C out", code: "no-cooler")
            }
            guard range.contains(target_C) else { throw refused(temperature_C: target_C) }
        }
        guard try open({ $0.sequence == nil }) else { throw refusedWhileBusy("temperature") }
        let handle = handle
        let set = try library.run("setting of the cooler") { calls -> Double? in
            guard let target_C else {
                try calls.set(.sensorCooler, 1, of: handle)
                return nil
            }
            let set = try calls.set(.temperatureTarget, target_C, of: handle)
            try calls.set(.sensorCooler, 2, of: handle)
            return set
        }
        if let set { try open { $0.target_C = set } }
    }
}
