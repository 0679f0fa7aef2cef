import Imaging
import Optics
import Work

/// What a camera is that does not say otherwise: of no known pixel size, without gain, binning, cooler and triggers.
extension Camera {
    public var pixel_nm: Double { 0 }
    public var identity: String { "" }
    public var views: [String: Region] { [:] }
    public func calibration() throws -> CameraCalibration? { nil }
    public var exposureRange_ms: ClosedRange<Double> { 0.001...3_600_000 }
    public func cycle_ms() throws -> Double { try exposure_ms() }

    public var binnings: [Int] { [1] }
    public func binning() throws -> Int { 1 }
    public func setBinning(_ binning: Int) throws { if binning != 1 { throw refused(binning: binning) } }

    public func emGainRange() throws -> ClosedRange<Double> { 1...1 }
    public func emGain() throws -> Double { 1 }
    public func setEMGain(_ gain: Double) throws {
        if gain != 1 { throw refused(emGain: gain, 1...1) }
    }

    public var temperatureRange_C: ClosedRange<Double>? { nil }
    public func temperature() throws -> CameraTemperature? { nil }
    public func setTemperature(_ target_C: Double?) throws {
        throw Failure("\(name) has no cooler", remedy: "leave cooling_C out", code: "no-cooler")
    }

    public var triggerModes: [TriggerMode] { [.internal] }
    public func triggerMode() throws -> TriggerMode { .internal }
    public func setTriggerMode(_ mode: TriggerMode) throws {
        guard mode == .internal else { throw refused(trigger: mode) }
    }
    public func trigger() throws { throw notSoftwareTriggered() }

    /// Takes the frame and copies it.
    public func nextFrame(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp? {
        guard let frame = try nextFrame(timeout_ms: timeout_ms) else { return nil }
        guard frame.counts.samples.count == counts.count else {
            throw Failure(
                "\(name) gave a frame of \(frame.counts.width)x\(frame.counts.height) pixels, \(counts.count) pixels were "
                    + "asked for", remedy: "leave region and binning alone while a sequence runs", code: "size-mismatch")
        }
        _ = counts.update(fromContentsOf: frame.counts.samples)
        return frame.stamp
    }
}

/// How cameras refuse what they cannot do, each in the same words and with the same code.
extension Camera {
    /// A binning that the camera does not have.
    public func refused(binning: Int) -> Failure {
        Failure(
            "\(name): a binning of \(binning) is not possible",
            remedy: "give \(binnings.map(String.init).joined(separator: ", "))", code: "binning-range")
    }

    /// A gain outside the range that the camera has.
    public func refused(emGain gain: Double, _ range: ClosedRange<Double>) -> Failure {
        Failure(
            "\(name): an EM gain of \(plain(gain)) is not possible",
            remedy: range.lowerBound == range.upperBound
                ? "it has none, give 1" : "give \(plain(range.lowerBound)) to \(plain(range.upperBound))",
            code: "gain-range")
    }

    /// An exposure that the camera does not have.
    public func refused(exposure_ms: Double) -> Failure {
        Failure(
            "\(name): an exposure of \(plain(exposure_ms)) ms is not possible",
            remedy: "give \(plain(exposureRange_ms.lowerBound)) to \(plain(exposureRange_ms.upperBound)) ms",
            code: "exposure-range")
    }

    /// A temperature that the cooler does not have.
    public func refused(temperature_C: Double) -> Failure {
        Failure(
            "\(name): a temperature of \(plain(temperature_C)) °C is not possible",
            remedy: temperatureRange_C.map { "give \(plain($0.lowerBound)) to \(plain($0.upperBound)) °C" } ?? "",
            code: "temperature-range")
    }

    /// A trigger mode that the camera does not have.
    public func refused(trigger mode: TriggerMode) -> Failure {
        Failure(
            "\(name) has no trigger mode '\(mode.rawValue)'",
            remedy: "its modes are \(triggerModes.map(\.rawValue).joined(separator: ", "))", code: "trigger-unknown")
    }

    /// A trigger by software in another mode.
    public func notSoftwareTriggered() -> Failure {
        Failure(
            "\(name) does not wait for a trigger of the program",
            remedy: "set trigger_mode to software and begin a sequence", code: "trigger-mode")
    }

    /// A setting, or a frame, that is asked for while a sequence runs.
    public func refusedWhileBusy(_ what: String) -> Failure {
        Failure(
            "\(name): the \(what) cannot be set or taken while a sequence runs", remedy: "stop the sequence first",
            code: "busy")
    }

    /// A number of frames that no sequence can have.
    public func checkFrames(_ frames: Int) throws {
        guard (1...100_000_000).contains(frames) else {
            throw Failure(
                "\(name): a sequence of \(frames) frames is not possible", remedy: "give 1 to 100000000",
                code: "frames-range")
        }
    }

    /// Checks that a region lies on the sensor and holds whole pixels at a binning.
    /// - Parameter least: the least width and height.
    /// - Throws: `Failure` with code `region-range`.
    public func checkRegion(_ region: Region, binning: Int, least: (width: Int, height: Int) = (1, 1)) throws {
        let (width, height) = sensor
        guard region.width >= least.width, region.height >= least.height, region.column >= 0, region.row >= 0,
            region.width <= width, region.height <= height, region.column <= width - region.width,
            region.row <= height - region.height
        else {
            throw Failure(
                "\(name): a region of \(region.width) x \(region.height) pixels at (\(region.column), \(region.row)) "
                    + "does not lie on the sensor",
                remedy: "the sensor has \(width) x \(height) pixels", code: "region-range")
        }
        guard region.width.isMultiple(of: binning), region.height.isMultiple(of: binning) else {
            throw Failure(
                "\(name): a region of \(region.width) x \(region.height) pixels is not whole at a binning of \(binning)",
                remedy: "choose sides that are multiples of \(binning), or another binning", code: "region-range")
        }
    }

    /// Checks a binning for the region that is read.
    /// - Throws: `Failure` with code `binning-range`.
    public func checkBinning(_ binning: Int, of region: Region) throws {
        guard binnings.contains(binning) else { throw refused(binning: binning) }
        guard region.width.isMultiple(of: binning), region.height.isMultiple(of: binning) else {
            throw Failure(
                "\(name): a binning of \(binning) does not divide the region of \(region.width) x \(region.height) pixels",
                remedy: "choose a region whose sides are multiples of \(binning) first", code: "binning-range")
        }
    }
}
