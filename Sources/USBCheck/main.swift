import Foundation
import Synchronization
import Transports
import Work

// What scripts/check-usb runs inside a testbed: a meter on USB is found, asked, pulled out and asked again when it is back.

let name = "usb:1313:8078:P0001234"
let faults = Mutex<[String]>([])
let returns = Mutex(0)

func say(_ what: String, _ isGood: Bool, _ found: String) {
    let text = "\(isGood ? "ok  " : "NOT ") \(what.padding(toLength: 34, withPad: " ", startingAt: 0)) \(found)\n"
    FileHandle.standardOutput.write(Data(text.utf8))
    if !isGood { exit(1) }
}

func waits(_ seconds: Double, until isReached: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    while !isReached(), Date() < end { usleep(5000) }
    return isReached()
}

func code(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch {
        return (error as? Failure)?.code ?? "\(error)"
    }
}

do {
    say("plugs are watched by libusb", PlugWatch.computer != nil, "")
    let ports = Ports(
        watch: PlugWatch.computer, onPulled: { failure in faults.withLock { $0.append(failure.code) } })
    let bytes = try ports.open(name, baud: 115200)
    (bytes as? PluggedLine)?.whenBack { _ in returns.withLock { $0 += 1 } }
    let line = Line(
        bytes, name: "power", framing: Framing(baud: 115200, lineEnd: "\n", replyEnd: .text("\n")),
        identity: Identity("*IDN?", expects: "Thorlabs,PM"))
    let identity = try line.ask("*IDN?").text
    say("the meter says who it is", identity == "Thorlabs,PM100D,P0001234,2.4.0", identity)
    try line.tell("SENS:CORR:WAV 488")
    let power = try line.ask("MEAS:POW?").text
    say("it measures", power == "1.234000E-03", power)
    let silence = code { try line.ask("NOTHING?", within_ms: 100) }
    say("a question without an answer", silence == "device-silent", silence)
    say("it answers after that", try line.ask("MEAS:POW?").text == power, power)
    say("a pulled plug is told", waits(6) { faults.withLock { !$0.isEmpty } }, "\(faults.withLock { $0 })")
    let gone = code { try line.ask("MEAS:POW?") }
    say("its line is gone", gone == "device-gone", gone)
    say("plugged in again, it is back", waits(6) { returns.withLock { $0 } == 1 }, "")
    say("it measures again", try line.ask("MEAS:POW?").text == power, power)
} catch {
    say("no failure", false, "\(error)")
}
