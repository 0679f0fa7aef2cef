import Work

/// The value of a property.
public enum PropertyValue: Sendable, Equatable {
    case number(Double)
    case flag(Bool)
    case text(String)

    /// As a person reads it, without a unit.
    public var text: String {
        switch self {
        case .number(let number): plain(number)
        case .flag(let flag): flag ? "on" : "off"
        case .text(let text): text
        }
    }
}

/// One setting or reading of a device, declared once: from it come the check, the list that scripts see, and
/// `Microscope.describe()`. What every device of a kind has (exposure, position, power) has methods of its own; properties
/// hold what is peculiar to one, and show the rest in the same list.
public struct DeviceProperty: Sendable {
    /// Which values it can have.
    public enum Kind: Sendable, Equatable {
        /// Numbers within limits; no limits for what is only read.
        case number(ClosedRange<Double>?)
        /// Whole numbers within limits.
        case whole(ClosedRange<Int>)
        /// True or false.
        case flag
        /// One of several words.
        case choice([String])
        /// Any text.
        case text
    }

    /// Where the value comes from that is read.
    public enum ReadBack: String, Sendable {
        /// The device was asked.
        case trusted = "asked"
        /// It is what was sent; the device cannot be asked.
        case openLoop = "as sent"
        /// It stands in the microscope file.
        case fixed = "as described"
    }

    /// When it can be set.
    public enum Setting: String, Sendable {
        /// While the microscope is open.
        case anytime = "settable"
        /// In the microscope file, before the device is opened.
        case beforeOpening = "set in the microscope file"
        /// Never.
        case never = "read-only"
    }

    /// The name with the unit at its end: `exposure_ms`.
    public let name: String
    /// What it is, in one line.
    public let help: String
    /// Which values it can have.
    public let kind: Kind
    /// How far the value that is read can be trusted.
    public let readBack: ReadBack
    /// When it can be set.
    public let setting: Setting
    private let getter: @Sendable () throws -> PropertyValue
    private let setter: (@Sendable (PropertyValue) throws -> Void)?

    private init(
        _ name: String, _ kind: Kind, _ help: String, _ readBack: ReadBack, _ setting: Setting,
        _ getter: @escaping @Sendable () throws -> PropertyValue,
        _ setter: (@Sendable (PropertyValue) throws -> Void)? = nil
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.readBack = readBack
        self.setting = setting
        self.getter = getter
        self.setter = setter
    }

    /// The value now; asks the device where `readBack` is `trusted`.
    /// - Throws: what the device throws.
    public func value() throws -> PropertyValue { try getter() }

    /// Sets the value.
    /// - Throws: `Failure` with code `read-only` for what cannot be set now, `property-range` for a value that it cannot
    ///   have; what the device throws.
    public func set(_ value: PropertyValue) throws {
        guard let setter else {
            throw Failure(
                "the property \(name) cannot be set",
                remedy: setting == .beforeOpening
                    ? "write it in the microscope file, then open it anew" : "it is only read",
                code: "read-only")
        }
        guard kind.allows(value) else {
            throw Failure(
                "the property \(name) cannot be \(value.text)", remedy: "give \(kind.text)", code: "property-range")
        }
        try setter(value)
    }
}

extension DeviceProperty {
    /// A number that is set and read.
    public static func number(
        _ name: String, _ limits: ClosedRange<Double>, _ help: String, readBack: ReadBack = .trusted,
        get: @escaping @Sendable () throws -> Double, set: @escaping @Sendable (Double) throws -> Void
    ) -> DeviceProperty {
        DeviceProperty(
            name, .number(limits), help, readBack, .anytime, { .number(try get()) },
            { if case .number(let number) = $0 { try set(number) } })
    }

    /// A whole number that is set and read.
    public static func whole(
        _ name: String, _ limits: ClosedRange<Int>, _ help: String, readBack: ReadBack = .trusted,
        get: @escaping @Sendable () throws -> Int, set: @escaping @Sendable (Int) throws -> Void
    ) -> DeviceProperty {
        DeviceProperty(
            name, .whole(limits), help, readBack, .anytime, { .number(Double(try get())) },
            { if case .number(let number) = $0, let whole = Int(exactly: number) { try set(whole) } })
    }

    /// True or false, set and read.
    public static func flag(
        _ name: String, _ help: String, readBack: ReadBack = .trusted, get: @escaping @Sendable () throws -> Bool,
        set: @escaping @Sendable (Bool) throws -> Void
    ) -> DeviceProperty {
        DeviceProperty(
            name, .flag, help, readBack, .anytime, { .flag(try get()) },
            { if case .flag(let flag) = $0 { try set(flag) } })
    }

