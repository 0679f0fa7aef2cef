import Drivers
import Transports
import Work

extension LuaModule {
    /// What is connected, for the script `devices`.
    static func declareDevices(_ module: LuaModule) {
        module.function(
            "ports", "Lists the serial ports of the computer.",
            result: "records with name (which stays when ports are numbered anew), path, and title of the adapter"
        ) { () -> [[String: LuaValue]] in
            PortName.list().map { port in
                var record: [String: LuaValue] = ["name": .text(port.name), "path": .text(port.path)]
                if let title = port.title { record["title"] = .text(title) }
                return record
            }
        }
        module.function(
            "ask_port",
            "Asks on a port who is there, for every driver; nothing is set and nothing is switched. A board that starts anew "
                + "when its port is opened does so.",
            [Parameter("port", "a path, or usb:VID:PID:SERIAL")],
            result: "a record: state (device, stranger, silent, in use, closed), driver, said, problem"
        ) { (port: String) -> [String: LuaValue] in
            switch try PortSurvey.ask(port) {
            case .device(let driver, let said):
                return ["state": "device", "driver": .text(driver), "said": .text(said)]
            case .stranger(let said): return ["state": "stranger", "said": .text(said)]
            case .silent: return ["state": "silent"]
            case .inUse: return ["state": "in use"]
            case .closed(let failure): return ["state": "closed", "problem": .text(failure.description)]
            }
        }
        module.function(
            "check",
            "Checks a microscope file device by device: its port is looked for, and it is asked who it is; nothing is set and "
                + "nothing is switched.",
            [Parameter("file", "the microscope file")],
            result: "records with name, role, driver, port, optional, said, and problem and remedy where it is missing"
        ) { (file: String) -> [[String: LuaValue]] in
            try checkDevices(file).map { device in
                var record: [String: LuaValue] = [
                    "name": .text(device.name), "role": .text(device.role), "driver": .text(device.driver),
                    "optional": .boolean(device.isOptional), "said": .text(device.said),
                ]
                if let port = device.port { record["port"] = .text(port) }
                if let failure = device.failure {
                    record["problem"] = .text(failure.message)
                    record["remedy"] = .text(failure.remedy)
                }
                return record
            }
        }
    }
}
