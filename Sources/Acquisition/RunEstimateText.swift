import Foundation
import Work

extension RunEstimate {
    /// The estimate for a person, a line each for time and disk, light, and what guards it.
    public var lines: [String] {
        var lines: [String] = []
        var parts: [String] = []
        if tiles > 0 {
            parts.append("\(tiles) tile\(tiles == 1 ? "" : "s") in \(Progress.duration(scan_s))")
        }
        let most = isChosen ? "" : "up to "
        let each = positions > 1 ? " of \(Progress.duration(position_s)) each" : " of \(Progress.duration(position_s))"
        parts.append("\(most)\(positions) position\(positions == 1 ? "" : "s")\(positions > 0 ? each : "")")
        let disk = free_bytes.map { " of \(Self.size($0)) free" } ?? ""
        lines.append(
            "time: \(parts.joined(separator: ", ")), \(most)\(Progress.duration(seconds)) in all; "
                + "disk: \(most)\(Self.size(bytes))\(disk)")
        if isChosen, tilingFields > 0 {
            let fold =
                positions > 0 ? String(format: ", %.1f times as many", Double(tilingFields) / Double(positions)) : ""
            lines.append(
                "beside plain tiling of the whole area: \(tilingFields) fields\(fold), \(Progress.duration(tiling_s)), "
                    + "\(Self.short(Double(tilingFields) * position_mj_per_um2 * lit_um2 / 1000)) J of light instead of "
                    + "\(Self.short(Double(positions) * position_mj_per_um2 * lit_um2 / 1000)) J")
        }
        if !doses.isEmpty {
            let light = doses.map { dose in
                let scan = dose.scan_mj_per_um2 > 0 ? "\(Self.short(dose.scan_mj_per_um2)) a tile" : nil
                let position =
                    dose.position_mj_per_um2 > 0 ? "\(Self.short(dose.position_mj_per_um2)) a position" : nil
                return "\(dose.light) " + [scan, position].compactMap { $0 }.joined(separator: " and ")
            }
            let side = lit_um2.squareRoot()
            lines.append(
                "light in mJ/um2: \(light.joined(separator: "; ")); at most \(Self.short(greatest_mj_per_um2)) at a place, "
                    + (overlaps > 0 ? "\(overlaps) pairs of fields overlap" : "no fields overlap")
                    + "; taken to fill a field of \(Self.short(side)) um evenly")
        }
        for (reason, lights) in Dictionary(grouping: guarding.keys.sorted(), by: { guarding[$0] ?? "" }).sorted(by: {
            $0.value[0] < $1.value[0]
        }) {
            lines.append("guarded: \(lights.joined(separator: ", ")): \(reason)")
        }
        if !assumed.isEmpty { lines.append("assumed: \(assumed.joined(separator: ", "))") }
        return lines
    }

    private static func size(_ bytes: Double) -> String {
        bytes < 0.95e9 ? String(format: "%.0f MB", max(1, bytes / 1e6)) : String(format: "%.1f GB", bytes / 1e9)
    }

    /// Three digits.
    private static func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
