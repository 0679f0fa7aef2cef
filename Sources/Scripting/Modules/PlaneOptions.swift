import CLua
import Imaging

/// A number or a word, as scripts write planes: `slice = 3`, `slice = "max"`.
public struct PlaneText: LuaReadable, LuaWritable {
    /// The digits or the word.
    public let text: String
    public static var luaType: String { "integer|string" }
    public static func read(_ lua: LuaContext, at index: Int32) throws -> PlaneText {
        if let number = try? Int.read(lua, at: index) { return PlaneText(text: String(number)) }
        guard lua_type(lua.state, index) == LUA_TSTRING else {
            throw Mismatch(expected: "number, max or mean", lua, index)
        }
        return PlaneText(text: try String.read(lua, at: index))
    }
    public func push(to lua: LuaContext) throws -> Int32 { text.push(to: lua) }
}

extension PlaneChoice {
    var channelText: PlaneText? {
        get { channel.map { PlaneText(text: $0) } }
        set { channel = newValue?.text }
    }
    var sliceText: PlaneText? {
        get { slice.map { PlaneText(text: $0) } }
        set { slice = newValue?.text }
    }
    var frameText: PlaneText? {
        get { frame.map { PlaneText(text: $0) } }
        set { frame = newValue?.text }
    }
}

/// Which planes of a stack are meant, as a table of options.
struct PlaneOptions {
    var choice = PlaneChoice()
}

extension PlaneOptions: LuaOptions {
    static let defaults = PlaneOptions()
    static let fields = [
        Option("channel", \PlaneOptions.choice.channelText, "the channel by number or name, or several between commas"),
        Option("slice", \PlaneOptions.choice.sliceText, "the slice by number; or max or mean over all"),
        Option("frame", \PlaneOptions.choice.frameText, "the frame by number; or max or mean over all"),
    ]
}
