import Foundation
import Work

extension CameraCalibration {
    /// Reads a camera file: JSON with `pixel_nm` and, where they differ from an offset of 100 counts, one electron per
    /// count, no multiplication, full quantum efficiency and no read noise, the other numbers. `maps` names a TIFF file
    /// with the maps of an sCMOS camera, from the folder of the camera file; see `CameraMaps`.
    /// - Throws: a `Failure` that names the file and what is wrong in it.
    public init(file path: String) throws {
        let data = try readFile(path)
        let fields: Fields
        do { fields = try JSONDecoder().decode(Fields.self, from: data) } catch {
            throw Failure(
                "\(path) is not a camera file", remedy: "write JSON with pixel_nm, offset_counts, electrons_per_count",
                code: "camera-file")
        }
        guard let pixel_nm = fields.pixel_nm, pixel_nm > 0 else {
            throw Failure("\(path) names no pixel_nm", remedy: "add the side of a pixel in nm", code: "camera-file")
        }
        self.init(
            pixel_nm: pixel_nm, offset_counts: fields.offset_counts ?? 100,
            electrons_per_count: fields.electrons_per_count ?? 1, em_gain: fields.em_gain ?? 1,
            quantum_efficiency: fields.quantum_efficiency ?? 1,
            read_noise_electrons: fields.read_noise_electrons ?? 0)
        if let name = fields.maps {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            maps = try CameraMaps(file: name.hasPrefix("/") ? name : folder.appendingPathComponent(name).path)
        }
    }

    private struct Fields: Decodable {
        var pixel_nm, offset_counts, electrons_per_count, em_gain, quantum_efficiency, read_noise_electrons: Double?
        var maps: String?
    }
}
