import Foundation

/// A colour of the sRGB space with an opacity; all four parts run from 0 to 1.
public struct Colour: Sendable, Hashable {
    /// The red part, gamma-encoded.
    public var red: Double
    /// The green part, gamma-encoded.
    public var green: Double
    /// The blue part, gamma-encoded.
    public var blue: Double
    /// The opacity: 0 is invisible, 1 covers what lies beneath.
    public var opacity: Double

    /// Makes a colour from its parts; parts outside 0...1 are clipped.
    public init(red: Double, green: Double, blue: Double, opacity: Double = 1) {
        self.red = min(1, max(0, red))
        self.green = min(1, max(0, green))
        self.blue = min(1, max(0, blue))
        self.opacity = min(1, max(0, opacity))
    }

    /// Makes an opaque colour from a number such as `0xE07B00`.
    public init(hex: UInt32) {
        self.init(
            red: Double(hex >> 16 & 255) / 255, green: Double(hex >> 8 & 255) / 255, blue: Double(hex & 255) / 255)
    }

    /// Reads a colour written as `#rrggbb`; nil for any other text.
    public init?(_ text: String) {
        guard text.count == 7, text.first == "#", text.dropFirst().allSatisfy(\.isHexDigit),
            let value = UInt32(text.dropFirst(), radix: 16)
        else { return nil }
        self.init(hex: value)
    }

    /// The colour without its opacity, written as `#rrggbb`.
    public var hex: String {
        let (red, green, blue) = bytes
        return String(format: "#%02x%02x%02x", Int(red), Int(green), Int(blue))
    }

    /// The parts rounded to bytes.
    public var bytes: (red: UInt8, green: UInt8, blue: UInt8) {
        func byte(_ part: Double) -> UInt8 { part > 0 ? UInt8((min(part, 1) * 255).rounded()) : 0 }
        return (byte(red), byte(green), byte(blue))
    }

    /// The same colour at another opacity.
    public func opacity(_ opacity: Double) -> Colour {
        Colour(red: red, green: green, blue: blue, opacity: opacity)
    }

    /// Full white.
    public static let white = Colour(hex: 0xFFFFFF)
    /// Full black.
    public static let black = Colour(hex: 0x000000)

    /// Eight colours for lines and marks on white paper that people with red-green colour blindness tell apart too.
    public static let palette: [Colour] = [
        Colour(hex: 0x1F63C0), Colour(hex: 0xE07A10), Colour(hex: 0x1FBF9C), Colour(hex: 0x7A1250),
        Colour(hex: 0x5CCBF5), Colour(hex: 0x5A3300), Colour(hex: 0xF0BC1E), Colour(hex: 0x6A7F9A),
    ]

    /// The colour of series `index`, beginning again after the last of `palette`.
    public static func series(_ index: Int) -> Colour {
        palette[((index % palette.count) + palette.count) % palette.count]
    }
}

/// The CIELAB side of a colour, for even steps of lightness.
///
/// sRGB after IEC 61966-2-1 and CIELAB after CIE 15, both with the white point D65.
extension Colour {
    /// Makes the colour with CIELAB lightness (0...100) and opponents a and b; what lies outside sRGB is clipped.
    public init(lightness: Double, a: Double, b: Double) {
        let linear = Colour.linear(lightness: lightness, a: a, b: b)
        self.init(
            red: Colour.encode(linear.x), green: Colour.encode(linear.y), blue: Colour.encode(linear.z))
    }

    /// CIELAB lightness (0...100) and the opponents a and b.
    public var lab: (lightness: Double, a: Double, b: Double) {
        let r = Colour.decode(red), g = Colour.decode(green), b = Colour.decode(blue)
        let x = Colour.compress((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / Colour.white_xz.x)
        let y = Colour.compress(0.2126729 * r + 0.7151522 * g + 0.0721750 * b)
        let z = Colour.compress((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / Colour.white_xz.z)
        return (116 * y - 16, 500 * (x - y), 200 * (y - z))
    }

    /// Whether a CIELAB colour can be shown in sRGB without clipping.
    static func isShown(lightness: Double, a: Double, b: Double) -> Bool {
        let linear = linear(lightness: lightness, a: a, b: b)
        return linear.min() >= -1e-6 && linear.max() <= 1 + 1e-6
    }

    private static let white_xz = (x: 0.9504700, z: 1.0888300)

    private static func linear(lightness: Double, a: Double, b: Double) -> SIMD3<Double> {
        let y = (lightness + 16) / 116
        let cieX = expand(y + a / 500) * white_xz.x
        let cieY = expand(y)
        let cieZ = expand(y - b / 200) * white_xz.z
        return SIMD3(
            3.2404542 * cieX - 1.5371385 * cieY - 0.4985314 * cieZ,
            -0.9692660 * cieX + 1.8760108 * cieY + 0.0415560 * cieZ,
            0.0556434 * cieX - 0.2040259 * cieY + 1.0572252 * cieZ)
    }

    private static func encode(_ linear: Double) -> Double {
        linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055
    }

    private static func decode(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }

    private static func compress(_ t: Double) -> Double {
        t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116
    }

    private static func expand(_ f: Double) -> Double {
        f > 6.0 / 29 ? f * f * f : (116 * f - 16) * 27 / 24389
    }
}
