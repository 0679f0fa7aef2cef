/// Finds a maximum without derivatives (Nelder and Mead, Comput. J. 7, 308, 1965).
/// - Parameters:
///   - start: the first corner of the simplex.
///   - steps: how far the other corners lie from it, one along each axis.
///   - evaluations: at most so many values are computed.
///   - tolerance: the search ends when the values at the corners differ by less.
/// - Returns: the best corner and its value.
func simplexMaximum(
    start: [Double], steps: [Double], evaluations: Int, tolerance: Double, _ value: ([Double]) throws -> Double
) rethrows -> (place: [Double], value: Double) {
    let dimensions = start.count
    var corners = [(place: start, value: try value(start))]
    for axis in 0..<dimensions {
        var place = start
        place[axis] += steps[axis]
        corners.append((place, try value(place)))
    }
    var used = dimensions + 1
    while used < evaluations {
        corners.sort { $0.value > $1.value }
        guard corners[0].value - corners[dimensions].value > tolerance else { break }
        let centre = (0..<dimensions).map { axis in
            corners[..<dimensions].reduce(0) { $0 + $1.place[axis] } / Double(dimensions)
        }
        let worst = corners[dimensions]
        func trial(_ factor: Double) throws -> (place: [Double], value: Double) {
            let place = zip(centre, worst.place).map { $0 + factor * ($0 - $1) }
            used += 1
            return (place, try value(place))
        }
        let reflected = try trial(1)
        if reflected.value > corners[0].value {
            let expanded = try trial(2)
            corners[dimensions] = expanded.value > reflected.value ? expanded : reflected
        } else if reflected.value > corners[dimensions - 1].value {
            corners[dimensions] = reflected
        } else {
            let contracted = try trial(reflected.value > worst.value ? 0.5 : -0.5)
            if contracted.value > max(reflected.value, worst.value) {
                corners[dimensions] = contracted
            } else {
                for index in 1...dimensions {
                    let place = zip(corners[index].place, corners[0].place).map { 0.5 * ($0 + $1) }
                    corners[index] = (place, try value(place))
                    used += 1
                }
            }
        }
    }
    return corners.max { $0.value < $1.value }!
}
