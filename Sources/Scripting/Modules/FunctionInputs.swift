import CLua
import Foundation
import LuaShim
import Segmentation
import Work

/// What the result of a script's function depends on, as far as it can be seen from outside: its code, and the plain
/// data, models and functions that it holds.
///
/// Data that change while the function runs, such as a count of its calls, are its own business: `state` names them, and
/// the fingerprint leaves them out.
struct FunctionInputs {
    /// The code of the function and of those that it holds.
    let code: Fingerprint
    /// What it holds, by name.
    let held: [String: Fingerprint]

    private static let most = 64

    /// Looks at a function as it is now.
    init(_ function: LuaFunction) throws {
        let lua = try function.vm.context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        _ = try function.push(to: lua)
        var code: [UInt8] = []
        var held: [String: Fingerprint] = [:]
        var seen: Set<UnsafeRawPointer> = []
        try Self.look(lua, at: top + 1, path: "", &code, &held, &seen)
        self.code = Fingerprint(code)
        self.held = held
    }

    /// What has become other since then.
    func changes(since before: FunctionInputs) -> [String] {
        held.keys.filter { before.held[$0] != held[$0] }.sorted()
    }

    /// The fingerprint without what is named.
    func fingerprint(without state: [String]) throws -> Fingerprint {
        var parts = held.filter { !state.contains($0.key) }
        parts[""] = code
        return try Fingerprint(of: parts)
    }

    private static func look(
        _ lua: LuaContext, at function: Int32, path: String, _ code: inout [UInt8],
        _ held: inout [String: Fingerprint], _ seen: inout Set<UnsafeRawPointer>
    ) throws {
        guard let pointer = lua_topointer(lua.state, function), seen.insert(pointer).inserted, seen.count <= most,
            lua_iscfunction(lua.state, function) == 0
        else { return }
        try lua.reserve(8)
        lua_pushvalue(lua.state, function)
        withUnsafeMutablePointer(to: &code) { target in
            _ = lua_dump(
                lua.state,
                { _, bytes, count, target in
                    guard let bytes, let target else { return 1 }
                    target.assumingMemoryBound(to: [UInt8].self).pointee.append(
                        contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
                    return 0
                }, target, 1)
        }
        sb_pop(lua.state, 1)
        var number: Int32 = 1
        while let name = lua_getupvalue(lua.state, function, number) {
            defer { sb_pop(lua.state, 1) }
            number += 1
            let place = "\(path)/\(String(cString: name))"
            let value = lua_gettop(lua.state)
            switch lua_type(lua.state, value) {
            case LUA_TFUNCTION: try look(lua, at: value, path: place, &code, &held, &seen)
            case LUA_TUSERDATA:
                if let model = try? SegmentationModel.read(lua, at: value) {
                    held[place] = try Fingerprint(of: model.description)
                }
            default:
                // Globals, and tables that hold more than plain data, are not looked into. Where the results go and
                // whether they are there already is no question, as in `acquisition.begin`.
                guard let data = try? StoredValue.read(lua, at: value) else { continue }
                if case .object(var fields) = data.json {
                    for name in ["output", "resume"] { fields[name] = nil }
                    held[place] = try Fingerprint(of: fields)
                } else {
                    held[place] = try Fingerprint(of: data.json)
                }
            }
        }
    }
}
