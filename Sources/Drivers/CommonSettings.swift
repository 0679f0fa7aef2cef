import Instruments
import Optics
import Work

/// The keys that all devices of a kind have, whatever their driver: travel and settling of what moves, what gates a
/// light, and how a camera is described.
struct CommonSettings: Sendable {
    var x_um = 0.0...0.0
    var y_um = 0.0...0.0
    var z_um = 0.0...0.0
    var settle_ms = 30.0
    var stageTolerance_um = 0.5
    var focusTolerance_um = 0.2
    var gatedBy = ""
    var calibration = ""
    var camera = DescribedCamera.Settings()

    static func settings(_ provision: Provision) -> [Setting<CommonSettings>] {
        let settling = Setting<CommonSettings>.number(
            "settle_ms", \.settle_ms, 0...60_000, "how long it swings after it has arrived")
        return switch provision {
        case .stage:
            [
                .range("x_um", \.x_um, isRequired: true, "where it may go along x"),
                .range("y_um", \.y_um, isRequired: true, "where it may go along y"), settling,
                .number(
                    "tolerance_um", \.stageTolerance_um, 0.01...100, "how near to its target it counts as arrived"),
            ]
        case .focus:
            [
                .range("z_um", \.z_um, isRequired: true, "where it may go"), settling,
                .number(
                    "tolerance_um", \.focusTolerance_um, 0.001...100, "how near to its target it counts as arrived"),
            ]
        case .light:
            [
                .text("gated_by", \.gatedBy, "the trigger that lets its light through while the camera exposes"),
                .text("calibration", \.calibration, "the file of calibrate-power, by which its powers are a meter's"),
            ]
        case .camera: DescribedCamera.settings.map { $0.within(\.camera) }
        default: []
        }
    }

    /// The device within its limits.
    /// - Throws: what a camera refuses.
    func applied(to device: any Device, as provision: Provision) throws -> any Device {
        switch (provision, device) {
        case (.stage, let drive as any StageDrive) where !(drive is any Stage):
            GuardedStage(
                drive, travel: Rectangle(x_um: x_um, y_um: y_um), settle_ms: settle_ms, tolerance_um: stageTolerance_um)
        case (.focus, let drive as any FocusDrive) where !(drive is any Focus):
            GuardedFocus(drive, travel_um: z_um, settle_ms: settle_ms, tolerance_um: focusTolerance_um)
        case (.camera, let drive as any Camera): try DescribedCamera(drive, camera)
        default: device
        }
    }
}
