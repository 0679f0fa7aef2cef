import Foundation
import Work

/// What a light really gives for what it is set to, as a power meter measured it: the file that `calibrate-power` writes.
public struct PowerCurve: Sendable, Equatable, Codable {
    /// The light that was measured.
    public var light: String
    /// Its wavelength in nm.
    public var wavelength_nm: Double
    /// What it was set to, rising.
    public var set_mw: [Double]
    /// What the meter measured, less what it measured in the dark.
    public var measured_mw: [Double]

    /// Makes a curve of points.
    /// - Throws: `Failure` with code `bad-calibration` where it is no curve: fewer than three points, powers that do not
    ///   rise, or a reading that does not rise with them.
    public init(light: String, wavelength_nm: Double, set_mw: [Double], measured_mw: [Double]) throws {
        self.light = light
        self.wavelength_nm = wavelength_nm
        self.set_mw = set_mw
        self.measured_mw = measured_mw
        try check()
    }

    /// Reads the file of `calibrate-power` for a light.
    /// - Throws: `Failure` with code `bad-calibration`, also where it belongs to a light of another colour.
    public init(file: String, light: String, wavelength_nm: Double) throws {
        let data = try readFile(file)
        guard let curve = try? JSONDecoder().decode(PowerCurve.self, from: data) else {
            throw Failure(
                "\(file) is no calibration of a light", remedy: "measure it with calibrate-power",
                code: "bad-calibration")
        }
        self = curve
        do { try check() } catch let failure as Failure {
            throw Failure("\(file): \(failure.message)", remedy: failure.remedy, code: failure.code)
        }
        guard abs(curve.wavelength_nm - wavelength_nm) <= 1 else {
            throw Failure(
                "\(file) was measured for \(curve.light) of \(curve.wavelength_nm) nm, not for \(light) of "
                    + "\(wavelength_nm) nm", remedy: "measure it with calibrate-power", code: "bad-calibration")
        }
    }

    private func check() throws {
        func bad(_ text: String) -> Failure {
            Failure(
                "the calibration of \(light) \(text)", remedy: "measure it with calibrate-power",
                code: "bad-calibration")
        }
        guard set_mw.count == measured_mw.count, set_mw.count >= 3 else { throw bad("has fewer than three points") }
        guard (set_mw + measured_mw).allSatisfy(\.isFinite), set_mw[0] >= 0, measured_mw[0] >= 0 else {
            throw bad("has powers that are none")
        }
        for index in 1..<set_mw.count {
            guard set_mw[index] > set_mw[index - 1] else { throw bad("has set powers that do not rise") }
            guard measured_mw[index] > measured_mw[index - 1] else {
                throw bad("does not rise from \(set_mw[index - 1]) to \(set_mw[index]) mW")
            }
        }
    }

    /// The greatest power that was measured.
    public var highest_mw: Double { measured_mw[measured_mw.count - 1] }

    /// The greatest power that was measured with no more than a setting.
    public func highest(settingUpTo maximum_mw: Double) -> Double { min(highest_mw, power(for: maximum_mw)) }

    /// What to set for a measured power from 0 to `highest_mw`. Below the first point the line to 0 is taken.
    public func setting(for power_mw: Double) -> Double { Self.interpolate(power_mw, measured_mw, set_mw) }

    /// What is measured at a setting.
    public func power(for setting_mw: Double) -> Double { Self.interpolate(setting_mw, set_mw, measured_mw) }

    private static func interpolate(_ value: Double, _ from: [Double], _ to: [Double]) -> Double {
        if value <= 0 { return 0 }
        guard let next = from.firstIndex(where: { $0 >= value }) else { return to[to.count - 1] }
        if next == 0 { return from[0] > 0 ? to[0] * value / from[0] : to[0] }
        let share = (value - from[next - 1]) / (from[next] - from[next - 1])
        return to[next - 1] + share * (to[next] - to[next - 1])
    }
}

/// A light whose powers are what a meter measured, not what its maker says.
public final class CalibratedLight: LightWrapper {
    /// The light itself.
    public let light: any LightSource
    /// What it really gives.
    public let curve: PowerCurve

    /// Lays a curve over a light. Its greatest power is the greatest that was measured and may be set.
    public init(_ light: any LightSource, _ curve: PowerCurve) {
        self.light = light
        self.curve = curve
    }

    /// The greatest power that was measured, within what may be set.
    public var maximum_mw: Double { curve.highest(settingUpTo: light.maximum_mw) }

    /// Switches on at the setting that gives the power.
    public func on(power_mw: Double) throws {
        guard power_mw >= 0, power_mw <= maximum_mw else {
            off()
            throw Failure(
                "laser \(name): a power of \(power_mw) mW is not possible", remedy: "give 0 to \(maximum_mw) mW",
                code: "power-range")
        }
        try light.on(power_mw: min(curve.setting(for: power_mw), light.maximum_mw))
    }

    /// The power it gives now.
    public func power_mw() throws -> Double { curve.power(for: try light.power_mw()) }
}

extension Device {
    /// Whether the powers of this light are those of a curve.
    public var isCalibrated: Bool {
        self is CalibratedLight || ((self as? any DeviceWrapper)?.wrapped.isCalibrated ?? false)
    }
}
