import Instruments
import Work

extension MicroscopeFile {
    /// Takes from Micro-Manager's .cfg what the file does not say otherwise: its pixel sizes are objectives, the presets
    /// of its channel group are channels.
    ///
    /// The .cfg is read here as far as it can be: a helper on another computer has it there, `copy` is one of this
    /// computer's then. Powers are never guessed: a channel has its light at the one power that this can have, or at 0.
    mutating func takeFromConfigurations() throws {
        for (name, controller) in (values["controllers"] ?? .null).members.sorted(by: { $0.key < $1.key })
        where controller["driver"] == .string("micromanager") {
            let key = controller["host"] == nil ? "config" : "copy"
            guard case .string(let path)? = controller[key], !path.isEmpty else { continue }
            let file = try MicroManagerConfiguration(file: path.hasPrefix("/") ? path : "\(folder)/\(path)")
            takeObjectives(file)
            takeChannels(file, of: name)
        }
    }

    private mutating func takeObjectives(_ file: MicroManagerConfiguration) {
        guard values["objectives"] == nil else { return }
        let sizes = file.pixelSizes.filter { $0.um != nil }
        guard !sizes.isEmpty else { return }
        values["objectives"] = .object(
            Dictionary(
                sizes.map { size in
                    var objective: [String: JSONValue] = ["pixel_nm": .number((size.um ?? 0) * 1000)]
                    if let matrix = size.matrix_um {
                        objective["matrix_um"] = .array(matrix.map { .array($0.map { .number($0) }) })
                    }
                    return (size.name, .object(objective))
                }, uniquingKeysWith: { first, _ in first }))
        if values["objective"] == nil, let name = file.pixelSizeAtStart { values["objective"] = .string(name) }
    }

    private mutating func takeChannels(_ file: MicroManagerConfiguration, of controller: String) {
        guard values["channels"] == nil else { return }
        let named = file.role("ChannelGroup") ?? "Channel"
        guard let group = file.groups.first(where: { $0.name == named }), !group.presets.isEmpty else { return }
        let lights = (values["lights"] ?? .null).members.filter { $0.value["from"] == .string(controller) }
        guard !lights.isEmpty else { return }
        var wheels = (values["wheels"] ?? .null).members
        let isTurned = { (wheel: JSONValue) in
            wheel["from"] == .string(controller) && wheel["group"] == .string(group.name)
        }
        let wheel = wheels.first { isTurned($0.value) }?.key ?? group.name
        if wheels[wheel] == nil {
            wheels[wheel] = .object(["from": .string(controller), "group": .string(group.name)])
            values["wheels"] = .object(wheels)
        }
        var channels: [String: JSONValue] = [:]
        for preset in group.presets {
            let shutter =
                preset.settings.last { $0.device == "Core" && $0.property == "Shutter" }?.value ?? file.role("Shutter")
            let own = lights.filter { $0.value["device"]?.plain == shutter }.sorted { $0.key < $1.key }
            guard let light = own.first ?? (lights.count == 1 ? lights.first : nil) else { continue }
            var power_mw = 0.0
            if light.value["power"] == nil, case .number(let only)? = light.value["maximum_mw"] { power_mw = only }
            channels[preset.name] = .object([
                "lights": .object([light.key: .number(power_mw)]), "wheels": .object([wheel: .string(preset.name)]),
            ])
        }
        if !channels.isEmpty { values["channels"] = .object(channels) }
    }
}
