import Instruments
import Synchronization
import Transports
import Work

/// A power meter that speaks SCPI over USB (USBTMC) or a serial port: Thorlabs PM100D, PM100USB, PM101, PM400, and others
/// by the question of the microscope file.
public final class SCPIMeter: Meter {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var question = "MEAS:POW?"
        var wavelength = "SENS:CORR:WAV"
        var average = 1
    }

    private static let framing = Framing(baud: 115200, lineEnd: "\n", replyEnd: .text("\n"))
    private static let average = Setting<Settings>.number(
        "average", \.average, 1...10_000, "how many readings of its own it takes the mean of")

    /// The declaration for Thorlabs's meters.
    static let pm100 = Driver(
        "pm100", help: "Thorlabs PM100D, PM100USB, PM101 or PM400 power meter", framing: framing,
        identity: Identity("*IDN?", expects: "Thorlabs,PM", within_ms: 1000),
        parts: [
            Part(
                .meter, defaults: Settings(), settings: [average],
                make: { name, settings, device in
                    try SCPIMeter(
                        name, settings, device,
                        setUp: ["SENS:POW:UNIT W", "SENS:POW:RANG:AUTO ON", "SENS:AVER:COUN \(settings.average)"])
                })
        ])

    /// The declaration for other meters.
    static let scpi = Driver(
        "scpi", help: "power meter that speaks SCPI and answers in W", framing: framing,
        identity: Identity("*IDN?", expects: ",", within_ms: 1000),
        parts: [
            Part(
                .meter, defaults: Settings(),
                settings: [
                    .text("question", \.question, "what asks for the power in W"),
                    .text("wavelength", \.wavelength, "what sets the wavelength in nm, and with ? asks for it"),
                ],
                make: { try SCPIMeter($0, $1, $2, setUp: []) })
        ])

    /// The name in the microscope's description.
    public let name: String
    private let settings: Settings
    private let device: DeviceLine
    private let isClosed = Mutex(false)

    private var line: Line { device.line }

    private init(_ name: String, _ settings: Settings, _ device: DeviceLine, setUp: [String]) throws {
        self.name = name
        self.settings = settings
        self.device = device
        for command in setUp { try tell(command) }
    }

    /// The wavelength for which its sensor is corrected.
    public func wavelength_nm() throws -> Double {
        try checkOpen()
        return try line.number("\(settings.wavelength)?")
    }

    /// Sets the wavelength and reads it back.
    public func setWavelength(_ wavelength_nm: Double) throws {
        try checkOpen()
        try tell("\(settings.wavelength) \(shown(wavelength_nm))")
        let read_nm = try self.wavelength_nm()
        guard abs(read_nm - wavelength_nm) <= 1 else {
            throw Failure(
                "meter \(name) was set to \(shown(wavelength_nm)) nm but says \(shown(read_nm)) nm",
                remedy: "use a sensor for this wavelength", code: "not-confirmed")
        }
    }

    /// Measures anew. The meter answers in W.
    public func power_mw() throws -> Double {
        try checkOpen()
        let power_W = try line.number(settings.question, within_ms: 3000)
        // SCPI's number for what cannot be measured is 9.9e37.
        guard abs(power_W) < 1e6 else {
            throw Failure(
                "meter \(name): the power is beyond its range", remedy: "use a sensor or a filter for more power",
                code: "over-range")
        }
        return power_W * 1000
    }

    /// Gives the port back.
    public func close() {
        isClosed.withLock { $0 = true }
        device.close()
    }

    private func checkOpen() throws {
        if isClosed.withLock({ $0 }) { throw Failure("meter \(name) is closed", code: "closed") }
    }

    /// A command has no answer of its own; the meter keeps its errors in a list. What stands there may be an error of
    /// something before, so the list is emptied and the command is sent once more where there is one.
    private func tell(_ command: String) throws {
        func error() throws -> String? {
            try line.tell("*CLS")
            try line.tell(command)
            let reply = try line.ask("SYST:ERR?", repeats: .once)
            guard let code = Int(reply.text.prefix { $0 != "," }) else {
                throw line.garbled("SYST:ERR?", reply, expected: "the number of an error")
            }
            return code == 0 ? nil : reply.text
        }
        guard try error() != nil, let text = try error() else { return }
        throw Failure("meter \(name) refused '\(command)': \(text)", code: "device-refused")
    }
}
