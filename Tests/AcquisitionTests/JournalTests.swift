import Acquisition
import Foundation
import Testing
import Work

@Suite struct JournalTests {
    private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "journal-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    private let parameters: [String: JSONValue] = ["area": .string("500x400"), "frames": .number(1000)]

    @Test func stepsOutliveTheProcess() throws {
        try withFolder { folder in
            do {
                let journal = try Journal(folder: folder, parameters: parameters, resume: false)
                #expect(!journal.isResumed)
                try journal.record("tile", key: "2", ["x_um": 1.5])
                try journal.record("tile", key: "1", ["x_um": 2.5])
            }
            let journal = try Journal(folder: folder, parameters: parameters, resume: true)
            #expect(journal.isResumed)
            #expect(journal.keys(of: "tile") == ["2", "1"])
            #expect(journal.value(of: "tile", key: "1", as: [String: Double].self) == ["x_um": 2.5])
            #expect(journal.isDone("tile", key: "2"))
            #expect(!journal.isDone("tile", key: "3"))
        }
    }

    /// A journal cut at every byte opens, and knows exactly the lines that were whole.
    @Test func tornLastLinesAreCutOff() throws {
        try withFolder { folder in
            do {
                let journal = try Journal(folder: folder, parameters: parameters, resume: false)
                for key in ["1", "2", "3"] { try journal.record("tile", key: key, ["value": "µm \(key)"]) }
            }
            let path = folder + "/journal.jsonl"
            let whole = try readFile(path)
            for length in stride(from: whole.count, through: 0, by: -1) {
                try whole.prefix(length).write(to: URL(fileURLWithPath: path))
                let journal = try Journal(folder: folder, parameters: parameters, resume: true)
                let lines = whole.prefix(length).count { $0 == 0x0A }
                #expect(journal.keys(of: "tile").count == max(0, lines - 2))
                try journal.record("tile", key: "new", ["value": "after"])
                #expect(try readFile(path).last == 0x0A)
            }
        }
    }

    @Test func otherParametersAreNamed() throws {
        try withFolder { folder in
            do { _ = try Journal(folder: folder, parameters: parameters, resume: false) }
            var other = parameters
            other["frames"] = .number(2000)
            let failure = #expect(throws: Failure.self) {
                try Journal(folder: folder, parameters: other, resume: true)
            }
            #expect(failure?.code == "run-differs")
            #expect(failure?.message.contains("frames = 1000, not 2000") == true)
        }
    }

    @Test func runsAreNotOverwrittenNorShared() throws {
        try withFolder { folder in
            let journal = try Journal(folder: folder, parameters: parameters, resume: false)
            let exists = #expect(throws: Failure.self) {
                try Journal(folder: folder, parameters: parameters, resume: false)
            }
            #expect(exists?.code == "run-exists")
            let busy = #expect(throws: Failure.self) {
                try Journal(folder: folder, parameters: parameters, resume: true)
            }
            #expect(busy?.code == "run-busy")
            #expect(!journal.isResumed)
        }
    }

    @Test func leftoversAreRemovedOnResume() throws {
        try withFolder { folder in
            do { _ = try Journal(folder: folder, parameters: parameters, resume: false) }
            try makeFolder(folder + "/movies")
            let leftover = folder + "/movies/.position-001.ome.tif.part"
            let kept = folder + "/movies/position-000.ome.tif"
            for path in [leftover, kept] { try Data("x".utf8).write(to: URL(fileURLWithPath: path)) }
            _ = try Journal(folder: folder, parameters: parameters, resume: true)
            #expect(!FileManager.default.fileExists(atPath: leftover))
            #expect(FileManager.default.fileExists(atPath: kept))
        }
    }

    @Test func damageInTheMiddleIsToldOf() throws {
        try withFolder { folder in
            do {
                let journal = try Journal(folder: folder, parameters: parameters, resume: false)
                try journal.record("tile", key: "1", [1])
            }
            let path = folder + "/journal.jsonl"
            let text = "not json\n" + String(decoding: try readFile(path), as: UTF8.self)
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let failure = #expect(throws: Failure.self) {
                try Journal(folder: folder, parameters: parameters, resume: true)
            }
            #expect(failure?.code == "journal-damaged")
        }
    }
}
