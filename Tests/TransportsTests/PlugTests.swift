import EmulatedDevices
import Foundation
import Synchronization
import Testing
import Transports
import Work

/// Plugs that are pulled and put in again, told by a test in place of libusb.
@Suite struct PlugTests {
    private final class Plugs: PlugSource {
        private let take = Mutex<(@Sendable (PlugEvent) -> Void)?>(nil)
        func start(_ take: @escaping @Sendable (PlugEvent) -> Void) throws { self.take.withLock { $0 = take } }

        func tell(_ isPluggedIn: Bool, at plug: String, serial: String? = "A1", product: String = "6001") {
            let device = USBDevice(plug: plug, vendor: "0403", product: product, serial: serial)
            take.withLock { $0 }?(PlugEvent(isPluggedIn: isPluggedIn, device: device))
        }
    }

    /// The port of a name, as the kernel would have it.
    private final class Table: Sendable {
        let path = Mutex("")
        let faults = Mutex<[String]>([])
        let returns = Mutex(0)
    }

    private let name = "usb:0403:6001:A1"

    private func ports(_ plugs: Plugs, _ table: Table) throws -> Ports {
        Ports(
            watch: try PlugWatch(plugs),
            find: { name in
                guard name == "usb:0403:6001:A1" else { return try PortName.find(name) }
                let path = table.path.withLock { $0 }
                if path.isEmpty { throw Failure("there is no serial adapter \(name)", code: "port-missing") }
                return (path, path.hasSuffix("second") ? "" : "1-2")
            }, onPulled: { failure in table.faults.withLock { $0.append("\(failure.code): \(failure)") } })
    }

    @Test func aPulledPlugIsAFaultAtOnceAndTheLineComesBack() throws {
        let (plugs, table) = (Plugs(), Table())
        let first = try EmulatedPort("fw102c")
        table.path.withLock { $0 = first.path }
        let bytes = try ports(plugs, table).open(name, baud: 115200)
        (bytes as? PluggedLine)?.whenBack { _ in table.returns.withLock { $0 += 1 } }
        let line = Line(bytes, name: "od", framing: FW102CWords.framing, identity: FW102CWords.identity)
        #expect(try line.ask("pos?").text == "1")
        // Another plug is nobody's business.
        plugs.tell(false, at: "1-3")
        #expect(try line.ask("pos?").text == "1")
        // In the middle of a request.
        first.order("silent 1")
        let heard = Mutex<String?>(nil)
        Thread.detachNewThread { [line] in
            let failure = failureCode { try line.ask("pos?", within_ms: 300) }
            heard.withLock { $0 = failure }
        }
        usleep(50_000)
        plugs.tell(false, at: "1-2", serial: nil)
        #expect(table.faults.withLock { $0 } == ["device-gone: the port \(name) is gone; plug the device in again"])
        table.path.withLock { $0 = "" }
        #expect(waits(2000) { heard.withLock { $0 } != nil })
        #expect(failureCode { try line.ask("pos?") } == "device-gone")
        // Something else is plugged in.
        plugs.tell(true, at: "1-2", serial: "B7")
        plugs.tell(true, at: "1-2", product: "6015")
        usleep(50_000)
        #expect(failureCode { try line.ask("pos?") } == "device-gone")
        // The device is there, its port somewhat later and by another name.
        plugs.tell(true, at: "1-2")
        let second = try EmulatedPort("fw102c")
        second.order("turn 5")
        table.path.withLock { $0 = second.path }
        #expect(waits(3000) { table.returns.withLock { $0 } == 1 })
        #expect(try line.ask("pos?").text == "5")
        line.close()
        #expect(failureCode { try line.ask("pos?") } == "closed")
        plugs.tell(true, at: "1-2")
        #expect(failureCode { try line.ask("pos?") } == "closed")
    }

    @Test func theLightOfAPulledLaserComesBackDark() throws {
        let (plugs, table) = (Plugs(), Table())
        let first = try EmulatedPort("ibeam")
        table.path.withLock { $0 = first.path }
        var settings = Keeper.Settings()
        settings.program = try BuiltProgram.path("stormbench-keeper")
        settings.log = nil
        settings.lease_ms = 3000
        settings.watchesCrashes = false
        let keeper = try Keeper(settings) { _ in }
        defer { keeper.close() }
        let bytes = try ports(plugs, table).open(
            name, kept: keeper, for: "405", framing: IBeamWords.framing, recipe: IBeamWords.off)
        (bytes as? PluggedLine)?.whenBack { _ in table.returns.withLock { $0 += 1 } }
        let line = IBeamWords.line(bytes)
        try line.ask("enable 2")
        try line.ask("laser on")
        #expect(first.light == "on 20000 uW")
        first.order("unplug")
        plugs.tell(false, at: "1-2", serial: nil)
        #expect(table.faults.withLock { $0.count } == 1)
        #expect(failureCode { try line.ask("status laser") } == "device-gone")
        let second = try EmulatedPort("ibeam")
        second.order("light on")
        table.path.withLock { $0 = second.path }
        plugs.tell(true, at: "1-2")
        #expect(waits(3000) { table.returns.withLock { $0 } == 1 })
        #expect(second.light == "off")
        #expect(try line.ask("status laser").text == "OFF")
        #expect(keeper.allOff()?.map(\.result) == [.proven])
        #expect(failureCode { try line.ask("laser on") } == "light-tripped")
    }

    @Test func namesMeanDevices() {
        let device = USBDevice(plug: "1-2.3", vendor: "1313", product: "8078", serial: "P0001234", measuring: 0)
        #expect(device.name == "usb:1313:8078:P0001234")
        for name in ["usb:1313:8078:P0001234", "usb:1313:8078", "usb:1313:8078:"] { #expect(device.isCalled(name)) }
        for name in ["usb:1313:8078:P1", "usb:1313:8079", "usb:1312:8078:P0001234", "1313:8078", "/dev/ttyUSB0"] {
            #expect(!device.isCalled(name), "\(name)")
        }
    }

    @Test func thisComputersPlugsAreWatchedOrThereAreNone() {
        // Whatever the computer has, this neither fails nor waits.
        let watch = PlugWatch.computer
        if let number = watch?.tell({ _ in }) { watch?.forget(number) }
        #expect(failureCode { _ = try USBTMCLine("usb:1313:8078:NONE") } != "none")
    }
}
