import CLua
import LuaShim

/// A Lua value as Swift sees it: plain data copied, functions and objects by reference.
///
/// Literals work: `["pixel_nm": 100, "names": ["a", "b"]]` is a `LuaValue`.
public enum LuaValue {
    case `nil`
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    /// A table with the keys 1...n (also the empty table).
    case list([LuaValue])
    /// A table with names as keys.
    case record([String: LuaValue])
    /// A Lua function.
    case function(LuaFunction)
    /// Any other value, such as an object of a native class.
    case object(LuaReference)

    /// Whether the value is nil.
    public var isNil: Bool { if case .nil = self { true } else { false } }

    /// The value as a number, where it is one.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value as a whole number, where it is one.
    public var int: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The text, where the value is one.
    public var string: String? { if case .text(let text) = self { text } else { nil } }
    /// The truth value, where the value is one.
    public var bool: Bool? { if case .boolean(let value) = self { value } else { nil } }
    /// The elements, where the value is a list.
    public var elements: [LuaValue]? { if case .list(let values) = self { values } else { nil } }
    /// The fields, where the value is a record (or an empty table).
    public var fields: [String: LuaValue]? {
        switch self {
        case .record(let fields): fields
        case .list(let values) where values.isEmpty: [:]
        default: nil
        }
    }
}

extension LuaValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// The value nil.
    public init(nilLiteral: ()) { self = .nil }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A list.
    public init(arrayLiteral elements: LuaValue...) { self = .list(elements) }
    /// A record.
    public init(dictionaryLiteral elements: (String, LuaValue)...) {
        self = .record(Dictionary(elements) { _, last in last })
    }
}

extension LuaValue: CustomStringConvertible {
    /// The value as Lua source would write it, records with sorted names.
    public var description: String {
        switch self {
        case .nil: "nil"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): LuaValue.digits(value)
        case .text(let text): "\"\(text)\""
        case .list(let values): "{" + values.map(\.description).joined(separator: ", ") + "}"
        case .record(let fields):
            "{" + fields.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }.joined(separator: ", ") + "}"
        case .function: "function"
        case .object: "object"
        }
    }

    /// A number in as few digits as give it back.
    static func digits(_ value: Double) -> String {
        if let whole = Int(exactly: value), abs(value) < 1e15 { return "\(whole)" }
        return "\(value)"
    }
}

/// What a value had to be and what it is, told where no argument is concerned yet.
struct Mismatch: Error {
    let message: String
    init(_ message: String) { self.message = message }
    init(expected: String, _ lua: LuaContext, _ index: Int32) {
        message = "\(expected) expected, got \(lua.typeName(at: index))"
    }
}

/// A Swift type that can be read from a Lua value: everything that is a parameter of a native function.
public protocol LuaReadable: SendableMetatype {
    /// The type as LuaCATS writes it, such as `number`, `string[]` or `imaging.Image`.
    static var luaType: String { get }
    /// Whether `nil` and a missing argument are fine.
    static var acceptsNil: Bool { get }
    /// Whether the type stands for an argument of the script; false for `LuaContext`.
    static var consumesArgument: Bool { get }
    /// The fields, where the type is an options table.
    static var optionFields: [OptionDescription] { get }
    /// Reads the value at a stack index.
    static func read(_ lua: LuaContext, at index: Int32) throws -> Self
}

extension LuaReadable {
    /// Values are required unless the type says otherwise.
    public static var acceptsNil: Bool { false }
    /// Types stand for arguments unless they say otherwise.
    public static var consumesArgument: Bool { true }
    /// Plain types have no fields.
    public static var optionFields: [OptionDescription] { [] }
}

/// A Swift type that can be given to Lua: everything that is a result of a native function.
public protocol LuaWritable: SendableMetatype {
    /// The type as LuaCATS writes it.
    static var luaType: String { get }
    /// Pushes the value; returns how many Lua values it became (1 but for `Results`).
    func push(to lua: LuaContext) throws -> Int32
}

/// Several results of one native function: `return Results(x, y)`.
public struct Results<each Value: LuaWritable>: LuaWritable {
    let values: (repeat each Value)
    /// Gathers the results in order.
    public init(_ values: repeat each Value) { self.values = (repeat each values) }
    /// The types with commas between them.
    public static var luaType: String {
        var names: [String] = []
        repeat names.append((each Value).luaType)
        return names.joined(separator: ", ")
    }
    /// Pushes all of them.
    public func push(to lua: LuaContext) throws -> Int32 {
        var count: Int32 = 0
        repeat count += try (each values).push(to: lua)
        return count
    }
}
