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
    for gain in [0.5, -1, .nan, .infinity] {
        findings.expect("gain-range", "a gain of \(gain)") { try camera.setEMGain(gain) }
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

    for frames in [0, -1, .max] {
        findings.expect("frames-range", "\(frames) frames") { try camera.startSequence(frames: frames) }
    }
    findings.expect(try camera.nextFrame(timeout_ms: 10) == nil, "no sequence, no frame")
    try camera.startSequence(frames: 5)
    findings.expect("busy", "an exposure during a sequence") { try camera.setExposure(30) }
    findings.expect("busy", "a region during a sequence") { try camera.setRegion(whole) }
    findings.expect("busy", "a frame during a sequence") { _ = try camera.snap() }
    var indices: [Int] = []
    var times: [Double] = []
    while let frame = try camera.nextFrame(timeout_ms: 5000) {
        indices.append(frame.index)
        times.append(frame.time_ms)
    }
    findings.expect(indices == [0, 1, 2, 3, 4], "frames are numbered from 0")
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
