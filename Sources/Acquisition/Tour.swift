import Foundation
import Optics

/// A short way through all points, from a start and open at its end: nearest neighbour, then 2-opt until no exchange
/// of two edges shortens it (Croes 1958). Deterministic.
/// - Parameters:
///   - points: where to go.
///   - start: where the stage stands.
/// - Returns: the indices of the points in the order of the visit.
public func shortTour(
    through points: [Point], from start: Point
) -> [Int] {
    guard points.count > 1 else { return Array(points.indices) }
    var order: [Int] = []
    var left = Array(points.indices)
    var here = start
    while !left.isEmpty {
        var best = 0
        for candidate in left.indices where distance(here, points[left[candidate]]) < distance(here, points[left[best]])
        {
            best = candidate
        }
        order.append(left.remove(at: best))
        here = points[order[order.count - 1]]
    }
    // Each exchange shortens the way, so this ends; the bound on the rounds keeps thousands of points quick.
    var rounds = 0
    var improved = true
    while improved, rounds < 40 {
        improved = false
        rounds += 1
        for first in 0..<order.count - 1 {
            let before = first == 0 ? start : points[order[first - 1]]
            for last in first + 1..<order.count {
                let removed = distance(before, points[order[first]])
                let added = distance(before, points[order[last]])
                var gain = removed - added
                if last + 1 < order.count {
                    let after = points[order[last + 1]]
                    gain += distance(points[order[last]], after) - distance(points[order[first]], after)
                }
                if gain > 1e-9 {
                    order[first...last].reverse()
                    improved = true
                }
            }
        }
    }
    return order
}

/// The length of the way through all points from a start.
public func tourLength_um(
    _ points: [Point], from start: Point
) -> Double {
    zip([start] + points, points).reduce(0) { $0 + distance($1.0, $1.1) }
}

private func distance(_ a: Point, _ b: Point) -> Double {
    hypot(a.x_um - b.x_um, a.y_um - b.y_um)
}
