import Foundation
import Work

/// The functions of Andor's library that are used, by their names in its manual. `at_32` of the manual is 32 bits wide
/// on Linux.
struct AndorFunctions: @unchecked Sendable {  // pointers to functions, called on one thread
    typealias Number = UnsafeMutablePointer<Int32>
    typealias Real = UnsafeMutablePointer<Float>
    typealias Plain = @convention(c) () -> UInt32
    typealias One = @convention(c) (Int32) -> UInt32
    typealias Two = @convention(c) (Int32, Int32) -> UInt32
    typealias Four = @convention(c) (Int32, Int32, Int32, Int32) -> UInt32
    typealias Five = @convention(c) (Int32, Int32, Int32, Int32, Int32) -> UInt32
    typealias Six = @convention(c) (Int32, Int32, Int32, Int32, Int32, Int32) -> UInt32
    typealias Seven = @convention(c) (Int32, Int32, Int32, Int32, Int32, Int32, Int32) -> UInt32
    typealias Seconds = @convention(c) (Float) -> UInt32
    typealias Text = @convention(c) (UnsafeMutablePointer<CChar>) -> UInt32
    typealias Out = @convention(c) (Number) -> UInt32
    typealias OutTwo = @convention(c) (Number, Number) -> UInt32
    typealias OutReal = @convention(c) (Real) -> UInt32
    typealias OutThreeReals = @convention(c) (Real, Real, Real) -> UInt32
    typealias OutIndexReal = @convention(c) (Number, Real) -> UInt32
    typealias OneOut = @convention(c) (Int32, Number) -> UInt32
    typealias OneOutReal = @convention(c) (Int32, Real) -> UInt32
    typealias TwoOut = @convention(c) (Int32, Int32, Number) -> UInt32
    typealias ThreeOutReal = @convention(c) (Int32, Int32, Int32, Real) -> UInt32
    typealias FourOut = @convention(c) (Int32, Int32, Int32, Int32, Number) -> UInt32
    typealias Images = @convention(c) (Int32, Int32, UnsafeMutablePointer<UInt16>, UInt32, Number, Number) -> UInt32
    typealias Stamp = @convention(c) (UnsafeMutableRawPointer, Real, UInt32) -> UInt32

    let getAvailableCameras: Out
    let getCameraHandle: OneOut
    let setCurrentCamera: One
    let initialize: Text
    let shutDown: Plain
    let getHeadModel: Text
    let getCameraSerialNumber: Out
    let getDetector: OutTwo

    let getTemperatureRange: OutTwo
    let setTemperature: One
    let coolerOn: Plain
    let coolerOff: Plain
    let isCoolerOn: Out
    let getTemperature: OutReal
    let setFanMode: One
    let setCoolerMode: One?

    let setReadMode: One
    let setAcquisitionMode: One
    let setTriggerMode: One
    let isTriggerModeAvailable: One
    let setADChannel: One
    let setOutputAmplifier: One
    let getNumberAmp: Out
    let getNumberHSSpeeds: TwoOut
    let getHSSpeed: ThreeOutReal
    let setHSSpeed: Two
    let getNumberVSSpeeds: Out
    let getVSSpeed: OneOutReal
    let getFastestRecommendedVSSpeed: OutIndexReal
    let setVSSpeed: One
    let setVSAmplitude: One?
    let getNumberPreAmpGains: Out
    let getPreAmpGain: OneOutReal
    let isPreAmpGainAvailable: FourOut
    let setPreAmpGain: One
    let setFrameTransferMode: One
    let setBaselineClamp: One
    let setEMAdvanced: One
    let setEMGainMode: One
    let getEMGainRange: OutTwo
    let setEMCCDGain: One
    let getEMCCDGain: Out
    let getMaximumBinning: TwoOut
    let setImage: Six
    let setIsolatedCropMode: Five
    let setIsolatedCropModeEx: Seven?
    let setShutter: Four

    let setExposureTime: Seconds
    let setKineticCycleTime: Seconds
    let getMaximumExposure: OutReal?
    let getAcquisitionTimings: OutThreeReals

    let startAcquisition: Plain
    let abortAcquisition: Plain
    let freeInternalMemory: Plain
    let sendSoftwareTrigger: Plain
    let getStatus: Out
    let getNumberNewImages: OutTwo
    let getImages16: Images
    let getSizeOfCircularBuffer: Out
    let setMetaData: One?
    let getMetaDataInfo: Stamp?

