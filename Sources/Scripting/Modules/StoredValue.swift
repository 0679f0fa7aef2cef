import CLua
import Foundation
import LuaShim
import Work

/// Plain data of a script in a form that JSON holds without loss: what is read back is what was given, to the bit.
///
/// Plain JSON stands for itself: texts, true and false, nil, whole numbers up to 2^53, other finite numbers, lists,
/// tables with names as keys. Everything else is an object with one key that begins with `$`: `$integer`, `$float` (a
/// number without a fraction that is no integer, `inf`, or the bits of a NaN), `$bytes` (a text that is not UTF-8, in Base64), `$table` (the pairs of
/// a table with other keys).
struct StoredValue: LuaReadable, LuaWritable, CustomStringConvertible {
    static var luaType: String { "any" }
    static var acceptsNil: Bool { true }
    var json: JSONValue
    var description: String { json == .null ? "nil" : json.description }

    /// Tables inside tables deeper than this are an error, as is one that holds itself.
    private static let deepest = 64
    /// More values than this are an error.
    private static let most = 4_000_000

    static func read(_ lua: LuaContext, at index: Int32) throws -> StoredValue {
        var count = 0
        return StoredValue(json: try value(lua, sb_absolute(lua.state, index), depth: 0, &count))
    }

    func push(to lua: LuaContext) throws -> Int32 {
        try Self.push(json, to: lua)
        return 1
    }

    /// The same with plain numbers for floats without a fraction: 150.0 is 150 where only the value counts.
    static func plainNumbers(_ json: JSONValue) -> JSONValue {
        switch json {
        case .array(let values): return .array(values.map(plainNumbers))
        case .object(let fields):
            if fields.count == 1, case .string(let digits)? = fields["$float"], let number = Double(digits),
                number.isFinite
            {
                return .number(number)
            }
            return .object(fields.mapValues(plainNumbers))
        default: return json
        }
    }

    private static func value(_ lua: LuaContext, _ index: Int32, depth: Int, _ count: inout Int) throws -> JSONValue {
        count += 1
        guard count <= most else { throw Mismatch("at most \(most) values expected") }
        if count % 4096 == 0 { try Interruption.check() }
        switch lua_type(lua.state, index) {
        case LUA_TNONE, LUA_TNIL: return .null
        case LUA_TBOOLEAN: return .boolean(lua_toboolean(lua.state, index) != 0)
        case LUA_TNUMBER:
            if lua_isinteger(lua.state, index) != 0 { return integer(Int(lua_tointegerx(lua.state, index, nil))) }
            let number = lua_tonumberx(lua.state, index, nil)
            guard number.isFinite, number != number.rounded() else {
                let text = number.isNaN ? "nan:" + String(number.bitPattern, radix: 16) : "\(number)"
                return .object(["$float": .string(text)])
            }
            return .number(number)
        case LUA_TSTRING: return text(lua, index)
        case LUA_TTABLE: return try table(lua, index, depth: depth, &count)
        default:
            throw Mismatch("plain data expected, got \(lua.typeName(at: index))")
        }
    }

    private static func integer(_ value: Int) -> JSONValue {
        value.magnitude <= 1 << 53
            ? .number(Double(value)) : .object(["$integer": .string(String(value))])
    }

    private static func text(_ lua: LuaContext, _ index: Int32) -> JSONValue {
        var length = 0
        guard let bytes = lua_tolstring(lua.state, index, &length) else { return .string("") }
        let data = Data(bytes: bytes, count: length)
        return String(validating: data, as: UTF8.self).map { .string($0) }
            ?? .object(["$bytes": .string(data.base64EncodedString())])
    }

    private static func table(_ lua: LuaContext, _ index: Int32, depth: Int, _ count: inout Int) throws -> JSONValue {
        guard depth < deepest else {
            throw Mismatch("table with at most \(deepest) levels expected (one that holds itself has no end)")
        }
        try lua.reserve(6)
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        var pairs: [(key: JSONValue, value: JSONValue)] = []
        var names: [String: JSONValue] = [:]
        var items: [Int: JSONValue] = [:]
        lua_pushnil(lua.state)
        while lua_next(lua.state, index) != 0 {
            let value = try value(lua, top + 2, depth: depth + 1, &count)
            if lua_type(lua.state, top + 1) == LUA_TNUMBER, lua_isinteger(lua.state, top + 1) != 0 {
                items[Int(lua_tointegerx(lua.state, top + 1, nil))] = value
            }
            let key = try self.value(lua, top + 1, depth: depth + 1, &count)
            if case .string(let name) = key { names[name] = value }
            pairs.append((key, value))
            lua_settop(lua.state, top + 1)
        }
        if items.count == pairs.count, (1...max(1, items.count)).allSatisfy({ items[$0] != nil || items.isEmpty }) {
            return .array(items.sorted { $0.key < $1.key }.map(\.value))
        }
        if names.count == pairs.count, !(names.count == 1 && names.keys.contains { $0.hasPrefix("$") }) {
            return .object(names)
        }
        return .object(["$table": .array(pairs.map { .array([$0.key, $0.value]) })])
    }

    private static func push(_ value: JSONValue, to lua: LuaContext) throws {
        try lua.reserve(6)
        switch value {
        case .null: lua_pushnil(lua.state)
        case .boolean(let truth): _ = truth.push(to: lua)
        case .number(let number): _ = try (Int(exactly: number).map(LuaValue.integer) ?? .number(number)).push(to: lua)
        case .string(let text): _ = text.push(to: lua)
        case .array(let values):
            lua_createtable(lua.state, Int32(clamping: values.count), 0)
            for (place, value) in values.enumerated() {
                try push(value, to: lua)
                lua_rawseti(lua.state, -2, lua_Integer(place + 1))
            }
        case .object(let fields):
            if fields.count == 1, let (name, content) = fields.first, name.hasPrefix("$") {
                return try pushMarked(name, content, to: lua)
            }
            lua_createtable(lua.state, 0, Int32(clamping: fields.count))
            for (name, value) in fields {
                _ = name.push(to: lua)
                try push(value, to: lua)
                lua_rawset(lua.state, -3)
            }
        }
    }

    private static func pushMarked(_ name: String, _ content: JSONValue, to lua: LuaContext) throws {
        switch (name, content) {
        case ("$integer", .string(let digits)):
            if let whole = Int(digits) { return lua_pushinteger(lua.state, lua_Integer(whole)) }
        case ("$float", .string(let digits)):
            let bits = digits.hasPrefix("nan:") ? UInt64(digits.dropFirst(4), radix: 16) : Double(digits)?.bitPattern
            if let bits { return lua_pushnumber(lua.state, Double(bitPattern: bits)) }
        case ("$bytes", .string(let base64)):
            if let data = Data(base64Encoded: base64) {
                data.withUnsafeBytes { bytes in
                    _ = lua_pushlstring(lua.state, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
                }
                return
            }
        case ("$table", .array(let pairs)):
            lua_createtable(lua.state, 0, Int32(clamping: pairs.count))
            for pair in pairs {
                guard case .array(let parts) = pair, parts.count == 2, parts[0] != .null else { continue }
                try push(parts[0], to: lua)
                try push(parts[1], to: lua)
                lua_rawset(lua.state, -3)
            }
            return
        default: break
        }
        throw Failure("the journal holds '\(name)' with a value that it cannot have", code: "journal-damaged")
    }
}
