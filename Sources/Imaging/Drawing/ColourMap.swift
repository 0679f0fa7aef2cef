import Foundation

/// A colour for every value between 0 and 1.
public struct ColourMap: Sendable, Hashable, CustomStringConvertible {
    /// The name by which scripts choose it.
    public let name: String
    /// The colours of the values 0/255, 1/255, ... 255/255.
    public let table: [Colour]

    /// Makes a map from a formula.
    /// - Parameter colour: the colour of a value between 0 and 1.
    public init(name: String, _ colour: (Double) -> Colour) {
        self.name = name
        table = (0..<256).map { colour(Double($0) / 255) }
    }

    /// The colour of a value. Values outside 0...1 get the colours of the ends, NaN that of 0.
    public func callAsFunction(_ value: Double) -> Colour {
        table[value > 0 ? Int((min(value, 1) * 255).rounded()) : 0]
    }

    /// The name.
    public var description: String { name }

    /// The map with this name, or nil.
    public static func named(_ name: String) -> ColourMap? { all.first { $0.name == name } }

    /// All maps with names.
    public static let all: [ColourMap] = [grey, hot, glow, tide, cubehelix, time]

    /// Black to white.
    public static let grey = ColourMap(name: "grey") { Colour(red: $0, green: $0, blue: $0) }

    /// Black, red, yellow, white: each of the three parts rises in turn, over 3/8, 3/8 and 2/8 of the range.
    public static let hot = ColourMap(name: "hot") { value in
        Colour(red: value * 8 / 3, green: (value - 3.0 / 8) * 8 / 3, blue: (value - 6.0 / 8) * 4)
    }

    /// Black, violet, red, orange, pale yellow in even steps of lightness.
    public static let glow = ColourMap(
        name: "glow", lightness: 1...97,
        opponents: [(0, 0), (22, -34), (44, -36), (60, -4), (60, 34), (36, 58), (12, 64), (-4, 26)])

    /// Dark blue, teal, green, yellow in even steps of lightness.
    public static let tide = ColourMap(
        name: "tide", lightness: 10...94,
        opponents: [(22, -34), (14, -38), (-4, -30), (-22, -12), (-38, 12), (-44, 40), (-30, 64), (-12, 74)])

    /// A helix around the grey axis: one and a half turns through red, green and blue.
    ///
    /// D. A. Green, A colour scheme for the display of astronomical intensity images, Bulletin of the Astronomical
    /// Society of India 39 (2011) 289, with its start 0.5, rotations -1.5, hue 1 and gamma 1.
    public static let cubehelix = ColourMap(name: "cubehelix") { value in
        let angle = 2 * Double.pi * (0.5 / 3 + 1 - 1.5 * value)
        let amplitude = value * (1 - value) / 2
        return Colour(
            red: value + amplitude * (-0.14861 * cos(angle) + 1.78277 * sin(angle)),
            green: value + amplitude * (-0.29227 * cos(angle) - 0.90649 * sin(angle)),
            blue: value + amplitude * 1.97294 * cos(angle))
    }

    /// All hues at one lightness, the last beside the first: for time and angles.
    ///
    /// Every hue has about the largest CIELAB chroma that sRGB shows at lightness 72, evened out over the neighbouring
    /// hues so that no hue stands out.
    public static let time: ColourMap = {
        func hue(_ index: Int) -> Double { 2 * Double.pi * (Double(index) / 256 + 0.1) }
        let limits = (0..<256).map { index in
            (1...128).map(Double.init).last {
                Colour.isShown(lightness: 72, a: $0 * cos(hue(index)), b: $0 * sin(hue(index)))
            } ?? 0
        }
        let reach = -14...14
        // The mean of minima over the same reach is nowhere above the limit.
        let minima = (0..<256).map { index in reach.map { limits[(index + $0 + 256) % 256] }.min() ?? 0 }
        return ColourMap(name: "time") { value in
            let index = Int((value * 255).rounded())
            let chroma = reach.reduce(0) { $0 + minima[(index + $1 + 256) % 256] } / Double(reach.count)
            return Colour(lightness: 72, a: chroma * cos(hue(index)), b: chroma * sin(hue(index)))
        }
    }()

    /// Black to one colour, for channels that are added up.
    public static func tint(_ colour: Colour) -> ColourMap {
        ColourMap(name: colour.hex) { value in
            Colour(red: colour.red * value, green: colour.green * value, blue: colour.blue * value)
        }
    }

    /// A map whose CIELAB lightness rises evenly while the opponents a and b pass smoothly through equally spaced
    /// control points (Catmull-Rom). Chroma that sRGB can't show is reduced, so that the lightness stays exact.
    private init(name: String, lightness: ClosedRange<Double>, opponents: [(a: Double, b: Double)]) {
        self.init(name: name) { value in
            let place = value * Double(opponents.count - 1)
            let index = min(Int(place), opponents.count - 2)
            let t = place - Double(index)
            func through(_ part: (Int) -> Double) -> Double {
                let p0 = part(max(0, index - 1)), p1 = part(index)
                let p2 = part(index + 1), p3 = part(min(opponents.count - 1, index + 2))
                return p1 + t / 2 * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
            }
            let level = lightness.lowerBound + value * (lightness.upperBound - lightness.lowerBound)
            var a = through { opponents[$0].a }, b = through { opponents[$0].b }
            while !Colour.isShown(lightness: level, a: a, b: b), hypot(a, b) > 0.1 {
                a *= 0.98
                b *= 0.98
            }
            return Colour(lightness: level, a: a, b: b)
        }
    }
}
