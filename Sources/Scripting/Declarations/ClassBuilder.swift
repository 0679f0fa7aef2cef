import CLua
import LuaShim

/// A property of a class as scripts, help and the reference see it.
public struct PropertyDeclaration {
    /// Its name; units are part of it.
    public let name: String
    /// What it is.
    public let help: String
    /// Its type as LuaCATS writes it.
    public let type: String
    /// Whether a script may set it.
    public var isWritable: Bool { setter != nil }
    let getter: NativeFunction
    let setter: NativeFunction?
}

/// A class as scripts, help and the reference see it.
public final class ClassDeclaration {
    /// Its name with the module: `imaging.Image`.
    public let name: String
    /// What an object of it is.
    public let summary: String
    /// Its properties in the order declared.
    public internal(set) var properties: [PropertyDeclaration] = []
    /// Its methods in the order declared.
    public internal(set) var methods: [FunctionDeclaration] = []
    /// Its operators by the name of Lua's metamethod (`__add`, `__len`, `__tostring`).
    public internal(set) var metamethods: [FunctionDeclaration] = []
    /// What `object[i]` is, for classes whose objects are lists.
    public internal(set) var element: (help: String, type: String)?
    let tag: UInt
    /// What members are whose names only the object knows, for classes whose objects have such.
    public internal(set) var members: (help: String, type: String)?
    var closing: Any?
    var closesWhenCollected = true
    var elementReader: NativeFunction?
    var memberReader: NativeFunction?
    var memberWriter: NativeFunction?

    init(name: String, summary: String, tag: UInt) {
        self.name = name
        self.summary = summary
        self.tag = tag
    }

    func closing<Object: LuaObject>(of type: Object.Type) -> ((Object) throws -> Void)? {
        closing as? (Object) throws -> Void
    }
}

/// Adds members to a class.
///
///     module.class(Laser.self, "A laser line.") { laser in
///         laser.property("power_mw", "the power at the fibre", get: { $0.power_mw }, set: { $0.power_mw = $1 })
///         laser.method("pulse", "Fires once.", [Parameter("width_ms", "how long")]) { (laser: Laser, width_ms: Double) in
///             try laser.pulse(width_ms)
///         }
///         laser.text { "laser \($0.name)" }
///         laser.closing { $0.off() }     // at the end of `local l <close>`, by l:close(), or by the collector
///     }
public final class ClassBuilder<Object: LuaObject> {
    let declaration: ClassDeclaration

    init(summary: String) {
        declaration = ClassDeclaration(name: Object.luaName, summary: summary, tag: Object.tag)
    }

    /// Declares a property that scripts read.
    public func property<Value: LuaWritable>(
        _ name: String, _ help: String, _ get: @escaping (Object) throws -> Value
    ) {
        declaration.properties.append(
            PropertyDeclaration(name: name, help: help, type: Value.luaType, getter: getter(get), setter: nil))
    }

    /// Declares a property that scripts read and set.
    public func property<Value: LuaReadable & LuaWritable>(
        _ name: String, _ help: String, get: @escaping (Object) throws -> Value,
        set: @escaping (inout Object, Value) throws -> Void
    ) {
        let setter = NativeFunction { lua in
            let box = try Object.box(lua, at: 1)
            do {
                try Parameter(name, "").check(lua, at: 2, as: Value.luaType)
                let value = try Value.read(lua, at: 2)
                var object = box.value
                try set(&object, value)
                box.value = object
            } catch let mismatch as Mismatch {
                throw Mismatch("\(name): \(mismatch.message)")
            }
            return 0
        }
        declaration.properties.append(
            PropertyDeclaration(name: name, help: help, type: Value.luaType, getter: getter(get), setter: setter))
    }

    private func getter<Value: LuaWritable>(_ get: @escaping (Object) throws -> Value) -> NativeFunction {
        NativeFunction { lua in try get(try Object.box(lua, at: 1).value).push(to: lua) }
    }

    /// The object that a method was called on.
    private static func receiver(_ lua: LuaContext) throws -> Box<Object> {
        do { return try Object.box(lua, at: 1) } catch let mismatch as Mismatch {
            throw BadArgument(index: 1, message: mismatch.message)
        }
    }

    /// Declares a method that returns a value.
    public func method<each Argument: LuaReadable, Value: LuaWritable>(
        _ name: String, _ summary: String, _ parameters: [Parameter] = [], result: String = "", details: String = "",
        _ body: @escaping (Object, repeat each Argument) throws -> Value
    ) {
        declaration.methods.append(
            .make(
                name, summary, parameters, details: details, result: result, resultType: Value.luaType, receiver: 1,
                call: { (lua: LuaContext, arguments: repeat each Argument) in
                    try body(try ClassBuilder.receiver(lua).value, repeat each arguments)
                },
                push: { lua, value in try value.push(to: lua) }))
    }

    /// Declares a method that returns nothing.
    @_disfavoredOverload
    public func method<each Argument: LuaReadable>(
        _ name: String, _ summary: String, _ parameters: [Parameter] = [], details: String = "",
        _ body: @escaping (Object, repeat each Argument) throws -> Void
    ) {
        declaration.methods.append(
            .make(
                name, summary, parameters, details: details, result: "", resultType: "", receiver: 1,
                call: { (lua: LuaContext, arguments: repeat each Argument) in
                    try body(try ClassBuilder.receiver(lua).value, repeat each arguments)
                },
                push: { _, _ in 0 }))
    }

