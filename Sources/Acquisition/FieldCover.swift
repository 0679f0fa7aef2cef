import Foundation
import Optics

/// Fields of view for objects that fit into one: as few fields as a good heuristic finds, each object wholly inside
/// exactly one of them where the layout allows it.
///
/// Covering with the fewest windows is NP-hard; this takes the best of a greedy cover (Chvátal 1979) and four sweeps
/// from the corners of the area, then uses the play that every field has around its objects to keep the objects of
/// the others from lying wholly inside it too. Everything is deterministic.
struct FieldCover {
    /// One field and the objects it is there for, as indices.
    struct Field {
        var box: Rectangle
        var members: [Int]
    }

    private let boxes: [Rectangle]
    private let width: Double
    private let height: Double
    private let margin: Double
    /// The windows worth trying, by the objects that lie inside.
    private let windows: [[Int]]
    /// The windows that hold an object, by the object.
    private let windowsOfObject: [[Int]]
    private let neighbours: Neighbours
    /// The fields that there are, and the objects that are imaged in them.
    private let taken: [Rectangle]
    private let imaged: [Rectangle]

    /// Prepares the cover.
    /// - Parameters:
    ///   - boxes: the objects; each must fit into a field with the margin around it.
    ///   - width_um: the width of a field.
    ///   - height_um: the height of a field.
    ///   - margin_um: the distance that is kept between an object and the edge of its field.
    ///   - taken: fields that there are already; others keep away from them where there is room.
    ///   - imaged: the objects that are imaged in those.
    init(
        boxes: [Rectangle], width_um: Double, height_um: Double, margin_um: Double, taken: [Rectangle] = [],
        imaged: [Rectangle] = []
    ) {
        self.taken = taken
        self.imaged = imaged
        self.boxes = boxes
        width = width_um
        height = height_um
        margin = margin_um
        neighbours = Neighbours(boxes, reach: max(width_um, height_um))
        // Some best cover has only windows whose left and upper edges each touch an object.
        var windows: [[Int]] = []
        var seen: Set<[Int]> = []
        for left in boxes.indices {
            let near = neighbours.near(boxes[left].grown(by: max(width_um, height_um)))
            for top in near {
                let window = Rectangle(
                    left_um: boxes[left].left_um - margin_um, top_um: boxes[top].top_um - margin_um,
                    right_um: boxes[left].left_um - margin_um + width_um,
                    bottom_um: boxes[top].top_um - margin_um + height_um
                ).grown(by: -margin_um + 1e-9)
                guard window.contains(boxes[left]), window.contains(boxes[top]) else { continue }
                let members = near.filter { window.contains(boxes[$0]) }
                if seen.insert(members).inserted { windows.append(members) }
            }
        }
        self.windows = windows
        var windowsOfObject = Array(repeating: [Int](), count: boxes.count)
        for (window, members) in windows.enumerated() {
            for member in members { windowsOfObject[member].append(window) }
        }
        self.windowsOfObject = windowsOfObject
    }

    /// The fields.
    func fields() -> [Field] {
        let corners: [(x: Double, y: Double)] = [(1, 1), (-1, 1), (1, -1), (-1, -1)]
        let covers = [greedy()] + corners.map(sweep)
        let candidates = covers.map { placed($0) }
        return parted(candidates.min { score($0) < score($1) } ?? [])
    }

    /// Objects that are not inside exactly one field weigh most, then the number of fields, then what they share.
    private func score(_ fields: [Field]) -> Double {
        var shared = 0.0
        for (index, field) in fields.enumerated() {
            shared += overlap(field.box, taken)
            for other in fields[(index + 1)...] { shared += field.box.overlap_um2(with: other.box) }
        }
        return Double(repeated(in: fields)) * 1000 + Double(fields.count) + 0.5 * shared / (width * height)
    }

    private func overlap(_ box: Rectangle, _ others: [Rectangle]) -> Double {
        others.reduce(0) { $0 + $1.overlap_um2(with: box) }
    }

