import Instruments
import Work

extension AndorCamera {
    /// The temperature of the sensor. While a sequence runs it is the one before, for the camera is not to be asked then.
    public func temperature() throws -> CameraTemperature? {
        let (isBusy, last) = try open { ($0.sequence != nil, $0.temperature) }
        guard model.temperature_C != nil else { return nil }
        guard !isBusy else { return last }
        let now = try library.run("GetTemperatureF", on: handle) { calls in
            try Self.temperature(calls, target_C: last.target_C)
        }
        try open { $0.temperature = now }
        return now
    }

    /// What the cooler can be set to.
    public var temperatureRange_C: ClosedRange<Double>? { model.temperature_C }

    /// Cools to a temperature, in whole degrees; nil switches the cooler off.
    public func setTemperature(_ target_C: Double?) throws {
        if let target_C {
            guard let range = model.temperature_C else {
                throw Failure("\(name) has no cooler", remedy: "leave cooling_C out", code: "no-cooler")
            }
            guard range.contains(target_C) else { throw refused(temperature_C: target_C) }
        }
        guard try open({ $0.sequence == nil }) else { throw refusedWhileBusy("temperature") }
        let (hasMultiplier, settings) = (model.multiplier != nil, settings)
        let target = target_C.map { $0.rounded() }
        let (now, gains) = try library.run("CoolerON", on: handle) { calls in
            if let target {
                try calls.check("SetTemperature(\(Int(target)))") { calls.sdk.setTemperature(Int32(target)) }
                try calls.check("CoolerON", calls.sdk.coolerOn)
            } else {
                try calls.check("CoolerOFF", calls.sdk.coolerOff)
            }
            // What the multiplier can do depends on the temperature.
            let gains = hasMultiplier ? try Self.gains(calls, settings) : 1...1
            return (try Self.temperature(calls, target_C: target), gains)
        }
        try open { state in
            state.temperature = now
            state.gains = gains
        }
    }

    /// Asks for the temperature.
    /// - Parameter target_C: what was set; the library cannot be asked for it.
    static func temperature(_ calls: AndorCalls, target_C: Double?) throws -> CameraTemperature {
        var celsius: Float = 0
        let code = calls.code { calls.sdk.getTemperature(&celsius) }
        let state: CameraTemperature.State
        switch code {
        // A camera that stays cold without the program warms up when its cooler is switched off.
        case AndorCode.coolerOff: state = celsius < 5 ? .warming : .off
        case AndorCode.notReached, AndorCode.notStabilised: state = .cooling
        case AndorCode.stabilised: state = .stabilised
        case AndorCode.drift: state = .drifting
        case AndorCode.outOfRange: state = .fault
        default: throw AndorCode.failure(code, "GetTemperatureF")
        }
        return CameraTemperature(celsius: Double(celsius), target_C: target_C, state: state)
    }
}
