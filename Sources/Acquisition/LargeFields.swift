import Foundation
import Optics
import Randomness

/// How an object that is larger than a field of view is imaged.
public enum LargeMethod: String, Sendable, Codable, CaseIterable {
    /// By fields side by side that cover it.
    case tile
    /// By fields at random places in it.
    case random
    /// By fields along its axis, from one end to the other.
    case along
}

/// Fields of view for objects that are larger than one. No two fields overlap, unless an object would have none otherwise.
struct LargeFields {
    /// A field and the objects it is there for.
    struct Field {
        var box: Rectangle
        var objects: [Int]
    }

    /// An object and where it lies.
    struct Member {
        var id: Int
        var shape: ObjectShape
    }

    let width_um: Double
    let height_um: Double
    let method: LargeMethod
    /// The number of fields of an object; 0 for as many as it holds.
    let count: Int
    let seed: UInt64
    /// With as many fields as it holds, this share of an object is enough.
    static let enough = 0.97

    /// The side that a piece of an object must have in a field to count.
    private var half_um: Double { min(width_um, height_um) / 2 }

    /// The fields.
    /// - Parameters:
    ///   - members: the objects.
    ///   - others: the extents of objects that fit into a field, which fields rather hold wholly or not at all.
    func fields(for members: [Member], others: [Rectangle]) -> [Field] {
        guard !members.isEmpty else { return [] }
        if method == .tile { return tiled(members, others) }
        var fields: [Field] = []
        for member in members.sorted(by: { ($1.shape.area_um2, $0.id) < ($0.shape.area_um2, $1.id) }) {
            // What the fields of other objects hold of this one counts.
            var own = 0
            for index in fields.indices where member.shape.extent_um(in: fields[index].box) >= half_um {
                fields[index].objects.append(member.id)
                own += 1
            }
            let taken = fields.map(\.box)
            let wanted = method == .random ? max(1, count) : count
            guard count == 0 && method == .along || own < wanted else { continue }
            var boxes =
                method == .random
                ? scattered(in: member, wanted - own, taken)
                : placedAlong(member, wanted == 0 ? nil : wanted - own, taken, hasOwn: own > 0)
            if boxes.isEmpty, own == 0 { boxes = [leastOverlapping(member, taken)] }
            fields += boxes.map { Field(box: $0, objects: [member.id]) }
        }
        return fields
    }

    // MARK: Side by side

    /// Bands as high as a field, each swept from its first piece of an object on; of several offsets of the bands, rows
    /// and columns, the one with the fewest fields and the fewest small objects cut by their edges.
    private func tiled(_ members: [Member], _ others: [Rectangle]) -> [Field] {
        let step = members[0].shape.step_um
        let cells = members.flatMap { member in
            member.shape.cells.map { Piece(x: $0.x_um, y: $0.y_um, area: $0.area_um2, object: member.id) }
        }
        var best: (score: Double, fields: [Field])?
        for turned in [false, true] {
            for offset in 0..<8 {
                let share = Double(offset) / 8
                let fields = reduced(swept(cells, step, turned: turned, offset: share), members)
                let cut = others.count { other in
                    fields.contains { $0.box.overlap_um2(with: other) > 0 }
                        && !fields.contains { $0.box.contains(other) }
                }
                let score = Double(fields.count + cut)
                if score < best?.score ?? .infinity {
                    best = (score, fields.map { Field(box: $0.box, objects: $0.areas.keys.sorted()) })
                }
            }
        }
        return best?.fields ?? []
    }

    private struct Piece {
        var x, y, area: Double
        var object: Int
    }

    /// A field with the area of each object in it.
    private struct Swept {
        var box: Rectangle
        var areas: [Int: Double]
    }

    private func swept(_ cells: [Piece], _ step: Double, turned: Bool, offset: Double) -> [Swept] {
        let along = turned ? height_um : width_um
        let across = turned ? width_um : height_um
        var bands: [Int: [(u: Double, area: Double, object: Int)]] = [:]
        for cell in cells {
            let (u, v) = turned ? (cell.y, cell.x) : (cell.x, cell.y)
            bands[Int((v / across - offset).rounded(.down)), default: []].append((u, cell.area, cell.object))
        }
        var fields: [Swept] = []
        for (band, pieces) in bands.sorted(by: { $0.key < $1.key }) {
            let first = (Double(band) + offset) * across
            var free = -Double.infinity
            var left = -Double.infinity
            var last = 0.0
            var areas: [Int: Double] = [:]
            func close() {
                guard !areas.isEmpty else { return }
                // In the middle of what it holds, as far as the field before it allows.
                let place = max(free, left - (along - (last - left)) / 2)
                free = place + along
                let box =
                    turned
                    ? Rectangle(left_um: first, top_um: place, right_um: first + across, bottom_um: place + along)
                    : Rectangle(left_um: place, top_um: first, right_um: place + along, bottom_um: first + across)
                fields.append(Swept(box: box, areas: areas))
                areas = [:]
            }
            for piece in pieces.sorted(by: { ($0.u, $0.object) < ($1.u, $1.object) }) {
                if piece.u + step / 2 > left + along {
                    close()
                    left = piece.u - step / 2
                }
                last = piece.u + step / 2
                areas[piece.object, default: 0] += piece.area
            }
            close()
        }
        return fields
    }

