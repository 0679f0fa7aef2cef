import Foundation
import Scripting
import Synchronization
import Testing
import Work

@Suite struct EngineTests {
    @Test func convertsValuesBothWays() throws {
        #expect(try lua("return probe.echo{ 1, 2.5, 'a', {x = true} }") == #"{1, 2.5, "a", {x = true}}"#)
        #expect(try lua("return probe.map({1, 2, 3}, function(x) return x * x end)") == "{1, 4, 9}")
        #expect(try lua("return probe.minmax{3, 1, 2}") == "1 3")
        #expect(try lua("return probe.minmax{}") == "nil nil")
        #expect(try lua("return system.lua_version") == #""Lua 5.4.4""# || Version.lua.hasPrefix("Lua 5.4"))
    }

    @Test func optionsAreCheckedByName() throws {
        #expect(try lua("return probe.scale(3)") == "6")
        #expect(try lua("return probe.scale(3, {mode = 'square', offset = 1})") == "19")
        #expect(luaError("probe.scale(3, {facter = 1})")?.message.contains("did you mean factor?") == true)
        #expect(luaError("probe.scale(3, {mode = 'sqare'})")?.message.contains("did you mean \"square\"?") == true)
        #expect(luaError("probe.scale(3, {factor = -1})")?.message.contains("out of range (at least 0)") == true)
    }

    @Test func argumentsAreCheckedWithNames() {
        let wrong = luaError("local p = probe.open('a')\np:move('x')")
        #expect(wrong?.place == "test.lua:2")
        #expect(wrong?.message.contains(#"x_um: number expected, got the text "x""#) == true)
        #expect(luaError("probe.open('a', 2)")?.message.contains("it takes 1 argument") == true)
        #expect(luaError("probe.open()")?.message.contains("name: text expected, got nothing") == true)
        #expect(luaError("probe.opem('a')")?.message.contains("did you mean probe.open?") == true)
    }

    @Test func objectsHavePropertiesMethodsAndOperators() throws {
        #expect(
            try lua("local p = probe.open('a') p:move(3, 2) return p.level_um, #p, tostring(p)") == #"6 7 "probe a""#)
        #expect(try lua("local p = probe.open('a') p.level_um = 5 return p + p") == "10")
        #expect(luaError("probe.open('a').level = 3")?.message.contains("did you mean level_um?") == true)
        #expect(luaError("probe.open('a').name = 'b'")?.code == "read-only")
        #expect(luaError("probe.open('a').level_um = 'b'")?.message.contains("level_um: number expected") == true)
    }

    @Test func swiftErrorsKeepTheirIdentity() throws {
        let error = luaError("local p = probe.open('a')\n\np:move(1000)")
        #expect(error?.underlying as? ProbeError == ProbeError(x: 1000))
        #expect(error?.place == "test.lua:3")
        #expect(error?.traceback.contains("stack traceback") == true)
        #expect(
            try lua("local ok, e = pcall(system.read_text, '/nowhere') return ok, e.code, e.kind, e.message")
                == #"false "file-missing" "Failure" "/nowhere does not exist; check the path""#)
        #expect(try lua("local ok, e = pcall(system.read_text, '/nowhere') return 'so: ' .. e ~= nil") == "true")
    }

