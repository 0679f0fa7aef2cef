/// The name among `names` that a mistyped one was probably meant to be, or nil when none is near: at most a third of
/// its letters (and at least one) wrong, missing, added or swapped with its neighbour, or the end left out after at
/// least three letters (`level` for `level_um`).
public func nearestName(to name: String, in names: some Sequence<String>) -> String? {
    let typed = Array(name.lowercased())
    var best: (name: String, distance: Int)?
    for candidate in names {
        let isBeginning = typed.count >= 3 && candidate.lowercased().hasPrefix(name.lowercased())
        let distance = isBeginning ? 1 : editDistance(typed, Array(candidate.lowercased()))
        if distance <= max(1, max(typed.count, candidate.count) / 3), distance < best?.distance ?? .max {
            best = (candidate, distance)
        }
    }
    return best?.name
}

/// The number of letters to change, insert, remove or swap with their neighbour.
private func editDistance(_ first: [Character], _ second: [Character]) -> Int {
    var rows = [[Int]](repeating: Array(repeating: 0, count: second.count + 1), count: first.count + 1)
    for i in 0...first.count { rows[i][0] = i }
    for j in 0...second.count { rows[0][j] = j }
    guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
    for i in 1...first.count {
        for j in 1...second.count {
            let change = first[i - 1] == second[j - 1] ? 0 : 1
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change)
            if i > 1, j > 1, first[i - 1] == second[j - 2], first[i - 2] == second[j - 1] {
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
            }
        }
    }
    return rows[first.count][second.count]
}
