import Instruments

extension SimulatedCamera {
    /// Those of every camera, and what its sensor is.
    public var properties: [DeviceProperty] {
        cameraProperties() + [
            .described("bits", .number(Double(model.bits)), "bits of a count"),
            .described("offset_counts", .number(model.offset_counts), "what a pixel counts in the dark"),
            .described("read_noise_electrons", .number(model.readNoise), "noise of the conventional amplifier"),
            .described("row_ms", .number(model.row_ms), "the time to read one row"),
            .described("buffer", .number(Double(model.buffer)), "frames that wait before frames get lost"),
        ]
    }
}

extension SimulatedLight {
    /// It is of this program alone.
    public var guarding: String { "it is simulated and ends with the program" }
}

extension SimulatedStage {
    /// Those of every stage, and how it moves.
    public var properties: [DeviceProperty] {
        let model = world.settings.stage
        return stageProperties + [
            .described("speed_mm_per_s", .number(model.speed_mm_per_s), "the greatest speed"),
            .described("acceleration_mm_per_s2", .number(model.acceleration_mm_per_s2), "the acceleration"),
            .described("settling_ms", .number(model.settling_ms), "how long it swings after a move"),
            .described("backlash_um", .number(model.backlash_um), "the play of its screws"),
        ]
    }
}
