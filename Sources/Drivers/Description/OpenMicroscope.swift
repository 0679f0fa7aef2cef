import Instruments
import Transports
import Work

/// Opens a microscope. Every light is put off before anything else, by a keeper process that outlives this program.
/// - Parameters:
///   - nameOrFile: `simulated`, or a microscope file: a Lua file `return microscope { ... }`, or JSON with the same keys.
///   - settings: laid over the file, key by key.
///   - keeper: gives the keeper of the lights where there are ports of lights.
/// - Returns: the microscope with all lights off.
/// - Throws: a `Failure` in one line for a file that is missing or cannot be read, unknown keys (with the nearest known
///   ones), values outside their limits; and one that tells all devices that are missing.
public func openMicroscope(
    _ nameOrFile: String, settings: [String: JSONValue] = [:], keeper: () throws -> Keeper = LightKeeper.shared
) throws -> Microscope {
    let plan = try MicroscopePlan(MicroscopeFile(nameOrFile, settings: settings))
    let opening = MicroscopeOpening(plan)
    do {
        let microscope = try opening.open(keeper)
        OpenMicroscopes.add(microscope)
        return microscope
    } catch {
        opening.giveUp()
        throw error
    }
}

/// Checks a microscope file without opening anything.
/// - Throws: as `openMicroscope`.
public func checkMicroscope(_ nameOrFile: String, settings: [String: JSONValue] = [:]) throws {
    _ = try MicroscopePlan(MicroscopeFile(nameOrFile, settings: settings))
}

/// A microscope that is being opened.
private final class MicroscopeOpening {
    private let plan: MicroscopePlan
    private var open: [Int: OpenController] = [:]
    private var failed: [Int: Failure] = [:]
    private var devices: [(planned: MicroscopePlan.Device, device: any Device)] = []
    private let problems = Problems()
    private var missing: [String] = []

    init(_ plan: MicroscopePlan) { self.plan = plan }

    /// Closes what has been opened.
    func giveUp() {
        for entry in devices.reversed() { entry.device.close() }
        for controller in open.values { controller.close() }
    }

    func open(_ keeper: () throws -> Keeper) throws -> Microscope {
        try openControllers(keeper)
        let lightsFirst = plan.devices.enumerated().sorted {
            ($0.element.provision == .light ? 0 : 1, $0.offset) < ($1.element.provision == .light ? 0 : 1, $1.offset)
        }
        for (_, device) in lightsFirst { make(device) }
        try problems.finish { "\($0) devices of \(plan.file.place) are missing" }
        for case let devices as MicroManagerDevices in open.values.map(\.controller) {
            try devices.check(plan.objective, plan.file.place)
        }
        let world = plan.simulation.map(world)
        if let world { for device in plan.devices { make(device, in: world) } }
        gateLights()
        calibrateLights()
        try problems.finish { "\($0) devices of \(plan.file.place) are missing" }
        if let world { watch(world) }
        return try microscope(world)
    }

    /// Opens every line, those with light first.
    private func openControllers(_ keeper: () throws -> Keeper) throws {
        func hasLight(_ index: Int) -> Bool { plan.controllers[index].planned.driver.off != nil }
        func place(_ index: Int) -> Int {
            if hasLight(index) { return 0 }
            return plan.controllers[index].planned.driver.provides.contains(.light) ? 1 : 2
        }
        let order = plan.controllers.indices.sorted { (place($0), $0) < (place($1), $1) }
        let guardian = order.contains(where: hasLight) ? try keeper() : nil
        for index in order {
            let controller = plan.controllers[index]
            do {
                open[index] = try controller.planned.open(
                    controller.name, isShared: controller.isShared, place: controller.place, keeper: guardian)
            } catch let failure as Failure {
                let told = Failure(
                    failure.message.hasPrefix(plan.file.place)
                        ? failure.message : "\(controller.place): \(failure.message)",
                    remedy: failure.remedy, code: failure.code)
                failed[index] = told
                // One line of one device is told of with its device.
                guard controller.isShared else { continue }
                if controller.isOptional { missing.append("\(told)") } else { problems.add(told) }
            }
        }
    }

    private func make(_ device: MicroscopePlan.Device) {
        guard case .controller(let index, let part) = device.source else { return }
        let isShared = plan.controllers[index].isShared
        guard let controller = open[index] else {
            if !isShared, let failure = failed[index] { lose(device, failure) }
            return
        }
        do { devices.append((device, try controller.make(device.name, part))) } catch {
            if !isShared {
                controller.close()
                open[index] = nil
            }
            lose(device, placed(error, device))
        }
    }

    /// The simulated world, with the real lights and wheels beside its own.
    private func world(_ settings: SimulatedSettings) -> SimulatedWorld {
        var settings = settings
        settings.lights += list(.light, as: (any LightSource).self).map {
            LightModel(name: $0.name, wavelength_nm: $0.wavelength_nm, maximum_mw: $0.maximum_mw)
        }
        settings.wheels += list(.wheel, as: (any Wheel).self).map { WheelModel(seen: $0) }
        return SimulatedWorld(settings)
    }

