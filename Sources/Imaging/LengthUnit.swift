/// Units of length as image files and people spell them.
enum LengthUnit {
    /// The length of a unit in um; nil for `pixel` and unknown words.
    static func micrometers(_ written: String) -> Double? {
        var unit = unescaped(written).lowercased().filter { !$0.isWhitespace && $0 != "\0" && $0 != "." }
        // UTF-8 that was taken for Latin-1 on its way.
        unit = unit.replacing("\u{E2}\u{B5}", with: "\u{B5}").replacing("\u{EE}\u{BC}", with: "\u{B5}")
        unit = unit.replacing("\u{3BC}", with: "\u{B5}").replacing("metre", with: "meter")
        if unit.hasSuffix("meters") || unit.hasSuffix("microns") || unit.hasSuffix("angstroms") { unit.removeLast() }
        return switch unit {
        case "um", "\u{B5}m", "\u{B5}", "micron", "micrometer", "\u{B5}meter", "umeter": 1
        case "nm", "nanometer": 1e-3
        case "pm", "picometer": 1e-6
        case "\u{E5}", "a\u{30A}", "angstrom", "\u{E5}ngstr\u{F6}m", "\u{E5}ngstrom": 1e-4
        case "mm", "millimeter": 1e3
        case "cm", "centimeter": 1e4
        case "dm", "decimeter": 1e5
        case "m", "meter": 1e6
        case "in", "inch", "inches", "\"": 25_400
        default: nil
        }
    }

    /// A text with Java's escapes (`\u00B5`) read.
    private static func unescaped(_ text: String) -> String {
        text.replacing(/\\u([0-9A-Fa-f]{4})/) { match in
            UInt32(match.1, radix: 16).flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? ""
        }
    }
}
