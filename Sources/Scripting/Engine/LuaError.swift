import CLua
import LuaShim
import Work

/// What ended a call into Lua.
public struct LuaError: Error, CustomStringConvertible {
    /// What kind of end it was.
    public enum Kind: String, Sendable {
        /// The text is no Lua.
        case syntax
        /// The text is the beginning of Lua (the REPL reads on).
        case incomplete
        /// An error of the script or of a native function it called.
        case runtime
        /// The memory limit was reached.
        case memory
        /// Ctrl-C or SIGTERM.
        case interrupted
        /// The script asked to exit; see `exitCode`.
        case exit
    }

    /// What kind of end it was.
    public let kind: Kind
    /// What is wrong, in one line.
    public let message: String
    /// The script's file and line, where known.
    public let place: String
    /// The word that programs test, such as `file-missing`.
    public let code: String
    /// The calls that led there, as Lua prints them.
    public let traceback: String
    /// The Swift error, where a native function threw one.
    public let underlying: (any Error)?
    /// The exit status that the script asked for.
    public let exitCode: Int32
    /// The Lua value that was raised.
    let value: LuaReference?

    init(
        _ kind: Kind, _ message: String, place: String = "", code: String = "", traceback: String = "",
        underlying: (any Error)? = nil, exitCode: Int32 = 0, value: LuaReference? = nil
    ) {
        self.kind = kind
        self.message = message
        self.place = place
        self.code = code
        self.traceback = traceback
        self.underlying = underlying
        self.exitCode = exitCode
        self.value = value
    }

    /// The place and the message.
    public var description: String { place.isEmpty ? message : "\(place): \(message)" }
}

/// Ends the script with an exit status: `os.exit`, `--help`.
struct ExitRequest: Error {
    let status: Int32
}

/// A wrong argument of a native function; the trampoline adds the function's name and the script's line.
struct BadArgument: Error {
    let index: Int32
    let message: String
}

/// The object that a script sees when a native function has failed: `err.message`, `err.code`, `err.kind`,
/// `err.place`.
public struct ScriptError: LuaObject {
    /// The name of the class in Lua.
    public static let luaName = "Error"
    /// What is wrong and what to do about it.
    public let message: String
    /// The word that programs test.
    public let code: String
    /// The name of the Swift error's type, such as `Failure`.
    public let kind: String
    /// The script's file and line.
    public let place: String
    /// The Swift error itself.
    public let underlying: any Error

    init(_ error: any Error, place: String) {
        underlying = error
        self.place = place
        kind = String(describing: type(of: error))
        if let failure = error as? Failure {
            message = failure.description
            code = failure.code
        } else {
            message = String(describing: error)
            code = "failed"
        }
    }

    /// The place and the message.
    public var text: String { place.isEmpty ? message : "\(place): \(message)" }
}
