import Foundation
import Networks
import Randomness
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct TorchCheckpointTests {
        @Test(arguments: ["values.pth", "values-protocol4.pth", "values-older.pth"])
        func tensorsOfAllTypesAreRead(file: String) throws {
            let found = try TorchCheckpoint(path: TorchFiles.path(file)).weights()
            let expected: [String: ([Int], [Float])] = [
                "matrix": ([2, 3], [0, 0.25, 0.5, 0.75, 1, 1.25]), "transposed": ([3, 2], [0, 3, 1, 4, 2, 5]),
                "part": ([4], [2, 2.25, 2.5, 2.75]), "column": ([4], [0.5, 2, 3.5, 5]),
                "half": ([4], [1.5, -2, 0x1p-24, 65504]), "brain": ([3], [1.5, -2, 1.765625 * 0x1p127]),
                "double": ([2], [1 / 3, 1e-3]), "whole": ([2], [-3, 4]), "small": ([2], [-3, 4]),
                "short": ([2], [-300, 4]), "byte": ([2], [200, 4]), "truth": ([2], [1, 0]),
                "parameter": ([2], [7, 8]), "empty": ([0, 3], []), "scalar": ([], [2.5]),
            ]
            #expect(Set(found.entries.keys) == Set(expected.keys))
            for (name, (shape, values)) in expected {
                #expect(found.entries[name]?.shape == shape, "\(name)")
                #expect(found.entries[name]?.values == values, "\(name)")
            }
            #expect(found.integers == ["count": 1 << 53 + 1])
            let one = try TorchCheckpoint(path: TorchFiles.path(file)).weights { $0 == "part" }
            #expect(Array(one.entries.keys) == ["part"] && one.integers.isEmpty)
        }

        @Test(arguments: ["os-system.pth", "os-system-older.pth"]) func codeIsRefused(file: String) throws {
            let failure = try #require(throws: Failure.self) { try TorchCheckpoint(path: TorchFiles.path(file)) }
            #expect(failure.code == "pickle-refused")
            #expect(failure.message.contains(file) && failure.message.contains("posix.system"))
            #expect(!FileManager.default.fileExists(atPath: "stormbench-was-attacked"))
        }

        /// Each way in which a pickle can name or make something that is no tensor.
        @Test func everythingButTensorsIsRefused() throws {
            func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
            let attacks: [(String, [UInt8])] = [
                ("builtins.eval", [0x80, 2] + Array("cbuiltins\neval\n".utf8) + text("1") + [0x85, 0x52, 0x2E]),
                ("os.popen", [0x80, 4] + text("os") + text("popen") + [0x93] + text("ls") + [0x85, 0x52, 0x2E]),
                ("os.system", [0x28] + text("ls") + Array("ios\nsystem\n.".utf8)),
                ("torch.load", Array("ctorch\nload\n.".utf8)),
                ("torch.storage._load_from_bytes", Array("ctorch.storage\n_load_from_bytes\n.".utf8)),
                ("collections.OrderedDict.__init__", Array("ccollections\nOrderedDict.__init__\n.".utf8)),
                ("numpy.core.multiarray.scalar", Array("cnumpy.core.multiarray\nscalar\n.".utf8)),
                ("a?b.c", [0x80, 4] + text("a\nb") + text("c") + [0x93, 0x2E]),
                ("0x81", Array("ccollections\nOrderedDict\n)".utf8) + [0x81, 0x2E]),
                ("0x92", Array("ccollections\nOrderedDict\n)}".utf8) + [0x92, 0x2E]),
                ("0x82", [0x82, 1, 0x2E]), ("0x6f", Array("(ccollections\nOrderedDict\no.".utf8)),
            ]
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("attack.pth")
                for (name, pickle) in attacks {
                    try TorchFiles.older(pickle: pickle).write(to: file)
                    let failure = try #require(throws: Failure.self) { try TorchCheckpoint(path: file.path) }
                    #expect(failure.code == "pickle-refused", "\(name): \(failure)")
                    #expect(failure.message.contains(name) && !failure.description.contains("\n"), "\(failure)")
                }
            }
        }

        @Test func otherContentsAreToldApart() throws {
            func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
            let cases: [(String, [UInt8])] = [
                ("weights-mismatch", [0x4E, 0x2E]), ("weights-mismatch", [0x7D, 0x2E]),
                ("weights-mismatch", [0x7D] + text("epoch") + [0x4B, 3, 0x73, 0x2E]),
                ("file-damaged", []), ("file-damaged", [0x2E]), ("file-damaged", [0x28, 0x74]),
                ("file-damaged", [0x4E, 0x52, 0x2E]), ("file-damaged", [0x4E, 0x4E, 0x73, 0x2E]),
                ("file-damaged", [0x68, 9, 0x2E]), ("file-damaged", [0x7D, 0x28, 0x4E, 0x75, 0x2E]),
                ("file-damaged", [0x58, 0xFF, 0xFF, 0xFF, 0xFF]), ("file-damaged", [0x5D, 0x4E, 0x62, 0x2E]),
                ("file-damaged", Array("ccollections\nOrderedDict\nN".utf8) + [0x85, 0x52, 0x2E]),
            ]
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("odd.pth")
                for (code, pickle) in cases {
                    try TorchFiles.older(pickle: pickle).write(to: file)
                    let failure = try #require(throws: Failure.self) { try TorchCheckpoint(path: file.path) }
                    #expect(failure.code == code, "\(pickle): \(failure)")
                }
                try Data("PK\u{3}\u{4} no zip".utf8).write(to: file)
                #expect(
                    try #require(throws: Failure.self) { try TorchCheckpoint(path: file.path) }.code == "file-damaged")
                let absent = try #require(throws: Failure.self) { try TorchCheckpoint(path: file.path + ".none") }
                #expect(absent.code == "file-missing")
            }
        }

        /// Files that were cut off anywhere, and files with any byte changed, are read or refused in one line.
        @Test(arguments: ["values.pth", "values-older.pth"]) func damagedFilesAreRefused(file: String) throws {
            let whole = try Data(contentsOf: URL(fileURLWithPath: TorchFiles.path(file)))
            try withTemporaryFolder { folder in
                let url = folder.appendingPathComponent("damaged.pth")
                func failure(_ data: Data) throws -> Failure? {
                    try data.write(to: url)
                    do {
                        _ = try TorchCheckpoint(path: url.path).weights()
                        return nil
                    } catch {
                        let failure = try #require(error as? Failure)
                        #expect(failure.message.contains(url.path) && !failure.description.contains("\n"))
                        return failure
                    }
                }
                #expect(try failure(whole) == nil)
                for length in stride(from: 0, to: whole.count - 1, by: 61) {
                    #expect(try failure(whole.prefix(length)) != nil, "\(length) bytes")
                }
                var random = RandomSource(seed: 5)
                for _ in 0..<400 {
                    var data = whole
                    for _ in 0..<3 {
                        data[random.integer(below: data.count)] = UInt8(random.integer(below: 256))
                    }
                    _ = try failure(data)
                }
            }
        }

        /// The directory of a zip file larger than 4 GB, written around the same entries.
        @Test func largeZipFilesAreRead() throws {
            let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: TorchFiles.path("values.pth"))))
            func number(_ place: Int, _ bytes: Int) -> Int {
                (0..<bytes).reduce(0) { $0 | Int(whole[place + $1]) << (8 * $1) }
            }
            func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
                withUnsafeBytes(of: number.littleEndian) { Array($0) }
            }
            let end = whole.count - 22
            let (entries, start) = (number(end + 10, 2), number(end + 16, 4))
            var directory: [UInt8] = []
            var place = start
            for _ in 0..<entries {
                let (name, extra, comment) = (number(place + 28, 2), number(place + 30, 2), number(place + 32, 2))
                #expect(extra == 0 && comment == 0)
                var fixed = Array(whole[place..<place + 46 + name])
                fixed.replaceSubrange(20..<28, with: Array(repeating: 0xFF, count: 8))
                fixed.replaceSubrange(30..<32, with: little(UInt16(28)))
                fixed.replaceSubrange(42..<46, with: Array(repeating: 0xFF, count: 4))
                let numbers = [number(place + 24, 4), number(place + 20, 4), number(place + 42, 4)]
                directory += fixed + little(UInt16(1)) + little(UInt16(24)) + numbers.flatMap { little(UInt64($0)) }
                place += 46 + name
            }
            let record =
                little(UInt32(0x0606_4B50)) + little(UInt64(44)) + little(UInt16(45)) + little(UInt16(45))
                + little(UInt64(0)) + little(UInt64(entries)) + little(UInt64(entries))
                + little(UInt64(directory.count)) + little(UInt64(start))
            let locator =
                little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(UInt64(start + directory.count))
                + little(UInt32(1))
            let last: [UInt8] = [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + Array(repeating: 0xFF, count: 12) + [0, 0]
            try withTemporaryFolder { folder in
                let url = folder.appendingPathComponent("large.pth")
                try Data(whole[..<start] + directory + record + locator + last).write(to: url)
                let found = try TorchCheckpoint(path: url.path).weights()
                let expected = try TorchCheckpoint(path: TorchFiles.path("values.pth")).weights()
                #expect(found.entries.mapValues(\.values) == expected.entries.mapValues(\.values))
                #expect(!expected.entries.isEmpty && found.integers == expected.integers)
                try Data(whole[..<start] + directory + record + last).write(to: url)
                #expect(
                    try #require(throws: Failure.self) { try TorchCheckpoint(path: url.path) }.code == "file-damaged")
            }
        }

        @Test func compressedEntriesAreRefused() throws {
            try withTemporaryFolder { folder in
                var data = try Data(contentsOf: URL(fileURLWithPath: TorchFiles.path("values.pth")))
                let entry = try #require(data.range(of: Data([0x50, 0x4B, 1, 2])))
                data[entry.lowerBound + 10] = 8
                let url = folder.appendingPathComponent("deflated.pth")
                try data.write(to: url)
                let failure = try #require(throws: Failure.self) { try TorchCheckpoint(path: url.path) }
                #expect(failure.code == "not-supported" && failure.message.contains("compressed"))
            }
        }
    }
}
