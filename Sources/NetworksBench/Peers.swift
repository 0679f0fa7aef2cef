import Foundation
import Networks
import Work

/// PyTorch and ONNX Runtime, reached through a python.
final class Peers {
    private let python: String
    private let threads: Int
    private let waiting: String?
    private let script = "scripts/benchmarks/networks_peers.py"
    private let folder: String

    /// Looks for the peers; nil, with a message, where they are absent.
    /// - Parameter waiting: whether idle threads sleep (`passive`) or stay awake, for ONNX Runtime, whose threads are its own.
    init?(python: String, threads: Int, waiting: String?) throws {
        self.python = python
        self.threads = threads
        self.waiting = waiting
        folder = NSTemporaryDirectory() + "stormbench-networks-\(getpid())"
        guard let versions = try? Peers.output(python, [script, "check"]) else {
            print("\(python) has no torch, torchvision, onnx and onnxruntime: the peers are left out")
            return nil
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        print(versions + ", \(threads) threads, OMP_WAIT_POLICY \(waiting ?? "not set") for all")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The peers that take part in a case: ONNX Runtime runs forward passes in f32.
    func contestants(_ bench: BenchCase) throws -> [Contestant] {
        let options = bench.arguments + ["--threads", "\(threads)", "--spin", waiting == "passive" ? "0" : "1"]
        var result = [try Contestant("PyTorch", python, [script, "pytorch"] + options)]
        if bench.task == .forward, bench.precision == .f32 {
            let file = folder + "/\(bench.network.rawValue).onnx"
            _ = try Peers.output(python, [script, "export", "--file", file] + options)
            result.append(try Contestant("ONNX Runtime", python, [script, "onnxruntime", "--file", file] + options))
        }
        return result
    }

    private static func output(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("\(arguments.joined(separator: " ")) failed") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