    /// How often an object lies wholly inside a field of others.
    private func repeated(in fields: [Field]) -> Int {
        fields.reduce(0) { sum, field in
            sum + foreign(to: Set(field.members), in: field.box).count
                + imaged.count { field.box.contains($0.grown(by: -margin)) }
        }
    }

    /// Takes the window with the most objects not yet taken, again and again.
    private func greedy() -> [[Int]] {
        var isTaken = Array(repeating: false, count: boxes.count)
        var gain = windows.map(\.count)
        var left = boxes.count
        var cover: [[Int]] = []
        while left > 0, let best = gain.indices.max(by: { gain[$0] < gain[$1] }), gain[best] > 0 {
            let members = windows[best].filter { !isTaken[$0] }
            cover.append(members)
            for member in members {
                isTaken[member] = true
                for window in windowsOfObject[member] { gain[window] -= 1 }
            }
            left -= members.count
        }
        return cover
    }

    /// Takes the outermost object not yet taken, as seen along x from one side, with the most others that fit.
    private func sweep(from corner: (x: Double, y: Double)) -> [[Int]] {
        let order = boxes.indices.sorted {
            let a = (corner.x * boxes[$0].centre.x_um, corner.y * boxes[$0].centre.y_um)
            let b = (corner.x * boxes[$1].centre.x_um, corner.y * boxes[$1].centre.y_um)
            return a == b ? $0 < $1 : a < b
        }
        var isTaken = Array(repeating: false, count: boxes.count)
        var cover: [[Int]] = []
        for object in order where !isTaken[object] {
            let sets = windowsOfObject[object].map { windows[$0].filter { !isTaken[$0] } }
            let members = sets.max { $0.count < $1.count } ?? [object]
            cover.append(members)
            for member in members { isTaken[member] = true }
        }
        return cover
    }

    /// Places the fields, and hands objects that lie inside two of them over where that parts them.
    private func placed(_ cover: [[Int]]) -> [Field] {
        var fields = cover.map { Field(box: place($0), members: $0) }
        for _ in 0..<4 {
            var hasChanged = false
            for index in fields.indices {
                for object in foreign(to: Set(fields[index].members), in: fields[index].box) {
                    guard let owner = fields.firstIndex(where: { $0.members.contains(object) }), owner != index,
                        fields[owner].members.count > 1
                    else { continue }
                    let rest = fields[owner].members.filter { $0 != object }
                    let ownerBox = place(rest)
                    let own = Set(fields[index].members + [object])
                    let before =
                        foreign(to: Set(fields[owner].members), in: fields[owner].box).count
                        + foreign(to: Set(fields[index].members), in: fields[index].box).count
                    let after =
                        foreign(to: Set(rest), in: ownerBox).count + foreign(to: own, in: fields[index].box).count
                    if after < before, fields[index].box.grown(by: -margin).contains(boxes[object]) {
                        fields[owner] = Field(box: ownerBox, members: rest)
                        fields[index].members.append(object)
                        hasChanged = true
                    }
                }
            }
            if !hasChanged { break }
        }
        return fields
    }

    /// The fields apart from each other as far as their play allows.
    private func parted(_ fields: [Field]) -> [Field] {
        var fields = fields
        for index in fields.indices {
            let others = fields.indices.filter { $0 != index }.map { fields[$0].box }
            guard overlap(fields[index].box, taken + others) > 0 else { continue }
            fields[index].box = place(fields[index].members, apartFrom: others)
        }
        return fields
    }

    /// The objects of others that lie wholly inside a field, or may do so within the margin.
    private func foreign(to members: Set<Int>, in field: Rectangle) -> [Int] {
        neighbours.near(field).filter { !members.contains($0) && field.contains(boxes[$0].grown(by: -margin)) }
    }

