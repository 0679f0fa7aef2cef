import Foundation
import Imaging
import Instruments
import Work

/// What every camera keeps: settings are read back, frames are numbered, a frame that does not come is an error in time.
func cameraContract(_ bench: Bench, _ findings: Findings) throws {
    guard let camera = bench.device as? any Camera else { return }
    let (width, height) = camera.sensor
    findings.expect(width > 0 && height > 0 && camera.pixel_nm > 0, "a sensor")
    try camera.setExposure(20)
    findings.expect(abs(try camera.exposure_ms() - 20) < 1, "the exposure is read back")
    for exposure_ms in [0, -1, .nan, .infinity, 1e300] {
        findings.expect("exposure-range", "\(exposure_ms) ms") { try camera.setExposure(exposure_ms) }
    }
    findings.expect(abs(try camera.exposure_ms() - 20) < 1, "a refused exposure changes nothing")
    findings.expect(try camera.cycle_ms() >= camera.exposure_ms() * 0.999, "a cycle is no shorter than its exposure")
    for gain in [0.5, -1, .nan, .infinity, 1e6] {
        findings.expect("gain-range", "a gain of \(gain)") { try camera.setEMGain(gain) }
    }
    let gains = try camera.emGainRange()
    for gain in [gains.upperBound, 1] where gains.contains(gain) {
        try camera.setEMGain(gain)
        findings.expect(abs(try camera.emGain() - gain) <= 0.5, "a gain of \(gain) is read back")
    }
    let whole = Region(column: 0, row: 0, width: width, height: height)
    let part = Region(column: width / 4, row: height / 4, width: 32, height: 16)
    try camera.setRegion(part)
    findings.expect(try camera.region() == part, "the region is read back")
    for region in [
        Region(column: -1, row: 0, width: 32, height: 32), Region(column: 0, row: 0, width: width + 1, height: 8),
        Region(column: width - 8, row: 0, width: 16, height: 16), Region(column: 0, row: 0, width: 0, height: 0),
        Region(column: .max, row: .max, width: .max, height: .max),
    ] {
        findings.expect("region-range", "\(region)") { try camera.setRegion(region) }
    }
    let frame = try camera.snap()
    findings.expect(frame.counts.width == 32 && frame.counts.height == 16, "frames are as large as the region")

    try binningContract(camera, part, findings)
    try coolerContract(camera, findings)
    findings.expect(camera.triggerModes.contains(.internal), "frames of its own")
    for mode in TriggerMode.allCases {
        if camera.triggerModes.contains(mode) {
            try camera.setTriggerMode(mode)
            findings.expect(try camera.triggerMode() == mode, "the trigger mode \(mode) is read back")
        } else {
            findings.expect("trigger-unknown", "the trigger mode \(mode)") { try camera.setTriggerMode(mode) }
        }
    }
    try camera.setTriggerMode(.internal)
    findings.expect("trigger-mode", "a trigger of the program that nothing waits for") { try camera.trigger() }

    for frames in [0, -1, .max] {
        findings.expect("frames-range", "\(frames) frames") { try camera.startSequence(frames: frames) }
    }
    findings.expect(try camera.nextFrame(timeout_ms: 10) == nil, "no sequence, no frame")
    try camera.startSequence(frames: 5)
    findings.expect("busy", "an exposure during a sequence") { try camera.setExposure(30) }
    findings.expect("busy", "a region during a sequence") { try camera.setRegion(whole) }
    findings.expect("busy", "a frame during a sequence") { _ = try camera.snap() }
    findings.expect("busy", "a binning during a sequence") { try camera.setBinning(camera.binnings.max() ?? 1) }
    findings.expect("busy", "a sequence during a sequence") { try camera.startSequence(frames: 2) }
    var indices: [Int] = []
    var times: [Double] = []
    var lost = 0
    while let frame = try camera.nextFrame(timeout_ms: 5000) {
        indices.append(frame.index)
        times.append(frame.time_ms)
        lost += frame.lostBefore
    }
    findings.expect(indices == [0, 1, 2, 3, 4] && lost == 0, "frames are numbered from 0")
    findings.expect(times == times.sorted() && Set(times).count == 5, "their times run forward")
    findings.expect(try camera.nextFrame(timeout_ms: 10) == nil, "nothing after the last")

    try camera.setExposure(3000)
    try camera.startSequence(frames: 2)
    findings.expect("timeout", "a frame that does not come") { _ = try camera.nextFrame(timeout_ms: 20) }
    camera.stopSequence()
    camera.stopSequence()
    try camera.setExposure(20)
    try camera.setRegion(whole)
    camera.close()
    camera.close()
    findings.expect("closed", "a frame after close") { _ = try camera.snap() }
    findings.expect("closed", "a sequence after close") { try camera.startSequence(frames: 1) }
    findings.expect("closed", "the exposure after close") { _ = try camera.exposure_ms() }
}

/// Regions stay in pixels of the sensor whatever the binning; frames and their pixels follow it.
private func binningContract(_ camera: any Camera, _ region: Region, _ findings: Findings) throws {
    findings.expect(try camera.binnings.contains(1) && camera.binning() == 1, "pixels are read one by one")
    for binning in [0, -1, 1000] {
        findings.expect("binning-range", "a binning of \(binning)") { try camera.setBinning(binning) }
    }
    let pixel_nm = try camera.framePixel_nm()
    for binning in camera.binnings
    where region.width.isMultiple(of: binning) && region.height.isMultiple(of: binning) {
        try camera.setBinning(binning)
        findings.expect(try camera.binning() == binning, "a binning of \(binning) is read back")
        findings.expect(try camera.region() == region, "the region is in pixels of the sensor")
        let (size, counts) = (try camera.frameSize(), try camera.snap().counts)
        findings.expect(
            counts.width == region.width / binning && counts.height == region.height / binning
                && size == (counts.width, counts.height), "frames of a binning of \(binning)")
        findings.expect(
            abs(try camera.framePixel_nm() - pixel_nm * Double(binning)) < 1e-6, "pixels of a binning of \(binning)")
    }
    if let most = camera.binnings.max(), most > 1 {
        try camera.setBinning(most)
        let odd = Region(column: 0, row: 0, width: 8 * most + 1, height: 8 * most)
        findings.expect("region-range", "a region of broken pixels") { try camera.setRegion(odd) }
        try camera.setBinning(1)
        // Some cameras read in steps of a few pixels.
        if (try? camera.setRegion(odd)) != nil {
            findings.expect("binning-range", "a binning that breaks pixels") { try camera.setBinning(most) }
        }
        try camera.setRegion(region)
    }
    try camera.setBinning(1)
}

/// A cooler takes what it can and says what it does; without one nothing is cooled.
private func coolerContract(_ camera: any Camera, _ findings: Findings) throws {
    guard let range = camera.temperatureRange_C else {
        findings.expect("no-cooler", "cooling without a cooler") { try camera.setTemperature(-20) }
        return
    }
    for celsius in [range.lowerBound - 1, range.upperBound + 1, .nan, .infinity] {
        findings.expect("temperature-range", "\(celsius) °C") { try camera.setTemperature(celsius) }
    }
    try camera.setTemperature(range.lowerBound)
    let cooled = try camera.temperature()
    findings.expect(cooled?.target_C == range.lowerBound && cooled?.state != .off, "it cools")
    try camera.setTemperature(nil)
    let state = try camera.temperature()?.state
    findings.expect(state == .off || state == .warming, "it is switched off")
}
