import Imaging

/// Cuts objects that touch apart at their waists and numbers the parts from 1.
///
/// A watershed of the distance to the background (Vincent and Soille 1991): pixels are taken from the innermost
/// outwards; each joins the basin that lies steepest above it or begins a new one. Two basins that meet are one object unless both
/// rise above the place where they meet by more than `depth` of the lower one's peak.
/// - Parameters:
///   - mask: 0 for background.
///   - depth: how deep a waist must be, as a share of the inner radius of the smaller part.
/// - Returns: the number of the part that each pixel belongs to, 0 for background.
public func separateTouching(_ mask: Plane<UInt8>, depth: Float = 0.25) -> Plane<UInt32> {
    let distance = distanceTransform(mask)
    let inside = mask.samples.indices.filter { mask.samples[$0] > 0 }
    let order = innermostFirst(inside, distance)
    var basins = Basins()
    var labels = Plane<UInt32>(width: mask.width, height: mask.height, filledWith: 0)
    for index in order {
        let row = index / mask.width
        let column = index % mask.width
        let height = distance.samples[index]
        var own: Int?
        var steepest: Float = -1
        for nearRow in max(0, row - 1)...min(mask.height - 1, row + 1) {
            for nearColumn in max(0, column - 1)...min(mask.width - 1, column + 1) {
                let label = labels[nearRow, nearColumn]
                guard label > 0 else { continue }
                let near = basins.root(Int(label))
                let far = nearRow != row && nearColumn != column
                let slope = (distance[nearRow, nearColumn] - height) / (far ? Float(2).squareRoot() : 1)
                if let mine = own, mine != near {
                    let lower = min(basins.peaks[mine], basins.peaks[near])
                    if lower - height <= depth * lower {
                        own = basins.join(mine, near)
                    } else if slope > steepest {
                        own = near
                    }
                } else {
                    own = near
                }
                steepest = max(steepest, slope)
            }
        }
        labels.samples[index] = UInt32(own ?? basins.begin(height))
    }
    var numbers: [Int: UInt32] = [:]
    for index in inside {
        let root = basins.root(Int(labels.samples[index]))
        let number = numbers[root] ?? UInt32(numbers.count + 1)
        numbers[root] = number
        labels.samples[index] = number
    }
    return labels
}

/// Places sorted by falling distance, and among equals as they come. Squares of distances are whole numbers, so that
/// counting sorts them.
private func innermostFirst(_ places: [Int], _ distance: Plane<Float>) -> [Int] {
    let squares = places.map { Int((distance.samples[$0] * distance.samples[$0]).rounded()) }
    let highest = squares.max() ?? 0
    guard highest <= 4 * places.count + 1000 else {
        return places.indices.sorted { a, b in squares[a] != squares[b] ? squares[a] > squares[b] : a < b }
            .map { places[$0] }
    }
    var starts = [Int](repeating: 0, count: highest + 2)
    for square in squares { starts[highest - square + 1] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var order = [Int](repeating: 0, count: places.count)
    for (index, square) in squares.enumerated() {
        order[starts[highest - square]] = places[index]
        starts[highest - square] += 1
    }
    return order
}

/// Basins of the watershed, joined as they turn out to be one.
private struct Basins {
    private var parents = [0]
    private(set) var peaks: [Float] = [0]

    mutating func begin(_ peak: Float) -> Int {
        parents.append(parents.count)
        peaks.append(peak)
        return parents.count - 1
    }

    mutating func root(_ basin: Int) -> Int {
        var basin = basin
        while parents[basin] != basin {
            parents[basin] = parents[parents[basin]]
            basin = parents[basin]
        }
        return basin
    }

    mutating func join(_ a: Int, _ b: Int) -> Int {
        let (winner, loser) = peaks[a] >= peaks[b] ? (a, b) : (b, a)
        parents[loser] = winner
        return winner
    }
}
