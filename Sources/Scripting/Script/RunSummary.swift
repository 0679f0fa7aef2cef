import Foundation
import Work

/// The record of a run that another run can be repeated from: `summary.json`.
struct RunSummary {
    /// Writes the results with the script's name, parameters, versions, seed and times.
    /// - Returns: the path of the file.
    static func write(_ results: [String: LuaValue], folder: String?, script: ScriptContext) throws -> String {
        guard let folder = folder ?? script.parameters["output"]?.string else {
            throw Failure(
                "the summary has no folder", remedy: "give one: summary(results, folder)", code: "no-folder")
        }
        var record: [String: LuaValue] = [
            "script": .text(script.name),
            "parameters": .record(script.parameters),
            "versions": ["stormbench": .text(Version.stormbench), "lua": .text(Version.lua)],
            "started": .text(script.started.formatted(.iso8601)),
            "seconds": .number((Date().timeIntervalSince(script.started) * 1000).rounded() / 1000),
        ]
        if let seed = script.parameters["seed"] { record["seed"] = seed }
        record.merge(results) { _, result in result }
        let path = folder + "/summary.json"
        try writeWhole(Data(JSONText.text(of: .record(record)).utf8), to: path)
        return path
    }
}

/// Counts and shows the turns of a loop: `for i in progress(n, "tiles") do`.
final class LoopProgress: LuaObject {
    static let luaName = "Progress"
    let total: Int
    let progress: Work.Progress

    init(_ title: String, total: Int, unit: String) {
        self.total = total
        progress = Work.Progress(title, total: total, unit: unit)
    }

    /// The turn after `turn`, or nil at the end.
    func next(after turn: Int) throws -> Int? {
        try Interruption.check()
        if turn > 0 { progress.advance() }
        guard turn < total else {
            progress.finish()
            return nil
        }
        return turn + 1
    }
}
