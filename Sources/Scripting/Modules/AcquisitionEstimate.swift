import Acquisition
import Instruments
import Optics
import Work

extension LuaModule {
    static func declareEstimate(_ module: LuaModule) {
        module.function(
            "estimate", "Says what a run is going to take: time, light and disk, before the first photon.",
            [
                Parameter("scope", "the microscope"), Parameter("options", "what the run is going to do, as for check"),
                Parameter("targets", "the positions, once they are chosen"),
            ],
            result:
                "tiles, scan_s, positions, chosen, position_s, moving_s, seconds, bytes, free_bytes, doses, lit_um2, "
                + "greatest_mj_per_um2, overlaps, tiling_fields, tiling_s, guarding, assumed; lines, the same for a person",
            details:
                "Without targets positions are as many as a tiling of the whole area takes, or options.positions where that "
                + "is less. The time follows the moves one by one, with what the stage says of its speed, and what the "
                + "camera says of its cycle; what had to be assumed is listed. Light is in mJ/um2, for a light that fills "
                + "the sensor's field evenly; greatest_mj_per_um2 adds the scan's and that of overlapping fields. "
                + "guarding tells what puts each light off. Wheels turn and the camera is set; every light stays as it is."
        ) { (scope: Microscope, options: CheckOptions, targets: TargetSelection.Targets?) -> LuaValue in
            let estimate = try options.check.estimate(
                on: scope, chosen: targets?.positions.map { Point(x_um: $0.x_um, y_um: $0.y_um) })
            guard case .object(var fields) = try JSONValue(encoding: estimate) else { return .nil }
            fields["seconds"] = .number(estimate.seconds)
            fields["position_mj_per_um2"] = .number(estimate.position_mj_per_um2)
            fields["scan_mj_per_um2"] = .number(estimate.scan_mj_per_um2)
            fields["lines"] = .array(estimate.lines.map { .string($0) })
            return JSONValue.object(fields).luaValue
        }
    }
}
