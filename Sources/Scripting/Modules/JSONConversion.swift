import Work

extension JSONValue {
    /// A plain value of a script.
    /// - Throws: `Failure` for functions and objects.
    init(_ value: LuaValue) throws {
        switch value {
        case .nil: self = .null
        case .boolean(let truth): self = .boolean(truth)
        case .integer(let number): self = .number(Double(number))
        case .number(let number): self = .number(number)
        case .text(let text): self = .string(text)
        case .list(let values): self = .array(try values.map(JSONValue.init))
        case .record(let fields): self = .object(try fields.mapValues(JSONValue.init))
        case .function, .object:
            throw Failure("a function or an object cannot be written as JSON", code: "not-json")
        }
    }

    /// The value for a script; whole numbers come as integers.
    var luaValue: LuaValue {
        switch self {
        case .null: .nil
        case .boolean(let truth): .boolean(truth)
        case .number(let number): Int(exactly: number).map(LuaValue.integer) ?? .number(number)
        case .string(let text): .text(text)
        case .array(let values): .list(values.map(\.luaValue))
        case .object(let fields): .record(fields.mapValues(\.luaValue))
        }
    }
}
