import Foundation

/// A Thorlabs PM100USB with a photodiode sensor. It measures what it is told, or the light of another emulator by its log.
final class EmulatedPM100: EmulatedDevice {
    private var power_W = 0.0
    private var dark_W = 2e-7
    private var followed: String?
    private var share = 0.6
    private var saturation_W = 1.0
    private var wavelength_nm = 633.0
    private var average = 1
    private var errors: [String] = []
    private var readings = 0

    let lineEnds: Set<UInt8> = [10]
    let banner = ""
    let light = ""

    func reset() {
        wavelength_nm = 633
        errors = []
    }

    func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "power": power_W = (Double(value) ?? 0) / 1000
        case "dark": dark_W = (Double(value) ?? 0) / 1000
        // The log of a laser's emulator.
        case "follow": followed = value
        case "share": share = Double(value) ?? 1
        case "saturation": saturation_W = (Double(value) ?? 1000) / 1000
        default: return false
        }
        return true
    }

    func execute(_ command: String, isRefused: Bool) -> String {
        let text = command.trimmingCharacters(in: .whitespaces)
        if isRefused {
            errors.append("-200,\"Execution error\"")
            return ""
        }
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard let word = parts.first?.uppercased().replacingOccurrences(of: "SENSE", with: "SENS") else { return "" }
        let value = parts.count > 1 ? parts[1] : ""
        if word.hasSuffix("?") {
            guard let answer = answer(word, value) else {
                errors.append("-113,\"Undefined header\"")
                return ""
            }
            return answer + "\n"
        }
        carryOut(word, value)
        return ""
    }

    /// As a photodiode: proportional, then less and less, and never quite still.
    private var measured_W: Double {
        if let followed, let text = try? String(contentsOfFile: followed, encoding: .utf8),
            let line = text.split(separator: "\n").last(where: { $0.contains("\tlight\t") })
        {
            let words = line.split(separator: "\t").last?.split(separator: " ") ?? []
            power_W = words.count == 3 ? (Double(words[1]) ?? 0) * 1e-6 : 0
        }
        readings += 1
        let light_W = share * power_W
        let noise = 1 + 1e-4 * sin(Double(readings) * 12.9898)
        return light_W / (1 + light_W / saturation_W) * noise + dark_W * (1 + 0.05 * sin(Double(readings) * 7.1))
    }

    private func answer(_ word: String, _ value: String) -> String? {
        switch word {
        case "*IDN?": "Thorlabs,PM100USB,P2001234,1.4.0"
        case "SYST:SENSOR:IDN?", "SYST:SENS:IDN?": "S121C,12345678,01-Jan-2026,1,18,33"
        case "SYST:ERR?": errors.isEmpty ? "+0,\"No error\"" : errors.removeFirst()
        case "SENS:CORR:WAV?":
            String(format: "%.6E", value == "MIN" ? 400 : value == "MAX" ? 1100 : wavelength_nm)
        case "SENS:POW:UNIT?", "SENS:POW:DC:UNIT?": "W"
        case "SENS:AVER:COUN?": String(average)
        case "MEAS:POW?", "READ?", "MEAS?": String(format: "%.8E", measured_W)
        default: nil
        }
    }

    private func carryOut(_ word: String, _ value: String) {
        switch word {
        case "SENS:CORR:WAV":
            guard let number = Double(value), (400...1100).contains(number) else {
                errors.append("-222,\"Data out of range\"")
                return
            }
            wavelength_nm = number
        case "SENS:AVER:COUN": average = Int(value) ?? 1
        case "*CLS": errors = []
        case "SENS:POW:UNIT", "SENS:POW:RANG:AUTO", "*RST", "CONF:POW": break
        default: errors.append("-113,\"Undefined header\"")
        }
    }
}
