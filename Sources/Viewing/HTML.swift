import Foundation
import Imaging
import Work

/// A text as it stands between tags or in a quoted attribute.
func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        default: result.append(character)
        }
    }
    return result
}

/// A number for people: three digits that count, no needless zeros.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2
    var text = String(format: "%.\(digits)f", value)
    if text.contains(".") {
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
    }
    return text == "-0" ? "0" : text
}

/// A count with thin spaces between groups of three digits.
func grouped(_ count: Int) -> String {
    let digits = String(abs(count))
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text += "\u{202F}" }
        text.append(digit)
    }
    return count < 0 ? "−" + text : text
}

/// A coordinate in SVG.
func svg(_ value: Double) -> String { String(format: "%.2f", value.isFinite ? value : 0) }

/// The picture of a path as a data URI, shrunk to at most `longestSide` pixels. A TIFF is shown from its 0.5th to its
/// 99.8th percentile.
func embedded(_ path: String, longestSide: Int) throws -> String {
    let isPNG = path.lowercased().hasSuffix(".png")
    let image = isPNG ? try readPNG(path) : try readImage(path)
    let scale = min(1, Double(longestSide) / Double(max(image.width, image.height)))
    if isPNG, scale == 1 { return uri(try readFile(path)) }
    let width = max(1, Int(Double(image.width) * scale))
    let height = max(1, Int(Double(image.height) * scale))
    let channels = isPNG ? image.channels : 1
    var samples: [UInt8] = []
    samples.reserveCapacity(width * height * channels)
    for channel in 0..<channels {
        let plane = image.plane(channel).resized(width: width, height: height)
        let range = isPNG ? 0...(image.pixelType == .uint16 ? 65535 : 255) : contrast(of: plane)
        let span = range.upperBound - range.lowerBound
        samples += plane.samples.map { UInt8((max(0, min(1, ($0 - range.lowerBound) / span)) * 255).rounded()) }
    }
    let temporary = NSTemporaryDirectory() + "stormbench-\(UUID().uuidString).png"
    defer { unlink(temporary) }
    try writePNG(Image(width: width, height: height, channels: channels, samples: .uint8(samples)), to: temporary)
    return uri(try readFile(temporary))
}

private func contrast(of plane: Plane<Float>) -> ClosedRange<Float> {
    let sorted = plane.samples.filter(\.isFinite).sorted()
    guard let first = sorted.first else { return 0...1 }
    let low = sorted[sorted.count / 200]
    let high = sorted[sorted.count - 1 - sorted.count / 500]
    return high > low ? low...high : first...first + 1
}

private func uri(_ png: Data) -> String { "data:image/png;base64,\(png.base64EncodedString())" }
