import Work
import CLua
import LuaShim

/// A Swift struct that scripts write as a table of named fields: `localization.fit(movie, { sigma_px = 1.3 })`.
///
///     extension FitOptions: LuaOptions {
///         static let defaults = FitOptions()
///         static let fields = [
///             Option("sigma_px", \FitOptions.sigma_px, "width of the first guess", minimum: 0.3),
///             Option("model", \FitOptions.model, "the likelihood", choices: ["gaussian", "poisson"]),
///         ]
///     }
///
/// A field that is left out keeps the value it has in `defaults`; an unknown field is an error that names the
/// nearest. As a parameter the whole table may be left out.
public protocol LuaOptions: LuaReadable {
    /// The values of all fields that a script leaves out.
    static var defaults: Self { get }
    /// The fields that a script may give.
    static var fields: [Option<Self>] { get }
}

/// A field of an options table for help and the reference.
public struct OptionDescription: Sendable {
    /// Its name.
    public let name: String
    /// Its type as LuaCATS writes it.
    public let type: String
    /// What it is.
    public let help: String
    /// The value it has when left out, as Lua writes it.
    public let defaultText: String
}

/// One field of an options table: its name in Lua, where it is in the struct, and what it is.
public struct Option<Options>: Sendable {
    let description: OptionDescription
    let set: @Sendable (inout Options, LuaContext, Int32) throws -> Void

    /// Ties a name to a property of the struct.
    public init<Value: LuaReadable & LuaWritable>(
        _ name: String, _ path: any WritableKeyPath<Options, Value> & Sendable, _ help: String,
        minimum: Double? = nil, maximum: Double? = nil, choices: [String] = []
    ) where Options: LuaOptions {
        let initial = Options.defaults[keyPath: path]
        var text = "\(initial)"
        if let string = initial as? String { text = "\"\(string)\"" }
        if let number = initial as? Double { text = LuaValue.digits(number) }
        if Value.acceptsNil { text = text.replacingOptionalWrapper() }
        var help = help
        if !choices.isEmpty { help += " (\(choices.joined(separator: ", ")))" }
        let range = Parameter(name, help, minimum: minimum, maximum: maximum).range
        if !range.isEmpty { help += " (\(range))" }
        description = OptionDescription(name: name, type: Value.luaType, help: help, defaultText: text)
        set = { options, lua, index in
            try Parameter(name, "", minimum: minimum, maximum: maximum, choices: choices).check(
                lua, at: index, as: Value.self == UInt64.self ? "any" : Value.luaType)
            options[keyPath: path] = try Value.read(lua, at: index)
        }
    }
}

extension String {
    fileprivate func replacingOptionalWrapper() -> String {
        guard hasPrefix("Optional("), hasSuffix(")") else { return self }
        return String(dropFirst("Optional(".count).dropLast())
    }
}

extension LuaOptions {
    public static var luaType: String { "table" }
    public static var acceptsNil: Bool { true }
    public static var optionFields: [OptionDescription] { fields.map(\.description) }

    public static func read(_ lua: LuaContext, at index: Int32) throws -> Self {
        var options = defaults
        guard lua_type(lua.state, index) > LUA_TNIL else { return options }
        guard lua_type(lua.state, index) == LUA_TTABLE else {
            throw Mismatch(expected: "table of options", lua, index)
        }
        let fields = self.fields
        try lua.forEachField(at: index) { name, position in
            guard let field = fields.first(where: { $0.description.name == name }) else {
                let names = fields.map(\.description.name)
                let near =
                    nearestName(to: name, in: names).map { "did you mean \($0)?" }
                    ?? "there are \(names.joined(separator: ", "))"
                throw Mismatch("\(name) is no option; \(near)")
            }
            do { try field.set(&options, lua, position) } catch let mismatch as Mismatch {
                throw Mismatch("\(name): \(mismatch.message)")
            }
        }
        return options
    }
}
