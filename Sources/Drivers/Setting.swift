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
}

/// A key of the microscope file that belongs to one kind of device: its limits, its help, and where it goes.
public struct Setting<Settings: Sendable>: Sendable {
    /// The key.
    public let name: String
    let values: String
    let text: String
    let isRequired: Bool
    let standard: @Sendable (Settings) -> String
    /// Takes the value; what is wrong with it, else nil.
    let take: @Sendable (JSONValue, inout Settings) -> String?

    func help(defaults: Settings) -> SettingHelp {
        SettingHelp(name: name, values: values, standard: isRequired ? nil : standard(defaults), help: text)
    }

    /// A number within limits; the unit is the end of its name.
    public static func number(
        _ name: String, _ field: any WritableKeyPath<Settings, Double> & Sendable, _ limits: ClosedRange<Double>,
        isRequired: Bool = false, _ help: String
    ) -> Setting {
        let values = "\(plain(limits.lowerBound)) to \(plain(limits.upperBound))"
        return Setting(
            name: name, values: values, text: help, isRequired: isRequired,
            standard: { plain($0[keyPath: field]) },
            take: { value, settings in
                guard case .number(let number) = value else { return "is not a number" }
                guard limits.contains(number) else { return "is \(plain(number)); give \(values)" }
                settings[keyPath: field] = number
                return nil
            })
    }

    /// A whole number within limits.
    public static func whole(
        _ name: String, _ field: any WritableKeyPath<Settings, Int> & Sendable, _ limits: ClosedRange<Int>,
        isRequired: Bool = false, _ help: String
    ) -> Setting {
        let values = "\(limits.lowerBound) to \(limits.upperBound)"
        return Setting(
            name: name, values: values, text: help, isRequired: isRequired,
            standard: { String($0[keyPath: field]) },
            take: { value, settings in
                guard case .number(let number) = value, let whole = Int(exactly: number) else {
                    return "is not a whole number"
                }
                guard limits.contains(whole) else { return "is \(whole); give \(values)" }
                settings[keyPath: field] = whole
                return nil
            })
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

/// Reads all settings from the keys of a device; tells every problem at once.
func readSettings<Settings>(
    _ settings: [Setting<Settings>], from values: [String: JSONValue], place: String, into chosen: inout Settings
) throws {
    var problems: [String] = []
    let common = ["driver", "port", "optional"]
    let names = common + settings.map(\.name)
    for key in values.keys.sorted() where !names.contains(key) {
        let guess = nearestName(to: key, in: names).map { "did you mean '\($0)'?" }
        problems.append("there is no key '\(key)', \(guess ?? "the keys are \(names.joined(separator: ", "))")")
    }
    if case .string(let port)? = values["port"], !port.isEmpty {
    } else {
        problems.append("the port is missing, give a path or usb:VID:PID:SERIAL")
    }
    for setting in settings {
        if let value = values[setting.name], value != .null {
            if let problem = setting.take(value, &chosen) { problems.append("\(setting.name) \(problem)") }
        } else if setting.isRequired {
            problems.append("\(setting.name) is missing; give \(setting.values)")
        }
    }
    guard problems.isEmpty else {
        throw Failure("\(place): \(problems.joined(separator: "; "))", code: "bad-description")
    }
}

private func plain(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
}
