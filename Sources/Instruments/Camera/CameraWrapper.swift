import Imaging
import Optics

/// A wrapper of a camera. It is the camera in everything that it does not do otherwise.
public protocol CameraWrapper: Camera, DeviceWrapper {
    /// The camera.
    var camera: any Camera { get }
}

extension CameraWrapper {
    public var wrapped: any Device { camera }
    public var name: String { camera.name }
    public var properties: [DeviceProperty] { cameraProperties().joined(by: camera.properties) }
    public var identity: String { camera.identity }
    public var sensor: (width: Int, height: Int) { camera.sensor }
    public var pixel_nm: Double { camera.pixel_nm }
    public func region() throws -> Region { try camera.region() }
    public func setRegion(_ region: Region) throws { try camera.setRegion(region) }
    public var views: [String: Region] { camera.views }
    public var binnings: [Int] { camera.binnings }
    public func binning() throws -> Int { try camera.binning() }
    public func setBinning(_ binning: Int) throws { try camera.setBinning(binning) }
    public var exposureRange_ms: ClosedRange<Double> { camera.exposureRange_ms }
    public func exposure_ms() throws -> Double { try camera.exposure_ms() }
    public func setExposure(_ exposure_ms: Double) throws { try camera.setExposure(exposure_ms) }
    public func cycle_ms() throws -> Double { try camera.cycle_ms() }
    public func emGainRange() throws -> ClosedRange<Double> { try camera.emGainRange() }
    public func emGain() throws -> Double { try camera.emGain() }
    public func setEMGain(_ gain: Double) throws { try camera.setEMGain(gain) }
    public func temperature() throws -> CameraTemperature? { try camera.temperature() }
    public var temperatureRange_C: ClosedRange<Double>? { camera.temperatureRange_C }
    public func setTemperature(_ target_C: Double?) throws { try camera.setTemperature(target_C) }
    public var triggerModes: [TriggerMode] { camera.triggerModes }
    public func triggerMode() throws -> TriggerMode { try camera.triggerMode() }
    public func setTriggerMode(_ mode: TriggerMode) throws { try camera.setTriggerMode(mode) }
    public func trigger() throws { try camera.trigger() }
    public func calibration() throws -> CameraCalibration? { try camera.calibration() }
    public func snap() throws -> Frame { try camera.snap() }
    public func startSequence(frames: Int) throws { try camera.startSequence(frames: frames) }
    public func nextFrame(timeout_ms: Double) throws -> Frame? { try camera.nextFrame(timeout_ms: timeout_ms) }
    public func nextFrame(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp? {
        try camera.nextFrame(into: counts, timeout_ms: timeout_ms)
    }
    public func stopSequence() { camera.stopSequence() }
    public func close() { camera.close() }
}
