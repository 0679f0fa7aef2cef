import Work

/// The keys of one entry of a microscope file while they are read, with all that is wrong with them.
struct Keys {
    private let values: [String: JSONValue]
    private var known: [String]
    private var problems: [String] = []

    /// - Parameter common: the keys that every such entry has.
    init(_ values: [String: JSONValue], common: [String]) {
        self.values = values
        known = common
    }

    /// Reads settings over their defaults.
    mutating func read<Settings>(_ settings: [Setting<Settings>], defaults: Settings) -> Settings {
        var chosen = defaults
        for setting in settings {
            known.append(setting.name)
            if let value = values[setting.name], value != .null {
                if let problem = setting.take(value, &chosen) { problems.append("\(setting.name) \(problem)") }
            } else if setting.isRequired {
                problems.append("\(setting.name) is missing; give \(setting.values)")
            }
        }
        return chosen
    }

    /// The port.
    mutating func port() -> String {
        if case .string(let port)? = values["port"], !port.isEmpty { return port }
        problems.append("the port is missing, give a path or usb:VID:PID:SERIAL")
        return ""
    }

    /// The speed of a serial port, where it is set to another than usual.
    mutating func baud(_ usual: Int) -> Int {
        read(
            [.number("baud", \.self, 1200...1_000_000, "the speed of its port where it is not the usual one")],
            defaults: usual)
    }

    /// Tells every problem at once, keys that nobody has first.
    /// - Throws: `Failure` with code `bad-description`.
    func finish(place: String) throws {
        let strangers = values.keys.sorted().filter { !known.contains($0) }.map { key in
            let guess = nearestName(to: key, in: known).map { "did you mean '\($0)'?" }
            return "there is no key '\(key)', \(guess ?? "the keys are \(known.joined(separator: ", "))")"
        }
        guard strangers.isEmpty, problems.isEmpty else {
            throw Failure(
                "\(place): \((strangers + problems).joined(separator: "; "))", code: "bad-description")
        }
    }
}
