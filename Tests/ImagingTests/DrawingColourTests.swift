import Foundation
import Imaging
import Testing

@Suite struct DrawingColourTests {
    /// CIELAB (D65) of the sRGB primaries, as listed by B. Lindbloom's colour calculator.
    @Test(
        arguments: [
            (0xFF0000, 53.24, 80.09, 67.20), (0x00FF00, 87.73, -86.18, 83.18), (0x0000FF, 32.30, 79.19, -107.86),
            (0xFFFFFF, 100, 0, 0), (0x000000, 0, 0, 0),
        ] as [(UInt32, Double, Double, Double)])
    func labOfThePrimaries(hex: UInt32, lightness: Double, a: Double, b: Double) {
        let lab = Colour(hex: hex).lab
        #expect(abs(lab.lightness - lightness) < 0.02)
        #expect(abs(lab.a - a) < 0.02)
        #expect(abs(lab.b - b) < 0.02)
        let back = Colour(lightness: lab.lightness, a: lab.a, b: lab.b)
        #expect(back.hex == Colour(hex: hex).hex)
    }

    @Test func hexTextIsReadAndWritten() {
        #expect(Colour("#1f63C0")?.hex == "#1f63c0")
        #expect(Colour("1f63C0") == nil)
        #expect(Colour("#1f63Cg") == nil)
        #expect(Colour("#+f63C0") == nil)
    }

    @Test(arguments: [ColourMap.grey, .glow, .tide])
    func lightnessRisesWithTheValue(map: ColourMap) {
        let lightness = map.table.map(\.lab.lightness)
        #expect(zip(lightness, lightness.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(arguments: [ColourMap.glow, .tide])
    func evenMapsHaveEvenLightness(map: ColourMap) {
        let lightness = map.table.map(\.lab.lightness)
        let step = (lightness[255] - lightness[0]) / 255
        for index in 0..<256 { #expect(abs(lightness[index] - lightness[0] - Double(index) * step) < 0.3) }
        #expect(lightness[255] - lightness[0] > 80)
    }

    @Test func timeIsCyclicAtOneLightness() {
        let lab = ColourMap.time.table.map(\.lab)
        #expect(lab.allSatisfy { abs($0.lightness - 72) < 0.5 })
        func distance(_ i: Int, _ j: Int) -> Double { hypot(lab[i].a - lab[j].a, lab[i].b - lab[j].b) }
        let steps = (0..<255).map { distance($0, $0 + 1) }
        #expect(distance(255, 0) <= (steps.max() ?? 0))
        #expect(distance(0, 128) > 60)
    }

    /// Values of Green's formula worked out by hand: at 0 and 1 black and white; at 1/2 the angle is
    /// 2 pi (1/6 + 1 - 3/4) = 5 pi / 6 and the amplitude 1/8.
    @Test func cubehelixFollowsItsFormula() {
        #expect(ColourMap.cubehelix(0).hex == "#000000")
        #expect(ColourMap.cubehelix(1).hex == "#ffffff")
        let map = ColourMap(name: "ramp") { Colour(red: $0, green: $0, blue: $0) }
        #expect(map(0.5).bytes.red == 128)
        let value = 128.0 / 255, amplitude = value * (1 - value) / 2
        let angle = 2 * Double.pi * (7.0 / 6 - 1.5 * value)
        #expect(abs(ColourMap.cubehelix(value).blue - (value + amplitude * 1.97294 * cos(angle))) < 1e-9)
    }

    @Test func valuesBeyondTheEndsGetTheEnds() {
        #expect(ColourMap.hot(-3) == ColourMap.hot.table[0])
        #expect(ColourMap.hot(.nan) == ColourMap.hot.table[0])
        #expect(ColourMap.hot(7) == ColourMap.hot.table[255])
        #expect(ColourMap.hot(.infinity) == ColourMap.hot.table[255])
        #expect(ColourMap.named("glow") == .glow)
        #expect(ColourMap.named("nothing") == nil)
    }

    /// Dichromat vision after Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291, severity 1.
    @Test(arguments: [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ])
    func paletteSurvivesColourBlindness(matrix: [[Double]]) {
        func decode(_ v: Double) -> Double { v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4) }
        func encode(_ v: Double) -> Double { v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055 }
        let seen = Colour.palette.map { colour in
            let linear = [colour.red, colour.green, colour.blue].map(decode)
            let mixed = matrix.map { row in encode(max(0, zip(row, linear).reduce(0) { $0 + $1.0 * $1.1 })) }
            return Colour(red: mixed[0], green: mixed[1], blue: mixed[2]).lab
        }
        for i in 0..<8 {
            for j in i + 1..<8 {
                let distance = hypot(
                    seen[i].lightness - seen[j].lightness, hypot(seen[i].a - seen[j].a, seen[i].b - seen[j].b))
                #expect(distance > (j < 6 ? 30 : 15), "colours \(i) and \(j)")
            }
        }
    }
}
