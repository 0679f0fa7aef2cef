import CLua
import LuaShim
import Work

/// The running coroutine of a machine: what values are read from and pushed to.
///
/// A native function that needs it declares a parameter of this type; it takes no argument of the script.
/// Only API functions that cannot raise are called here.
public struct LuaContext {
    /// The machine.
    public let vm: LuaVM
    /// The coroutine.
    let state: OpaquePointer

    /// Makes sure that `slots` more values can be pushed.
    func reserve(_ slots: Int32) throws {
        guard lua_checkstack(state, slots) != 0 else { throw Mismatch("less deeply nested value expected") }
    }

    /// The bytes of the string at `index` as UTF-8.
    func bytesAsString(at index: Int32) -> String {
        var length = 0
        guard let bytes = lua_tolstring(state, index, &length) else { return "" }
        return bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }

    /// What the value at `index` is, for error messages.
    func typeName(at index: Int32) -> String {
        switch lua_type(state, index) {
        case LUA_TNONE, LUA_TNIL: return "nothing"
        case LUA_TBOOLEAN: return lua_toboolean(state, index) != 0 ? "true" : "false"
        case LUA_TNUMBER:
            return lua_isinteger(state, index) != 0
                ? "\(lua_tointegerx(state, index, nil))" : "\(lua_tonumberx(state, index, nil))"
        case LUA_TSTRING:
            let text = bytesAsString(at: index)
            return text.count > 40 ? "the text \"\(text.prefix(40))…\"" : "the text \"\(text)\""
        case LUA_TTABLE: return "a table"
        case LUA_TFUNCTION: return "a function"
        case LUA_TUSERDATA:
            let tag = sb_object_tag(state, index)
            return vm.className(tag) ?? "an object of another library"
        default: return "a coroutine"
        }
    }

    /// The length of the list at `index`. What Lua calls the length of a table with gaps may be any number; a list has
    /// at least half of its elements.
    func listLength(at index: Int32) throws -> Int {
        let length = Int(lua_rawlen(state, index))
        guard length > 64 else { return length }
        let table = sb_absolute(state, index)
        try reserve(4)
        let top = lua_gettop(state)
        defer { lua_settop(state, top) }
        var found = 0
        lua_pushnil(state)
        while found < length - found, lua_next(state, table) != 0 {
            found += 1
            if found % 4096 == 0 { try checkInterrupt() }
            lua_settop(state, top + 1)
        }
        guard found >= length - found else {
            throw Mismatch("list without gaps expected, got a table of \(found) elements up to number \(length)")
        }
        return length
    }

    /// Ends a long loop over what a script gave when the user wants it to stop.
    func checkInterrupt() throws {
        try Interruption.check()
        if vm.stopper.isPending { throw Interrupted() }
    }

    /// Calls `body` with every named field of a table; whole-number keys past `listCount` count as names too.
    func forEachField(at index: Int32, listCount: Int = 0, _ body: (String, Int32) throws -> Void) throws {
        let table = sb_absolute(state, index)
        try reserve(4)
        let top = lua_gettop(state)
        defer { lua_settop(state, top) }
        lua_pushnil(state)
        while lua_next(state, table) != 0 {
            switch lua_type(state, -2) {
            case LUA_TSTRING:
                try body(bytesAsString(at: -2), top + 2)
            case LUA_TNUMBER:
                if lua_isinteger(state, -2) != 0 {
                    let key = lua_tointegerx(state, -2, nil)
                    if key < 1 || key > listCount { try body("\(key)", top + 2) }
                } else {
                    try body("\(lua_tonumberx(state, -2, nil))", top + 2)
                }
            default: throw Mismatch("table with names as keys expected, got one with \(typeName(at: -2)) as a key")
            }
            lua_settop(state, top + 1)
        }
    }

    /// The place in the script from which the running native function was called, such as `scan.lua:12`.
    var place: String {
        for level: Int32 in 1...3 {
            sb_push_where(state, level)
            let text = bytesAsString(at: -1)
            sb_pop(state, 1)
            if !text.isEmpty { return text.hasSuffix(": ") ? String(text.dropLast(2)) : text }
        }
        return ""
    }
}

extension LuaContext: LuaReadable {
    public static var luaType: String { "" }
    public static var consumesArgument: Bool { false }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> LuaContext { lua }
}
