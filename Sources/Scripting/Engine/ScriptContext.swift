/// The script that a machine runs: its name and the parameters it was given.
public struct ScriptContext {
    /// The script's name for messages, such as `train`.
    public var name = "script"
    /// The parameters from the command line, as written; nil when a table gives them.
    public var commandLine: [String]?
    /// The parameters as a table, where `run(name, {...})` gave them.
    public var table: [String: LuaValue]?

    /// A script without parameters.
    public init() {}
}
