import CLua
import LuaShim

/// A native function as scripts, help, completion and the reference see it.
public struct FunctionDeclaration {
    /// A parameter with the type that the closure gives it.
    public struct TypedParameter {
        /// Name, help, default and limits.
        public let parameter: Parameter
        /// The type as LuaCATS writes it, without `?`.
        public let type: String
        /// Whether it may be left out.
        public let isOptional: Bool
        /// The fields, where it is an options table.
        public let fields: [OptionDescription]
    }

    /// The name within its module or class.
    public let name: String
    /// What it does, in one sentence.
    public let summary: String
    /// More about it, in Markdown; may be empty.
    public let details: String
    /// The parameters in order, without the object of a method.
    public let parameters: [TypedParameter]
    /// The type of the result as LuaCATS writes it; empty for none.
    public let resultType: String
    /// What the result is.
    public let result: String
    /// LuaCATS lines in place of those made from the types; empty for none.
    public let annotations: [String]
    /// The work.
    let function: NativeFunction

    /// How it is called: `name(a, b, [c])`.
    public var signature: String {
        let names = parameters.map { $0.isOptional ? "[\($0.parameter.name)]" : $0.parameter.name }
        return "\(name)(\(names.joined(separator: ", ")))"
    }
}

/// Reads a call's arguments one after the other and names the one that is wrong.
struct ArgumentReader {
    let lua: LuaContext
    let parameters: [Parameter]
    /// The stack index of the first argument after the object.
    let first: Int32
    private var position = 0

    init(_ lua: LuaContext, _ parameters: [Parameter], first: Int32) {
        self.lua = lua
        self.parameters = parameters
        self.first = first
    }

    mutating func next<Value: LuaReadable>(_ type: Value.Type) throws -> Value {
        guard Value.consumesArgument else { return try Value.read(lua, at: 0) }
        let index = first + Int32(position)
        let parameter = parameters[position]
        position += 1
        do {
            if lua_type(lua.state, index) <= LUA_TNIL, !parameter.defaultValue.isNil {
                _ = try parameter.defaultValue.push(to: lua)
                defer { sb_pop(lua.state, 1) }
                return try Value.read(lua, at: -1)
            }
            if lua_type(lua.state, index) > LUA_TNIL {
                // A seed may be any whole number.
                try parameter.check(lua, at: index, as: Value.self == UInt64.self ? "any" : Value.luaType)
            }
            return try Value.read(lua, at: index)
        } catch let mismatch as Mismatch {
            throw BadArgument(index: index, message: "\(parameter.name): \(mismatch.message)")
        }
    }

    /// Refuses arguments beyond the last parameter.
    func checkCount(taken: Int) throws {
        let extra = first + Int32(taken)
        guard lua_gettop(lua.state) >= extra, parameters.count == taken else { return }
        throw BadArgument(
            index: extra,
            message: taken == 0 ? "it takes no arguments" : "it takes \(taken) argument\(taken == 1 ? "" : "s")")
    }
}

extension FunctionDeclaration {
    /// Declares a function from its closure; the object of a method, where there is one, is read by `receiver`.
    static func make<each Argument: LuaReadable, Value>(
        _ name: String, _ summary: String, _ parameters: [Parameter], details: String, result: String,
        resultType: String, annotations: [String] = [], receiver: Int32 = 0,
        call: @escaping (LuaContext, repeat each Argument) throws -> Value,
        push: @escaping (LuaContext, Value) throws -> Int32
    ) -> FunctionDeclaration {
        var typed: [TypedParameter] = []
        var takesRest = false
        func describe<A: LuaReadable>(_ type: A.Type) {
            guard A.consumesArgument else { return }
            precondition(typed.count < parameters.count, "\(name): a parameter of the closure is not described")
            let parameter = parameters[typed.count]
            let type = A.luaType.hasSuffix("?") ? String(A.luaType.dropLast()) : A.luaType
            typed.append(
                TypedParameter(
                    parameter: parameter, type: A.self == Rest.self ? "..." : type,
                    isOptional: A.acceptsNil || !parameter.defaultValue.isNil, fields: A.optionFields))
            if A.self == Rest.self { takesRest = true }
        }
        repeat describe((each Argument).self)
        precondition(typed.count == parameters.count, "\(name): more parameters are described than the closure has")
        let count = takesRest ? Int.max : typed.count
        let function = NativeFunction { lua in
            var reader = ArgumentReader(lua, parameters, first: receiver + 1)
            if count != .max { try reader.checkCount(taken: count) }
            // Arguments that the script left out must not be taken for what is pushed later.
            if lua_gettop(lua.state) < receiver + Int32(parameters.count) {
                lua_settop(lua.state, receiver + Int32(parameters.count))
            }
            try lua.reserve(20)
            return try push(lua, try call(lua, repeat try reader.next((each Argument).self)))
        }
        return FunctionDeclaration(
            name: name, summary: summary, details: details, parameters: typed, resultType: resultType, result: result,
            annotations: annotations, function: function)
    }
}
