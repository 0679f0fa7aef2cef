import Foundation
import Imaging
import Testing
import Work

@Suite struct DrawingCanvasTests {
    private func dark(_ width: Int, _ height: Int, pixelSize_um: Double? = nil) -> Canvas {
        Canvas(
            Plane<Float>(width: width, height: height, filledWith: 0), contrast: .range(0, 1),
            pixelSize_um: pixelSize_um, shortestSide: 1)
    }

    /// The longest run of bright pixels in any row.
    private func longestBrightRun(_ canvas: Canvas) -> Int {
        var longest = 0
        for row in 0..<canvas.height {
            var run = 0
            for column in 0..<canvas.width {
                run = canvas[row, column].green > 0.95 ? run + 1 : 0
                longest = max(longest, run)
            }
        }
        return longest
    }

    @Test(arguments: [(0.1, 5.0, 50), (0.5, 50, 100), (0.02, 2, 100)])
    func scaleBarHasItsLength(pixelSize_um: Double, length_um: Double, pixels: Int) {
        var canvas = dark(400, 300, pixelSize_um: pixelSize_um)
        #expect(canvas.drawScaleBar(length_um: length_um) == length_um)
        #expect(longestBrightRun(canvas) == pixels)
    }

    @Test func scaleBarFollowsReductionAndChoosesRoundLengths() {
        var canvas = Canvas(
            Plane<Float>(width: 2000, height: 1000, filledWith: 0), contrast: .range(0, 1), pixelSize_um: 0.1,
            longestSide: 500)
        #expect(canvas.width == 500 && canvas.height == 250 && canvas.scale == 0.25)
        // 200 um across: a quarter is 50 um, which takes 125 pixels.
        #expect(canvas.drawScaleBar() == 50)
        #expect(longestBrightRun(canvas) == 125)
        var unknown = dark(100, 100)
        #expect(unknown.drawScaleBar() == 0)
        #expect(unknown == dark(100, 100))
    }

    @Test func rectanglesLieWhereTheyShould() {
        var canvas = dark(200, 100)
        canvas.drawRectangle(ImageRectangle(x: 50.5, y: 20.5, width: 100, height: 60), colour: .white)
        for (row, column) in [(20, 50), (20, 150), (80, 50), (80, 150), (20, 100), (50, 50)] {
            #expect(canvas[row, column].red > 0.9, "row \(row), column \(column)")
        }
        for (row, column) in [(17, 47), (50, 100), (24, 54), (83, 153)] {
            #expect(canvas[row, column] == .black, "row \(row), column \(column)")
        }
    }

    @Test func largeImagesAreAveraged() {
        let checks = Plane<Float>(width: 64, height: 64, samples: (0..<4096).map { ($0 / 64 + $0) % 2 == 0 ? 0 : 1 })
        let canvas = Canvas(checks, contrast: .range(0, 1), longestSide: 32)
        #expect(canvas.width == 32 && canvas.height == 32)
        for row in 0..<32 { for column in 0..<32 { #expect(abs(canvas[row, column].red - 0.5) < 0.01) } }
    }

    @Test func smallImagesAreEnlargedByWholeFactors() {
        let pair = Plane<Float>(width: 2, height: 1, samples: [0, 1])
        let canvas = Canvas(pair, contrast: .range(0, 1), shortestSide: 101)
        #expect(canvas.width == 100 && canvas.height == 50 && canvas.scale == 50)
        #expect(canvas[25, 49] == .black)
        #expect(canvas[25, 50] == .white)
    }

    @Test func contrastAndGammaFollowTheirDefinition() {
        let ramp = Plane<Float>(width: 100, height: 1, samples: (0..<100).map(Float.init))
        let (low, high) = Contrast.quantiles(0.1, 0.9).limits(of: ramp)
        #expect(abs(low - 9.9) < 1e-4 && abs(high - 89.1) < 1e-4)
        let canvas = Canvas(ramp, contrast: .range(0, 100), gamma: 0.5, shortestSide: 1)
        #expect(canvas[0, 25].bytes.red == 128)
        #expect(canvas[0, 64].bytes.red == 204)
        let odd = Plane<Float>(width: 3, height: 1, samples: [.nan, .infinity, -.infinity])
        #expect(Contrast.quantiles(0.1, 0.9).limits(of: odd).dark.isFinite)
        #expect(Canvas(odd, shortestSide: 1)[0, 0] == .black)
    }

    @Test func channelsAreAddedUp() {
        let one = Plane<Float>(width: 1, height: 1, filledWith: 1)
        let canvas = Canvas(
            adding: [
                (one, .tint(Colour(hex: 0xFF0000)), .range(0, 1)), (one, .tint(Colour(hex: 0x0000FF)), .range(0, 1)),
            ], shortestSide: 1)
        #expect(canvas[0, 0].hex == "#ff00ff")
        let colours = Image(width: 1, height: 1, channels: 3, samples: .uint8([10, 20, 30]))
        #expect(Canvas(colours, shortestSide: 1)[0, 0].hex == "#0a141e")
    }

    @Test func writtenFilesReadBackEqual() throws {
        var canvas = dark(60, 40, pixelSize_um: 1)
        canvas.drawCaption("caption\nof two lines", corner: .bottomRight)
        canvas.drawPath([ImagePoint(x: 5, y: 5), ImagePoint(x: 55, y: 30), ImagePoint(x: .nan, y: 3)])
        canvas.drawPoints([ImagePoint(x: 30, y: 20), ImagePoint(x: 1e30, y: 0)], labels: ["a", "b", "c"])
        canvas.drawColourBar(.hot, range: 0...0)
        let path = NSTemporaryDirectory() + "drawing-canvas-\(ProcessInfo.processInfo.processIdentifier).png"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try canvas.writePNG(to: path)
        let image = try readPNG(path)
        #expect(image.samples == canvas.image.samples)
        #expect(throws: Failure.self) { try canvas.writePNG(to: "/proc/nothing/picture.png") }
    }

    @Test func montageKeepsItsPanels() {
        let panels = [0xFF0000, 0x00FF00, 0x0000FF].map {
            Canvas.Panel(Canvas(width: 50, height: 40, background: Colour(hex: $0)), caption: "a caption")
        }
        let montage = Canvas.montage(panels, columns: 2, cellWidth: 100)
        func count(_ colour: Colour) -> Int {
            (0..<montage.height).reduce(0) { sum, row in
                sum + (0..<montage.width).reduce(0) { $0 + (montage[row, $1] == colour ? 1 : 0) }
            }
        }
        #expect(count(Colour(hex: 0xFF0000)) == 100 * 80)
        #expect(count(Colour(hex: 0x0000FF)) == 100 * 80)
        #expect(montage.width < 230 && montage.height < 240)
        #expect(Canvas.montage([]).width == 1)
    }
}