    /// One of several words, set and read.
    public static func choice(
        _ name: String, of words: [String], _ help: String, readBack: ReadBack = .trusted,
        get: @escaping @Sendable () throws -> String, set: @escaping @Sendable (String) throws -> Void
    ) -> DeviceProperty {
        DeviceProperty(
            name, .choice(words), help, readBack, .anytime, { .text(try get()) },
            { if case .text(let text) = $0 { try set(text) } })
    }

    /// A number that is only read.
    public static func reading(
        _ name: String, _ help: String, readBack: ReadBack = .trusted, get: @escaping @Sendable () throws -> Double
    ) -> DeviceProperty {
        DeviceProperty(name, .number(nil), help, readBack, .never, { .number(try get()) })
    }

    /// A state that is only read.
    public static func state(
        _ name: String, _ help: String, readBack: ReadBack = .trusted, get: @escaping @Sendable () throws -> Bool
    ) -> DeviceProperty {
        DeviceProperty(name, .flag, help, readBack, .never, { .flag(try get()) })
    }

    /// A text that is only read.
    public static func text(
        _ name: String, _ help: String, readBack: ReadBack = .trusted, get: @escaping @Sendable () throws -> String
    ) -> DeviceProperty {
        DeviceProperty(name, .text, help, readBack, .never, { .text(try get()) })
    }

    /// Any text, set and read.
    public static func anyText(
        _ name: String, _ help: String, readBack: ReadBack = .trusted,
        get: @escaping @Sendable () throws -> String, set: @escaping @Sendable (String) throws -> Void
    ) -> DeviceProperty {
        DeviceProperty(
            name, .text, help, readBack, .anytime, { .text(try get()) },
            { if case .text(let text) = $0 { try set(text) } })
    }

    /// What the microscope file says of the device.
    public static func described(_ name: String, _ value: PropertyValue, _ help: String) -> DeviceProperty {
        let kind: Kind
        switch value {
        case .number: kind = .number(nil)
        case .flag: kind = .flag
        case .text: kind = .text
        }
        return DeviceProperty(name, kind, help, .fixed, .beforeOpening, { value })
    }

    /// The unit, from the end of the name; empty where it has none.
    public var unit: String {
        let parts = name.split(separator: "_").map(String.init)
        guard parts.count > 1, let last = parts.last else { return "" }
        if parts.count > 3, parts[parts.count - 2] == "per" { return "\(parts[parts.count - 3])/\(last)" }
        return Self.units[last] ?? ""
    }

    private static let units = [
        "nm": "nm", "um": "um", "mm": "mm", "us": "us", "ms": "ms", "s": "s", "h": "h", "mw": "mW", "uw": "uW",
        "mA": "mA", "V": "V", "C": "°C", "Hz": "Hz", "kHz": "kHz", "percent": "%", "counts": "counts", "px": "px",
    ]

    /// The value as a person reads it, with the unit.
    func shown(_ value: PropertyValue) -> String { unit.isEmpty ? value.text : "\(value.text) \(unit)" }
}

extension DeviceProperty.Kind {
    func allows(_ value: PropertyValue) -> Bool {
        switch (self, value) {
        case (.number(let limits), .number(let number)): limits?.contains(number) ?? false
        case (.whole(let limits), .number(let number)): Int(exactly: number).map(limits.contains) ?? false
        case (.flag, .flag): true
        case (.choice(let words), .text(let text)): words.contains(text)
        case (.text, .text): true
        default: false
        }
    }

    /// What may be given.
    public var text: String {
        switch self {
        case .number(let limits): limits.map { "\(plain($0.lowerBound)) to \(plain($0.upperBound))" } ?? "a number"
        case .whole(let limits): "a whole number from \(limits.lowerBound) to \(limits.upperBound)"
        case .flag: "true or false"
        case .choice(let words): words.map { "'\($0)'" }.joined(separator: " or ")
        case .text: "a text"
        }
    }
}

extension [DeviceProperty] {
    /// These, and those of the others that have other names.
    public func joined(by others: [DeviceProperty]) -> [DeviceProperty] {
        let names = Set(map(\.name))
        return self + others.filter { !names.contains($0.name) }
    }
}

extension Device {
    /// The property of a name.
    /// - Throws: `Failure` with code `property-unknown` and the nearest name.
    public func property(_ name: String) throws -> DeviceProperty {
        let all = properties
        if let found = all.first(where: { $0.name == name }) { return found }
        let names = all.map(\.name)
        let guess = nearestName(to: name, in: names).map { "did you mean '\($0)'?" }
        throw Failure(
            "\(self.name) has no property '\(name)'",
            remedy: guess ?? (names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"),
            code: "property-unknown")
    }
}

/// A number in as few digits as give it back.
func plain(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
}
