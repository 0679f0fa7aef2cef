import Imaging
import Instruments
import Work

/// How an Andor camera is to be read: what scripts set, and what the library has to be told for it.
struct AndorSetup: Sendable {
    var region: Region
    var binning = 1
    var exposure_ms = 50.0
    var emGain = 1
    var mode = TriggerMode.internal
}

/// What a camera says of how it is set.
struct AndorTimings: Sendable {
    var exposure_ms = 0.0
    var cycle_ms = 0.0
    /// Whether the camera marks its frames with their time.
    var hasStamps = false
}

/// What a camera is, found out when it is opened.
struct AndorModel: Sendable {
    /// An amplifier of a camera: its number in the library, and how it is read.
    struct Amplifier: Sendable {
        var number: Int32
        var isMultiplier: Bool
        var speed: Int32
        var speed_MHz: Double
        var preamp: Int32
        var preampGain: Double
    }

    var name = ""
    var serial: Int32 = 0
    var width = 0
    var height = 0
    /// The electron multiplier; nil where there is none, or it is not to be used.
    var multiplier: Amplifier?
    /// The amplifier without multiplication; nil where there is none, or it is not to be used.
    var conventional: Amplifier?
    var shift: Int32 = 0
    var shift_us = 0.0
    var binnings = [1]
    var modes: [TriggerMode] = [.internal]
    var temperature_C: ClosedRange<Double>?
    var longest_ms = 3_600_000.0

    /// The numbers of the trigger modes in the library.
    static func number(_ mode: TriggerMode) -> Int32 {
        switch mode {
        case .internal: 0
        case .external: 1
        case .externalStart: 6
        case .externalExposure: 7
        case .software: 10
        }
    }

    /// The amplifier for a gain: the multiplier for one above 1, the other for 1, as far as there is a choice.
    func amplifier(_ emGain: Int) -> Amplifier? { emGain > 1 ? multiplier : conventional ?? multiplier }

    /// Asks a camera that has been initialised what it is.
    /// - Throws: `Failure` for settings that it cannot have, with those that it can.
    init(_ calls: AndorCalls, _ settings: AndorCamera.Settings) throws {
        let sdk = calls.sdk
        name = try calls.text("GetHeadModel", sdk.getHeadModel)
        serial = try calls.number("GetCameraSerialNumber", sdk.getCameraSerialNumber)
        let (width, height) = try calls.numbers("GetDetector", sdk.getDetector)
        (self.width, self.height) = (Int(width), Int(height))
        let amplifiers = try calls.number("GetNumberAmp", sdk.getNumberAmp)
        if settings.amplifier != "conventional" {
            multiplier = try Self.amplifier(
                0, isMultiplier: true, settings.em_speed_MHz, "em_speed_MHz", calls, settings)
        }
        // A camera without multiplier has its one amplifier in the first place.
        if settings.amplifier != "em", amplifiers > 1 || multiplier == nil {
            conventional = try Self.amplifier(
                amplifiers > 1 ? 1 : 0, isMultiplier: false, settings.conventional_speed_MHz, "conventional_speed_MHz",
                calls, settings)
        }
        try findShift(calls, settings)
        let most = try calls.number("GetMaximumBinning") { sdk.getMaximumBinning(4, 1, $0) }
        let across = try calls.number("GetMaximumBinning") { sdk.getMaximumBinning(4, 0, $0) }
        binnings = [1, 2, 4, 8, 16].filter {
            $0 <= min(most, across) && self.width.isMultiple(of: $0) && self.height.isMultiple(of: $0)
        }
        modes = TriggerMode.allCases.filter { mode in
            calls.code { sdk.isTriggerModeAvailable(Self.number(mode)) } == AndorCode.success
        }
        let (lowest, highest) = try calls.numbers("GetTemperatureRange", sdk.getTemperatureRange)
        if lowest < highest { temperature_C = Double(lowest)...Double(highest) }
        if let function = sdk.getMaximumExposure, let longest = try? calls.real("GetMaximumExposure", function) {
            longest_ms = min(max(longest * 1000, 1), 3_600_000)
        }
    }

