import Foundation

/// The devices by name, each in a file of its own.
let devices: [String: () -> any EmulatedDevice] = [
    "asi": { EmulatedASI(isTiger: true) },
    "fw102c": { EmulatedFW102C() },
    "ibeam": { EmulatedIBeam() },
    "ms2000": { EmulatedASI(isTiger: false) },
    "prior": { EmulatedPrior() },
    "tango": { EmulatedTango() },
    "zaber": { EmulatedZaber() },
]

var arguments = Array(CommandLine.arguments.dropFirst())
var options: [String: String] = [:]
var name: String?
while !arguments.isEmpty {
    let word = arguments.removeFirst()
    if word.hasPrefix("--"), !arguments.isEmpty {
        options[String(word.dropFirst(2))] = arguments.removeFirst()
    } else {
        name = word
    }
}
guard let name, let make = devices[name] else {
    let text = "Emulators DEVICE [--log FILE] [--baud 115200, 0 for no pace]\ndevices: "
    FileHandle.standardError.write(Data((text + devices.keys.sorted().joined(separator: ", ") + "\n").utf8))
    exit(2)
}
Emulator(make(), log: options["log"], baud: options["baud"].flatMap { Int($0) } ?? 115200).run()
