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

    @Test func secondSignalLeavesWorkThatDoesNotAnswer() throws {
        let outcome = try Program.script(
            #"print(("a"):rep(40):find(("a?"):rep(40) .. ("a"):rep(40)))"#, signals: [(1.5, SIGINT), (0.5, SIGINT)])
        #expect(outcome.status == 130)
        #expect(outcome.errors.contains("stormbench: stopped"))
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
