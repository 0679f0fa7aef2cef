import CLua
import LuaShim
import Synchronization
import Work

/// Holds a Lua value that stays in Lua, such as a function, for as long as Swift needs it.
///
/// It can be given up on any thread (the machine frees the value when it next enters Lua), but used only on the
/// machine's own.
public final class LuaReference: Sendable {
    private let slot: Int32
    private let releases: ReleaseQueue

    init(_ lua: LuaContext, at index: Int32) {
        lua_pushvalue(lua.state, index)
        slot = sb_ref(lua.state)
        releases = lua.vm.releases
    }

    deinit { releases.add(slot) }

    /// Pushes the value.
    func push(to lua: LuaContext) throws -> Int32 {
        guard lua.vm.releases === releases else {
            throw Failure("this value belongs to another Lua machine", code: "wrong-machine")
        }
        lua_rawgeti(lua.state, sb_registry(), lua_Integer(slot))
        return 1
    }

    /// The value as a Swift type.
    public func read<Value: LuaReadable>(_ type: Value.Type, in vm: LuaVM) throws -> Value {
        let lua = try vm.context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        _ = try push(to: lua)
        return try Value.read(lua, at: -1)
    }
}

/// The registry slots that Swift has given up and Lua has not yet freed.
final class ReleaseQueue: Sendable {
    private let slots = Mutex<[Int32]>([])
    func add(_ slot: Int32) { slots.withLock { $0.append(slot) } }
    func takeAll() -> [Int32] {
        slots.withLock { slots in
            defer { slots = [] }
            return slots
        }
    }
}

/// A Lua function that Swift can call: the parameter type for callbacks.
///
/// It runs on the coroutine that is running, on the machine's thread. An error inside it comes out as `LuaError`;
/// thrown on, it reaches the script unchanged. A call on another thread fails with a `Failure`; that check is what
/// makes it safe to capture in a `@Sendable` closure.
public struct LuaFunction: LuaReadable, LuaWritable, @unchecked Sendable {
    let reference: LuaReference
    /// The machine it belongs to.
    let vm: LuaVM

    public static var luaType: String { "function" }

    public static func read(_ lua: LuaContext, at index: Int32) throws -> LuaFunction {
        guard lua_type(lua.state, index) == LUA_TFUNCTION else { throw Mismatch(expected: "function", lua, index) }
        return LuaFunction(reference: LuaReference(lua, at: index), vm: lua.vm)
    }

    public func push(to lua: LuaContext) throws -> Int32 { try reference.push(to: lua) }

    /// Calls the function and gives its first result.
    @discardableResult
    public func callAsFunction<each Argument: LuaWritable>(_ arguments: repeat each Argument) throws -> LuaValue {
        try call(repeat each arguments, results: 1).first ?? .nil
    }

    /// Calls the function and reads its first result as a Swift type.
    public func call<each Argument: LuaWritable, Value: LuaReadable>(
        _ arguments: repeat each Argument, as type: Value.Type
    ) throws -> Value {
        let lua = try vm.context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try start(lua, repeat each arguments, results: 1)
        do { return try Value.read(lua, at: -1) } catch let mismatch as Mismatch {
            throw Failure("the callback's result: \(mismatch.message)", code: "bad-result")
        }
    }

    /// Calls the function and gives its results: `results` of them, or all for -1.
    public func call<each Argument: LuaWritable>(
        _ arguments: repeat each Argument, results: Int32
    ) throws -> [LuaValue] {
        let lua = try vm.context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try start(lua, repeat each arguments, results: results)
        let end = lua_gettop(lua.state)
        return end > top ? try (top + 1...end).map { try LuaValue.read(lua, at: $0) } : []
    }

    private func start<each Argument: LuaWritable>(
        _ lua: LuaContext, _ arguments: repeat each Argument, results: Int32
    ) throws {
        try lua.reserve(20)
        _ = try push(to: lua)
        var count: Int32 = 0
        repeat count += try (each arguments).push(to: lua)
        try vm.call(lua, arguments: count, results: results)
    }
}
