import Work

/// One parameter of a native function: what the closure's type does not say.
///
/// The type comes from the closure. A parameter with a default may be left out by the script, and so may one whose
/// Swift type is optional.
public struct Parameter {
    /// The name in messages and in the reference; units are part of it: `exposure_ms`.
    public let name: String
    /// What it is, as the end of a sentence that begins with its name.
    public let help: String
    /// The value where the script gives none.
    public let defaultValue: LuaValue
    /// The smallest number allowed.
    public let minimum: Double?
    /// The largest number allowed.
    public let maximum: Double?
    /// The texts allowed.
    public let choices: [String]

    /// Describes a parameter.
    public init(
        _ name: String, _ help: String, default defaultValue: LuaValue = nil, minimum: Double? = nil,
        maximum: Double? = nil, choices: [String] = []
    ) {
        self.name = name
        self.help = help
        self.defaultValue = defaultValue
        self.minimum = minimum
        self.maximum = maximum
        self.choices = choices
    }

    /// Checks limits and choices of the value at a stack index.
    func check(_ lua: LuaContext, at index: Int32) throws {
        if minimum != nil || maximum != nil, let number = try? Double.read(lua, at: index) {
            guard number >= minimum ?? -.infinity, number <= maximum ?? .infinity else {
                throw Mismatch("\(LuaValue.digits(number)) is out of range (\(range))")
            }
        }
        if !choices.isEmpty, let text = try? String.read(lua, at: index), !choices.contains(text) {
            let near = nearestName(to: text, in: choices).map { "; did you mean \"\($0)\"?" } ?? ""
            throw Mismatch("\"\(text)\" is not one of \(choices.joined(separator: ", "))\(near)")
        }
    }

    /// The limits for people: `1 to 5`, `at least 1`, or nothing.
    var range: String {
        switch (minimum, maximum) {
        case (let low?, let high?): "\(LuaValue.digits(low)) to \(LuaValue.digits(high))"
        case (let low?, nil): "at least \(LuaValue.digits(low))"
        case (nil, let high?): "at most \(LuaValue.digits(high))"
        case (nil, nil): ""
        }
    }
}
