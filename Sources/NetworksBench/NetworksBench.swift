import ArgumentParser
import Foundation
import Networks
import Work

/// Times the networks beside PyTorch and ONNX Runtime, all in one run.
@main struct NetworksBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench networks",
        abstract: "Times the networks side by side with PyTorch (channels last) and ONNX Runtime.",
        discussion: """
            Each program runs in a process of its own, and the processes take turns, round by round. The lowest time of \
            the rounds counts. The peers are found through a python that has torch, torchvision, onnxruntime and onnx; \
            without one only our own figures are printed.
            """, subcommands: [Compare.self, Worker.self], defaultSubcommand: Compare.self)

    /// The comparison.
    struct Compare: ParsableCommand {
        @Option(help: "Networks, separated by commas.")
        var networks = "deeplabv3_resnet101,deeplabv3_mobilenet_v3_large"
        @Option(help: "Tasks: forward (1 x 512 x 512), training (a step on 2 x 256 x 256).") var tasks =
            "forward,training"
        @Option(help: "Precisions: f32, bf16.") var precisions = "f32,bf16"
        @Option(help: "Rounds; each takes about half a second per program, or one pass.") var rounds = 5
        @Option(help: "Threads of every program.") var threads = processorCount
        @Option(help: "The python of the peers; STORMBENCH_PEERS_PYTHON serves as well.")
        var python = ProcessInfo.processInfo.environment["STORMBENCH_PEERS_PYTHON"] ?? "python3"
        @Flag(help: "Leave the peers out.") var alone = false

        func run() throws {
            let policy = ProcessInfo.processInfo.environment["OMP_WAIT_POLICY"]?.lowercased()
            setenv("OMP_NUM_THREADS", "\(threads)", 1)
            let peak = ProcessorPeak(threads: threads)
            print(peak.text)
            let peers = try alone ? nil : Peers(python: python, threads: threads, waiting: policy)
            for task in try parse(tasks, BenchCase.Task.self) {
                for network in try parse(networks, Architecture.self) {
                    for precision in try parse(precisions, Precision.self) {
                        let bench = BenchCase(network: network, task: task, precision: precision)
                        guard precision.isFast else {
                            print("\(bench.title): this processor has no fast \(precision.rawValue), left out")
                            continue
                        }
                        try compare(bench, peers, peak)
                    }
                }
            }
        }

        private func compare(_ bench: BenchCase, _ peers: Peers?, _ peak: ProcessorPeak) throws {
            let contestants =
                try [Contestant("stormbench", CommandLine.arguments[0], ["worker"] + bench.arguments)]
                + (bench.hasPeers ? peers?.contestants(bench) ?? [] : [])
            for contestant in contestants { try contestant.warmUp() }
            for _ in 0..<rounds { for contestant in contestants { try contestant.runRound() } }
            print("\n\(bench.title)")
            print("  program        wall ms    CPU ms  GFLOP/s  of peak  memory MB  ours is faster by")
            guard let ours = contestants.first else { return }
            for contestant in contestants {
                let memory = try contestant.finish()
                let speed = bench.operations / contestant.wall * 1e-9
                let ratio = contestant === ours ? "" : String(format: "%.2f", contestant.wall / ours.wall)
                print(
                    String(
                        format: "  %@ %9.1f %9.1f %8.0f %7.0f %% %10.0f  %@",
                        contestant.name.padding(toLength: 12, withPad: " ", startingAt: 0), contestant.wall * 1e3,
                        contestant.processor * 1e3, speed, 100 * speed / peak.of(bench.precision), memory / 1e6, ratio))
            }
        }

        private func parse<Value: RawRepresentable & CaseIterable>(_ text: String, _: Value.Type) throws -> [Value]
        where Value.RawValue == String {
            try text.split(separator: ",").map {
                guard let value = Value(rawValue: String($0)) else {
                    throw Failure(
                        "\($0) is not known", remedy: "use \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return value
            }
        }
    }

    /// Our own side of one case, driven through standard input and output like the peers.
    struct Worker: ParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)
        @Option var network: String
        @Option var task: String
        @Option var precision: String
        @Option var batch: Int
        @Option var side: Int

        func run() throws {
            guard let architecture = Architecture(rawValue: network), let precision = Precision(rawValue: precision)
            else { throw Failure("\(network) in \(precision) is not known") }
            let step = try step(architecture, precision)
            answer("ready")
            while let line = readLine() {
                let (wall, busy) = (DispatchTime.now().uptimeNanoseconds, ResourceUse().processorSeconds)
                for _ in 0..<(Int(line) ?? 1) { try step() }
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - wall) * 1e-9
                answer("\(seconds) \(ResourceUse().processorSeconds - busy)")
            }
            answer("\(ResourceUse().mostMemory)")
        }

        private func step(_ architecture: Architecture, _ precision: Precision) throws -> () throws -> Void {
            let description = BenchCase.description(architecture)
            let network = try SegmentationNetwork(description, seed: 1, precision: precision)
            let values = (0..<batch * description.inputChannels * side * side).map {
                Float(($0 &* 2_654_435_761) & 0xFFFF) / 32768 - 1
            }
            let input = try Tensor([batch, description.inputChannels, side, side], values)
            if task == "forward" { return { _ = try network.logits(input) } }
            let target = (0..<batch * side * side).map { UInt8($0 / 7 & 1) }
            return { try network.trainingStep(input: input, target: target, learningRate: 1e-4) }
        }

        private func answer(_ text: String) {
            FileHandle.standardOutput.write(Data((text + "\n").utf8))
        }
    }
}
