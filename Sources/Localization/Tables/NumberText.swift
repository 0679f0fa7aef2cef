import Foundation

/// Appends `value` with a fixed number of decimals (0 to 9), or with all digits where it does not fit.
func appendNumber(_ value: Double, decimals: Int?, to text: inout [UInt8]) {
    guard value.isFinite else {
        text.append(contentsOf: (value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity").utf8)
        return
    }
    guard let decimals, abs(value) < 1e9 else {
        if value == value.rounded(), abs(value) < 1e15 { return appendInteger(Int64(value), to: &text) }
        text.append(contentsOf: "\(value)".utf8)
        return
    }
    var scale: Int64 = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int64((abs(value) * Double(scale)).rounded())
    if value < 0, scaled > 0 { text.append(UInt8(ascii: "-")) }
    appendInteger(scaled / scale, to: &text)
    guard decimals > 0 else { return }
    text.append(UInt8(ascii: "."))
    var rest = scaled % scale
    while scale > 1 {
        scale /= 10
        text.append(UInt8(ascii: "0") + UInt8(rest / scale))
        rest %= scale
    }
}

/// Appends a whole number.
func appendInteger(_ value: Int64, to text: inout [UInt8]) {
    if value < 0 { text.append(UInt8(ascii: "-")) }
    var magnitude = value.magnitude
    let start = text.count
    repeat {
        text.append(UInt8(ascii: "0") + UInt8(magnitude % 10))
        magnitude /= 10
    } while magnitude > 0
    text[start...].reverse()
}

/// Reads a number from characters without spaces around them; nil if they are not one.
///
/// Up to 15 digits with a small decimal exponent convert exactly in one multiplication or division (Clinger 1990);
/// everything else goes to the library.
func number(from text: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
    var index = text.startIndex
    let end = text.endIndex
    guard index < end else { return nil }
    let negative = text[index] == UInt8(ascii: "-")
    if negative || text[index] == UInt8(ascii: "+") { index += 1 }
    var mantissa: Int64 = 0
    var digits = 0
    var decimals = 0
    var afterPoint = false
    while index < end {
        let character = text[index]
        if character >= UInt8(ascii: "0"), character <= UInt8(ascii: "9"), digits < 15 {
            mantissa = mantissa * 10 + Int64(character - UInt8(ascii: "0"))
            digits += 1
            if afterPoint { decimals += 1 }
        } else if character == UInt8(ascii: "."), !afterPoint {
            afterPoint = true
        } else {
            return Double(String(decoding: text, as: UTF8.self))
        }
        index += 1
    }
    guard digits > 0 else { return nil }
    let value = Double(mantissa) / powersOfTen[decimals]
    return negative ? -value : value
}

private let powersOfTen: [Double] = (0...15).map { pow(10, Double($0)) }
