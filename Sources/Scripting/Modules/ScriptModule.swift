import Work

extension LuaModule {
    /// The globals that script authors use: parameters, progress, the summary, help.
    static var script: LuaModule {
        LuaModule("", "Parameters of scripts, progress, the summary of a run, help.") { module in
            declareParameters(module)
            declareRun(module)
            declareErrors(module)
        }
    }

    private static func declareParameters(_ module: LuaModule) {
        module.function(
            "arguments", "Declares a script's parameters and gives their checked values.",
            [Parameter("declared", "a parameter by each name")], result: "a value by each name",
            details: """
                All problems are told at once, before any work starts. `--pixel-nm 100` on the command line sets
                `pixel_nm`. In `run(name, { ... })` the same names are the fields of the table.
                """, annotations: ["---@generic T", "---@param declared T", "---@return T"]
        ) { (lua: LuaContext, declared: [String: ScriptParameter]) in
            let values = try ScriptArguments(declared, for: lua.vm.script).values()
            lua.vm.script.parameters = values
            return values
        }
        let kinds: [(ScriptParameter.Kind, String, String)] = [
            (.path, "string", "a file or folder that exists"),
            (.file, "string", "a file that exists (`exists = false`: any path)"),
            (.folder, "string", "a folder that may be made (`exists = true`: one that exists)"),
            (.integer, "integer", "a whole number"),
            (.number, "number", "a number"),
            (.length, "number", "a length in the unit that its name ends in (nm, um, mm); um without one"),
            (.flag, "boolean", "true when given"),
            (.choice, "string", "one of `choices = { ... }`"),
            (.text, "string", "a text"),
            (.list, "string[]", "texts with commas between them"),
            (.size, "{ width: number, height: number }", "two numbers, written 500x400"),
        ]
        let written = SharedCount()
        for (kind, type, what) in kinds {
            module.function(
                kind.rawValue, "Declares a parameter of a script: \(what).",
                [
                    Parameter(
                        "declared", "the help text, or a table { default, \"help\", min =, max =, optional = true }")
                ],
                result: "the parameter, for arguments { ... }",
                annotations: ["---@param declared string|table", "---@return \(type)"]
            ) { (declared: LuaValue) in
                written.value += 1
                return try ScriptParameter(kind, serial: written.value, declared)
            }
        }
    }

    private static func declareRun(_ module: LuaModule) {
        module.function(
            "run", "Runs a bundled script or a Lua file inside this session.",
            [
                Parameter("name", "the script's name, or the path of a Lua file"),
                Parameter("parameters", "its parameters by name", default: .record([:])),
            ], result: "what the script returns"
        ) { (lua: LuaContext, name: String, parameters: [String: LuaValue]) in
            try lua.vm.runScript(try ScriptLibrary.script(named: name), table: parameters)
        }
        module.function(
            "summary", "Writes summary.json: results, parameters, versions, seed and times of the run.",
            [
                Parameter("results", "what the run found, by name"),
                Parameter("folder", "where the file goes; the parameter `output` unless given"),
            ], result: "the file's path"
        ) { (lua: LuaContext, results: [String: LuaValue], folder: String?) in
            try RunSummary.write(results, folder: folder, script: lua.vm.script)
        }
        module.function(
            "progress", "Counts a loop and shows how far it is: `for i in progress(n, \"tiles\") do`.",
            [
                Parameter("total", "the number of turns", minimum: 0),
                Parameter("title", "what is being done", default: "working"),
                Parameter("unit", "the plural name of a turn", default: "steps"),
            ], result: "the iterator of a for loop",
            annotations: [
                "---@param total integer", "---@param title string?", "---@param unit string?",
                "---@return fun(): integer?",
            ]
        ) { (total: Int, title: String, unit: String) in
            let loop = LoopProgress(title, total: total, unit: unit)
            return Results(loop, Int?.none, 0, loop)
        }
        module.class(LoopProgress.self, "The iterator that progress() gives.") { loop in
            loop.callable { (loop: LoopProgress, _: LuaValue, turn: Int) in try loop.next(after: turn) }
            loop.closing { $0.progress.finish() }
        }
        module.class(ScriptParameter.self, "A declared parameter of a script.") { _ in }
        module.function(
            "help", "Shows what a module, function, class or object is for.",
            [Parameter("topic", "its name or the thing itself; the overview unless given")]
        ) { (lua: LuaContext, topic: HelpTopic?) in
            print(try Catalog(lua.vm.modules).help(topic?.name))
        }
        module.function(
            "exit", "Ends the script; `<close>` variables are closed and lights go off.",
            [Parameter("status", "0 for done, 1 for failed", default: 0, minimum: 0, maximum: 255)]
        ) { (status: Either<Int, Bool>) -> Void in
            switch status {
            case .first(let status): throw ExitRequest(status: Int32(status))
            case .second(let success): throw ExitRequest(status: success ? 0 : 1)
            }
        }
    }

    private static func declareErrors(_ module: LuaModule) {
        module.class(ScriptError.self, "The error of a native function, as pcall returns it.") { error in
            error.property("message", "what is wrong and what to do about it") { $0.message }
            error.property("code", "a word that programs test, such as file-missing") { $0.code }
            error.property("kind", "the name of the native error's type") { $0.kind }
            error.property("place", "the script's file and line") { $0.place }
            error.text(\.text)
            error.metamethod("__concat", "The text joined to another.") {
                (left: Either<ScriptError, String>, right: Either<ScriptError, String>) in
                let texts = [left, right].map {
                    switch $0 {
                    case .first(let error): error.text
                    case .second(let text): text
                    }
                }
                return texts[0] + texts[1]
            }
        }
    }
}
