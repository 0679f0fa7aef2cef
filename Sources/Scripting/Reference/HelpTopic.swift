import CLua
import LuaShim

/// What a script asks help about: a name, or a module, function or object itself.
struct HelpTopic: LuaReadable {
    let name: String
    static let luaType = "any"

    static func read(_ lua: LuaContext, at index: Int32) throws -> HelpTopic {
        switch lua_type(lua.state, index) {
        case LUA_TSTRING: return HelpTopic(name: lua.bytesAsString(at: index))
        case LUA_TUSERDATA:
            guard let name = lua.vm.className(sb_object_tag(lua.state, index)) else { break }
            return HelpTopic(name: name)
        case LUA_TTABLE, LUA_TFUNCTION:
            guard let name = lua.vm.topic(at: lua_topointer(lua.state, index)) else { break }
            return HelpTopic(name: name)
        default: break
        }
        throw Mismatch("there is no help on \(lua.typeName(at: index)); a name or something of this program expected")
    }
}
