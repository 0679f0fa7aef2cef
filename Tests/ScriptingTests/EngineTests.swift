import CLua
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
        "setmetatable({}, {__gc = function() while true do end end}) collectgarbage()",
        "setmetatable({}, {__gc = function() pcall(system.sleep, 100) end}) collectgarbage() while true do end",
        "local m = {__gc = true} setmetatable({}, m) m.__gc = function() system.sleep(100) end collectgarbage() system.sleep(100)",
        "for i = 1, 9 do setmetatable({}, {__gc = function() while true do end end}) end while true do local t = {} end",
        "local t <close> = setmetatable({}, {__close = function() while true do end end})",
        """
        local co = coroutine.create(function()
            local t <close> = setmetatable({}, {__close = function() while true do end end})
            coroutine.yield()
        end)
        coroutine.resume(co) coroutine.close(co)
        """,
        "table.move({1}, 1, 1e18, 2)",
        "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)",
        "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)",
        "table.concat(setmetatable({}, {__index = rawlen, __len = function() return 1 << 60 end}))",
        "local t = {} for i = 1, 3e6 do t[i] = -i end while true do pcall(table.sort, t) t[1] = 0 end",
        "while true do pcall(string.rep, 'x', 1 << 28) end",
        "local s = ('a'):rep(30000) s:find(('.-'):rep(30) .. 'b')",
        "local s = ('a'):rep(40) s:gsub(('a?'):rep(40) .. s, '')",
        "local s = ('a'):rep(30000) for x in s:gmatch(('.-'):rep(30) .. 'b') do end",
        "os.execute('sleep 100')", "os.execute('sleep 100; sleep 100') while true do end",
        "io.popen('sleep 100'):read('a')", "io.popen('sleep 100'):close()",
        "f = io.popen('sleep 100; true') for line in f:lines() do end",
        "setmetatable({}, {__gc = function() os.execute('sleep 100') end}) collectgarbage() while true do end",
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

    /// The standard functions are the reference of ours, which answer to interrupts.
    @Test func patternsAndTablesBehaveAsTheStandardOnes() throws {
        let source = """
            local seed, results = 7, {}
            local function random(n)
                seed = (seed * 1103515245 + 12345) % 2147483648
                return seed // 65536 % n + 1
            end
            local pieces = { "a", "b", ".", "%a", "%d", "%s", "%W", "%x", "[ab]", "[^a]", "[%d-]", "[]]", "[^]a]",
                "[a-c]", "*", "+", "-", "?", "(", ")", "()", "^", "$", "%b()", "%bab", "%f[%a]", "%f[^b]", "%1", "%2",
                "%%", "[a", "%", "%f", "%b", "[a-]", "\\0", "1", " " }
            local alphabet = { "a", "b", "c", "1", "2", " ", "(", ")", "]", "-", "\\0", "%", "_" }
            local function make(list, n)
                local text = ""
                for i = 1, n do text = text .. list[random(#list)] end
                return text
            end
            local function note(...)
                local values = table.pack(...)
                for i = 1, values.n do
                    local kind = type(values[i])
                    values[i] = (kind == "table" or kind == "function") and kind or tostring(values[i])
                end
                results[#results + 1] = values.n .. ":" .. table.concat(values, "|")
            end
            local function every(f, ...)
                local found = {}
                for a, b in f(...) do found[#found + 1] = a .. tostring(b) end
                return table.concat(found, ";")
            end
            for round = 1, 4000 do
                local s, p, init = make(alphabet, random(13) - 1), make(pieces, random(6) - 1), random(18) - 4
                note(pcall(string.find, s, p, init))
                note(pcall(string.match, s, p, init))
                note(pcall(string.find, s, p, init, true))
                note(pcall(every, string.gmatch, s, p, init))
                note(pcall(string.gsub, s, p, make({ "%0", "%1", "x", "%%", "%2", "%" }, random(3) - 1)))
                note(pcall(string.gsub, s, p, { a = "Z", b = false, [""] = 5 }))
                note(pcall(string.gsub, s, p, function(a, b) return b or a end, random(5) - 1))
                note(pcall(string.rep, s, random(9) - 2, make(alphabet, random(3) - 1)))
                local t = { 1, 2, 3, 4, 5, 6 }
                note(pcall(table.insert, t, random(10) - 2, 9))
                note(pcall(table.remove, t, random(10) - 2))
                note(pcall(table.move, t, random(8) - 1, random(8) - 1, random(9) - 2))
                note(pcall(table.concat, t, ",", random(4) - 1, random(9) - 1))
                note(table.unpack(t, 1, 12))
            end
            return table.concat(results, "\\n")
            """
        let state = try #require(luaL_newstate())
        defer { lua_close(state) }
        luaL_openlibs(state)
        try #require(luaL_loadbufferx(state, source, source.utf8.count, "@test.lua", "t") == LUA_OK)
        try #require(lua_pcallk(state, 0, 1, 0, 0, nil) == LUA_OK)
        var length = 0
        let bytes = try #require(lua_tolstring(state, -1, &length))
        let text = String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
        let expected = text.split(separator: "\n")
        let result = try LuaVM.withNew { vm in try vm.run(source, name: "test.lua")[0].string ?? "" }
        let ours = result.split(separator: "\n")
        let differing = zip(expected, ours).filter { $0 != $1 }.prefix(3).map { "\($0) is \($1)" }
            .joined(separator: ", ")
        #expect(differing == "")
        let counts = [expected.count, ours.count]
        #expect(counts[0] > 50_000 && counts[0] == counts[1])
    }

    @Test func numbersWithoutMeaningAreRefused() {
        for number in ["0/0", "1/0", "-1/0", "1e308"] {
            #expect(luaError("probe.scale(\(number))")?.message.contains("x: ") == true, "\(number)")
            #expect(luaError("probe.scale(1, {offset = \(number)})")?.message.contains("offset: ") == true)
            #expect(luaError("probe.open('n').level_um = \(number)")?.message.contains("level_um: ") == true)
        }
        let area = luaError("local s <close> = microscope.open('simulated') s:true_objects(0/0, 0, 10, 10)")
        #expect(area?.message.contains("x_um: finite number expected, got nan") == true)
    }

    @Test func tablesOfHugeLengthAreRefused() throws {
        let sparse = "local t = {} for i = 1, 9 do t[i] = 1 end t[17] = 1 for b = 4, 62 do t[1 << b] = 1 end "
        #expect(luaError(sparse + "probe.echo(t)")?.message.contains("list without gaps expected") == true)
        #expect(luaError(sparse + "probe.minmax(t)")?.message.contains("list without gaps expected") == true)
        let shared = "local t = {} for i = 1, 60 do t = {t, t} end probe.echo(t)"
        #expect(luaError(shared)?.message.contains("table with at most 20000000 values") == true)
        #expect(try lua("local t = {} for i = 1, 1000 do t[i] = i end return #probe.echo(t)") == "1000")
    }

    @Test func oneMemoryLimitIsForLuaAndObjects() {
        let source = "local t = {} for i = 1, 100 do t[i] = probe.open('m') t[-i] = {} end"
        #expect(luaError(source, memoryLimit: 64 << 20)?.kind == .memory)
        #expect(luaError(source, memoryLimit: 256 << 20) == nil)
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
