import Foundation
import Testing

@Suite(.serialized) struct CommandLineTests {
    static let parameters = """
        --- Measures something.
        local args = arguments {
            image = path "the image",
            rounds = integer { 20, min = 1, "passes over the data" },
            pixel_nm = length { "0.1 um", "side of a pixel" },
            method = choice { "fast", choices = { "fast", "exact" }, "how" },
            area = size { "500x400", "area in um" },
            verbose = flag "tell more",
        }
        print(args.image, args.rounds, args.pixel_nm, args.method, args.area.width, args.verbose)
        """

    @Test func helpShowsParametersAsWritten() throws {
        let outcome = try Program.script(CommandLineTests.parameters, ["--help"])
        #expect(outcome.status == 0)
        #expect(
            outcome.output == """
                usage: stormbench run probe [--parameter value ...]

                Measures something.

                  --image PATH         the image (required)
                  --rounds N           passes over the data (at least 1, default 20)
                  --pixel-nm nm        side of a pixel (default 0.1 um)
                  --method fast|exact  how (default fast)
                  --area WxH           area in um (default 500x400)
                  --verbose            tell more

                """)
    }

    @Test func allProblemsAreToldAtOnce() throws {
        let outcome = try Program.script(
            CommandLineTests.parameters,
            ["--imag", "x", "--rounds", "0", "--pixel-nm", "wide", "--method=fats", "--area", "5", "stray"])
        #expect(outcome.status == 2)
        #expect(outcome.output == "")
        #expect(
            outcome.errors == """
                probe: --imag is unknown (did you mean --image?)
                probe: "stray" is not understood (parameters are written --name value)
                probe: --image is missing (the image)
                probe: --rounds: 0 is out of range (at least 1)
                probe: --pixel-nm: length such as 100 nm or 0.1 um expected, got "wide"
                probe: --method: one of fast, exact expected, got "fats" (did you mean fast?)
                probe: --area: size such as 500x400 expected, got "5"
                see stormbench run probe --help

                """)
    }

    @Test func valuesArriveWithTheirTypes() throws {
        let outcome = try Program.script(
            CommandLineTests.parameters, ["--image", "/", "--pixel-nm=0.16um", "--verbose", "--area", "30x20"])
        #expect(outcome.output == "/\t20\t160.0\tfast\t30.0\ttrue\n")
        #expect(outcome.status == 0)
    }

    @Test func failuresAreOneLine() throws {
        let missing = try Program.run(
            ["run", "trian"], environment: ["STORMBENCH_SCRIPTS": ScriptTests.root + "/Tests"])
        #expect(missing.status == 2)
        #expect(missing.errors.split(separator: "\n").count == 1)
        let failed = try Program.script("local function f() system.read_text('/none') end\nf()")
        #expect(failed.status == 1)
        #expect(failed.errors == "probe: /none does not exist; check the path (probe.lua:1)\n")
        let traced = try Program.script("local function f() error('no') end\nf()", ["--traceback"])
        #expect(traced.errors.hasPrefix("probe: no (probe.lua:1)\nstack traceback:"))
        #expect(try Program.script("os.exit(7)").status == 7)
        #expect(try Program.script("return undefined_name").errors.contains("undefined_name is not defined"))
        #expect(try Program.run(["bogus"]).status == 2)
        #expect(try Program.run(["help", "sistem"]).errors.contains("did you mean system?"))
        #expect(try Program.run(["help", "system.list"]).output.hasPrefix("system.list(folder, [ending])"))
    }

    @Test(
        arguments: [
            "while true do end", "while true do pcall(function() while true do end end) end",
            "while true do system.sleep(0.5) end", "while true do pcall(system.sleep, 100) end",
            "coroutine.wrap(function() while true do pcall(system.sleep, 100) end end)()",
        ], [SIGINT, SIGTERM])
    func signalsEndScripts(_ loop: String, _ signal: Int32) throws {
        let source = """
            local lamp <close> = setmetatable({}, { __close = function() system.sleep(0.05) print("off") end })
            print("on") io.stdout:flush()
            \(loop)
            """
        let outcome = try Program.script(source, signals: [(1.5, signal)])
        #expect(outcome.status == 130)
        #expect(outcome.output == "on\noff\n")
        #expect(outcome.errors == "probe: interrupted\n")
    }

    /// What Lua's own library cannot be woken from. The end must come within a second.
    @Test(arguments: [
        "setmetatable({}, {__gc = function() while true do end end}) collectgarbage() print('swallowed')",
        "setmetatable({}, {__gc = function() system.sleep(9) end}) collectgarbage() print('swallowed')",
        "x = setmetatable({}, {__gc = function() while true do end end})",
        "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end",
        "table.move({1}, 1, 1e18, 2)",
        "print((('a'):rep(30000)):find(('.-'):rep(30) .. 'b'))",
        "os.execute('sleep 9; sleep 9') print('swallowed')",
        "print(io.popen('sleep 9; true'):read('a')) print('swallowed')",
    ])
    func oneCtrlCEndsWhatTheLibraryDoes(_ source: String) throws {
        let start = Date()
        let outcome = try Program.script(source, signals: [(1.5, SIGINT)])
        #expect(outcome.status == 130)
        #expect(outcome.output == "")
        #expect(!outcome.errors.contains("stopped at once"))
        // The sleeps of the scripts have 9 s.
        #expect(Date().timeIntervalSince(start) < 8)
    }

    /// The lights go out before the program dies by the signal.
    @Test(arguments: [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV])
    func crashesPutTheLightsOut(_ signal: Int32) throws {
        let log = NSTemporaryDirectory() + "lights-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let source = """
            local scope <close> = microscope.open("simulated", { light_log = "\(log)" })
            local first, second = scope.lasers["405"]:on(2), scope.lasers["647"]:on(80)
            while true do scope.camera:snap() end
            """
        let outcome = try Program.script(source, signals: [(1.5, signal)])
        #expect(outcome.status == signal)
        #expect(outcome.errors.contains("; the lights are off"))
        let last = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: " ")
        }
        .reduce(into: [:]) { $0[$1[1]] = Double($1[2]) }
        #expect(last == ["405": 0, "647": 0])
    }

    @Test func secondSignalLeavesWorkThatDoesNotAnswer() throws {
        let outcome = try Program.script(
            """
            local late = { __gc = true }
            setmetatable({}, late)
            late.__gc = function() while true do end end
            collectgarbage()
            """, signals: [(1.5, SIGINT), (0.5, SIGINT)])
        #expect(outcome.status == 130)
        #expect(outcome.errors.contains("stormbench: stopped at once"))
    }

    @Test func promptTakesPipedInput() throws {
        let input = """
            1 + 1
            ans * 3
            x = "quiet";
            for i = 1, 2 do
            print(i)
            end
            error("told")
            {{x = 1, y = 2}, {x = 10, y = 4.5}}
            > _1
            """
        let outcome = try Program.run([], input: input)
        #expect(outcome.status == 0)
        #expect(outcome.output == "2\n6\n1\n2\n x    y\n 1    2\n10  4.5\n2\n")
        #expect(outcome.errors.hasPrefix("told"))
    }
}