    /// Without the fields that hold least, as long as enough of every object is covered; and no more than asked for.
    private func reduced(_ fields: [Swept], _ members: [Member]) -> [Swept] {
        let whole = Dictionary(uniqueKeysWithValues: members.map { ($0.id, $0.shape.area_um2) })
        if count > 0 {
            var kept: Set<Int> = []
            for id in whole.keys {
                let holding = fields.indices.filter { fields[$0].areas[id] != nil }
                kept.formUnion(
                    holding.sorted { (fields[$1].areas[id] ?? 0, $0) < (fields[$0].areas[id] ?? 0, $1) }.prefix(count))
            }
            return fields.indices.filter(kept.contains).map { fields[$0] }
        }
        var spare = whole.mapValues { $0 * (1 - Self.enough) }
        let order = fields.indices.sorted {
            (fields[$0].areas.values.reduce(0, +), $0) < (fields[$1].areas.values.reduce(0, +), $1)
        }
        var dropped: Set<Int> = []
        for index in order where fields[index].areas.allSatisfy({ $0.value <= spare[$0.key] ?? 0 }) {
            for (id, area) in fields[index].areas { spare[id, default: 0] -= area }
            dropped.insert(index)
        }
        return fields.indices.filter { !dropped.contains($0) }.map { fields[$0] }
    }

    // MARK: At random places

    private func scattered(in member: Member, _ wanted: Int, _ taken: [Rectangle]) -> [Rectangle] {
        var random = RandomSource(seed: seed).split(member.id)
        var sums: [Double] = []
        for cell in member.shape.cells { sums.append((sums.last ?? 0) + cell.area_um2) }
        guard let all = sums.last else { return [] }
        var boxes: [Rectangle] = []
        var tries = 0
        while boxes.count < wanted, tries < 1000 * wanted {
            tries += 1
            let place = random.uniform() * all
            let cell = member.shape.cells[min(sums.count - 1, sums.partitioningIndex { $0 > place })]
            let box = field(at: cell.x_um, cell.y_um)
            if (taken + boxes).allSatisfy({ $0.overlap_um2(with: box) == 0 }) { boxes.append(box) }
        }
        return boxes
    }

    private func field(at x_um: Double, _ y_um: Double) -> Rectangle {
        Rectangle(centre: Point(x_um: x_um, y_um: y_um), width_um: width_um, height_um: height_um)
    }

    private func leastOverlapping(_ member: Member, _ taken: [Rectangle]) -> Rectangle {
        let stride = max(1, member.shape.cells.count / 500)
        let boxes = Swift.stride(from: 0, to: member.shape.cells.count, by: stride).map {
            field(at: member.shape.cells[$0].x_um, member.shape.cells[$0].y_um)
        }
        return boxes.min { overlap($0, taken) < overlap($1, taken) } ?? field(at: 0, 0)
    }

    private func overlap(_ box: Rectangle, _ taken: [Rectangle]) -> Double {
        taken.reduce(0) { $0 + $1.overlap_um2(with: box) }
    }

    // MARK: Along the axis

    /// Fields along the longest way through the object, then along the longest way through what is left of it.
    private func placedAlong(
        _ member: Member, _ wanted: Int?, _ taken: [Rectangle], hasOwn: Bool
    ) -> [Rectangle] {
        var boxes: [Rectangle] = []
        let whole = member.shape.area_um2
        while boxes.count < wanted ?? .max {
            let left = member.shape.cells.filter { cell in
                !(taken + boxes).contains { $0.contains(x_um: cell.x_um, y_um: cell.y_um) }
            }
            let rest = left.reduce(0) { $0 + $1.area_um2 }
            if wanted == nil, rest <= (1 - Self.enough) * whole { break }
            let path = longestPath(through: left, step_um: member.shape.step_um)
            let isFirst = boxes.isEmpty && !hasOwn
            guard isFirst || extent(path) >= half_um / 2 else { break }
            let found = placed(
                along: path, step_um: member.shape.step_um, taken + boxes, least_um: isFirst ? 0 : half_um / 2)
            guard !found.isEmpty else { break }
            boxes += spread(found, wanted.map { $0 - boxes.count })
        }
        return boxes
    }

