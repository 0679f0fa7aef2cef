@preconcurrency import CEdit
import Foundation
import Synchronization

/// Line editing with history and completion, by libedit.
struct LineEditor {
    private static let candidates = Mutex<[String]>([])
    private let historyFile: String

    init() {
        setlocale(LC_CTYPE, "")
        let home = ProcessInfo.processInfo.environment["XDG_STATE_HOME"] ?? NSHomeDirectory() + "/.local/state"
        historyFile = home + "/stormbench/history"
        using_history()
        stifle_history(2000)
        read_history(historyFile)
        rl_completion_append_character = 0
        rl_basic_word_break_characters = UnsafePointer(strdup(" \t\n\"\\'`@$><=;|&{(,+-*/%#"))
        rl_attempted_completion_function = { text, _, _ in
            text.flatMap { LineEditor.complete(String(cString: $0)) }
        }
    }

    /// Says what Tab can complete to.
    func setCandidates(_ names: [String]) { LineEditor.candidates.withLock { $0 = names } }

    enum Answer {
        case line(String)
        case interrupted
        case end
    }

    /// Reads one line.
    func readLine(_ prompt: String) -> Answer {
        errno = 0
        guard let line = readline(prompt) else { return errno == EINTR ? .interrupted : .end }
        defer { free(line) }
        return .line(String(cString: line))
    }

    /// Adds an entry of one or more lines to the history.
    func remember(_ entry: String) {
        add_history(entry)
        try? FileManager.default.createDirectory(
            atPath: (historyFile as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        write_history(historyFile)
    }

    /// The list that libedit wants: the common beginning, the candidates, a null pointer; it frees them all.
    private static func complete(_ text: String) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        // What follows the word that completes one part of `a.b` is not a file name.
        rl_attempted_completion_over = 1
        let matches = candidates.withLock { $0.filter { $0.hasPrefix(text) } }
        guard var common = matches.first, !text.isEmpty else { return nil }
        for match in matches { common = common.commonPrefix(with: match) }
        let list = [common] + (matches.count > 1 ? matches : [])
        let memory = calloc(list.count + 1, MemoryLayout<UnsafeMutablePointer<CChar>?>.stride)
        let result = memory?.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        for (position, word) in list.enumerated() { result?[position] = strdup(word) }
        return result
    }
}