    /// Looks all functions up.
    /// - Throws: `Failure` with code `library-unusable` that names the functions that are missing.
    init(_ library: UnsafeMutableRawPointer, name: String) throws {
        var missing: [String] = []
        func optional<Function>(_ symbol: String) -> Function? {
            dlsym(library, symbol).map { unsafeBitCast($0, to: Function.self) }
        }
        func find<Function>(_ symbol: String) -> Function {
            if let found: Function = optional(symbol) { return found }
            missing.append(symbol)
            // Never called: what misses a function is refused below.
            let none: Plain = { 0 }
            return unsafeBitCast(none, to: Function.self)
        }
        getAvailableCameras = find("GetAvailableCameras")
        getCameraHandle = find("GetCameraHandle")
        setCurrentCamera = find("SetCurrentCamera")
        initialize = find("Initialize")
        shutDown = find("ShutDown")
        getHeadModel = find("GetHeadModel")
        getCameraSerialNumber = find("GetCameraSerialNumber")
        getDetector = find("GetDetector")
        getTemperatureRange = find("GetTemperatureRange")
        setTemperature = find("SetTemperature")
        coolerOn = find("CoolerON")
        coolerOff = find("CoolerOFF")
        isCoolerOn = find("IsCoolerOn")
        getTemperature = find("GetTemperatureF")
        setFanMode = find("SetFanMode")
        setCoolerMode = optional("SetCoolerMode")
        setReadMode = find("SetReadMode")
        setAcquisitionMode = find("SetAcquisitionMode")
        setTriggerMode = find("SetTriggerMode")
        isTriggerModeAvailable = find("IsTriggerModeAvailable")
        setADChannel = find("SetADChannel")
        setOutputAmplifier = find("SetOutputAmplifier")
        getNumberAmp = find("GetNumberAmp")
        getNumberHSSpeeds = find("GetNumberHSSpeeds")
        getHSSpeed = find("GetHSSpeed")
        setHSSpeed = find("SetHSSpeed")
        getNumberVSSpeeds = find("GetNumberVSSpeeds")
        getVSSpeed = find("GetVSSpeed")
        getFastestRecommendedVSSpeed = find("GetFastestRecommendedVSSpeed")
        setVSSpeed = find("SetVSSpeed")
        setVSAmplitude = optional("SetVSAmplitude")
        getNumberPreAmpGains = find("GetNumberPreAmpGains")
        getPreAmpGain = find("GetPreAmpGain")
        isPreAmpGainAvailable = find("IsPreAmpGainAvailable")
        setPreAmpGain = find("SetPreAmpGain")
        setFrameTransferMode = find("SetFrameTransferMode")
        setBaselineClamp = find("SetBaselineClamp")
        setEMAdvanced = find("SetEMAdvanced")
        setEMGainMode = find("SetEMGainMode")
        getEMGainRange = find("GetEMGainRange")
        setEMCCDGain = find("SetEMCCDGain")
        getEMCCDGain = find("GetEMCCDGain")
        getMaximumBinning = find("GetMaximumBinning")
        setImage = find("SetImage")
        setIsolatedCropMode = find("SetIsolatedCropMode")
        setIsolatedCropModeEx = optional("SetIsolatedCropModeEx")
        setShutter = find("SetShutter")
        setExposureTime = find("SetExposureTime")
        setKineticCycleTime = find("SetKineticCycleTime")
        getMaximumExposure = optional("GetMaximumExposure")
        getAcquisitionTimings = find("GetAcquisitionTimings")
        startAcquisition = find("StartAcquisition")
        abortAcquisition = find("AbortAcquisition")
        freeInternalMemory = find("FreeInternalMemory")
        sendSoftwareTrigger = find("SendSoftwareTrigger")
        getStatus = find("GetStatus")
        getNumberNewImages = find("GetNumberNewImages")
        getImages16 = find("GetImages16")
        getSizeOfCircularBuffer = find("GetSizeOfCircularBuffer")
        setMetaData = optional("SetMetaData")
        getMetaDataInfo = optional("GetMetaDataInfo")
        guard missing.isEmpty else {
            throw Failure(
                "\(name) has no function \(missing.joined(separator: ", "))",
                remedy: "give the library of Andor's SDK 2, libandor.so, as 'library'", code: "library-unusable")
        }
    }
}
