import Imaging
import Optics

/// One frame of a camera.
public struct Frame: Sendable {
    /// Counts, shape [height, width].
    public let counts: Plane<UInt16>
    /// The number of the frame in its sequence, from 0. A gap means frames were lost.
    public let index: Int
    /// The camera's time at the start of the exposure in ms since the sequence began.
    public let time_ms: Double

    /// Makes a frame.
    public init(counts: Plane<UInt16>, index: Int, time_ms: Double) {
        self.counts = counts
        self.index = index
        self.time_ms = time_ms
    }
}

/// A camera that takes single frames and sequences.
public protocol Camera: Device {
    /// The whole sensor in pixels.
    var sensor: (width: Int, height: Int) { get }
    /// The side of a pixel at the specimen in nm.
    var pixel_nm: Double { get }
    /// The part of the sensor that is read.
    func region() throws -> Region
    /// Sets the part of the sensor that is read.
    func setRegion(_ region: Region) throws
    /// The exposure time.
    func exposure_ms() throws -> Double
    /// Sets the exposure time.
    func setExposure(_ exposure_ms: Double) throws
    /// The electron multiplying gain, 1 when there is none.
    func emGain() throws -> Double
    /// Sets the electron multiplying gain.
    func setEMGain(_ gain: Double) throws
    /// What turns the counts of a frame taken now into photons; nil where the camera has not been calibrated.
    func calibration() throws -> CameraCalibration?
    /// Takes one frame.
    func snap() throws -> Frame
    /// Begins a sequence of frames at the exposure time.
    func startSequence(frames: Int) throws
    /// The next frame of the running sequence, or nil after the last one.
    /// - Throws: `Failure` with code `timeout` when none came within the time limit.
    func nextFrame(timeout_ms: Double) throws -> Frame?
    /// Ends a sequence; nothing happens when none runs.
    func stopSequence()
}

extension Camera {
    /// A camera that has not been calibrated.
    public func calibration() throws -> CameraCalibration? { nil }
}
