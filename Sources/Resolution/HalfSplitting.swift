import Localization
import Randomness
import Work

/// The splits of a table: for each, which half every row is in.
func halves(of table: LocalizationTable, _ settings: RingCorrelationSettings) throws -> [[Bool]] {
    let random = RandomSource(seed: settings.seed)
    switch settings.split {
    case .localizations:
        return (0..<settings.splits).map { index in
            var stream = random.split(index)
            return (0..<table.count).map { _ in stream.chance(0.5) }
        }
    case .tracks:
        if let track = table["track"] ?? table["emitter"] {
            return [track.map { $0.truncatingRemainder(dividingBy: 2) != 0 }]
        }
        let radius = settings.link_nm ?? 3 * typicalUncertainty(table)
        return [try table.tracks(radius_nm: radius).map { $0 % 2 != 0 }]
    case .frames, .blocks:
        guard let first = table.frame.min(), let last = table.frame.max(), last > first else {
            throw Failure(
                "all localizations are in one frame", remedy: "a split in time needs several; split by localizations",
                code: "one-frame")
        }
        if settings.split == .frames { return [table.frame.map { $0 % 2 != 0 }] }
        let frames = Int(last) - Int(first) + 1
        let blocks = min(settings.blocks, frames)
        return (0..<settings.splits).map { index in
            var stream = random.split(index)
            var isSecond = (0..<blocks).map { $0 % 2 != 0 }
            isSecond.shuffle(using: &stream)
            return table.frame.map { isSecond[(Int($0) - Int(first)) * blocks / frames] }
        }
    }
}

/// The median uncertainty of a localization, 10 nm where a table does not say.
func typicalUncertainty(_ table: LocalizationTable) -> Double {
    let known = (table["uncertainty_nm"] ?? []).filter { $0 > 0 && $0.isFinite }.sorted()
    return known.isEmpty ? 10 : known[known.count / 2]
}
