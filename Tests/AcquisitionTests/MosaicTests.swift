import Acquisition
import Foundation
import Imaging
import Optics
import Testing
import Work

@Suite struct MosaicTests {
    /// A smooth specimen, in counts above the offset.
    private func specimen(_ x: Double, _ y: Double) -> Double { 1000 + 400 * sin(x / 15) + 300 * cos(y / 11) }

    private func tile(_ x: Double, _ y: Double, shade: (Double, Double) -> Double = { _, _ in 1 }) -> Plane<UInt16> {
        var samples: [UInt16] = []
        for row in 0..<80 {
            for column in 0..<100 {
                let u = (Double(column) + 0.5) / 50 - 1
                let v = (Double(row) + 0.5) / 40 - 1
                let value = specimen(x + u * 25, y + v * 20) * shade(u, v)
                samples.append(UInt16((100 + value).rounded()))
            }
        }
        return Plane(width: 100, height: 80, samples: samples)
    }

    private func plan() throws -> ScanPlan {
        try ScanPlan(
            area: Rectangle(centre: Point(x_um: 3, y_um: -7), width_um: 180, height_um: 130), fieldWidth_um: 50,
            fieldHeight_um: 40,
            overlap: 0.15)
    }

    @Test func mosaicShowsTheSpecimen() throws {
        let plan = try plan()
        // The stage does not stand exactly where it was sent; the mosaic goes by where it says it is.
        let tiles = plan.tiles.map {
            TileImage(
                tile: $0, file: "\($0.number)", x_um: $0.x_um + 0.4 * sin(Double($0.number)), y_um: $0.y_um - 0.3)
        }
        let mosaic = try Mosaic(
            of: plan.area, tiles: tiles, tileWidth: 100, tileHeight: 80, tilePixel_um: 0.5, pixel_um: 1.3,
            flatField: FlatField(evenWithOffset: 100, background_counts: 100))
        #expect(mosaic.geometry.width == 139)
        #expect(mosaic.geometry.height == 100)
        var rows: [UInt16] = []
        try mosaic.render(load: { tile($0.x_um, $0.y_um) }) { first, strip in
            #expect(first * 139 == rows.count)
            rows += strip.samples
        }
        var worst = 0.0
        for row in 2..<98 {
            for column in 2..<137 {
                let x = mosaic.geometry.origin.x_um + (Double(column) + 0.5) * 1.3
                let y = mosaic.geometry.origin.y_um + (Double(row) + 0.5) * 1.3
                worst = max(worst, abs(Double(rows[row * 139 + column]) - 100 - specimen(x, y)))
            }
        }
        // Nearest whole tile pixels shift the box by up to a quarter of a tile pixel: 0.25 um on slopes of 27 a um.
        #expect(worst < 12)
    }

    @Test func flatFieldIsRecovered() throws {
        let shade = { (u: Double, v: Double) in 1.1 - 0.25 * u * u - 0.05 * v * v + 0.08 * u }
        var estimator = FlatField.Estimator()
        let flatPlan = try ScanPlan(
            area: Rectangle(width_um: 900, height_um: 900), fieldWidth_um: 50, fieldHeight_um: 40, overlap: 0)
        for entry in flatPlan.tiles { estimator.add(tile(entry.x_um, entry.y_um, shade: shade)) }
        let flat = estimator.estimate(offset_counts: 100)
        let mean = 1.1 - 0.25 / 3 - 0.05 / 3
        for (u, v) in [(0.0, 0.0), (0.9, 0.9), (-0.9, 0.9), (0.9, -0.9), (-0.9, -0.9), (0.5, 0.0)] {
            #expect(abs(flat.value(u: u, v: v) - shade(u, v) / mean) < 0.06)
        }
        #expect(!flat.isEven)
    }

    @Test func darkScansAreLeftAlone() {
        var estimator = FlatField.Estimator()
        for _ in 0..<20 { estimator.add(Plane(width: 64, height: 64, filledWith: 104)) }
        let flat = estimator.estimate(offset_counts: 100)
        #expect(flat.isEven)
        #expect(flat.background_counts == 104)
        #expect(FlatField.Estimator().estimate(offset_counts: 90).isEven)
    }