    private static func amplifier(
        _ number: Int32, isMultiplier: Bool, _ wanted_MHz: Double?, _ key: String, _ calls: AndorCalls,
        _ settings: AndorCamera.Settings
    ) throws -> Amplifier {
        let (sdk, channel) = (calls.sdk, Int32(settings.ad_channel))
        let count = try calls.number("GetNumberHSSpeeds") { sdk.getNumberHSSpeeds(channel, number, $0) }
        let speeds = try (0..<count).map { index in
            try calls.real("GetHSSpeed") { sdk.getHSSpeed(channel, number, index, $0) }
        }
        let speed = try pick(wanted_MHz, of: speeds, key, "MHz") ?? speeds.indices.max { speeds[$0] < speeds[$1] } ?? 0
        let gains = try (0..<calls.number("GetNumberPreAmpGains", sdk.getNumberPreAmpGains)).map { index in
            let gain = try calls.real("GetPreAmpGain") { sdk.getPreAmpGain(index, $0) }
            let isThere = try calls.number("IsPreAmpGainAvailable") {
                sdk.isPreAmpGainAvailable(channel, number, Int32(speed), index, $0)
            }
            return (gain: gain, isThere: isThere != 0)
        }
        let possible = gains.indices.filter { gains[$0].isThere }
        let highest = possible.max { gains[$0].gain < gains[$1].gain } ?? 0
        let preamp =
            try pick(
                settings.preamp_gain, of: gains.map { $0.isThere ? $0.gain : .nan }, "preamp_gain", "") ?? highest
        return Amplifier(
            number: number, isMultiplier: isMultiplier, speed: Int32(speed),
            speed_MHz: speeds.indices.contains(speed) ? speeds[speed] : 0,
            preamp: Int32(preamp), preampGain: gains.indices.contains(preamp) ? gains[preamp].gain : 1)
    }

    /// The place of a value in a list of the camera, where one is asked for.
    private static func pick(_ wanted: Double?, of values: [Double], _ key: String, _ unit: String) throws -> Int? {
        guard let wanted else { return nil }
        if let place = values.firstIndex(where: { abs($0 / wanted - 1) < 0.02 }) { return place }
        let known = values.filter { !$0.isNaN }.map { String(($0 * 1000).rounded() / 1000) }
        throw Failure(
            "\(key) cannot be \(wanted)", remedy: "the camera has \(known.joined(separator: ", ")) \(unit)",
            code: "bad-description")
    }

    private mutating func findShift(_ calls: AndorCalls, _ settings: AndorCamera.Settings) throws {
        let sdk = calls.sdk
        if let wanted = settings.vs_speed_us {
            let speeds = try (0..<calls.number("GetNumberVSSpeeds", sdk.getNumberVSSpeeds)).map { index in
                try calls.real("GetVSSpeed") { sdk.getVSSpeed(index, $0) }
            }
            let place = try Self.pick(wanted, of: speeds, "vs_speed_us", "us") ?? 0
            (shift, shift_us) = (Int32(place), speeds[place])
        } else {
            var index: Int32 = 0
            var speed: Float = 0
            try calls.check("GetFastestRecommendedVSSpeed") { sdk.getFastestRecommendedVSSpeed(&index, &speed) }
            (shift, shift_us) = (index, Double(speed))
        }
    }
}

