/// Points of a plane in square cells, to find those near a place.
public struct PointGrid: Sendable {
    private struct Cell: Hashable, Sendable { var x: Int, y: Int }
    private let side: Double
    private var cells: [Cell: [Int]] = [:]

    /// An empty grid for searches within a radius, in the unit of the places.
    public init(radius: Double) { side = max(radius, 1e-6) }

    /// Adds a point by its number.
    public mutating func add(_ number: Int, x: Double, y: Double) { cells[cell(x, y), default: []].append(number) }

    /// Calls `body` for the points in the cells within the radius of a place; some lie a little farther away.
    public func forEach(around x: Double, _ y: Double, _ body: (Int) -> Void) {
        let centre = cell(x, y)
        for v in centre.y - 1...centre.y + 1 {
            for u in centre.x - 1...centre.x + 1 { cells[Cell(x: u, y: v)]?.forEach(body) }
        }
    }

    private func cell(_ x: Double, _ y: Double) -> Cell {
        func index(_ value: Double) -> Int { Int(max(-1e15, min(1e15, value / side)).rounded(.down)) }
        return Cell(x: index(x), y: index(y))
    }
}
