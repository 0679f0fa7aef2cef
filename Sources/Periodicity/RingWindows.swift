import Foundation

/// Cuts molecules along an axis into windows of about one ring, at places where few of them lie.
///
/// The cuts are the best of all choices: least density at the cuts, and lengths close to the wanted one.
/// - Parameters:
///   - arc_nm: rising arc lengths.
///   - length_nm: the wanted length of a window.
///   - slack: windows are at most this share shorter or longer.
/// - Returns: the indices of the molecules of each window that has any, in order.
func ringWindows(_ arc_nm: ArraySlice<Double>, length_nm: Double, slack: Double) -> [Range<Int>] {
    guard let first = arc_nm.first, let last = arc_nm.last else { return [] }
    let step = 5.0
    let width = 12.0
    let reach = Int(3 * width / step)
    let count = Int((last - first) / step) + 2 * reach + 2
    let start = first - Double(reach) * step
    var density = [Double](repeating: 0, count: count)
    for place in arc_nm {
        let middle = (place - start) / step
        for index in max(0, Int(middle) - reach)...min(count - 1, Int(middle) + reach) {
            let distance = (Double(index) - middle) * step / width
            density[index] += exp(-0.5 * distance * distance)
        }
    }
    let mean = density.reduce(0, +) / Double(count)
    let shortest = max(1, Int(length_nm * (1 - slack) / step))
    let longest = max(shortest, Int(length_nm * (1 + slack) / step))
    let wanted = length_nm / step
    let strain = (shortest...longest).map { length -> Double in
        let relative = (Double(length) - wanted) / (slack * wanted)
        return 0.05 * mean * relative * relative
    }
    // The least cost of cutting at each place, and the cut before. The first cut is free within a window's length.
    var cost = density
    var before = [Int](repeating: -1, count: count)
    for place in 0..<count where place >= longest {
        var best = Double.infinity
        for length in shortest...longest {
            let total = cost[place - length] + strain[length - shortest]
            if total < best {
                best = total
                before[place] = place - length
            }
        }
        cost[place] += best
    }
    var cut = (max(0, count - longest)..<count).min { cost[$0] < cost[$1] } ?? -1
    var cuts: [Double] = []
    while cut >= 0 {
        cuts.append(start + Double(cut) * step)
        cut = before[cut]
    }
    var windows: [Range<Int>] = []
    var lower = arc_nm.startIndex
    for place in cuts.reversed() + [.infinity] {
        var upper = lower
        while upper < arc_nm.endIndex, arc_nm[upper] < place { upper += 1 }
        if upper > lower { windows.append(lower..<upper) }
        lower = upper
    }
    return windows
}
