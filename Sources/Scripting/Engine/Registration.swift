import CLua
import LuaShim
import Work

extension LuaVM {
    /// Makes a module's tables and classes; called while the machine is made, on plain tables only.
    func register(_ module: LuaModule) {
        guard let lua = try? context() else { return }
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        add(module)
        for declaration in module.classes { register(declaration, lua) }
        if module.name.isEmpty {
            sb_push_globals(lua.state)
            fill(lua, module)
            replaceExit(lua)
            return
        }
        lua_createtable(lua.state, 0, Int32(module.functions.count + module.constants.count))
        addTopic(module.name, at: lua_topointer(lua.state, -1))
        fill(lua, module)
        strictMembers(lua, of: module)
        sb_push_globals(lua.state)
        setRaw(lua, module.name, copyOf: top + 1)
        _ = "_LOADED".push(to: lua)
        lua_rawget(lua.state, sb_registry())
        setRaw(lua, module.name, copyOf: top + 1)
    }

    private func fill(_ lua: LuaContext, _ module: LuaModule) {
        for declaration in module.functions {
            _ = declaration.name.push(to: lua)
            sb_push_function(lua.state, keep(declaration.function))
            let name = module.name.isEmpty ? declaration.name : "\(module.name).\(declaration.name)"
            addTopic(name, at: lua_topointer(lua.state, -1))
            lua_rawset(lua.state, -3)
        }
        for constant in module.constants {
            _ = constant.name.push(to: lua)
            if (try? constant.value.push(to: lua)) == nil { lua_pushnil(lua.state) }
            lua_rawset(lua.state, -3)
        }
    }

    /// The standard `os.exit` would end the process under running native code.
    private func replaceExit(_ lua: LuaContext) {
        _ = "os".push(to: lua)
        lua_rawget(lua.state, -2)
        _ = "exit".push(to: lua)
        _ = "exit".push(to: lua)
        lua_rawget(lua.state, -4)
        lua_rawset(lua.state, -3)
    }

    private func setRaw(_ lua: LuaContext, _ name: String, copyOf index: Int32) {
        _ = name.push(to: lua)
        lua_pushvalue(lua.state, index)
        lua_rawset(lua.state, -3)
    }

    /// Reading a member that a module does not have is an error with the nearest name.
    private func strictMembers(_ lua: LuaContext, of module: LuaModule) {
        let names = module.functions.map(\.name) + module.constants.map(\.name)
        setIndexFunction(lua) { lua in
            let name = (try? String.read(lua, at: 2)) ?? lua.typeName(at: 2)
            throw Failure(
                "\(module.name).\(name) does not exist",
                remedy: nearestName(to: name, in: names).map { "did you mean \(module.name).\($0)?" }
                    ?? "help(\"\(module.name)\") lists what does", code: "no-member")
        }
    }

    /// Gives the table on top of the stack a metatable whose `__index` is `body`.
    private func setIndexFunction(_ lua: LuaContext, _ body: @escaping (LuaContext) throws -> Int32) {
        lua_createtable(lua.state, 0, 1)
        _ = "__index".push(to: lua)
        sb_push_function(lua.state, keep(NativeFunction(body)))
        lua_rawset(lua.state, -3)
        lua_setmetatable(lua.state, -2)
    }

    /// Makes reading an undefined global an error with the nearest name.
    public func makeGlobalsStrict() throws {
        let lua = try context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        sb_push_globals(lua.state)
        setIndexFunction(lua) { lua in
            let name = (try? String.read(lua, at: 2)) ?? lua.typeName(at: 2)
            var names: [String] = []
            try lua.forEachField(at: 1) { name, _ in names.append(name) }
            throw Failure(
                "\(name) is not defined",
                remedy: nearestName(to: name, in: names).map { "did you mean \($0)?" } ?? "", code: "undefined")
        }
    }

    private func register(_ declaration: ClassDeclaration, _ lua: LuaContext) {
        add(declaration)
        let tag = declaration.tag
        lua_createtable(lua.state, 0, Int32(declaration.methods.count + 1))
        for method in declaration.methods {
            _ = method.name.push(to: lua)
            sb_push_function(lua.state, keep(method.function))
            addTopic("\(declaration.name):\(method.name)", at: lua_topointer(lua.state, -1))
            lua_rawset(lua.state, -3)
        }
        let close = keep(
            NativeFunction { lua in
                guard sb_object_tag(lua.state, 1) == tag else {
                    throw BadArgument(index: 1, message: "\(declaration.name) expected")
                }
                guard let pointer = sb_take_object(lua.state, 1) else { return 0 }
                try Unmanaged<ObjectBox>.fromOpaque(pointer).takeRetainedValue().close()
                return 0
            })
        if !declaration.methods.contains(where: { $0.name == "close" }) {
            _ = "close".push(to: lua)
            sb_push_function(lua.state, close)
            lua_rawset(lua.state, -3)
        }
        pushAccessors(lua, declaration.properties.map { ($0.name, $0.getter) })
        pushAccessors(
            lua, declaration.properties.compactMap { property in property.setter.map { (property.name, $0) } })
        sb_push_function(lua.state, keep(missingMember(of: declaration)))
        sb_push_metatable(lua.state, tag)
        _ = "__close".push(to: lua)
        sb_push_function(lua.state, close)
        lua_rawset(lua.state, -3)
        _ = "__name".push(to: lua)
        _ = declaration.name.push(to: lua)
        lua_rawset(lua.state, -3)
        for metamethod in declaration.metamethods {
            _ = metamethod.name.push(to: lua)
            sb_push_function(lua.state, keep(metamethod.function))
            lua_rawset(lua.state, -3)
        }
        sb_pop(lua.state, 1)
    }

    private func pushAccessors(_ lua: LuaContext, _ accessors: [(String, NativeFunction)]) {
        lua_createtable(lua.state, 0, Int32(accessors.count))
        for (name, function) in accessors {
            _ = name.push(to: lua)
            sb_push_function(lua.state, keep(function))
            lua_rawset(lua.state, -3)
        }
    }

    /// What happens when a member is read or set that cannot be.
    private func missingMember(of declaration: ClassDeclaration) -> NativeFunction {
        let properties = declaration.properties.map(\.name)
        let names = properties + declaration.methods.map(\.name) + ["close"]
        let element = declaration.elementReader
        let (memberReader, memberWriter) = (declaration.memberReader, declaration.memberWriter)
        return NativeFunction { lua in
            if lua_type(lua.state, 2) == LUA_TSTRING,
                let member = lua_gettop(lua.state) == 2 ? memberReader : memberWriter
            {
                return try member.body(lua)
            }
            if let element, lua_type(lua.state, 2) == LUA_TNUMBER, lua_gettop(lua.state) == 2 {
                return try element.body(lua)
            }
            let name = (try? String.read(lua, at: 2)) ?? lua.typeName(at: 2)
            if lua_gettop(lua.state) > 2, names.contains(name) {
                throw Failure("\(name) of a \(declaration.name) cannot be set", code: "read-only")
            }
            throw Failure(
                "a \(declaration.name) has no \(name)",
                remedy: nearestName(to: name, in: names).map { "did you mean \($0)?" }
                    ?? "it has \(names.joined(separator: ", "))", code: "no-member")
        }
    }
}
