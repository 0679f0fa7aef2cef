import Drivers
import Foundation
import Instruments
import PosixShim
import Transports
import Work

/// The program whose lights are guarded, in a process of its own: it switches a laser on and talks with it until it is
/// killed.
enum Host {
    static func run(port: String, log: String) throws -> Never {
        setpgid(0, 0)
        var settings = Keeper.Settings()
        settings.log = log
        let keeper = try Keeper(settings) { say("fault \($0)") }
        let values: [String: JSONValue] = [
            "port": .string(port), "wavelength_nm": .number(405), "maximum_mw": .number(100),
        ]
        guard let laser = try IBeam.driver.open("405", values, place: "check", keeper: keeper) as? any LightSource
        else {
            throw Failure("no laser")
        }
        try laser.on(power_mw: 20)
        let asked = DispatchSource.makeSignalSource(signal: SIGUSR1, queue: .global())
        signal(SIGUSR1, SIG_IGN)
        asked.setEventHandler { keeper.putOut() }
        asked.resume()
        say("ready \(keeper.process)")
        while true {
            do {
                try laser.on(power_mw: 20)
                _ = try laser.power_mw()
            } catch {
                say("refused \((error as? Failure)?.code ?? "\(error)")")
                usleep(20_000)
            }
        }
    }

    private static func say(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }
}
