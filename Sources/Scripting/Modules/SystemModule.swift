import Foundation
import Work

extension LuaModule {
    /// Files, folders, time and versions: the example of how a module is declared.
    static var system: LuaModule {
        LuaModule("system", "Files, folders, time and versions.") { module in
            module.function(
                "exists", "Tells whether a file or folder is there.",
                [Parameter("path", "the file or folder")], result: "true when it is there"
            ) { (path: String) in FileManager.default.fileExists(atPath: path) }

            module.function(
                "is_folder", "Tells whether a path is a folder.", [Parameter("path", "the path")],
                result: "true for a folder"
            ) { (path: String) in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
            }

            module.function(
                "list", "Lists the names in a folder, sorted; hidden files are left out.",
                [
                    Parameter("folder", "the folder"),
                    Parameter("ending", "only names that end in this, such as .tif", default: ""),
                ], result: "the names"
            ) { (folder: String, ending: String) in
                guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
                    throw Failure(
                        "cannot list the folder \(folder)", remedy: "check the path", code: "folder-missing")
                }
                return names.filter { !$0.hasPrefix(".") && $0.lowercased().hasSuffix(ending.lowercased()) }
                    .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
            }

            module.function(
                "fingerprint", "Tells whether a file is the same as before: its size and the time of its last change.",
                [Parameter("path", "the file")], result: "a text that changes with the file"
            ) { (path: String) in
                guard let found = try? FileManager.default.attributesOfItem(atPath: path) else {
                    throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
                }
                let time = (found[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
                return "\((found[.size] as? NSNumber)?.int64Value ?? 0)-\(time)"
            }

            module.function(
                "make_folder", "Makes a folder and those above it where they are missing.",
                [Parameter("path", "the folder")]
            ) { (path: String) in try makeFolder(path) }

            module.function(
                "read_text", "Reads a whole text file.", [Parameter("path", "the file")], result: "its text"
            ) { (path: String) in String(decoding: try readFile(path), as: UTF8.self) }

            module.function(
                "write_text", "Writes a text file, which appears under its name only when it is whole.",
                [Parameter("path", "the file"), Parameter("text", "its text")]
            ) { (path: String, text: String) in try writeWhole(Data(text.utf8), to: path) }

            module.function(
                "read_json", "Reads a JSON file.", [Parameter("path", "the file")],
                result: "objects and arrays as tables; null becomes nil"
            ) { (path: String) in try JSONText.value(of: try readFile(path), named: path) }

            module.function(
                "write_json", "Writes a JSON file, which appears under its name only when it is whole.",
                [Parameter("path", "the file"), Parameter("value", "tables, texts, numbers and truth values")]
            ) { (path: String, value: LuaValue) in try writeWhole(Data(JSONText.text(of: value).utf8), to: path) }

            module.function("seconds", "The seconds of a clock that only runs forward.", result: "seconds") {
                Double(DispatchTime.now().uptimeNanoseconds) * 1e-9
            }

            module.function("now", "The time of day in the form 2026-01-31T12:00:00Z.", result: "the time") {
                Date().formatted(.iso8601)
            }

            module.function(
                "sleep", "Waits; Ctrl-C ends the wait.",
                [Parameter("seconds", "how long", minimum: 0)]
            ) { (lua: LuaContext, seconds: Double) in
                let end = Date().addingTimeInterval(seconds)
                while Date() < end {
                    try lua.checkInterrupt()
                    Thread.sleep(forTimeInterval: max(0, min(0.02, end.timeIntervalSinceNow)))
                }
            }

            module.constant("version", .text(Version.stormbench), "the version of Stormbench")
            module.constant("lua_version", .text(Version.lua), "the version of Lua")
        }
    }
}
