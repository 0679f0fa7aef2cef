import Foundation
import Work

/// Where the program keeps its scripts and models.
public enum Installation {
    /// The folder that holds `scripts/`: found by walking up from the program itself; the working folder where
    /// that finds none.
    public static let root: String = {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("scripts/train.lua").path)
                || FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path)
            {
                return folder.path
            }
            folder.deleteLastPathComponent()
        }
        return FileManager.default.currentDirectoryPath
    }()

    /// An input path as given, or, where that does not exist, under the program's own folder (`Models/nuclei`).
    static func find(_ path: String) -> String? {
        let expanded = (path as NSString).expandingTildeInPath
        if FileManager.default.fileExists(atPath: expanded) { return expanded }
        let bundled = root + "/" + path
        return !path.hasPrefix("/") && FileManager.default.fileExists(atPath: bundled) ? bundled : nil
    }
}

/// The bundled scripts and any Lua file.
public struct ScriptLibrary {
    /// The folder of the bundled scripts: `$STORMBENCH_SCRIPTS`, or `scripts` beside the program's package.
    public static var folder: String {
        ProcessInfo.processInfo.environment["STORMBENCH_SCRIPTS"] ?? Installation.root + "/scripts"
    }

    /// The names of the bundled scripts.
    public static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { $0.hasSuffix(".lua") }.map { String($0.dropLast(4)) }.sorted()
    }

    /// One script: its path, its name and its text.
    public struct Script {
        /// The name in messages and in the summary.
        public let name: String
        /// The name in tracebacks.
        public let chunkName: String
        /// The Lua text.
        public let source: String

        /// The comment at the script's top, without the dashes.
        public var summary: String {
            var lines: [String] = []
            for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("#!") { continue }
                guard line.hasPrefix("--") else { break }
                lines.append(line.drop { $0 == "-" }.trimmingCharacters(in: .whitespaces))
            }
            return lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Finds a bundled script by its name, or reads the Lua file of that path.
    /// - Throws: a `Failure` with the nearest name.
    public static func script(named name: String) throws -> Script {
        let isPath = name.hasSuffix(".lua") || name.contains("/")
        let path = isPath ? name : "\(folder)/\(name).lua"
        guard FileManager.default.fileExists(atPath: path) else {
            if isPath { throw Failure("\(name) does not exist", remedy: "check the path", code: "script-missing") }
            let near = nearestName(to: name, in: names).map { "did you mean \($0)?" }
            throw Failure(
                "there is no script \(name)",
                remedy: near ?? (names.isEmpty ? "\(folder) holds none" : "there are \(names.joined(separator: ", "))"),
                code: "script-missing")
        }
        let file = (path as NSString).lastPathComponent
        return Script(
            name: String(file.hasSuffix(".lua") ? String(file.dropLast(4)) : file), chunkName: file,
            source: text(try readFile(path)))
    }

    /// The text of a script; a first line that names an interpreter is taken out.
    private static func text(_ data: Data) -> String {
        let text = String(decoding: data, as: UTF8.self)
        guard text.hasPrefix("#") else { return text }
        return "--" + text
    }
}
