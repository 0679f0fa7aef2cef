import Foundation
import Scripting
import Testing

/// Every function, method and property of the reference, called with values that nobody means: in processes of their
/// own, which no call may end by a signal, a trap or an abort, and in which no call may go on after Ctrl-C.
///
/// `STORMBENCH_JUNK=1` makes each call, some minutes long; otherwise every seventh is made.
@Suite struct JunkTests {
    @Test func noCallEndsTheProgram() throws {
        let stride = ProcessInfo.processInfo.environment["STORMBENCH_JUNK"].flatMap { Int($0) } ?? 7
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("junk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = try String(
            contentsOfFile: ScriptTests.root + "/Tests/ScriptSupport/junk.lua", encoding: .utf8)
        try Data(source.utf8).write(to: folder.appendingPathComponent("junk.lua"))
        let progress = folder.appendingPathComponent("progress")
        var first = 1
        var slow = 0
        var findings: [String] = []
        while findings.count < 20 {
            let start =
                "assert(loadfile('junk.lua'))(\(JunkTests.calls), \(first), \(stride), 'progress', "
                + "'\(ScriptTests.root)/Models')"
            try Data(start.utf8).write(to: folder.appendingPathComponent("start.lua"))
            try? FileManager.default.removeItem(at: progress)
            let end = try JunkTests.run(in: folder, progress: progress)
            let note = try String(decoding: Data(contentsOf: progress), as: UTF8.self).prefix { $0 != "\n" }
            let number = try #require(Int(note.prefix(9).trimmingCharacters(in: .whitespaces)), "\(note)")
            let call = note.dropFirst(10)
            if case .done = end { break }
            switch end {
            case .stopped: slow += 1
            case .hung: findings.append("goes on after Ctrl-C: \(call)")
            case .failed(let how): findings.append("\(how): \(call)")
            case .done: break
            }
            first = max(number, first) + 1
        }
        print("\(slow) calls took long and were stopped; findings: \(findings)")
        #expect(findings.isEmpty)
    }

    private enum End {
        case done, stopped, hung
        case failed(String)
    }

    /// Runs the calls in a process with 8 GB of address space, and stops one that takes more than 1.5 s.
    private static func run(in folder: URL, progress: URL) throws -> End {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "ulimit -v 8000000; ulimit -f 2000000; exec \"$0\" run start.lua", Program.path]
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let errors = folder.appendingPathComponent("errors")
        try Data().write(to: errors)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["STORMBENCH_MEMORY": "2G", "OMP_NUM_THREADS": "1"]) { $1 }
        try process.run()
        var last = Data()
        var since = Date()
        var isTold = false
        while process.isRunning {
            Thread.sleep(forTimeInterval: 0.02)
            let now = (try? Data(contentsOf: progress)) ?? Data()
            if now != last { (last, since) = (now, Date()) }
            let waited = Date().timeIntervalSince(since)
            if waited > 1.5, !isTold, !last.isEmpty {
                kill(process.processIdentifier, SIGINT)
                isTold = true
            } else if waited > 12 {
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                return .hung
            }
        }
        if process.terminationReason == .uncaughtSignal { return .failed("signal \(process.terminationStatus)") }
        switch process.terminationStatus {
        case 0: return .done
        case 130: return .stopped
        default:
            let text = try String(decoding: Data(contentsOf: errors), as: UTF8.self)
            return .failed("status \(process.terminationStatus), \(text.suffix(300))")
        }
    }

    /// The reference as a Lua table: what there is to call.
    private static let calls: String = {
        /// What ends or holds up the script that calls.
        let left: Set<String> = ["exit", "system.sleep"]
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\"", with: "\\\"") + "\"" }
        func parameters(_ function: FunctionDeclaration) -> String {
            function.parameters.map { typed in
                let choice = typed.parameter.choices.first.map { ", choice = \(quoted($0))" } ?? ""
                let minimum = typed.parameter.minimum.map { ", minimum = \($0)" } ?? ""
                let fields = typed.fields.map { quoted($0.name) }.joined(separator: ", ")
                return "{ type = \(quoted(typed.type))\(choice)\(minimum), fields = { \(fields) } }"
            }.joined(separator: ", ")
        }
        var lines: [String] = []
        for module in LuaModule.all {
            let prefix = module.name.isEmpty ? "" : module.name + "."
            for function in module.functions where !left.contains(prefix + function.name) {
                lines.append(
                    "{ kind = 'function', name = '\(prefix + function.name)', parameters = { \(parameters(function)) } }"
                )
            }
            for type in module.classes {
                for method in type.methods {
                    lines.append(
                        "{ kind = 'method', class = '\(type.name)', member = '\(method.name)', "
                            + "name = '\(type.name):\(method.name)', parameters = { \(parameters(method)) } }")
                }
                for property in type.properties {
                    lines.append(
                        "{ kind = 'property', class = '\(type.name)', member = '\(property.name)', "
                            + "name = '\(type.name).\(property.name)', parameters = {} }")
                }
            }
        }
        return "{ " + lines.joined(separator: ",\n") + " }"
    }()
}
