import CLua
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

    /// The largest whole number and the largest number that a function takes where it declares no limit: what is
    /// beyond could not be counted or converted to another unit.
    static let mostCounted = 2_147_483_647.0
    static let mostMeasured = 1e15

    /// Checks limits and choices of the value at a stack index that is read as a type.
    func check(_ lua: LuaContext, at index: Int32, as type: String) throws {
        let plain = type.hasSuffix("?") ? String(type.dropLast()) : type
        if plain == "number" || plain == "integer", lua_type(lua.state, index) == LUA_TNUMBER {
            let number = lua_tonumberx(lua.state, index, nil)
            guard number.isFinite else {
                throw Mismatch("finite number expected, got \(number.isNaN ? "nan" : "\(number)")")
            }
            let most = maximum ?? (plain == "number" ? Parameter.mostMeasured : Parameter.mostCounted)
            guard abs(number) <= max(most, abs(minimum ?? 0)) else {
                throw Mismatch(
                    "\(LuaValue.digits(number)) is out of range (\(range.isEmpty || maximum == nil ? "at most \(LuaValue.digits(most)) in size" : range))"
                )
            }
        }
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
