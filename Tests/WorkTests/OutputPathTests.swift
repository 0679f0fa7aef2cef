import Foundation
import Testing
import Work

@Suite struct OutputPathTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("work-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func kind(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    private func text(_ path: String) throws -> String { String(decoding: try readFile(path), as: UTF8.self) }

    @Test(arguments: [0, 10, 300_000]) func aPipeGetsTheData(count: Int) throws {
        defer { remove() }
        let pipe = folder + "/pipe.txt"
        #expect(mkfifo(pipe, 0o600) == 0)
        let data = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        let copy = folder + "/copy"
        let reader = Process()
        reader.executableURL = URL(fileURLWithPath: "/bin/cp")
        reader.arguments = ["--copy-contents", "-r", pipe, copy]
        try reader.run()
        try writeWhole(data, to: pipe)
        reader.waitUntilExit()
        #expect(try readFile(copy) == data)
        try FileManager.default.removeItem(atPath: copy)
        #expect(kind(pipe) == S_IFIFO)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["pipe.txt"])
    }

    @Test func aDeviceGetsTheDataAndStays() throws {
        defer { remove() }
        // A null device of our own; making one takes the rights of the superuser.
        let null = folder + "/null"
        guard mknod(null, S_IFCHR | 0o666, 0x103) == 0 else { return print("skipped: no right to make a device") }
        let link = folder + "/link"
        #expect(symlink("null", link) == 0)
        for path in [null, link] {
            // Some file systems hold no devices that can be opened.
            do { try writeWhole(Data("x".utf8), to: path) } catch let failure as Failure {
                #expect(failure.message.contains("Permission denied"))
            }
        }
        #expect(kind(null) == S_IFCHR && kind(link) == S_IFLNK)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["link", "null"])
    }

    @Test func openDescriptorsGetTheData() throws {
        defer { remove() }
        let path = folder + "/log.txt"
        let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        #expect(descriptor >= 0 && write(descriptor, "first ", 6) == 6)
        for name in ["/dev/fd/\(descriptor)", "/proc/self/fd/\(descriptor)"] {
            try writeWhole(Data("more ".utf8), to: name)
        }
        close(descriptor)
        #expect(try text(path) == "first more more ")
        #expect(throws: Failure.self) { try writeWhole(Data(), to: "/dev/fd/99999") }
    }

    @Test func linksStayAndTheirTargetsAreWritten() throws {
        defer { remove() }
        try FileManager.default.createDirectory(atPath: folder + "/deep", withIntermediateDirectories: true)
        #expect(symlink("deep/file.txt", folder + "/a") == 0 && symlink(folder + "/a", folder + "/b") == 0)
        for content in ["new", "newer"] {
            try writeWhole(Data(content.utf8), to: folder + "/b")
            #expect(try text(folder + "/deep/file.txt") == content)
        }
        #expect(kind(folder + "/a") == S_IFLNK && kind(folder + "/b") == S_IFLNK)
        #expect(symlink("loop", folder + "/loop") == 0)
        #expect(throws: Failure.self) { try writeWhole(Data(), to: folder + "/loop") }
    }

    @Test func permissionsStay() throws {
        defer { remove() }
        let path = folder + "/file.txt"
        try writeWhole(Data("a".utf8), to: path)
        for mode in [0o640, 0o600, 0o755] as [mode_t] {
            #expect(chmod(path, mode) == 0)
            try writeWhole(Data("b".utf8), to: path)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == mode)
        }
    }

    @Test func longNamesAreWritten() throws {
        defer { remove() }
        for name in [String(repeating: "n", count: 255), String(repeating: "µ", count: 127)] {
            try writeWhole(Data("x".utf8), to: folder + "/" + name)
            #expect(try text(folder + "/" + name) == "x")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
        #expect(throws: Failure.self) { try writeWhole(Data(), to: folder + "/" + String(repeating: "n", count: 256)) }
    }

    @Test func whatIsNoFileIsRefusedInOneLine() throws {
        defer { remove() }
        for path in ["", folder, folder + "/", folder + "/x/", folder + "/.", folder + "/a\0b"] {
            let failure = #expect(throws: Failure.self) { try writeWhole(Data("x".utf8), to: path) }
            #expect(failure.map { !$0.description.contains("\n") && !$0.remedy.isEmpty } == true)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
}