    /// The place of the field around its objects, within their play: as few others wholly inside as possible, then as
    /// little shared with other fields as possible, then as near to the centre as possible.
    private func place(_ members: [Int], apartFrom fields: [Rectangle] = []) -> Rectangle {
        let inner = members.dropFirst().reduce(boxes[members[0]]) { $0.union(boxes[$1]) }.grown(by: margin)
        let x = (low: inner.right_um - width, high: inner.left_um)
        let y = (low: inner.bottom_um - height, high: inner.top_um)
        let centre = (x: (x.low + x.high) / 2, y: (y.low + y.high) / 2)
        let own = Set(members)
        let reach = inner.grown(by: max(width, height))
        // Only what lies wholly in the reach of the field can lie wholly in it.
        let room = Rectangle(left_um: x.low, top_um: y.low, right_um: x.high + width, bottom_um: y.high + height)
        let others =
            neighbours.near(reach).filter { !own.contains($0) }.map { boxes[$0].grown(by: -margin) }
            .filter { room.contains($0) } + imaged.map { $0.grown(by: -margin) }.filter { room.contains($0) }
        let rooms = (taken + fields).filter { $0.overlap_um2(with: room) > 0 }
        var lefts = [centre.x, x.low, x.high]
        var tops = [centre.y, y.low, y.high]
        for box in others {
            lefts += [box.left_um + 0.01, box.right_um - width - 0.01].filter { $0 >= x.low && $0 <= x.high }
            tops += [box.top_um + 0.01, box.bottom_um - height - 0.01].filter { $0 >= y.low && $0 <= y.high }
        }
        for room in rooms {
            lefts += [room.right_um, room.left_um - width].filter { $0 >= x.low && $0 <= x.high }
            tops += [room.bottom_um, room.top_um - height].filter { $0 >= y.low && $0 <= y.high }
        }
        var best = (count: Int.max, shared: 0.0, distance: 0.0, left: centre.x, top: centre.y)
        for left in lefts {
            for top in tops {
                let field = Rectangle(left_um: left, top_um: top, right_um: left + width, bottom_um: top + height)
                let count = others.count { field.contains($0) }
                guard count <= best.count else { continue }
                let shared = rooms.isEmpty ? 0 : overlap(field, rooms)
                let distance = hypot(left - centre.x, top - centre.y)
                if (count, shared, distance) < (best.count, best.shared, best.distance) {
                    best = (count, shared, distance, left, top)
                }
            }
            if best.count == 0, best.shared == 0, left == centre.x, best.distance == 0 { break }
        }
        return Rectangle(
            left_um: best.left, top_um: best.top, right_um: best.left + width, bottom_um: best.top + height)
    }
}

/// Finds the boxes near a rectangle by a grid of cells.
private struct Neighbours {
    private struct Cell: Hashable {
        var column: Int
        var row: Int
    }
    private let boxes: [Rectangle]
    private let reach: Double
    private var cells: [Cell: [Int]] = [:]

    init(_ boxes: [Rectangle], reach: Double) {
        self.boxes = boxes
        self.reach = reach
        for (index, box) in boxes.enumerated() {
            cells[cell(box.centre.x_um, box.centre.y_um), default: []].append(index)
        }
    }

    /// The boxes whose centre lies in the rectangle, in order.
    func near(_ area: Rectangle) -> [Int] {
        let first = cell(area.left_um, area.top_um)
        let last = cell(area.right_um, area.bottom_um)
        var found: [Int] = []
        for row in first.row...last.row {
            for column in first.column...last.column {
                for index in cells[Cell(column: column, row: row)] ?? [] {
                    let centre = boxes[index].centre
                    if area.left_um <= centre.x_um, centre.x_um <= area.right_um, area.top_um <= centre.y_um,
                        centre.y_um <= area.bottom_um
                    {
                        found.append(index)
                    }
                }
            }
        }
        return found.sorted()
    }

    private func cell(_ x: Double, _ y: Double) -> Cell {
        Cell(column: Int((x / reach).rounded(.down)), row: Int((y / reach).rounded(.down)))
    }
}
