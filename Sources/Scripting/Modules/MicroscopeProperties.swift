import Instruments
import Work

/// The properties of one device as scripts hold them.
struct PropertiesHandle: LuaObject {
    static let luaName = "microscope.Properties"
    let device: any Device
}

/// What `pairs` goes through.
final class PropertyWalk: LuaObject {
    static let luaName = "microscope.PropertyWalk"
    private var rest: ArraySlice<DeviceProperty>

    init(_ properties: [DeviceProperty]) { rest = properties[...] }

    func next() throws -> DeviceProperty? { rest.popFirst() }
}

/// What a microscope says of itself.
struct DescriptionHandle: LuaObject {
    static let luaName = "microscope.Description"
    let description: MicroscopeDescription
}

extension PropertyValue {
    /// The value as scripts have it.
    func luaValue(_ kind: DeviceProperty.Kind) -> LuaValue {
        switch self {
        case .number(let number):
            if case .whole = kind, let whole = Int(exactly: number) { return .integer(whole) }
            return .number(number)
        case .flag(let flag): return .boolean(flag)
        case .text(let text): return .text(text)
        }
    }

    init(_ value: LuaValue, for property: DeviceProperty) throws {
        if let number = value.double {
            self = .number(number)
        } else if let flag = value.bool {
            self = .flag(flag)
        } else if let text = value.string {
            self = .text(text)
        } else {
            let kind =
                switch value {
                case .nil: "nil"
                case .list, .record: "a table"
                case .function: "a function"
                default: "an object"
                }
            throw Failure(
                "the property \(property.name) cannot be \(kind)", remedy: "give \(property.kind.text)",
                code: "property-range")
        }
    }
}

extension LuaModule {
    static func declareProperties(_ module: LuaModule) {
        module.class(
            PropertiesHandle.self,
            "The properties of a device: printed as a list; read and set by name; `pairs` goes through names and values."
        ) { properties in
            properties.members("a property of the device by its name") { handle, name in
                let property = try handle.device.property(name)
                return try property.value().luaValue(property.kind)
            } set: { handle, name, value in
                let property = try handle.device.property(name)
                try property.set(try PropertyValue(value, for: property))
            }
            properties.pairs { PropertyWalk($0.device.properties) }
            properties.text { handle in
                DeviceDescription(handle.device).propertyLines.joined(separator: "\n")
            }
        }
        module.class(PropertyWalk.self, "What `pairs` of properties goes through.") { walk in
            walk.callable { (walk: PropertyWalk, _: LuaValue, _: LuaValue) in
                let property = try walk.next()
                return Results(property?.name, try property.map { try $0.value().luaValue($0.kind) })
            }
        }
        module.class(
            DescriptionHandle.self,
            "What a microscope is made of: printed as a text; `devices` has the same as a table."
        ) { description in
            description.property("name", "the name of the microscope") { $0.description.name }
            description.property(
                "devices",
                "for each device by its name: role, driver, port, guarding (of lights), properties with value, unit, "
                    + "allowed, read_back and setting"
            ) { handle in
                Dictionary(handle.description.devices.map { ($0.name, $0.record) }) { first, _ in first }
            }
            description.text { $0.description.text }
        }
    }
}

extension DeviceDescription {
    /// The device as a table for scripts.
    fileprivate var record: LuaValue {
        var fields: [String: LuaValue] = ["role": .text(role)]
        if let driver { fields["driver"] = .text(driver) }
        if let port { fields["port"] = .text(port) }
        if let guarding { fields["guarding"] = .text(guarding) }
        fields["properties"] = .record(
            Dictionary(
                properties.map { entry in
                    var property: [String: LuaValue] = [
                        "help": .text(entry.property.help), "unit": .text(entry.property.unit),
                        "allowed": .text(entry.property.kind.text),
                        "read_back": .text(entry.property.readBack.rawValue),
                        "setting": .text(entry.property.setting.rawValue),
                    ]
                    switch entry.value {
                    case .success(let value): property["value"] = value.luaValue(entry.property.kind)
                    case .failure(let failure): property["problem"] = .text(failure.description)
                    }
                    return (entry.property.name, .record(property))
                }
            ) { first, _ in first })
        return .record(fields)
    }
}