    @Test func luaErrorsPassThroughSwiftUnchanged() throws {
        #expect(
            try lua("local ok, e = pcall(probe.map, {1}, function() error('boom') end) return e")
                == #""test.lua:1: boom""#)
        #expect(
            try lua("local t = {} local ok, e = pcall(probe.hold, function() error(t) end) return e == t") == "true")
        #expect(
            luaError("probe.map({1}, function(x)\n return probe.map({x}, function() error('deep') end) end)")?.place
                == "test.lua:2")
        #expect(luaError("probe.map({1}, function() return 'x' end)")?.code == "bad-result")
    }

    @Test func errorsCrossCoroutines() throws {
        let source = """
            local p = probe.open('c')
            local co = coroutine.create(function() coroutine.yield(1) p:move(-1) end)
            local a, b = coroutine.resume(co)
            local c, d = coroutine.resume(co)
            return a, b, c, d.message, coroutine.status(co)
            """
        #expect(try lua(source) == #"true 1 false "x = -1.0 um is outside the travel (0 to 100 um)" "dead""#)
        let wrapped = luaError("local f = coroutine.wrap(function() probe.open('c'):move(-1) end)\nf()")
        #expect(wrapped?.underlying as? ProbeError == ProbeError(x: -1))
        #expect(
            try lua(
                "local f = coroutine.wrap(function() return probe.map({4}, function(x) return x + 1 end) end) return f()"
            ) == "{5}")
    }

    @Test func closedObjectsSaySo() throws {
        let message = try #require(luaError("local p = probe.open('z1') p:close() p:close() p:move(1)")).message
        #expect(message.contains("this probe.Probe is closed"))
        #expect(
            try lua("local p do local q <close> = probe.open('z2') p = q end return tostring(p)")
                == #""probe.Probe (closed)""#)
        #expect(luaError("local q <close> = probe.open('z3') error('x')") != nil)
        #expect(
            luaError("local f = coroutine.wrap(function() local q <close> = probe.open('z4') error('x') end) f()")
                != nil)
        let closed = Probe.closed.withLock { $0 }
        for name in ["z1", "z2", "z3", "z4"] { #expect(closed.filter { $0 == name }.count == 1) }
    }

    @Test func closedObjectsAreNamedWithTheirPlace() {
        let property = luaError("local p = probe.open('z5')\np:close()\nreturn p.level_um")
        #expect(property?.description == "test.lua:3: this probe.Probe is closed")
        let method = luaError("local p = probe.open('z6')\np:close()\np:move(1)")
        #expect(method?.description == "test.lua:3: calling 'move' on bad self (this probe.Probe is closed)")
    }

    @Test func memoryOutsideOfLuaIsCollectedInTime() throws {
        let most = try LuaVM.withNew(modules: { LuaModule.all + [.probe] }) { vm in
            var most = 0
            for _ in 0..<40 {
                try vm.run("for i = 1, 100 do probe.open('m') end", name: "test.lua")
                most = max(most, vm.liveObjects)
            }
            return most
        }
        #expect(most < 1000)
    }

    @Test func stolenMetamethodsAreHarmless() throws {
        #expect(try lua("return getmetatable(probe.open('a'))") == "false")
        #expect(
            luaError("local p = probe.open('a') p.move(io.stdout, 1)")?.message.contains("probe.Probe expected") == true
        )
        #expect(luaError("local p = probe.open('a') p.close(io.stdout)") != nil)
    }

    @Test func nothingStaysAliveAfterCollection() throws {
        let live = try LuaVM.withNew(modules: { LuaModule.all + [.probe] }) { vm in
            let source = """
                for i = 1, 50 do
                    local p = probe.open('g')
                    pcall(p.move, p, 1000)
                    pcall(probe.hold, function() error(p) end)
                    pcall(probe.map, {1, 2}, function(x) p:move(x) error{} end)
                end
                """
            try vm.run(source, name: "test.lua")
            vm.collect()
            return vm.liveObjects
        }
        #expect(live == 0)
    }

    @Test func bytecodeIsRefused() throws {
        #expect(try lua("return load('\\27Lua')").contains("attempt to load a binary chunk"))
        #expect(luaError("\u{1B}Lua")?.message.contains("binary chunk") == true)
        #expect(try lua("return string.dump") == "nil")
    }

    @Test func memoryLimitEndsTheScriptOnly() throws {
        let limit = 32 << 20
        #expect(luaError("local t = {} for i = 1, 1e9 do t[i] = i end", memoryLimit: limit)?.kind == .memory)
        #expect(luaError("return string.rep('x', 1e9)", memoryLimit: limit)?.kind == .memory)
        #expect(try lua("return pcall(string.rep, 'x', 1e9)", memoryLimit: limit) == #"false "not enough memory""#)
    }

    @Test func tablesWithoutEndAreRefused() {
        #expect(luaError("local t = {} t.t = t probe.echo(t)")?.message.contains("levels") == true)
    }

    @Test func incompleteTextIsTold() {
        #expect(luaError("for i = 1, 3 do")?.kind == .incomplete)
        #expect(luaError("for i = = 3")?.kind == .syntax)
    }

    @Test(arguments: [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() return pcall(f) end while true do f() end",
        "coroutine.wrap(function() while true do end end)()",
        "local co = coroutine.create(function() while true do pcall(string.rep, 'x', 3) end end) while true do coroutine.resume(co) end",
        "xpcall(function() while true do end end, function(e) while true do end end)",
        "probe.map({1}, function() while true do end end)",
        "pcall(probe.map, {1}, function() while true do end end) while true do end",
        "load(function() while true do end end)",
        "setmetatable({}, {__index = function() while true do end end})[1] = setmetatable({}, {__index = function() while true do end end}).x",
    ])
    func stopEndsEveryLoop(_ source: String) throws {
        let result = try LuaVM.withNew(modules: { LuaModule.all + [.probe] }) { vm -> String in
            let stopper = vm.stopper
            stopLater(stopper, times: 3)
            do {
                try vm.run("local p <close> = probe.open('s')\n" + source, name: "test.lua")
                return "ended"
            } catch let error as LuaError {
                vm.collect()
                return "\(error.kind.rawValue) \(vm.liveObjects) \(try vm.run("return 1 + 1", name: "again")[0])"
            }
        }
        #expect(result == "interrupted 0 2")
    }

    @Test func closeHandlersRunUndisturbed() throws {
        let source = """
            local log <close> = setmetatable({}, {__close = function()
                for i = 1, 1000 do pcall(error, 'x') end
                probe.open('undisturbed'):close()
            end})
            while true do pcall(function() while true do end end) end
            """
        let kind = try LuaVM.withNew(modules: { LuaModule.all + [.probe] }) { vm -> String in
            let stopper = vm.stopper
            stopLater(stopper, times: 1)
            do { try vm.run(source, name: "test.lua") } catch let error as LuaError { return error.kind.rawValue }
            return "ended"
        }
        #expect(kind == "interrupted")
        #expect(Probe.closed.withLock { $0 }.contains("undisturbed"))
    }
}

/// Stops a machine from another thread, after 0.1 s and then every second.
private func stopLater(_ stopper: Stopper, times: Int) {
    Thread.detachNewThread {
        for round in 0..<times {
            Thread.sleep(forTimeInterval: round == 0 ? 0.1 : 1)
            stopper.stop()
        }
    }
}
