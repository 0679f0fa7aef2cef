import Work

extension LuaModule {
    /// The globals that script authors use.
    static var script: LuaModule {
        LuaModule("", "Globals.") { module in
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
}
