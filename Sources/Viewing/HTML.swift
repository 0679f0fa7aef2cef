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

/// The PNG of a path as a data URI, shrunk to at most `longestSide` pixels.
func embedded(_ path: String, longestSide: Int) throws -> String {
    let image = try readPNG(path)
    let scale = Double(longestSide) / Double(max(image.width, image.height))
    guard scale < 1 else { return uri(try readFile(path)) }
    let width = max(1, Int(Double(image.width) * scale))
    let height = max(1, Int(Double(image.height) * scale))
    let white: Float = image.pixelType == .uint16 ? 65535 : 255
    var samples: [UInt8] = []
    samples.reserveCapacity(width * height * image.channels)
    for channel in 0..<image.channels {
        let plane = image.plane(channel).resized(width: width, height: height)
        samples += plane.samples.map { UInt8((max(0, min(1, $0 / white)) * 255).rounded()) }
    }
    let temporary = NSTemporaryDirectory() + "stormbench-\(UUID().uuidString).png"
    defer { unlink(temporary) }
    try writePNG(
        Image(width: width, height: height, channels: image.channels, samples: .uint8(samples)), to: temporary)
    return uri(try readFile(temporary))
}

private func uri(_ png: Data) -> String { "data:image/png;base64,\(png.base64EncodedString())" }
