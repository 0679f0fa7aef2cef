import Foundation
import Work

extension LuaVM {
    /// Runs a script in this machine with parameters from a table, and gives what it returns.
    func runScript(_ script: ScriptLibrary.Script, table: [String: LuaValue]) throws -> LuaValue {
        let outer = self.script
        defer { self.script = outer }
        var context = ScriptContext()
        context.name = script.name
        context.summary = script.summary
        context.table = table
        self.script = context
        return try run(script.source, name: script.chunkName).first ?? .nil
    }
}

/// Runs one script as the command line does: parameters from words, errors on standard error, an exit status.
public enum ScriptRunner {
    /// Runs the script in a machine with strict globals.
    /// - Returns: 0 done, 1 failed, 2 wrong parameters, 130 interrupted, or what the script asked for.
    public static func run(
        _ name: String, commandLine: [String], traceback: Bool = false, in vm: LuaVM,
        report: (String) -> Void = { writeStandardError($0 + "\n") }
    ) -> Int32 {
        do {
            let script = try ScriptLibrary.script(named: name)
            vm.script = ScriptContext()
            vm.script.name = script.name
            vm.script.summary = script.summary
            vm.script.commandLine = commandLine
            try vm.makeGlobalsStrict()
            try vm.run(script.source, name: script.chunkName)
            return 0
        } catch let failure as Failure where failure.code == "script-missing" {
            report("stormbench: \(failure)")
            return 2
        } catch let error as LuaError {
            switch error.kind {
            case .exit: return error.exitCode
            case .interrupted:
                report("\(vm.script.name): interrupted")
                return 130
            default:
                report("\(vm.script.name): \(error.oneLine)")
                if traceback, !error.traceback.isEmpty { report(error.traceback) }
                return 1
            }
        } catch {
            report("stormbench: \(error)")
            return 1
        }
    }
}

extension LuaError {
    /// What is wrong and what to do, then where: the line that ends a failed run.
    public var oneLine: String {
        let text = message.split(separator: "\n").joined(separator: " ")
        return place.isEmpty ? text : "\(text) (\(place))"
    }
}
