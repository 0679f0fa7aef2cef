import CLua
import LuaShim

/// A Swift type whose values Lua holds as objects with methods and properties: `extension Image: LuaObject`.
///
/// The class itself is declared in a module by `module.class(Image.self, ...)`.
public protocol LuaObject: LuaReadable, LuaWritable {
    /// The name of the class in Lua with its module, such as `imaging.Image`.
    static var luaName: String { get }
    /// The size of the memory outside of Lua that the value holds, in bytes: the collector works harder for it.
    var nativeBytes: Int { get }
}

/// A Swift value in a Lua userdata.
class ObjectBox {
    private let live: SharedCount
    private let bytes: Int
    init(_ live: SharedCount, bytes: Int) {
        self.live = live
        self.bytes = bytes
        live.value += 1
        live.bytes += bytes
    }
    deinit {
        live.value -= 1
        live.bytes -= bytes
    }
    /// Ends the value's work: a light goes off. Called once, by `<close>`, `close()` or the collector.
    func close() throws {}
    /// What the collector does with a value that nothing holds any more.
    func collect() { try? close() }
}

/// A number that several closures or objects share, such as that of the values that a machine's objects hold.
final class SharedCount {
    var value = 0
    /// The memory outside of Lua that the objects hold.
    var bytes = 0
}

final class Box<Value: LuaObject>: ObjectBox {
    var value: Value
    private let closing: ((Value) throws -> Void)?
    private let closesWhenCollected: Bool

    init(
        _ value: Value, _ live: SharedCount, closing: ((Value) throws -> Void)?, closesWhenCollected: Bool = true
    ) {
        self.value = value
        self.closing = closing
        self.closesWhenCollected = closesWhenCollected
        super.init(live, bytes: value.nativeBytes)
    }

    override func close() throws { try closing?(value) }

    override func collect() { if closesWhenCollected { try? close() } }
}

extension LuaObject {
    /// Small values need no mention.
    public var nativeBytes: Int { 0 }
    /// The class's name.
    public static var luaType: String { luaName }

    static var tag: UInt { UInt(bitPattern: ObjectIdentifier(Self.self)) }

    static func box(_ lua: LuaContext, at index: Int32) throws -> Box<Self> {
        switch sb_object_kind(lua.state, index, tag) {
        case 3:
            guard let pointer = sb_to_object(lua.state, index) else { break }
            return unsafeDowncast(
                Unmanaged<ObjectBox>.fromOpaque(pointer).takeUnretainedValue(), to: Box<Self>.self)
        case 2: throw Mismatch("this \(luaName) is closed")
        default: break
        }
        throw Mismatch(expected: luaName, lua, index)
    }

    public static func read(_ lua: LuaContext, at index: Int32) throws -> Self { try box(lua, at: index).value }

    public func push(to lua: LuaContext) throws -> Int32 {
        try lua.reserve(4)
        let declaration = lua.vm.classes[Self.tag]
        let box = Box(
            self, lua.vm.live, closing: declaration?.closing(of: Self.self),
            closesWhenCollected: declaration?.closesWhenCollected ?? true)
        sb_push_object(lua.state, Self.tag, Unmanaged<ObjectBox>.passRetained(box).toOpaque())
        let bytes = nativeBytes
        if bytes > 0 { sb_native_allocation(lua.state, bytes) }
        return 1
    }
}
