import Instruments
import Work

extension SimulatedWorld {
    /// The declaration of the simulated devices. They share one world, which is made when all other devices are open.
    static let driver = Driver(
        world: "simulated", help: "devices of a simulated microscope, which look at one specimen",
        parts: [
            Part(
                .stage, defaults: StageModel(), settings: StageModel.settings,
                without: ["x_um", "y_um", "settle_ms", "tolerance_um"],
                make: { _, _, world in SimulatedStage(world) }),
            Part(
                .focus, defaults: FocusModel(), settings: FocusModel.settings,
                without: ["z_um", "settle_ms", "tolerance_um"],
                make: { _, _, world in SimulatedFocus(world) }),
            Part(
                .camera, defaults: CameraModel(), settings: CameraModel.settings, without: ["pixel_nm"],
                make: { name, model, world in SimulatedCamera(name, model, world) }),
            Part(
                .light, defaults: LightModel(), settings: LightModel.settings,
                make: { name, model, world in SimulatedLight(model.named(name), world) }),
            Part(
                .wheel, defaults: WheelModel(), settings: WheelModel.settings,
                make: { name, model, world in SimulatedWheel(model.named(name), world) }),
        ])
}
