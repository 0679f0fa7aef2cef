import Foundation
import Work

extension CameraCalibration {
    /// Reads a camera file: JSON with `pixel_nm` and, where they differ from an offset of 100 counts, one electron per
    /// count, no multiplication, full quantum efficiency and no read noise, the other numbers. `maps` names a TIFF file
    /// with the maps of an sCMOS camera, from the folder of the camera file; see `CameraMaps`. Further texts, such as the
    /// name of the camera, are passed over; other keys are refused, for a number under another program's name would be
    /// missed in silence.
    /// - Throws: a `Failure` that names the file and what is wrong in it.
    public init(file path: String) throws {
        let data = try readFile(path)
        guard case .object(let fields)? = try? JSONDecoder().decode(JSONValue.self, from: data) else {
            throw Failure(
                "\(path) is not a camera file", remedy: "write JSON with pixel_nm, offset_counts, electrons_per_count",
                code: "camera-file")
        }
        try Self.checkKeys(fields, path)
        func number(_ key: String, _ limits: ClosedRange<Double>) throws -> Double? {
            guard let value = fields[key], value != .null else { return nil }
            guard case .number(let number) = value else {
                throw Failure("\(path): \(key) is not a number", remedy: "write it without quotes", code: "camera-file")
            }
            guard limits.contains(number) else {
                throw Failure(
                    "\(path): \(key) is \(number)", remedy: "give \(limits.lowerBound) to \(limits.upperBound)",
                    code: "camera-file")
            }
            return number
        }
        guard let pixel_nm = try number("pixel_nm", 0.1...1e6) else {
            throw Failure("\(path) names no pixel_nm", remedy: "add the side of a pixel in nm", code: "camera-file")
        }
        self.init(
            pixel_nm: pixel_nm, offset_counts: try number("offset_counts", -1e6...1e6) ?? 100,
            electrons_per_count: try number("electrons_per_count", 1e-6...1e6) ?? 1,
            em_gain: try number("em_gain", 1...1e5) ?? 1,
            quantum_efficiency: try number("quantum_efficiency", 1e-3...1) ?? 1,
            read_noise_electrons: try number("read_noise_electrons", 0...1e6) ?? 0)
        switch fields["maps"] {
        case nil, .null?: break
        case .string(let name)?:
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            maps = try CameraMaps(file: name.hasPrefix("/") ? name : folder.appendingPathComponent(name).path)
        default: throw Failure("\(path): maps is not the name of a file", code: "camera-file")
        }
    }

    private static let keys = [
        "pixel_nm", "offset_counts", "electrons_per_count", "em_gain", "quantum_efficiency", "read_noise_electrons",
        "maps",
    ]

    /// What DECODE, Picasso, ThunderSTORM, SMAP and others call the numbers of a camera.
    private static let foreign = [
        "baseline": "offset_counts", "offset": "offset_counts", "bias": "offset_counts", "dark": "offset_counts",
        "e_per_adu": "electrons_per_count", "sensitivity": "electrons_per_count", "gain": "electrons_per_count",
        "conversion": "electrons_per_count", "photons2adu": "electrons_per_count",
        "photons_per_adu": "electrons_per_count",
        "qe": "quantum_efficiency", "quantumefficiency": "quantum_efficiency", "read_sigma": "read_noise_electrons",
        "readnoise": "read_noise_electrons", "read_noise": "read_noise_electrons", "pixelsize": "pixel_nm",
        "px_size": "pixel_nm", "pixel_size": "pixel_nm", "pixelsize_nm": "pixel_nm", "emgain": "em_gain",
    ]

    private static func checkKeys(_ fields: [String: JSONValue], _ path: String) throws {
        for key in fields.keys.sorted() where !keys.contains(key) {
            if case .string(let text)? = fields[key], Double(text) == nil { continue }
            let meant = foreign[key.lowercased()] ?? nearestName(to: key, in: keys)
            throw Failure(
                "\(path): a camera file has no '\(key)'",
                remedy: meant.map { "did you mean \($0)?" } ?? "it has \(keys.joined(separator: ", "))",
                code: "camera-file")
        }
    }
}
