import CLua
import LuaShim

extension Bool: LuaReadable, LuaWritable {
    public static var luaType: String { "boolean" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Bool {
        guard lua_type(lua.state, index) == LUA_TBOOLEAN else {
            throw Mismatch(expected: "true or false", lua, index)
        }
        return lua_toboolean(lua.state, index) != 0
    }
    public func push(to lua: LuaContext) -> Int32 {
        lua_pushboolean(lua.state, self ? 1 : 0)
        return 1
    }
}

extension Double: LuaReadable, LuaWritable {
    public static var luaType: String { "number" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Double {
        guard lua_type(lua.state, index) == LUA_TNUMBER else { throw Mismatch(expected: "number", lua, index) }
        return lua_tonumberx(lua.state, index, nil)
    }
    public func push(to lua: LuaContext) -> Int32 {
        lua_pushnumber(lua.state, self)
        return 1
    }
}

extension Float: LuaReadable, LuaWritable {
    public static var luaType: String { "number" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Float {
        Float(try Double.read(lua, at: index))
    }
    public func push(to lua: LuaContext) -> Int32 { Double(self).push(to: lua) }
}

extension Int: LuaReadable, LuaWritable {
    public static var luaType: String { "integer" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Int {
        guard lua_type(lua.state, index) == LUA_TNUMBER else {
            throw Mismatch(expected: "whole number", lua, index)
        }
        if lua_isinteger(lua.state, index) != 0 { return Int(lua_tointegerx(lua.state, index, nil)) }
        let value = lua_tonumberx(lua.state, index, nil)
        guard let whole = Int(exactly: value) else { throw Mismatch("whole number expected, got \(value)") }
        return whole
    }
    public func push(to lua: LuaContext) -> Int32 {
        lua_pushinteger(lua.state, lua_Integer(self))
        return 1
    }
}

extension UInt64: LuaReadable, LuaWritable {
    public static var luaType: String { "integer" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> UInt64 {
        UInt64(bitPattern: Int64(try Int.read(lua, at: index)))
    }
    public func push(to lua: LuaContext) -> Int32 { Int(truncatingIfNeeded: self).push(to: lua) }
}

extension String: LuaReadable, LuaWritable {
    public static var luaType: String { "string" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> String {
        guard lua_type(lua.state, index) == LUA_TSTRING else { throw Mismatch(expected: "text", lua, index) }
        return lua.bytesAsString(at: index)
    }
    public func push(to lua: LuaContext) -> Int32 {
        var text = self
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { _ = lua_pushlstring(lua.state, $0.baseAddress, $0.count) }
        }
        return 1
    }
}

extension Optional: LuaReadable where Wrapped: LuaReadable {
    public static var luaType: String { Wrapped.luaType + "?" }
    public static var acceptsNil: Bool { true }
    public static var optionFields: [OptionDescription] { Wrapped.optionFields }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Wrapped? {
        lua_type(lua.state, index) <= LUA_TNIL ? nil : try Wrapped.read(lua, at: index)
    }
}

extension Optional: LuaWritable where Wrapped: LuaWritable {
    public static var luaType: String { Wrapped.luaType + "?" }
    public func push(to lua: LuaContext) throws -> Int32 {
        guard let self else {
            lua_pushnil(lua.state)
            return 1
        }
        return try self.push(to: lua)
    }
}

extension Array: LuaReadable where Element: LuaReadable {
    public static var luaType: String { Element.luaType + "[]" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> [Element] {
        guard lua_type(lua.state, index) == LUA_TTABLE else { throw Mismatch(expected: "list", lua, index) }
        let table = sb_absolute(lua.state, index)
        try lua.reserve(4)
        var values: [Element] = []
        let count = try lua.listLength(at: table)
        values.reserveCapacity(Swift.min(count, 1 << 20))
        for position in 0..<count {
            if position % 65536 == 65535 { try lua.checkInterrupt() }
            lua_rawgeti(lua.state, table, lua_Integer(position + 1))
            defer { sb_pop(lua.state, 1) }
            do { values.append(try Element.read(lua, at: -1)) } catch let mismatch as Mismatch {
                throw Mismatch("element \(position + 1): \(mismatch.message)")
            }
        }
        return values
    }
}

extension Array: LuaWritable where Element: LuaWritable {
    public static var luaType: String { Element.luaType + "[]" }
    public func push(to lua: LuaContext) throws -> Int32 {
        try lua.reserve(4)
        lua_createtable(lua.state, Int32(clamping: count), 0)
        for (position, element) in enumerated() {
            _ = try element.push(to: lua)
            lua_rawseti(lua.state, -2, lua_Integer(position + 1))
        }
        return 1
    }
}

extension Dictionary: LuaReadable where Key == String, Value: LuaReadable {
    public static var luaType: String { "table<string, \(Value.luaType)>" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> [String: Value] {
        guard lua_type(lua.state, index) == LUA_TTABLE else { throw Mismatch(expected: "table", lua, index) }
        var values: [String: Value] = [:]
        try lua.forEachField(at: index) { name, position in
            do { values[name] = try Value.read(lua, at: position) } catch let mismatch as Mismatch {
                throw Mismatch("\(name): \(mismatch.message)")
            }
        }
        return values
    }
}

extension Dictionary: LuaWritable where Key == String, Value: LuaWritable {
    public static var luaType: String { "table<string, \(Value.luaType)>" }
    public func push(to lua: LuaContext) throws -> Int32 {
        try lua.reserve(4)
        lua_createtable(lua.state, 0, Int32(clamping: count))
        for (name, value) in self {
            _ = name.push(to: lua)
            _ = try value.push(to: lua)
            lua_rawset(lua.state, -3)
        }
        return 1
    }
}

/// One of two types, such as a path or an image: `Either<String, Image>`.
public enum Either<First: LuaReadable, Second: LuaReadable>: LuaReadable {
    case first(First)
    case second(Second)

