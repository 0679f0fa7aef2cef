import Foundation
import Work

/// ImageJ's description of an image: its channels, the unit of its resolution tags and, where few bright samples would
/// leave the rest dark, the range to show. Nil where the plain tags say all there is to say.
///
/// ImageJ shows a picture from its least to its largest sample unless the description says otherwise.
func imageJDescription(of image: Image, isColour: Bool) -> String? {
    guard !isColour else { return nil }
    var text = "ImageJ=1.53t\n"
    if image.channels > 1 {
        text += "images=\(image.channels)\nchannels=\(image.channels)\nhyperstack=true\nmode=grayscale\n"
    } else {
        guard let range = shownRange(of: image) else { return nil }
        text += "min=\(range.lowerBound)\nmax=\(range.upperBound)\n"
    }
    return image.pixelSize_um == nil ? text : text + "unit=micron\n"
}

/// The range between the least sample and the one that 0.35 % of the samples above it exceed (what ImageJ's automatic
/// contrast leaves out), where that is less than a quarter of the whole range; nil otherwise.
private func shownRange(of image: Image) -> ClosedRange<Float>? {
    guard [.uint16, .int16, .float32].contains(image.pixelType) else { return nil }
    let samples = image.plane().samples.lazy.filter(\.isFinite)
    guard let least = samples.min(), let most = samples.max(), least < most else { return nil }
    // As many bins as 16-bit samples have values; those at the least value are background.
    var counts = [Int](repeating: 0, count: 65_536)
    let scale = 65_535 / (most - least)
    guard scale.isFinite, scale > 0 else { return nil }
    for sample in samples where sample > least { counts[Int(min(65_535, (sample - least) * scale))] += 1 }
    var left = Int(Double(counts.reduce(0, +)) * 0.0035)
    let top = counts.indices.last { index in
        left -= counts[index]
        return left < 0
    }
    guard let top, top < 16_384 else { return nil }
    return least...(least + Float(top + 1) / scale)
}

/// Writes the channels of an image as an uncompressed ImageJ stack: the samples of all channels lie one behind the other
/// after the first directory, where ImageJ and tifffile look for them; the other directories follow.
func writePlainStack(_ image: Image, to path: String, isBig: Bool) throws {
    let layout = TIFFLayout(isBig: isBig)
    let planeBytes = UInt64(image.width * image.height * image.pixelType.bytes)
    let start: UInt64 = 16
    let pixels = start + layout.directoryBytes(isFirst: true)
    var next = (pixels + planeBytes * UInt64(image.channels) + 15) / 16 * 16
    func directory(at place: UInt64, channel: Int) -> [UInt8] {
        layout.directory(
            at: place, pixels: pixels + UInt64(channel) * planeBytes, width: image.width, height: image.height,
            type: image.pixelType, pixelBytes: planeBytes, pixelSize_um: image.pixelSize_um,
            unit: .micrometreByDescription, isFirst: channel == 0)
    }
    func put(_ bytes: [UInt8], at place: UInt64, in data: inout [UInt8], from first: UInt64) {
        data.replaceSubrange(Int(place - first)..<Int(place - first) + bytes.count, with: bytes)
    }
    // The head: header, first directory, padding to the samples.
    var head = [UInt8](repeating: 0, count: Int(pixels))
    put(layout.header, at: 0, in: &head, from: 0)
    put(layout.offset(start), at: layout.firstOffsetPlace, in: &head, from: 0)
    put(directory(at: start, channel: 0), at: start, in: &head, from: 0)
    let tailStart = next
    var tail: [UInt8] = []
    var link = start + layout.nextPlace(isFirst: true)
    for channel in 1..<image.channels {
        if channel == 1 {
            put(layout.offset(next), at: link, in: &head, from: 0)
        } else {
            put(layout.offset(next), at: link, in: &tail, from: tailStart)
        }
        tail += directory(at: next, channel: channel)
        link = next + layout.nextPlace(isFirst: false)
        next = tailStart + UInt64(tail.count)
    }
    let text = [UInt8]((imageJDescription(of: image, isColour: false) ?? "").utf8) + [0]
    let description = start + layout.descriptionPlace
    put(layout.number(UInt64(text.count), wide: isBig), at: description, in: &head, from: 0)
    put(layout.offset(next), at: description + (isBig ? 8 : 4), in: &head, from: 0)
    tail += text
    let padding = [UInt8](repeating: 0, count: Int(tailStart - pixels - planeBytes * UInt64(image.channels)))
    try writeWhole(to: path) { temporary in
        let file = try FileOutput(temporary, for: path)
        try head.withUnsafeBytes { try file.append($0) }
        try image.samples.withUnsafeBytes { try file.append($0) }
        try (padding + tail).withUnsafeBytes { try file.append($0) }
    }
}