    @Test func finerThanTheCameraIsRefused() {
        #expect(throws: Failure.self) {
            try Mosaic(
                of: Rectangle(width_um: 10, height_um: 10), tiles: [], tileWidth: 10, tileHeight: 10, tilePixel_um: 0.5,
                pixel_um: 0.1, flatField: FlatField(evenWithOffset: 0, background_counts: 0))
        }
    }

    /// A camera that is turned and mirrored: its matrix puts the pixels where they belong.
    @Test(arguments: [0.3, 90, 200, -140]) func tilesOfATurnedCameraMakeTheSameMosaic(degrees: Double) throws {
        let (c, s) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
        let matrix = PixelMatrix(rows: [[-0.5 * c, -0.5 * s], [-0.5 * s, 0.5 * c]])
        #expect(abs(matrix.pixel_um - 0.5) < 1e-12)
        let field = matrix.field(width: 100, height: 80)
        let area = Rectangle(centre: Point(x_um: 3, y_um: -7), width_um: 90, height_um: 70)
        let plan = try ScanPlan(
            area: area, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: 0.1)
        let tiles = plan.tiles.map { TileImage(tile: $0, file: "\($0.number)", x_um: $0.x_um, y_um: $0.y_um) }
        let mosaic = try Mosaic(
            of: area, tiles: tiles, tileWidth: 100, tileHeight: 80, tilePixel_um: 0.5, matrix: matrix, pixel_um: 1,
            flatField: FlatField(evenWithOffset: 100, background_counts: 100))
        func frame(_ tile: TileImage) -> Plane<UInt16> {
            var samples: [UInt16] = []
            for row in 0..<80 {
                for column in 0..<100 {
                    let place = matrix.place(right: Double(column) - 49.5, down: Double(row) - 39.5)
                    samples.append(
                        UInt16((100 + specimen(tile.x_um + place.x_um, tile.y_um + place.y_um)).rounded()))
                }
            }
            return Plane(width: 100, height: 80, samples: samples)
        }
        var worst = 0.0
        try mosaic.render(load: frame) { first, strip in
            for row in 0..<strip.height {
                for column in 0..<strip.width {
                    let x = mosaic.geometry.origin.x_um + Double(column) + 0.5
                    let y = mosaic.geometry.origin.y_um + Double(first + row) + 0.5
                    worst = max(worst, abs(Double(strip[row, column]) - 100 - specimen(x, y)))
                }
            }
        }
        // A point is taken from the pixel that it lies in: up to 0.35 um off on slopes of 38 a um, four points a pixel.
        #expect(worst < 14, "\(worst)")
    }

    /// The field of a turned camera, by hand.
    @Test func fieldsOfTurnedCameras() {
        let straight = PixelMatrix(pixel_um: 0.1).field(width: 200, height: 100)
        #expect(abs(straight.width_um - 20) < 1e-9 && abs(straight.height_um - 10) < 1e-9)
        let quarter = PixelMatrix(rows: [[0, -0.1], [0.1, 0]]).field(width: 200, height: 100)
        #expect(abs(quarter.width_um - 10) < 1e-9 && abs(quarter.height_um - 20) < 1e-9)
        // A square of side 1 turned by 45 degrees holds an upright one of side 1 / sqrt 2.
        let h = 0.1 * 0.5.squareRoot()
        let tilted = PixelMatrix(rows: [[h, -h], [h, h]]).field(width: 100, height: 100)
        #expect(abs(tilted.width_um - 10 * 0.5.squareRoot()) < 1e-6)
        #expect(abs(tilted.height_um - 10 * 0.5.squareRoot()) < 1e-6)
        // There and back again.
        let matrix = PixelMatrix(rows: [[0.11, 0.02], [-0.03, -0.09]])
        let place = matrix.place(right: 7, down: -3)
        let pixel = matrix.pixel(x_um: place.x_um, y_um: place.y_um)
        #expect(abs(pixel.right - 7) < 1e-9 && abs(pixel.down + 3) < 1e-9)
    }
}
