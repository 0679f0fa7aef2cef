import Imaging
import Instruments
import Work

/// Which step of a kind: a name for people, and the fingerprint of everything that the step was asked for. A step with
/// another fingerprint is another step, whatever its name.
public struct StepKey: Sendable, Equatable {
    /// The name for people, such as `DAPI/12`.
    public let name: String
    /// The fingerprint of all inputs.
    public let inputs: Fingerprint

    /// A key from a name and the inputs of the step; those of a step that it builds on come in by that step's
    /// fingerprint or result.
    /// - Throws: what encoding the inputs throws.
    public init(_ name: String, inputs: some Encodable) throws {
        self.name = name
        self.inputs = try Fingerprint(of: inputs)
    }

    /// The key in the journal.
    public var text: String { "\(name)#\(inputs)" }
}

/// What every image of a microscope depends on beside its channel and its place.
struct View: Encodable {
    let microscope: String
    let pixel_nm: Double
    let region: [Int]
    /// Nil where pixels are read one by one.
    let binning: Int?
    /// How the pixels lie to the stage; nil where that has not been measured.
    let matrix_um: [[Double]]?
    let approach_um: Double
    let tolerance_um: Double

    init(_ microscope: Microscope, _ motion: MotionPolicy) throws {
        let region = try microscope.camera.region()
        self.microscope = microscope.identity
        pixel_nm = microscope.camera.pixel_nm
        let binning = try microscope.camera.binning()
        self.binning = binning == 1 ? nil : binning
        matrix_um = microscope.objective?.matrix_um
        self.region = [region.column, region.row, region.width, region.height]
        approach_um = motion.approach_um
        tolerance_um = motion.tolerance_um
    }
}

extension AcquisitionRun {
    /// A name for a file of a step that no other step has: the plain one, or where that is taken one with the step's
    /// fingerprint.
    /// - Parameters:
    ///   - stem: the name in the folder of the run without its ending, such as `movies/position-001-DAPI`.
    ///   - ending: `.ome.tif`.
    ///   - key: the step.
    func freeName(_ stem: String, _ ending: String, for key: StepKey) -> String {
        var name = stem + ending
        var count = 1
        while journal.hasFile(name) {
            name = "\(stem)-\(key.inputs.short)\(count > 1 ? "-\(count)" : "")\(ending)"
            count += 1
        }
        return name
    }
}

/// A name with nothing in it that a file name cannot bear.
func fileName(_ name: String) -> String {
    String(name.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." ? $0 : "_" })
}