    private func make(_ device: MicroscopePlan.Device, in world: SimulatedWorld) {
        guard case .world(let part) = device.source else { return }
        do { devices.append((device, try part(device.name, world))) } catch {
            lose(device, placed(error, device))
        }
    }

    private func placed(_ error: any Error, _ device: MicroscopePlan.Device) -> Failure {
        let failure = error as? Failure
        return Failure(
            "\(device.place): \(failure?.message ?? "\(error)")", remedy: failure?.remedy ?? "",
            code: failure?.code ?? "failed")
    }

    private func lose(_ device: MicroscopePlan.Device, _ failure: Failure) {
        if device.isOptional { missing.append("\(failure)") } else { problems.add(failure) }
    }

    private func list<Kind>(_ provision: Provision, as kind: Kind.Type) -> [Kind] {
        devices.filter { $0.planned.provision == provision }.compactMap { $0.device as? Kind }
    }

    /// Puts lights behind the triggers that gate them; a light without its trigger is not to be had.
    private func gateLights() {
        let triggers = list(.trigger, as: (any Trigger).self)
        devices = devices.compactMap { entry in
            guard let gate = entry.planned.gate, let light = entry.device as? any LightSource else { return entry }
            if let trigger = triggers.first(where: { $0.name == gate }) {
                return (entry.planned, GatedLight(light, behind: trigger))
            }
            light.close()
            lose(
                entry.planned,
                Failure(
                    "\(entry.planned.place): the trigger '\(gate)' that gates it is missing",
                    remedy: "plug it in, or take gated_by away", code: "device-missing"))
            return nil
        }
    }

    /// Lays their curves over the lights that have one.
    private func calibrateLights() {
        devices = devices.map { entry in
            guard let curve = entry.planned.curve, let light = entry.device as? any LightSource else { return entry }
            return (entry.planned, CalibratedLight(light, curve))
        }
    }

    /// Lets the simulated world see what the real devices do.
    private func watch(_ world: SimulatedWorld) {
        devices = devices.map { entry in
            guard case .controller = entry.planned.source else { return entry }
            let seen: any Device =
                switch entry.device {
                case let light as any LightSource: SeenLight(light, world)
                case let wheel as any Wheel: SeenWheel(wheel, world)
                case let stage as any Stage: SeenStage(stage)
                case let focus as any Focus: SeenFocus(focus)
                default: entry.device
                }
            return (entry.planned, seen)
        }
        let stage = list(.stage, as: SeenStage.self).first
        let focus = list(.focus, as: SeenFocus.self).first
        guard stage != nil || focus != nil else { return }
        world.follow { world in
            let place = stage?.place.change().map { place in
                SimulatedWorld.Change.stage(
                    StageMove(
                        start_ms: world.clock.now_ms, from: place, target: place, rest: place,
                        model: world.settings.stage))
            }
            let height = focus?.place.change().map { SimulatedWorld.Change.focus(z_um: $0) }
            return [place, height].compactMap { $0 }
        }
    }

    private func microscope(_ world: SimulatedWorld?) throws -> Microscope {
        let cameras = list(.camera, as: (any Camera).self)
        var further = Microscope.Further()
        further.truth = world
        let first = cameras.first { $0.name == "camera" } ?? cameras.min { $0.name < $1.name }
        further.cameras = cameras.filter { $0.name != first?.name }
        further.focusLock = list(.focusLock, as: (any FocusLock).self).first
        further.shutters = list(.shutter, as: (any Shutter).self)
        further.triggers = list(.trigger, as: (any Trigger).self)
        further.meters = list(.meter, as: (any Meter).self)
        further.objectives = plan.objectives
        further.objective = plan.objective
        further.missing = missing
        further.origins = Dictionary(plan.devices.map { ($0.name, origin($0)) }) { first, _ in first }
        let controllers = Array(open.values)
        further.release = { for controller in controllers { controller.close() } }
        let identity = try Fingerprint(of: plan.file.asked).description
        let isSimulated = plan.devices.contains { device in
            if device.provision == .camera, case .world = device.source { return true }
            return false
        }
        return Microscope(
            name: plan.name, identity: identity, stage: list(.stage, as: (any Stage).self).first,
            focus: list(.focus, as: (any Focus).self).first, camera: first,
            lights: list(.light, as: (any LightSource).self), wheels: list(.wheel, as: (any Wheel).self),
            channels: plan.channels, further: further,
            now_ms: isSimulated ? world.map { world in { @Sendable in world.clock.now_ms } } : nil)
    }

    private func origin(_ device: MicroscopePlan.Device) -> DeviceOrigin {
        guard case .controller(let index, _) = device.source else {
            return DeviceOrigin(driver: device.driver)
        }
        return DeviceOrigin(driver: device.driver, port: plan.controllers[index].planned.port)
    }
}
