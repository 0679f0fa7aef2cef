import ArgumentParser
import Foundation
import Scripting
import Work

/// The program: `stormbench [run|repl|help|api]`.
@main
struct Stormbench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stormbench",
        abstract: "A scriptable workbench for automated dSTORM microscopy.",
        discussion: "Without a subcommand it opens the Lua prompt.",
        version: Version.stormbench,
        subcommands: [Run.self, Prompt.self, Help.self, API.self],
        defaultSubcommand: Prompt.self, helpNames: [.long, .short])

    /// Parses the command line; a wrong one is exit status 2.
    static func main() {
        Signals.block()
        EmergencyStop.watchCrashes()
        ProgressOutput.current = isatty(STDERR_FILENO) == 1 ? .bar : .lines
        do {
            var command = try parseAsRoot()
            try command.run()
            leave(0)
        } catch let code as ExitCode {
            leave(code.rawValue)
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            tell(text + "\n", asked: code.isSuccess)
            let isFailure = error is Failure || error is LuaError
            leave(code.isSuccess ? 0 : isFailure ? 1 : 2)
        }
    }

    /// Writes usage or a message: to standard output where the user asked for it.
    static func tell(_ text: String, asked: Bool) {
        if asked { print(text, terminator: "") } else { writeStandardError(text) }
    }

    /// The one way out: everything that must not stay on is switched off first.
    static func leave(_ status: Int32) -> Never {
        EmergencyStop.run()
        Foundation.exit(status)
    }
}

extension Stormbench {
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Runs a bundled script by its name, or a Lua file.",
            usage: "stormbench run NAME|FILE [--parameter value ...]",
            discussion: """
                `stormbench run NAME --help` shows the script's parameters. `--traceback` adds the calls that led to \
                an error.
                """, helpNames: [])

        @Argument(parsing: .captureForPassthrough) var words: [String] = []

        mutating func run() throws {
            let traceback = words.contains("--traceback")
            words.removeAll { $0 == "--traceback" }
            guard let name = words.first, !name.hasPrefix("-") else {
                let names = ScriptLibrary.names.joined(separator: ", ")
                let usage = "usage: stormbench run NAME|FILE [--parameter value ...]\nscripts: \(names)\n"
                let asked = words.first == "--help" || words.first == "-h"
                Stormbench.tell(usage, asked: asked)
                throw ExitCode(asked ? 0 : 2)
            }
            let parameters = Array(words.dropFirst())
            let status = try LuaVM.withNew { vm in
                Signals.handle(stopping: vm.stopper)
                return ScriptRunner.run(name, commandLine: parameters, traceback: traceback, in: vm)
            }
            // An interrupt of the finalizers that run last.
            if status == 0, Interruption.isRequested {
                writeStandardError("stormbench: interrupted\n")
                throw ExitCode(130)
            }
            throw ExitCode(status)
        }
    }

    struct Prompt: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "repl", abstract: "Opens the Lua prompt (what happens without a subcommand).")

        mutating func run() throws {
            let status = try LuaVM.withNew { vm in
                Signals.handle(stopping: vm.stopper)
                try vm.makeGlobalsStrict()
                return REPL(vm, editor: isatty(STDIN_FILENO) == 1 ? LineEditor() : nil).run()
            }
            throw ExitCode(status)
        }
    }

    struct Help: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "help", abstract: "Shows what a module, function, class or script is for.")

        @Argument(help: "A name such as imaging or imaging.read; the overview without one.") var topic: String?

        mutating func run() throws {
            do { print(try Catalog().help(topic)) } catch let failure as Failure {
                writeStandardError("stormbench: \(failure)\n")
                throw ExitCode(2)
            }
        }
    }

    struct API: ParsableCommand {
        enum Form: String, ExpressibleByArgument, CaseIterable {
            case luacats, markdown
        }

        static let configuration = CommandConfiguration(
            abstract: "Writes the definitions for editors (luacats) or the reference (markdown).")

        @Argument(help: "luacats or markdown.") var form: Form
        @ArgumentParser.Option(help: "Folder for one file per module; standard output without it.") var output: String?

        mutating func run() throws {
            let files =
                switch form {
                case .luacats: LuaCATS().files
                case .markdown: [("reference.md", MarkdownReference().text)]
                }
            for (name, text) in files {
                if let output {
                    try writeWhole(Data(text.utf8), to: "\(output)/\(name)")
                } else {
                    print(text, terminator: "")
                }
            }
        }
    }
}
