import Foundation

/// The devices by name, each in a file of its own.
let devices: [String: () -> any EmulatedDevice] = [
    "arduino": { EmulatedArduino() },
    "asi": { EmulatedASI(isTiger: true) },
    "cobolt": { EmulatedCobolt() },
    "fw1000": { EmulatedASIWheels() },
    "fw102c": { EmulatedFW102C() },
    "ibeam": { EmulatedIBeam() },
    "microfpga": { EmulatedMicroFPGA() },
    "ms2000": { EmulatedASI(isTiger: false) },
    "obis": { EmulatedOBIS() },
    "pm100": { EmulatedPM100() },
    "prior": { EmulatedPrior() },
    "tango": { EmulatedTango() },
    "triggerscope": { EmulatedTriggerScope() },
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
