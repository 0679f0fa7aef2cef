import Foundation

/// The script that a machine runs: its name, the parameters it was given and what they turned out to be.
public struct ScriptContext {
    /// The script's name for messages, such as `train`.
    public var name = "script"
    /// The comment at the script's top.
    public var summary = ""
    /// The parameters from the command line, as written.
    public var commandLine: [String] = []
    /// The parameters as a table, where `run(name, {...})` gave them.
    public var table: [String: LuaValue]?
    /// The checked parameters.
    public var parameters: [String: LuaValue] = [:]
    /// When the script began.
    public let started = Date()

    /// A script without parameters.
    public init() {}
}
