import Imaging
import Optics

/// A camera that takes single frames and sequences.
///
/// A driver's camera needs no more than the members without defaults and what it has of the rest. The side of its pixels
/// at the specimen, its calibration and its views stand in the microscope file and are laid over it.
public protocol Camera: Device {
    /// The whole sensor in pixels.
    var sensor: (width: Int, height: Int) { get }
    /// The side of a pixel of the sensor at the specimen in nm, whatever the binning.
    var pixel_nm: Double { get }
    /// Model and serial number as the camera says them; empty where it says nothing.
    var identity: String { get }

    /// The part of the sensor that is read, in pixels of the sensor whatever the binning.
    func region() throws -> Region
    /// Sets the part of the sensor that is read, in pixels of the sensor.
    /// - Throws: `Failure` with code `region-range` where it does not lie on the sensor, or its sides are no multiples of
    ///   the binning; `busy` while a sequence runs.
    func setRegion(_ region: Region) throws
    /// Named parts of the sensor, such as the two images of a beam splitter, in pixels of the sensor.
    var views: [String: Region] { get }

    /// How many pixels can be read as one along each side.
    var binnings: [Int] { get }
    /// How many pixels are read as one along each side.
    func binning() throws -> Int
    /// Sets how many pixels are read as one along each side.
    /// - Throws: `Failure` with code `binning-range` for what the camera cannot do, or what does not divide the sides of
    ///   the region; `busy` while a sequence runs.
    func setBinning(_ binning: Int) throws

    /// The exposures that the camera can have.
    var exposureRange_ms: ClosedRange<Double> { get }
    /// The exposure time, as the camera really has it.
    func exposure_ms() throws -> Double
    /// Sets the exposure time.
    func setExposure(_ exposure_ms: Double) throws
    /// The time from the start of a frame of a sequence to the start of the next, as the camera really has it.
    func cycle_ms() throws -> Double

    /// The electron multiplying gains that the camera can have as it is set; 1 alone for none.
    func emGainRange() throws -> ClosedRange<Double>
    /// The electron multiplying gain, 1 when there is none.
    func emGain() throws -> Double
    /// Sets the electron multiplying gain.
    func setEMGain(_ gain: Double) throws

    /// The temperature of the sensor; nil for a camera that does not tell it. While a sequence runs, it may be the one
    /// before the sequence.
    func temperature() throws -> CameraTemperature?
    /// The temperatures that the cooler can be set to; nil for none.
    var temperatureRange_C: ClosedRange<Double>? { get }
    /// Cools to a temperature; nil switches the cooler off. Returns at once.
    func setTemperature(_ target_C: Double?) throws

    /// What can begin frames.
    var triggerModes: [TriggerMode] { get }
    /// What begins frames.
    func triggerMode() throws -> TriggerMode
    /// Sets what begins frames.
    func setTriggerMode(_ mode: TriggerMode) throws
    /// Begins one frame of the running sequence in the mode `software`.
    func trigger() throws

    /// What turns the counts of a frame taken now into photons; nil where the camera has not been calibrated.
    func calibration() throws -> CameraCalibration?
    /// Takes one frame.
    func snap() throws -> Frame
    /// Begins a sequence of frames at the exposure time.
    func startSequence(frames: Int) throws
    /// The next frame of the running sequence that was not lost, or nil after the last one.
    /// - Throws: `Failure` with code `timeout` when none came within the time limit.
    func nextFrame(timeout_ms: Double) throws -> Frame?
    /// As `nextFrame(timeout_ms:)`, with the counts in memory of the caller that holds just a frame.
    /// - Throws: also `Failure` with code `size-mismatch` for a frame of another size.
    func nextFrame(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp?
    /// Ends a sequence; nothing happens when none runs.
    func stopSequence()
}

extension Camera {
    /// How large frames are as the camera is set.
    public func frameSize() throws -> (width: Int, height: Int) {
        let (region, binning) = (try region(), try binning())
        return (region.width / binning, region.height / binning)
    }

    /// The side of a pixel of a frame at the specimen in nm as the camera is set.
    public func framePixel_nm() throws -> Double { pixel_nm * Double(try binning()) }
}
