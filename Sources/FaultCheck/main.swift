import DriverBench
import Foundation

/// Prints at once, though the output may be a file.
func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

signal(SIGPIPE, SIG_IGN)
let words = CommandLine.arguments.dropFirst()
if words.first == "contracts" {
    let cases = DriverCase.all.filter { one in words.dropFirst().allSatisfy { one.description.contains($0) } }
    let findings = Contracts.check(cases) { say("\($0): \(String(format: "%.1f", $1)) s") }
    for finding in findings { say(finding) }
    exit(findings.isEmpty ? 0 : 1)
}
let chosen = FaultTrial.all.filter { trial in words.allSatisfy { trial.name.contains($0) } }
let begin = Date()
let results = FaultTrial.outcomes(of: chosen, atOnce: 24) { say($0) }
let parts = DriverCase.all.map(\.description).filter { part in chosen.contains { $0.part.description == part } }
let phases = FaultTrial.Phase.allCases.filter { phase in chosen.contains { $0.phase == phase } }
typealias Row = (trial: FaultTrial, outcome: FaultTrial.Outcome)
let rows: [Row] = zip(chosen, results).map { ($0, $1) }

/// How many ended as they must of those injected; a point where there are none.
func count(_ rows: [Row]) -> String {
    rows.isEmpty ? "." : "\(rows.filter { $0.outcome.problem == nil }.count)/\(rows.count)"
}

func line(_ name: String, _ cells: [String]) {
    say(name.padding(toLength: 20, withPad: " ", startingAt: 0) + cells.map { column($0, 8) }.joined())
}

say("\nfaults that ended as they must, of those injected")
line("driver", phases.map(\.rawValue) + ["all"])
for part in parts {
    let mine = rows.filter { $0.trial.part.description == part }
    line(part, phases.map { phase in count(mine.filter { $0.trial.phase == phase }) } + [count(mine)])
}
say("")
line("fault", ["good", "passed", "error", "worst s"])
for fault in Fault.all.map(\.name) {
    let mine = rows.filter { $0.trial.fault.name == fault }
    guard !mine.isEmpty else { continue }
    let passed = mine.filter { $0.outcome.result == "passed" }.count
    let worst = (mine.map(\.outcome.took_ms).max() ?? 0) / 1000
    line(fault, [count(mine), "\(passed)", "\(mine.count - passed)", String(format: "%.1f", worst)])
}
let bad = results.filter { $0.problem != nil }.count
say("\n\(results.count) faults, \(results.count - bad) as they must, in \(Int(Date().timeIntervalSince(begin))) s")
exit(bad == 0 ? 0 : 1)
