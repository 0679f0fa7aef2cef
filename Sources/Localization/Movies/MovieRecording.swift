import Foundation
import Imaging
import Optics
import Work

/// What a movie says of how it was recorded: camera, lights, exposure, place, program and its parameters.
public struct MovieRecording: Sendable {
    /// Everything, as it stands in the file.
    public let facts: JSONValue
    /// The camera as it was set; nil where it was not calibrated.
    public let camera: CameraCalibration?
    /// What is recorded but cannot be used, such as the camera's maps when their file is missing.
    public let problem: String?

    /// Reads the recording in an OME-XML.
    /// - Parameters:
    ///   - description: the OME-XML of the movie.
    ///   - path: the movie; the maps of its camera lie relative to it.
    /// - Returns: nil where the movie holds none.
    public init?(description: String, path: String) {
        guard let text = OMERecording.text(in: description),
            let facts = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)), facts["camera"] != nil
        else { return nil }
        self.facts = facts
        var camera = facts["camera"].flatMap { try? $0.decoded(as: CameraCalibration.self) }
        var problem: String?
        if let found = camera, !found.isUsable {
            camera = nil
            problem = "\(path): the recorded camera cannot be used"
        }
        if case .string(let name)? = facts["camera_maps"] {
            let file = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name).path
            do { camera?.maps = try CameraMaps(file: file) } catch {
                problem = "the maps of the camera are not used: \(error)"
            }
        }
        self.camera = camera
        self.problem = problem
    }
}

extension CameraCalibration {
    /// Whether all numbers are what a camera can have.
    fileprivate var isUsable: Bool {
        let positive = [pixel_nm, electrons_per_count, quantum_efficiency]
        return positive.allSatisfy { $0 > 0 && $0.isFinite } && em_gain >= 1 && em_gain.isFinite
            && offset_counts.isFinite && read_noise_electrons >= 0 && read_noise_electrons.isFinite
    }
}
