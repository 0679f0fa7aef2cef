import Foundation
import Imaging
import Testing

@Suite struct DrawingOutlineTests {
    private func labels(_ rows: String...) -> Plane<UInt32> {
        Plane(
            width: rows[0].count, height: rows.count,
            samples: rows.joined().map { UInt32($0.wholeNumberValue ?? 0) })
    }

    @Test func onePixelIsASquare() {
        let outline = outlines(of: labels("...", ".7.", "..."))
        #expect(outline.map(\.label) == [7])
        #expect(
            outline[0].rings == [
                [ImagePoint(x: 1, y: 1), ImagePoint(x: 2, y: 1), ImagePoint(x: 2, y: 2), ImagePoint(x: 1, y: 2)]
            ])
        // Marching squares draws a diamond of half the area around one pixel.
        #expect(outline[0].smoothed.area == 0.5)
    }

    @Test func straightSidesHaveNoPointsBetween() {
        let outline = outlines(of: labels("11111", "11111"))
        #expect(outline[0].rings[0].count == 4)
        #expect(outline[0].area == 10)
        // Four corners of an eighth of a pixel each are cut.
        #expect(outline[0].smoothed.area == 9.5)
    }

    @Test func holesAreCutOut() {
        let outline = outlines(of: labels("1111", "1..1", "1121", "1111"))
        #expect(outline.map(\.label) == [1, 2])
        #expect(outline[0].rings.count == 2)
        #expect(outline[0].area == 13)
        #expect(outline[1].area == 1)
    }

    @Test func cornersThatTouchAreApart() {
        let outline = outlines(of: labels("1.", ".1"))
        #expect(outline[0].rings.count == 2)
        #expect(outline[0].area == 2)
        let hole = outlines(of: labels("11111", "111.1", "11.11", "11111"))
        #expect(hole[0].area == 18)
        #expect(hole[0].rings.count == 2)
    }

    @Test func areasAreThePixelCounts() {
        // A linear congruential sequence: speckles with every kind of corner.
        var state: UInt32 = 12345
        let samples = (0..<97 * 83).map { _ -> UInt32 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return (state >> 16) % 4
        }
        let plane = Plane(width: 97, height: 83, samples: samples)
        let found = outlines(of: plane)
        #expect(found.map(\.label) == [1, 2, 3])
        for outline in found {
            #expect(outline.area == Double(samples.filter { $0 == outline.label }.count))
            for ring in outline.rings {
                for (index, corner) in ring.enumerated() {
                    let next = ring[(index + 1) % ring.count]
                    #expect((corner.x == next.x) != (corner.y == next.y))
                }
            }
        }
    }

    @Test func nothingGivesNothing() {
        #expect(outlines(of: Plane(width: 0, height: 0, samples: [])).isEmpty)
        #expect(outlines(of: labels("...", "...")).isEmpty)
    }

    @Test func filledOutlinesCoverTheirPixels() {
        let plane = labels("......", ".11.2.", ".1.22.", "......")
        var canvas = Canvas(plane.map { _ in Float(0) }, contrast: .range(0, 1), shortestSide: 1)
        canvas.drawOutlines(outlines(of: plane), colour: .white, fill: 1, width: 0.001)
        for row in 0..<4 {
            for column in 0..<6 { #expect((canvas[row, column].red > 0.5) == (plane[row, column] > 0)) }
        }
    }
}