    public static var luaType: String { "\(First.luaType)|\(Second.luaType)" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Either {
        if let first = try? First.read(lua, at: index) { return .first(first) }
        do { return .second(try Second.read(lua, at: index)) } catch is Mismatch {
            throw Mismatch(expected: "\(First.luaType) or \(Second.luaType)", lua, index)
        }
    }
}

/// All remaining arguments of a call.
public struct Rest: LuaReadable, LuaWritable {
    /// The values in order.
    public let values: [LuaValue]
    public static var luaType: String { "any" }
    public static var acceptsNil: Bool { true }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> Rest {
        let top = lua_gettop(lua.state)
        return Rest(values: index > top ? [] : try (index...top).map { try LuaValue.read(lua, at: $0) })
    }
    public func push(to lua: LuaContext) throws -> Int32 {
        try lua.reserve(Int32(clamping: values.count))
        for value in values { _ = try value.push(to: lua) }
        return Int32(values.count)
    }
}

extension LuaValue: LuaReadable, LuaWritable {
    public static var luaType: String { "any" }
    public static var acceptsNil: Bool { true }

    /// Tables inside tables deeper than this are an error (a table that holds itself is one).
    static let deepest = 64

    /// More values than this in one table are an error: tables that hold the same tables again and again have few in
    /// Lua, but no end as plain data.
    static let most = 20_000_000

    public static func read(_ lua: LuaContext, at index: Int32) throws -> LuaValue {
        var count = 0
        return try read(lua, at: index, depth: 0, count: &count)
    }

    private static func read(
        _ lua: LuaContext, at index: Int32, depth: Int, count: inout Int
    ) throws -> LuaValue {
        count += 1
        guard count <= most else { throw Mismatch("table with at most \(most) values expected") }
        if count % 65536 == 0 { try lua.checkInterrupt() }
        switch lua_type(lua.state, index) {
        case LUA_TNONE, LUA_TNIL: return .nil
        case LUA_TBOOLEAN: return .boolean(lua_toboolean(lua.state, index) != 0)
        case LUA_TNUMBER:
            if lua_isinteger(lua.state, index) != 0 { return .integer(Int(lua_tointegerx(lua.state, index, nil))) }
            return .number(lua_tonumberx(lua.state, index, nil))
        case LUA_TSTRING: return .text(lua.bytesAsString(at: index))
        case LUA_TFUNCTION: return .function(try LuaFunction.read(lua, at: index))
        case LUA_TTABLE:
            return try readTable(
                lua, at: sb_absolute(lua.state, index), depth: depth, values: &count)
        default: return .object(LuaReference(lua, at: index))
        }
    }

    private static func readTable(
        _ lua: LuaContext, at table: Int32, depth: Int, values: inout Int
    ) throws -> LuaValue {
        guard depth < deepest else {
            throw Mismatch("table with at most \(deepest) levels expected (one that holds itself has no end)")
        }
        try lua.reserve(4)
        let count = try lua.listLength(at: table)
        var list: [LuaValue] = []
        for position in 0..<count {
            lua_rawgeti(lua.state, table, lua_Integer(position + 1))
            defer { sb_pop(lua.state, 1) }
            list.append(try read(lua, at: -1, depth: depth + 1, count: &values))
        }
        var fields: [String: LuaValue] = [:]
        var others = false
        try lua.forEachField(at: table, listCount: count) { name, position in
            others = true
            fields[name] = try read(lua, at: position, depth: depth + 1, count: &values)
        }
        guard others else { return .list(list) }
        for (position, value) in list.enumerated() { fields["\(position + 1)"] = value }
        return .record(fields)
    }

    public func push(to lua: LuaContext) throws -> Int32 {
        switch self {
        case .nil:
            lua_pushnil(lua.state)
            return 1
        case .boolean(let value): return value.push(to: lua)
        case .integer(let value): return value.push(to: lua)
        case .number(let value): return value.push(to: lua)
        case .text(let text): return text.push(to: lua)
        case .list(let values): return try values.push(to: lua)
        case .record(let fields): return try fields.push(to: lua)
        case .function(let function): return try function.push(to: lua)
        case .object(let reference): return try reference.push(to: lua)
        }
    }
}
