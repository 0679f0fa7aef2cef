import Optics
import Work

extension Microscope {
    /// The channel of a name.
    /// - Throws: `Failure` with code `channel-unknown` that names the nearest, or lists the names there are.
    public func channel(named name: String) throws -> Channel {
        guard let channel = channels[name] else {
            let names = channels.keys.sorted()
            let guess = nearestName(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
            throw Failure(
                "the microscope '\(self.name)' has no channel '\(name)'",
                remedy: guess + "choose one of \(names.joined(separator: ", "))", code: "channel-unknown")
        }
        return channel
    }

    /// Turns the wheels and sets the camera up for a channel; the light stays as it is.
    /// - Returns: the light sources of the channel with their powers, the strongest first; those without power are left
    ///   out where another has some.
    /// Where the channel asks for a cold sensor, it is waited for, in the dark.
    /// - Throws: `Failure`, also for a light or a wheel that the microscope does not have; as `Camera.waitUntilCold`.
    @discardableResult
    public func prepare(_ channel: Channel) throws -> [Beam] {
        let beams = try channel.lights.map { name, power_mw in
            guard let light = lights[name] else {
                throw Failure(
                    "channel '\(channel.name)' needs the light source '\(name)', which '\(self.name)' does not have",
                    remedy: lights.isEmpty
                        ? "it has none" : "choose one of \(lights.keys.sorted().joined(separator: ", "))",
                    code: "light-unknown")
            }
            return Beam(light, power_mw: power_mw)
        }
        for (wheelName, position) in channel.wheels.sorted(by: { $0.key < $1.key }) {
            guard let wheel = wheels[wheelName] else {
                throw Failure(
                    "channel '\(channel.name)' needs the wheel '\(wheelName)', which '\(name)' does not have",
                    remedy: "choose one of \(wheels.keys.sorted().joined(separator: ", "))", code: "wheel-unknown")
            }
            if wheel.selected != position { try wheel.select(position) }
        }
        try camera.setExposure(channel.exposure_ms)
        try camera.setEMGain(channel.emGain)
        if let require_C = channel.require_C, try camera.temperature()?.isCold(require_C) != true {
            // Nothing is to be bleached meanwhile.
            allLightsOff()
            try camera.waitUntilCold(require_C)
        }
        return beams.enumerated().filter { $0.offset == 0 || $0.element.power_mw > 0 }.map(\.element)
    }

    /// Prepares a channel and switches its lights on.
    /// - Parameter power_mw: another power than the channel's for its strongest light.
    /// - Returns: the lease of the light.
    /// - Throws: as `prepare` and `Interlock.on`.
    public func light(_ channel: Channel, power_mw: Double? = nil) throws -> LightLease {
        var beams = try prepare(channel)
        if let power_mw { beams[0] = Beam(beams[0].light, power_mw: power_mw) }
        return try interlock.on(beams)
    }

    /// How the pixels of a frame lie on the specimen as the camera is set: as it was measured for the objective in use, or
    /// along the axes of the stage.
    public func pixelMatrix() throws -> PixelMatrix {
        guard let rows = objective?.matrix_um else { return PixelMatrix(pixel_um: try camera.framePixel_nm() / 1000) }
        return PixelMatrix(rows: rows).binned(try camera.binning())
    }

    /// The field of view of the camera's present region in um: the largest rectangle along the axes of the stage that a
    /// frame shows wholly.
    public func fieldOfView() throws -> (width_um: Double, height_um: Double) {
        let size = try camera.frameSize()
        return try pixelMatrix().field(width: size.width, height: size.height)
    }

    /// Takes one frame as a camera is set, under watch; the lights stay as they are.
    /// - Parameter other: another camera than the first.
    public func snap(with other: (any Camera)? = nil, slack_ms: Double = Microscope.slack_ms) throws -> Frame {
        let camera = other ?? camera
        return try watching(limit_ms: try max(camera.exposure_ms(), camera.cycle_ms()) + slack_ms) { _ in
            try camera.snap()
        }
    }

    /// Takes one frame of a channel; its light is on for the exposure only.
    /// - Parameter slack_ms: what the camera may take beyond the exposure time.
    /// - Throws: as `exposing`, and what the devices throw.
    public func snap(_ channel: Channel, slack_ms: Double = Microscope.slack_ms) throws -> Frame {
        let beams = try prepare(channel)
        return try exposing(to: beams, limit_ms: channel.exposure_ms + slack_ms) { _ in try camera.snap() }
    }
}