    /// As many of some fields as wanted, evenly from the first to the last; one alone is the middle one.
    private func spread(_ boxes: [Rectangle], _ wanted: Int?) -> [Rectangle] {
        guard let wanted, wanted < boxes.count else { return boxes }
        if wanted == 1 { return [boxes[boxes.count / 2]] }
        return (0..<wanted).map { boxes[$0 * (boxes.count - 1) / (wanted - 1)] }
    }

    private func extent(_ path: [Point]) -> Double {
        guard let left = path.map(\.x_um).min(), let right = path.map(\.x_um).max(), let top = path.map(\.y_um).min(),
            let bottom = path.map(\.y_um).max()
        else { return 0 }
        return max(right - left, bottom - top)
    }

    /// Fields that follow each other along a way, each with as much of it as fits, apart from each other and from others.
    private func placed(
        along path: [Point], step_um: Double, _ taken: [Rectangle], least_um: Double
    ) -> [Rectangle] {
        var boxes: [Rectangle] = []
        var first = 0
        while first < path.count {
            var piece = Rectangle(centre: path[first], width_um: step_um, height_um: step_um)
            var last = first
            while last + 1 < path.count {
                let longer = piece.union(Rectangle(centre: path[last + 1], width_um: step_um, height_um: step_um))
                guard longer.width_um <= width_um, longer.height_um <= height_um else { break }
                piece = longer
                last += 1
            }
            guard max(piece.width_um, piece.height_um) >= least_um else { break }
            if let box = around(piece, avoiding: taken + boxes) {
                boxes.append(box)
                first = last + 1
            } else {
                // Farther along, until the field is clear of the others.
                first += max(1, (last - first) / 16)
            }
        }
        return boxes
    }

    /// A field around a piece that is apart from others, as near to its middle as possible.
    private func around(_ piece: Rectangle, avoiding taken: [Rectangle]) -> Rectangle? {
        let play = (x: (width_um - piece.width_um) / 2, y: (height_um - piece.height_um) / 2)
        let shares = [0, -0.5, 0.5, -1, 1]
        let places = shares.flatMap { x in shares.map { y in (x: x * play.x, y: y * play.y) } }
        for place in places.sorted(by: { hypot($0.x, $0.y) < hypot($1.x, $1.y) }) {
            let box = field(at: piece.centre.x_um + place.x, piece.centre.y_um + place.y)
            if overlap(box, taken) == 0 { return box }
        }
        return nil
    }
}

/// The longest of the shortest ways between two squares of a shape, over all its connected parts, as a tree would have it:
/// from the farthest square of any square to the farthest of that.
func longestPath(through cells: [ObjectShape.Cell], step_um: Double) -> [Point] {
    struct Place: Hashable {
        var row: Int
        var column: Int
    }
    var indices: [Place: Int] = [:]
    let places = cells.map { cell in
        Place(row: Int((cell.y_um / step_um).rounded(.down)), column: Int((cell.x_um / step_um).rounded(.down)))
    }
    for (index, place) in places.enumerated() { indices[place] = index }
    func neighbours(_ index: Int) -> [Int] {
        let place = places[index]
        // Sides before corners, so that ways are straight.
        return [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)].compactMap {
            indices[Place(row: place.row + $0.0, column: place.column + $0.1)]
        }
    }
    /// All squares of a part in the order of their distance, each with the one before it.
    func flood(from start: Int) -> (order: [Int], before: [Int: Int]) {
        var order = [start]
        var before = [start: start]
        var next = 0
        while next < order.count {
            for near in neighbours(order[next]) where before[near] == nil {
                before[near] = order[next]
                order.append(near)
            }
            next += 1
        }
        return (order, before)
    }
    var seen: Set<Int> = []
    var best: [Int] = []
    for start in cells.indices where !seen.contains(start) {
        let part = flood(from: start)
        seen.formUnion(part.order)
        guard part.order.count > best.count, let end = part.order.last else { continue }
        let way = flood(from: end)
        guard var here = way.order.last else { continue }
        var path = [here]
        while let before = way.before[here], before != here {
            path.append(before)
            here = before
        }
        if path.count > best.count { best = path }
    }
    return best.map { Point(x_um: cells[$0].x_um, y_um: cells[$0].y_um) }
}

extension Array {
    /// The first index from which on a condition holds, for elements sorted so that it holds from some place on.
    fileprivate func partitioningIndex(where holds: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
