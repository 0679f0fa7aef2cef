import Acquisition
import Foundation
import Instruments
import Optics
import Testing
import Work

@Suite struct PlanTests {
    @Test func tilesCoverTheAreaExactly() throws {
        let area = Rectangle(centre: Point(x_um: 100, y_um: -50), width_um: 500, height_um: 230)
        let plan = try ScanPlan(area: area, fieldWidth_um: 60, fieldHeight_um: 50, overlap: 0.1)
        // (500 - 60) / 54 = 8.15 steps; (230 - 50) / 45 = 4 steps.
        #expect(plan.columns == 10)
        #expect(plan.rows == 5)
        #expect(plan.tiles.map { $0.x_um - 30 }.min() == -150)
        #expect(plan.tiles.map { $0.x_um + 30 }.max() == 350)
        #expect(plan.tiles.map { $0.y_um - 25 }.min() == -165)
        #expect(plan.tiles.map { $0.y_um + 25 }.max() == 65)
        #expect(plan.tiles.map(\.number) == Array(1...50))
    }

    @Test func orderIsSerpentine() throws {
        let plan = try ScanPlan(
            area: Rectangle(width_um: 30, height_um: 20), fieldWidth_um: 10, fieldHeight_um: 10, overlap: 0)
        #expect(plan.tiles.map(\.column) == [0, 1, 2, 2, 1, 0])
        let steps = zip(plan.tiles, plan.tiles.dropFirst()).map { hypot($1.x_um - $0.x_um, $1.y_um - $0.y_um) }
        #expect(steps.allSatisfy { abs($0 - 10) < 1e-9 })
    }

    @Test func smallAreasAreOneTile() throws {
        let plan = try ScanPlan(
            area: Rectangle(centre: Point(x_um: 5, y_um: 6), width_um: 3, height_um: 3), fieldWidth_um: 10,
            fieldHeight_um: 10,
            overlap: 0.1
        )
        #expect(plan.tiles == [Tile(number: 1, row: 0, column: 0, x_um: 5, y_um: 6)])
    }

    @Test func areasAreRead() throws {
        #expect(try Rectangle(parsing: "500x400") == Rectangle(width_um: 500, height_um: 400))
        #expect(try Rectangle(parsing: " 12.5 X 8 ") == Rectangle(width_um: 12.5, height_um: 8))
        #expect(try Rectangle(parsing: "300") == Rectangle(width_um: 300, height_um: 300))
        for text in ["", "x", "1x", "x1", "1x2x3", "-1x4", "nanx1", "0x5", "1e999x1", "a"] {
            #expect(throws: Failure.self, "\(text)") { try Rectangle(parsing: text) }
        }
        #expect(throws: Failure.self) {
            try ScanPlan(
                area: Rectangle(width_um: 1e300, height_um: 1), fieldWidth_um: 1, fieldHeight_um: 1, overlap: 0)
        }
    }

    /// The shortest tours of seven points by trying all 5040 orders.
    @Test func toursAreNearTheShortest() {
        var worst = 1.0
        for seed in 0..<20 {
            let points = (0..<7).map { index -> Point in
                let angle = Double(seed * 131 + index * index * 37 + index * 17)
                return Point(x_um: 100 * sin(angle) * cos(angle * 0.7), y_um: 80 * cos(angle * 1.3))
            }
            let order = shortTour(through: points, from: Point(x_um: 0, y_um: 0))
            #expect(order.sorted() == Array(0..<7))
            var shortest = Double.infinity
            permutations(Array(0..<7)) { permutation in
                shortest = min(shortest, tourLength_um(permutation.map { points[$0] }, from: Point(x_um: 0, y_um: 0)))
            }
            worst = max(worst, tourLength_um(order.map { points[$0] }, from: Point(x_um: 0, y_um: 0)) / shortest)
        }
        #expect(worst < 1.15)
    }

    private func permutations(_ items: [Int], prefix: [Int] = [], _ body: ([Int]) -> Void) {
        if items.isEmpty { return body(prefix) }
        for item in items { permutations(items.filter { $0 != item }, prefix: prefix + [item], body) }
    }

    @Test func plansGoThroughJSON() throws {
        let channel = Channel(name: "DAPI", light: "405", power_mw: 5, exposure_ms: 50)
        let plan = try AcquisitionPlan(
            positions: [.init(number: 1, x_um: 1, y_um: 2, objects: [3])], channels: [channel],
            movies: [.init(channel: channel, frames: 100)], metadata: ["sample": "A"])
        let copy = try JSONDecoder().decode(AcquisitionPlan.self, from: JSONEncoder().encode(plan))
        #expect(copy == plan)
        #expect(plan.bytes(width: 512, height: 512) == 101 * (524_288 + 512))
        #expect(throws: Failure.self) {
            try AcquisitionPlan(positions: [], channels: [], movies: [.init(channel: channel, frames: 0)])
        }
        #expect(throws: Failure.self) {
            try AcquisitionPlan(positions: [], channels: [channel, channel, channel, channel], movies: [])
        }
    }
}