    /// Declares a method that changes a value type in place.
    public func mutatingMethod<each Argument: LuaReadable>(
        _ name: String, _ summary: String, _ parameters: [Parameter] = [], details: String = "",
        _ body: @escaping (inout Object, repeat each Argument) throws -> Void
    ) {
        declaration.methods.append(
            .make(
                name, summary, parameters, details: details, result: "", resultType: "", receiver: 1,
                call: { (lua: LuaContext, arguments: repeat each Argument) in
                    let box = try ClassBuilder.receiver(lua)
                    var object = box.value
                    try body(&object, repeat each arguments)
                    box.value = object
                },
                push: { _, _ in 0 }))
    }

    /// Declares an operator by Lua's name for it, such as `__add` or `__lt`; one operand is of this class.
    public func metamethod<Left: LuaReadable, Right: LuaReadable, Value: LuaWritable>(
        _ name: String, _ summary: String, _ body: @escaping (Left, Right) throws -> Value
    ) {
        addMetamethod(name, summary, resultType: Value.luaType) { lua in
            do {
                return try body(try Left.read(lua, at: 1), try Right.read(lua, at: 2)).push(to: lua)
            } catch let mismatch as Mismatch {
                throw Mismatch("operator \(name.dropFirst(2)): \(mismatch.message)")
            }
        }
    }

    /// Makes objects callable as functions, such as the iterator of a loop.
    public func callable<each Argument: LuaReadable, Value: LuaWritable>(
        _ body: @escaping (Object, repeat each Argument) throws -> Value
    ) {
        addMetamethod("__call", "The object as a function.", resultType: Value.luaType) { lua in
            var count: Int32 = 0
            repeat count += (each Argument).consumesArgument ? 1 : 0
            lua_settop(lua.state, count + 1)
            let parameters = (0..<count).map { Parameter("argument \($0 + 1)", "") }
            var reader = ArgumentReader(lua, parameters, first: 2)
            let object = try Object.box(lua, at: 1).value
            return try body(object, repeat try reader.next((each Argument).self)).push(to: lua)
        }
    }

    /// Declares what `#object` is.
    public func length(_ body: @escaping (Object) throws -> Int) {
        addMetamethod("__len", "The number of elements.", resultType: "integer") { lua in
            try body(try Object.box(lua, at: 1).value).push(to: lua)
        }
    }

    /// Declares what `object[i]` is, `i` a whole number from 1; nil ends `ipairs`.
    public func element<Value: LuaWritable>(_ help: String, _ body: @escaping (Object, Int) throws -> Value?) {
        declaration.element = (help, Value.luaType)
        declaration.elementReader = NativeFunction { lua in
            try body(try Object.box(lua, at: 1).value, try Int.read(lua, at: 2)).push(to: lua)
        }
    }

    /// Declares members whose names only the object knows, such as the properties of a device. `get` and `set` throw a
    /// `Failure` for a name that it does not have.
    public func members<Value: LuaWritable>(
        _ help: String, get: @escaping (Object, String) throws -> Value,
        set: @escaping (Object, String, LuaValue) throws -> Void
    ) {
        declaration.members = (help, Value.luaType)
        declaration.memberReader = NativeFunction { lua in
            try get(try Object.box(lua, at: 1).value, try String.read(lua, at: 2)).push(to: lua)
        }
        declaration.memberWriter = NativeFunction { lua in
            try set(try Object.box(lua, at: 1).value, try String.read(lua, at: 2), try LuaValue.read(lua, at: 3))
            return 0
        }
    }

    /// Declares what `pairs(object)` goes through: a `callable` object that gives one name and value after the other.
    public func pairs<Walk: LuaObject>(_ body: @escaping (Object) throws -> Walk) {
        addMetamethod("__pairs", "Goes through the names and values.", resultType: Walk.luaType) { lua in
            try body(try Object.box(lua, at: 1).value).push(to: lua)
        }
    }

    /// Declares the text that `print` and the REPL show for an object.
    public func text(_ body: @escaping (Object) -> String) {
        addMetamethod("__tostring", "The object in one line.", resultType: "string") { lua in
            switch sb_object_kind(lua.state, 1, Object.tag) {
            case 2: "\(Object.luaName) (closed)".push(to: lua)
            default: body(try Object.box(lua, at: 1).value).push(to: lua)
            }
        }
    }

    /// Declares what ends an object's work: runs once, at the end of `local x <close>`, by `x:close()` or when the
    /// object is collected. Any use after that is the error "this ... is closed".
    /// - Parameter whenCollected: false where an object that nothing holds any more works on.
    public func closing(whenCollected: Bool = true, _ body: @escaping (Object) throws -> Void) {
        declaration.closing = body
        declaration.closesWhenCollected = whenCollected
    }

    private func addMetamethod(
        _ name: String, _ summary: String, resultType: String, _ body: @escaping (LuaContext) throws -> Int32
    ) {
        declaration.metamethods.append(
            FunctionDeclaration(
                name: name, summary: summary, details: "", parameters: [], resultType: resultType, result: "",
                annotations: [], function: NativeFunction(body)))
    }
}
