import Foundation
import Scripting
import Testing

/// Runs every `Tests/ScriptTests/*.lua` inside the engine, with all native modules.
///
/// A script test is plain Lua with these globals:
///
///     describe("what it is about", function()
///         it("does one thing", function()
///             expect(1 + 1).equals(2)                  -- also tables, compared by content
///             expect(0.1 + 0.2).near(0.3, 1e-9)
///             expect(nil).is_nil()
///             expect(x).is_true()                      -- anything but false and nil
///             expect("a word").matches("w%a+")         -- a Lua pattern
///             expect(function() error("no") end).fails("no")   -- the message contains that text
///         end)
///     end)
///     local folder = scratch()      -- an empty folder that is removed afterwards
///     local root = package_root     -- the folder of the package, for Models, scripts and test images
///
/// Every `it` runs even if others fail; one file is one test for Swift Testing, and a failure names the file's line.
@Suite struct ScriptTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static let files: [String] = {
        let folder = root + "/Tests/ScriptTests"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".lua") }.sorted()
    }()

    @Test(arguments: files) func runs(_ file: String) throws {
        let source = try String(contentsOfFile: ScriptTests.root + "/Tests/ScriptTests/" + file, encoding: .utf8)
        let scratch = NSTemporaryDirectory() + "/stormbench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let failures = try LuaVM.withNew { vm -> [String] in
            try vm.setGlobal("package_root", ScriptTests.root)
            try vm.setGlobal("scratch_root", scratch)
            let harness = try vm.run(ScriptTests.harness, name: "=harness")
            try vm.makeGlobalsStrict()
            do { try vm.run(source, name: file) } catch let error as LuaError {
                return ["\(error)\n\(error.traceback)"]
            }
            guard case .function(let failures) = harness[0] else { return ["no harness"] }
            let result = try failures.call(as: [String].self)
            vm.collect()
            return result
        }
        for failure in failures { Issue.record(Comment(rawValue: failure)) }
    }

    static let harness = """
        local path, failures, count, folders = {}, {}, 0, 0
        local function same(a, b)
            if type(a) ~= "table" or type(b) ~= "table" then return a == b end
            for k, v in pairs(a) do if not same(v, b[k]) then return false end end
            for k in pairs(b) do if a[k] == nil then return false end end
            return true
        end
        local function show(x)
            if type(x) ~= "table" then return type(x) == "string" and string.format("%q", x) or tostring(x) end
            local parts = {}
            for k, v in pairs(x) do parts[#parts + 1] = tostring(k) .. " = " .. show(v) end
            table.sort(parts)
            return "{" .. table.concat(parts, ", ") .. "}"
        end
        local function check(ok, ...)
            if not ok then error(string.format(...), 3) end
        end
        function describe(name, body)
            path[#path + 1] = name
            body()
            path[#path] = nil
        end
        function it(name, body)
            count = count + 1
            local ok, problem = xpcall(body, function(e) return tostring(e) end)
            if not ok then
                failures[#failures + 1] = table.concat(path, " ") .. " " .. name .. ": " .. problem
            end
        end
        function scratch()
            folders = folders + 1
            local folder = scratch_root .. "/" .. folders
            system.make_folder(folder)
            return folder
        end
        function expect(x)
            return {
                equals = function(y) check(same(x, y), "%s expected, got %s", show(y), show(x)) end,
                near = function(y, tolerance)
                    check(type(x) == "number" and math.abs(x - y) <= tolerance, "%s within %s expected, got %s",
                        show(y), show(tolerance), show(x))
                end,
                is_nil = function() check(x == nil, "nil expected, got %s", show(x)) end,
                is_true = function() check(x, "a true value expected, got %s", show(x)) end,
                is_false = function() check(not x, "a false value expected, got %s", show(x)) end,
                matches = function(pattern)
                    check(type(x) == "string" and x:find(pattern), "%s does not match %s", show(x), pattern)
                end,
                fails = function(text)
                    local ok, problem = pcall(x)
                    check(not ok, "an error expected")
                    check(not text or tostring(problem):find(text, 1, true), "the error \\"%s\\" expected, got \\"%s\\"",
                        tostring(text), tostring(problem))
                end,
            }
        end
        return function()
            if count == 0 then failures[1] = "the file holds no test" end
            return failures
        end
        """
}
