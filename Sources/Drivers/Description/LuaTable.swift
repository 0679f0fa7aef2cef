import CLua
import LuaShim
import Work

/// Reads a file of Lua that holds one table, as `return microscope { ... }`. It is run without libraries, for at most ten
/// million instructions.
/// - Parameters:
///   - source: the text.
///   - name: the file's name, for messages.
/// - Throws: a `Failure` in one line with code `bad-description`.
func readLuaTable(_ source: String, name: String) throws -> JSONValue {
    var status: Int32 = 0
    var text = source
    let machine = text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
            sb_run_plain($0.baseAddress, $0.count, "@" + name, "microscope", 10_000_000, &status)
        }
    }
    guard let machine else { throw Failure("\(name): no memory for Lua", code: "bad-description") }
    defer { sb_end_plain(machine) }
    guard status == LUA_OK else {
        let message = lua_tolstring(machine, -1, nil).map { String(cString: $0) } ?? "an error without a message"
        throw Failure(
            message.hasPrefix(name) ? message : "\(name): \(message)",
            remedy: "write return microscope { ... } with nothing but values in it", code: "bad-description")
    }
    guard lua_type(machine, -1) == LUA_TTABLE else {
        throw Failure("\(name) gives no table", remedy: "write return microscope { ... }", code: "bad-description")
    }
    var left = 100_000
    return try value(machine, place: name, depth: 0, &left)
}

/// The value on top of the stack.
private func value(_ machine: OpaquePointer, place: String, depth: Int, _ left: inout Int) throws -> JSONValue {
    left -= 1
    guard depth < 20, left > 0, lua_checkstack(machine, 8) != 0 else {
        throw Failure("\(place) is too large", remedy: "a table must not hold itself", code: "bad-description")
    }
    switch lua_type(machine, -1) {
    case LUA_TNIL: return .null
    case LUA_TBOOLEAN: return .boolean(lua_toboolean(machine, -1) != 0)
    case LUA_TNUMBER: return .number(lua_tonumberx(machine, -1, nil))
    case LUA_TSTRING: return .string(text(machine))
    case LUA_TTABLE: break
    default:
        throw Failure(
            "\(place) is a \(String(cString: lua_typename(machine, lua_type(machine, -1))))",
            remedy: "give a number, a text or a table", code: "bad-description")
    }
    let count = Int(lua_rawlen(machine, -1))
    var list: [Int: JSONValue] = [:]
    var fields: [String: JSONValue] = [:]
    lua_pushnil(machine)
    while lua_next(machine, -2) != 0 {
        // The key below its value; a number becomes a list's index, or a name such as 647.
        var key: String?
        var index: Int?
        if lua_type(machine, -2) == LUA_TSTRING {
            lua_pushvalue(machine, -2)
            key = text(machine)
            lua_settop(machine, -2)
        } else if lua_isinteger(machine, -2) != 0 {
            index = Int(lua_tointegerx(machine, -2, nil))
            key = index.map(String.init)
        }
        guard let key else {
            throw Failure("\(place) has a key that is no name", remedy: "write names as keys", code: "bad-description")
        }
        let member = try value(machine, place: "\(place): \(key)", depth: depth + 1, &left)
        if let index, (1...max(1, count)).contains(index) { list[index] = member }
        fields[key] = member
        lua_settop(machine, -2)
    }
    guard count > 0, list.count == count, fields.count == count else { return .object(fields) }
    return .array((1...count).compactMap { list[$0] })
}

private func text(_ machine: OpaquePointer) -> String {
    var size = 0
    guard let bytes = lua_tolstring(machine, -1, &size) else { return "" }
    return bytes.withMemoryRebound(to: UInt8.self, capacity: size) {
        String(decoding: UnsafeBufferPointer(start: $0, count: size), as: UTF8.self)
    }
}