extension AndorSetup {
    /// Tells a camera all of it, and asks for the times that follow.
    /// - Throws: `Failure` of the first setting that is refused.
    func apply(_ calls: AndorCalls, _ model: AndorModel, _ settings: AndorCamera.Settings) throws -> AndorTimings {
        let sdk = calls.sdk
        // An acquisition that could not be ended then is ended now; mostly there is none.
        _ = calls.code(sdk.abortAcquisition)
        guard let amplifier = model.amplifier(emGain) else {
            throw Failure("\(model.name) has no electron multiplier", remedy: "give a gain of 1", code: "gain-range")
        }
        try calls.check("SetReadMode") { sdk.setReadMode(4) }
        // Frames are taken until there are enough: the library has memory for a part of a long series only.
        try calls.check("SetAcquisitionMode") { sdk.setAcquisitionMode(5) }
        try calls.check("SetTriggerMode") { sdk.setTriggerMode(AndorModel.number(mode)) }
        try calls.check("SetADChannel") { sdk.setADChannel(Int32(settings.ad_channel)) }
        try calls.check("SetOutputAmplifier") { sdk.setOutputAmplifier(amplifier.number) }
        try calls.check("SetHSSpeed") { sdk.setHSSpeed(amplifier.number, amplifier.speed) }
        try calls.check("SetVSSpeed") { sdk.setVSSpeed(model.shift) }
        if settings.vs_amplitude > 0 {
            guard let function = sdk.setVSAmplitude else { throw AndorCode.failure(20992, "SetVSAmplitude") }
            try calls.check("SetVSAmplitude") { function(Int32(settings.vs_amplitude)) }
        }
        try calls.check("SetPreAmpGain") { sdk.setPreAmpGain(amplifier.preamp) }
        try calls.check("SetBaselineClamp") { sdk.setBaselineClamp(settings.baseline_clamp ? 1 : 0) }
        if model.multiplier != nil, emGain > 1 {
            try calls.check("SetEMCCDGain(\(emGain))") { sdk.setEMCCDGain(Int32(emGain)) }
            let read = try calls.number("GetEMCCDGain", sdk.getEMCCDGain)
            guard read == Int32(emGain) else {
                throw Failure(
                    "\(model.name) was set to an EM gain of \(emGain) but says \(read)", remedy: "switch it off and on",
                    code: "not-confirmed")
            }
        }
        try applyRegion(calls, model, settings, isMirrored: isMirrored(model, settings))
        // In frame transfer no exposure is shorter than the read-out, and the program cannot trigger: then a frame is read
        // after its exposure.
        var times = (exposure_ms: 0.0, cycle_ms: 0.0)
        for transfers in settings.frame_transfer && mode != .software ? [true, false] : [false] {
            times = try self.times(calls, transfers: transfers)
            if isClose(times.exposure_ms) { break }
        }
        guard isClose(times.exposure_ms) else {
            throw Failure(
                "\(model.name): an exposure of \(exposure_ms) ms is not possible as it is set, it would be "
                    + "\(times.exposure_ms) ms", remedy: "choose another exposure, region or speed",
                code: "exposure-range")
        }
        let hasStamps = sdk.getMetaDataInfo != nil && sdk.setMetaData.map { $0(1) } == AndorCode.success
        return AndorTimings(
            exposure_ms: times.exposure_ms, cycle_ms: times.cycle_ms, hasStamps: hasStamps)
    }

    /// Whether the camera has the exposure that is asked for.
    private func isClose(_ real_ms: Double) -> Bool { abs(real_ms - exposure_ms) <= 0.02 * exposure_ms + 0.02 }

    /// Sets the exposure with or without frame transfer, and asks for what comes of it.
    private func times(_ calls: AndorCalls, transfers: Bool) throws -> (exposure_ms: Double, cycle_ms: Double) {
        let sdk = calls.sdk
        try calls.check("SetFrameTransferMode") { sdk.setFrameTransferMode(transfers ? 1 : 0) }
        try calls.check("SetExposureTime") { sdk.setExposureTime(Float(exposure_ms / 1000)) }
        try calls.check("SetKineticCycleTime") { sdk.setKineticCycleTime(0) }
        var exposure: Float = 0
        var accumulation: Float = 0
        var kinetic: Float = 0
        try calls.check("GetAcquisitionTimings") { sdk.getAcquisitionTimings(&exposure, &accumulation, &kinetic) }
        return (Double(exposure) * 1000, Double(kinetic) * 1000)
    }

    /// Whether frames come mirrored: the electron multiplier is read from the other side than the other amplifier.
    func isMirrored(_ model: AndorModel, _ settings: AndorCamera.Settings) -> Bool {
        settings.mirror_em && model.amplifier(emGain)?.isMultiplier == true
    }

    private func applyRegion(
        _ calls: AndorCalls, _ model: AndorModel, _ settings: AndorCamera.Settings, isMirrored: Bool
    ) throws {
        let sdk = calls.sdk
        let bin = Int32(binning)
        let column = isMirrored ? model.width - region.column - region.width : region.column
        let (left, bottom) = (Int32(column + 1), Int32(region.row + 1))
        let (width, height) = (Int32(region.width), Int32(region.height))
        let isWhole = region.width == model.width && region.height == model.height
        if settings.crop, !isWhole {
            if left == 1, bottom == 1 {
                return try calls.check("SetIsolatedCropMode") { sdk.setIsolatedCropMode(1, height, width, bin, bin) }
            }
            guard let function = sdk.setIsolatedCropModeEx else {
                throw Failure(
                    "\(model.name) reads only a corner in crop mode",
                    remedy: "choose a region at row 0 and the \(isMirrored ? "right" : "left") edge, or leave crop out",
                    code: "region-range")
            }
            return try calls.check("SetIsolatedCropModeEx") { function(1, height, width, bin, bin, left, bottom) }
        }
        if settings.crop {
            try calls.check("SetIsolatedCropMode") { sdk.setIsolatedCropMode(0, height, width, bin, bin) }
        }
        try calls.check("SetImage") {
            sdk.setImage(bin, bin, left, left + width - 1, bottom, bottom + height - 1)
        }
    }
}
