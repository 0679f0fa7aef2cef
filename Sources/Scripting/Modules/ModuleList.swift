extension LuaModule {
    /// Every native module: the one list that scripts, help, completion and the reference are made from.
    public static var all: [LuaModule] {
        [
            .script,
            .system,
            .imaging,
            .segmentation,
            .localization,
            .resolution,
            .periodicity,
            .simulation,
            .microscope,
            .acquisition,
            .view,
        ]
    }
}
