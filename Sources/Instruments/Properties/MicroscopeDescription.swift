import Work

/// What a device says of itself, for people and scripts.
public struct DeviceDescription: Sendable {
    /// Its name in the microscope file.
    public let name: String
    /// What it is to the microscope: `stage`, `light` ...
    public let role: String
    /// Its driver, where that is known.
    public let driver: String?
    /// Its port, for devices that have one.
    public let port: String?
    /// For lights: what puts it off when the program dies, and what nothing can cover.
    public let guarding: String?
    /// Its properties with their values now, or what the device answered instead.
    public let properties: [(property: DeviceProperty, value: Result<PropertyValue, Failure>)]

    /// Asks a device for all its properties.
    public init(_ device: any Device, role: String = "", origin: DeviceOrigin? = nil) {
        name = device.name
        self.role = role
        driver = origin?.driver
        port = origin?.port
        guarding = (device as? any LightSource)?.guarding
        properties = device.properties.map { property in
            do { return (property, .success(try property.value())) } catch {
                return (property, .failure(error as? Failure ?? Failure("\(error)")))
            }
        }
    }

    /// A line for each property: name, value with unit, what may be given, and how sure the value is.
    public var propertyLines: [String] {
        let rows = properties.map { entry -> [String] in
            let property = entry.property
            let value: String
            switch entry.value {
            case .success(let read): value = property.shown(read)
            case .failure(let failure): value = "? (\(failure.message))"
            }
            let allowed = property.setting == .anytime ? property.kind.text : property.setting.rawValue
            let certainty = property.readBack == .openLoop ? ", \(property.readBack.rawValue)" : ""
            return [property.name, value, "\(allowed)\(certainty); \(property.help)"]
        }
        let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            (0..<2).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }.joined(separator: "  ")
                + "  " + row[2]
        }
    }
}

/// Where a device of a microscope comes from.
public struct DeviceOrigin: Sendable, Equatable {
    /// Its driver.
    public var driver: String
    /// Its port, for devices that have one.
    public var port: String?

    /// An origin from its parts.
    public init(driver: String, port: String? = nil) {
        self.driver = driver
        self.port = port
    }
}

/// What a microscope is made of: each device with driver, port and properties, and for each light how it is guarded.
public struct MicroscopeDescription: Sendable {
    /// The name of the microscope.
    public let name: String
    /// Its devices, in the order of `Microscope.devices`.
    public let devices: [DeviceDescription]

    /// The description as a text.
    public var text: String {
        var lines = ["microscope \(name)"]
        for device in devices {
            let title = device.role == device.name ? device.name : "\(device.role) \(device.name)"
            let origin = [device.driver.map { "driver \($0)" }, device.port].compactMap { $0 }.joined(separator: ", ")
            lines += ["", origin.isEmpty ? title : "\(title) (\(origin))"]
            if let guarding = device.guarding { lines.append("  guarded: \(guarding)") }
            lines += device.propertyLines.map { "  " + $0 }
        }
        return lines.joined(separator: "\n")
    }
}

extension Microscope {
    /// What it is made of.
    public func describe() -> MicroscopeDescription {
        MicroscopeDescription(
            name: name,
            devices: devices.map { DeviceDescription($0.device, role: $0.role, origin: origins[$0.device.name]) })
    }
}
