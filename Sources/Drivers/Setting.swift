import Work

/// A setting as the help and the reference show it.
public struct SettingHelp: Sendable, Equatable {
    /// The key in the microscope file, with its unit at the end where it has one.
    public var name: String
    /// What may be given: `0 to 1000`, `fast or slow`.
    public var values: String
    /// The standard value, nil where one must be given.
    public var standard: String?
    /// What it is for.
    public var help: String
    /// Whether it is a file, whose path is taken from the folder of the microscope file.
    public var isPath = false
}

/// A key of the microscope file that belongs to one kind of device: its limits, its help, and where it goes.
public struct Setting<Settings: Sendable>: Sendable {
    /// The key.
    public let name: String
    let values: String
    let text: String
    let isRequired: Bool
    var isPath = false
    let standard: @Sendable (Settings) -> String
    /// Takes the value; what is wrong with it, else nil.
    let take: @Sendable (JSONValue, inout Settings) -> String?

    func help(defaults: Settings) -> SettingHelp {
        SettingHelp(
            name: name, values: values, standard: isRequired ? nil : standard(defaults), help: text, isPath: isPath)
    }

    /// A number within limits, whole where the field is; the unit is the end of its name.
    public static func number<Value: SettingNumber>(
        _ name: String, _ field: any WritableKeyPath<Settings, Value> & Sendable, _ limits: ClosedRange<Value>,
        isRequired: Bool = false, _ help: String
    ) -> Setting {
        let values = "\(plain(limits.lowerBound)) to \(plain(limits.upperBound))"
        return Setting(
            name: name, values: values, text: help, isRequired: isRequired,
            standard: { plain($0[keyPath: field]) },
            take: { value, settings in
                guard case .number(let given) = value, let number = Value(exactly: given) else {
                    return "is not \(Value.kind)"
                }
                guard limits.contains(number) else { return "is \(plain(number)); give \(values)" }
                settings[keyPath: field] = number
                return nil
            })
    }

    /// A number within limits that may be left out.
    public static func number(
        _ name: String, _ field: any WritableKeyPath<Settings, Double?> & Sendable, _ limits: ClosedRange<Double>,
        _ help: String
    ) -> Setting {
        let values = "\(plain(limits.lowerBound)) to \(plain(limits.upperBound))"
        return Setting(
            name: name, values: values, text: help, isRequired: false,
            standard: { $0[keyPath: field].map { plain($0) } ?? "none" },
            take: { value, settings in
                guard case .number(let number) = value else { return "is not a number" }
                guard limits.contains(number) else { return "is \(plain(number)); give \(values)" }
                settings[keyPath: field] = number
                return nil
            })
    }

    /// The same setting of what holds these settings.
    func within<Whole: Sendable>(_ part: any WritableKeyPath<Whole, Settings> & Sendable) -> Setting<Whole> {
        Setting<Whole>(
            name: name, values: values, text: text, isRequired: isRequired, isPath: isPath,
            standard: { [standard] in standard($0[keyPath: part]) },
            take: { [take] value, whole in take(value, &whole[keyPath: part]) })
    }

    /// Two numbers, the lower first.
    public static func range(
        _ name: String, _ field: any WritableKeyPath<Settings, ClosedRange<Double>> & Sendable,
        isRequired: Bool = false, _ help: String
    ) -> Setting {
        let values = "[lowest, highest]"
        return Setting(
            name: name, values: values, text: help, isRequired: isRequired,
            standard: { "[\(plain($0[keyPath: field].lowerBound)), \(plain($0[keyPath: field].upperBound))]" },
            take: { value, settings in
                guard case .array(let list) = value, list.count == 2, case .number(let low) = list[0],
                    case .number(let high) = list[1], low < high, (high - low).isFinite
                else { return "is not a range; give \(values)" }
                settings[keyPath: field] = low...high
                return nil
            })
    }

    /// A text that is not empty.
    public static func text(
        _ name: String, _ field: any WritableKeyPath<Settings, String> & Sendable, isRequired: Bool = false,
        _ help: String
    ) -> Setting {
        Setting(
            name: name, values: "a text", text: help, isRequired: isRequired, standard: { $0[keyPath: field] },
            take: { value, settings in
                guard case .string(let text) = value, !text.isEmpty else { return "is not a text" }
                settings[keyPath: field] = text
                return nil
            })
    }

    /// The path of a file, from the folder of the microscope file.
    public static func path(
        _ name: String, _ field: any WritableKeyPath<Settings, String> & Sendable, isRequired: Bool = false,
        _ help: String
    ) -> Setting {
        var setting = text(name, field, isRequired: isRequired, help)
        setting.isPath = true
        return setting
    }

    /// True or false.
    public static func flag(
        _ name: String, _ field: any WritableKeyPath<Settings, Bool> & Sendable, _ help: String
    ) -> Setting {
        Setting(
            name: name, values: "true or false", text: help, isRequired: false,
            standard: { String($0[keyPath: field]) },
            take: { value, settings in
                guard case .boolean(let flag) = value else { return "is not true or false" }
                settings[keyPath: field] = flag
                return nil
            })
    }

    /// One of several words.
    public static func choice(
        _ name: String, _ field: any WritableKeyPath<Settings, String> & Sendable, of words: [String], _ help: String
    ) -> Setting {
        let values = words.joined(separator: " or ")
        return Setting(
            name: name, values: values, text: help, isRequired: false, standard: { $0[keyPath: field] },
            take: { value, settings in
                guard case .string(let word) = value, words.contains(word) else {
                    let guess = { (word: String) in nearestName(to: word, in: words).map { "; did you mean '\($0)'?" } }
                    if case .string(let word) = value { return "is '\(word)'\(guess(word) ?? "; give \(values)")" }
                    return "is not one of \(values)"
                }
                settings[keyPath: field] = word
                return nil
            })
    }

    /// A list of different names.
    public static func names(
        _ name: String, _ field: any WritableKeyPath<Settings, [String]> & Sendable, count: ClosedRange<Int>,
        isRequired: Bool = false, _ help: String
    ) -> Setting {
        let values = "a list of \(count.lowerBound) to \(count.upperBound) names"
        return Setting(
            name: name, values: values, text: help, isRequired: isRequired,
            standard: { $0[keyPath: field].joined(separator: ", ") },
            take: { value, settings in
                guard case .array(let list) = value else { return "is not a list" }
                var names: [String] = []
                for entry in list {
                    guard case .string(let name) = entry, !name.isEmpty else { return "is not a list of names" }
                    if names.contains(name) { return "has '\(name)' twice" }
                    names.append(name)
                }
                guard count.contains(names.count) else { return "has \(names.count) names; give \(values)" }
                settings[keyPath: field] = names
                return nil
            })
    }
}

/// A number that a setting may be.
public protocol SettingNumber: Comparable, Sendable {
    /// For messages: `a number`.
    static var kind: String { get }
    /// The value where it is one.
    init?(exactly value: Double)
}

extension Double: SettingNumber {
    /// For messages.
    public static var kind: String { "a number" }
}

extension Int: SettingNumber {
    /// For messages.
    public static var kind: String { "a whole number" }
}

private func plain(_ number: some SettingNumber) -> String {
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
