import Drivers
import Foundation
import Instruments

extension LuaModule {
    /// Configuration files of Micro-Manager.
    static func declareConfigurations(_ module: LuaModule) {
        module.function(
            "configuration", "Reads a configuration file of Micro-Manager without asking any device.",
            [Parameter("path", "the .cfg")],
            result:
                "{ path, devices, groups, pixel_sizes, pixel_size, roles }: devices with label, module, name, states and focus_direction; "
                + "groups with name and presets; pixel sizes with name, um and matrix_um; roles by their names",
            details: """
                for _, device in ipairs(microscope.configuration("MMConfig_demo.cfg").devices) do print(device.label) end

                The first wrong line is an error with its number.
                """
        ) { (path: String) -> LuaValue in
            var fields = try MicroManagerConfiguration(file: path).luaFields
            fields["path"] = .text(URL(fileURLWithPath: path).standardizedFileURL.path)
            return .record(fields)
        }
    }
}

extension MicroManagerConfiguration {
    fileprivate var luaFields: [String: LuaValue] {
        let roles = ["Camera", "Shutter", "Focus", "XYStage", "AutoFocus", "ChannelGroup"]
        return [
            "devices": .list(
                devices.map { device in
                    let states = labels[device.label, default: [:]].sorted { $0.key < $1.key }.map(\.value)
                    var fields: [String: LuaValue] = [
                        "label": .text(device.label), "module": .text(device.module), "name": .text(device.name),
                        "states": .list(states.map { .text($0) }),
                    ]
                    if let direction = focusDirections[device.label] { fields["focus_direction"] = .integer(direction) }
                    return .record(fields)
                }),
            "groups": .list(
                groups.map { group in
                    .record([
                        "name": .text(group.name),
                        "presets": .list(
                            group.presets.map { preset in
                                .record([
                                    "name": .text(preset.name), "settings": .list(preset.settings.map(\.luaValue)),
                                ])
                            }),
                    ])
                }),
            "pixel_sizes": .list(
                pixelSizes.map { size in
                    var fields: [String: LuaValue] = [
                        "name": .text(size.name), "settings": .list(size.settings.map(\.luaValue)),
                    ]
                    if let um = size.um { fields["um"] = .number(um) }
                    if let matrix = size.matrix_um {
                        fields["matrix_um"] = .list(matrix.map { .list($0.map { .number($0) }) })
                    }
                    return .record(fields)
                }),
            "pixel_size": pixelSizeAtStart.map { .text($0) } ?? .nil,
            "roles": .record(
                Dictionary(uniqueKeysWithValues: roles.compactMap { name in role(name).map { (name, .text($0)) } })),
        ]
    }
}

extension MicroManagerConfiguration.Setting {
    fileprivate var luaValue: LuaValue {
        .record(["device": .text(device), "property": .text(property), "value": .text(value)])
    }
}
