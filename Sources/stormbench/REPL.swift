import Foundation
import Scripting
import Work

/// The Lua prompt: expressions show their value, errors do not end it, Ctrl-C stops what runs.
final class REPL {
    private let vm: LuaVM
    private let editor: LineEditor?
    private let display: Display
    private var results = 0

    /// A prompt on the machine; without an editor lines come from standard input and no prompt is shown.
    init(_ vm: LuaVM, editor: LineEditor?) {
        self.vm = vm
        self.editor = editor
        display = Display(vm)
    }

    /// Reads and runs until the input ends.
    /// - Returns: the program's exit status.
    func run() -> Int32 {
        if editor != nil {
            print("Stormbench \(Version.stormbench), \(Version.lua). help() shows what there is, Ctrl-D ends.")
        }
        var pending = ""
        while !Signals.mustLeave {
            editor?.setCandidates(completions())
            switch read(pending.isEmpty ? "> " : ">> ") {
            case .end:
                if !pending.isEmpty { _ = evaluate(pending, isWhole: true) }
                if editor != nil { print("") }
                return Signals.mustLeave ? 130 : 0
            case .interrupted:
                forgetStops()
                pending = ""
                print("")
            case .line(let line):
                let text = pending.isEmpty ? stripPrompt(line) : pending + "\n" + stripPrompt(line)
                guard !text.trimmingCharacters(in: .whitespacesAndNewlines).isEmpty else { continue }
                switch evaluate(text) {
                case .incomplete: pending = text
                case .done:
                    pending = ""
                    editor?.remember(text)
                case .exit(let status): return status
                }
            }
        }
        return 130
    }

    private func read(_ prompt: String) -> LineEditor.Answer {
        if let editor { return editor.readLine(prompt) }
        return Swift.readLine().map { .line($0) } ?? .end
    }

    /// A line pasted from a transcript still has its prompt.
    private func stripPrompt(_ line: String) -> String {
        for prompt in [">> ", "> "] where line.hasPrefix(prompt) { return String(line.dropFirst(prompt.count)) }
        return line
    }

    private func forgetStops() {
        Interruption.clear()
        vm.clearStop()
    }

    private enum Outcome {
        case done, incomplete
        case exit(Int32)
    }

    private func evaluate(_ entry: String, isWhole: Bool = false) -> Outcome {
        var text = entry
        if text.hasPrefix("?") {
            let topic = text.dropFirst().trimmingCharacters(in: .whitespaces)
            text = "help(\(topic.isEmpty ? "" : "\"\(topic)\""))"
        }
        let isSilent = text.trimmingCharacters(in: .whitespaces).hasSuffix(";")
        forgetStops()
        let start = Date()
        do {
            let function = try load(text)
            let values = try function.call(results: -1)
            try keep(values)
            if !isSilent { for value in values { print(display.text(value)) } }
        } catch let error as LuaError {
            switch error.kind {
            case .incomplete where !isWhole: return .incomplete
            case .exit: return .exit(error.exitCode)
            default: tell(error)
            }
        } catch { tell("\(error)") }
        let seconds = Date().timeIntervalSince(start)
        if seconds > 0.5, editor != nil { print("(\(Work.Progress.duration(seconds)))") }
        return .done
    }

    /// An expression if it is one, statements otherwise.
    private func load(_ text: String) throws -> LuaFunction {
        let expression = text.trimmingCharacters(in: CharacterSet(charactersIn: "; \t\n"))
        if let function = try? vm.load("return \(expression)", name: "=prompt") { return function }
        return try vm.load(text, name: "=prompt")
    }

    /// Results stay at hand as `ans`, `_1`, `_2`, ...
    private func keep(_ values: [LuaValue]) throws {
        guard let first = values.first, !first.isNil else { return }
        results += 1
        try vm.setGlobal("ans", first)
        try vm.setGlobal("_\(results)", first)
    }

    private func tell(_ error: LuaError) {
        let isPrompt = error.place.hasPrefix("prompt:")
        tell(isPrompt ? error.message : error.oneLine)
        let frames = error.traceback.split(separator: "\n").filter {
            $0.contains(".lua:") && !$0.contains("[C]")
        }
        for frame in frames.prefix(6) { tell("  " + frame.trimmingCharacters(in: .whitespaces)) }
    }

    private func tell(_ text: String) {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let line = isTerminal ? "\u{1B}[31m\(text)\u{1B}[0m\n" : "\(text)\n"
        fflush(nil)
        writeStandardError(line)
    }

    /// Names of the reference, of globals, and of the members of objects that globals hold.
    private func completions() -> [String] {
        var names = Set(Catalog(vm.modules).names)
        let members = Dictionary(grouping: Catalog(vm.modules).modules.flatMap(\.classes), by: \.name)
        for (name, className) in (try? vm.globalNames()) ?? [] {
            names.insert(name)
            guard let type = className.flatMap({ members[$0]?.first }) else { continue }
            names.formUnion(type.methods.map { "\(name):\($0.name)(" })
            names.formUnion(type.properties.map { "\(name).\($0.name)" })
        }
        return names.sorted()
    }
}
