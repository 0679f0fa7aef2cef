import Foundation
import Instruments
import Transports
import Work

/// A controller whose keys have been read.
public struct PlannedController: Sendable {
    /// Its driver.
    public let driver: Driver
    /// Its port, as the file names it; nil for a driver without ports.
    public let port: String?
    /// The speed of its port.
    public let baud: Int
    let way: Way

    /// What opens a controller.
    enum Way: Sendable {
        /// A line on which it has answered.
        case line(@Sendable (_ name: String, _ line: DeviceLine) throws -> any Sendable)
        /// What the driver does by itself.
        case own(
            ask: @Sendable () throws -> String,
            connect: @Sendable (_ name: String) throws -> (controller: any Sendable, close: @Sendable () -> Void))
        /// None: its devices share the simulated world.
        case world
    }

    /// Opens the port: the light is off, and the controller has said who it is.
    /// - Parameters:
    ///   - name: of the controller or the device, for messages.
    ///   - isShared: whether several devices may stand on it; its line is closed by `OpenController.close()` then.
    ///   - place: where its keys stand, for messages.
    ///   - keeper: has the port of a controller with light, and is needed for one.
    ///   - ports: how ports are found and watched.
    /// - Throws: `Failure` of the port or of the controller.
    public func open(
        _ name: String, isShared: Bool, place: String, keeper: Keeper?, ports: Ports = .computer
    ) throws -> OpenController {
        switch way {
        case .world: throw noController(place)
        case .own(_, let connect):
            let (controller, close) = try connect(name)
            return OpenController(controller: controller, line: nil, renewals: Renewals(), end: close)
        case .line(let connect):
            guard let wire = driver.wire, let port else {
                throw Failure("\(place): the port is missing", code: "bad-description")
            }
            return try open(
                name, wire, port, connect, isShared: isShared, place: place, keeper: keeper, ports: ports)
        }
    }

    /// What is said where a device that shares the simulated world is taken for a controller.
    func noController(_ place: String) -> Failure {
        Failure(
            "\(place): the devices of the driver '\(driver.name)' stand on no controller",
            remedy: "give each of them this driver", code: "bad-description")
    }

    private func open(
        _ name: String, _ wire: Driver.Wire, _ port: String,
        _ connect: (String, DeviceLine) throws -> any Sendable, isShared: Bool, place: String, keeper: Keeper?,
        ports: Ports
    ) throws -> OpenController {
        let bytes: any ByteLine
        var framing = wire.framing
        framing.baud = baud
        if let off = wire.off {
            guard let keeper else {
                throw Failure("\(place): a light is opened only with a keeper", code: "keeper-missing")
            }
            guard !port.hasPrefix("tcp:") else {
                throw Failure(
                    "\(place): a light cannot be guarded on \(port)", remedy: "connect it to a serial port",
                    code: "bad-port")
            }
            bytes = try whileBusy {
                try ports.open(port, kept: keeper, for: name, framing: framing, recipe: off)
            }
        } else {
            bytes = try ports.open(port, baud: framing.baud)
        }
        let line = DeviceLine(
            line: Line(bytes, name: name, framing: framing, identity: wire.identity),
            keeper: wire.off == nil ? nil : keeper, isShared: isShared)
        let open = try answered(name, line, connect)
        (bytes as? PluggedLine)?.renew(open, line.line, ports)
        return open
    }

    /// Opens it on a line that is there already, such as one in memory.
    /// - Throws: `Failure` with code `keeper-missing` for a controller with light; what the controller throws.
    public func open(_ name: String, on bytes: any ByteLine) throws -> OpenController {
        guard case .line(let connect) = way, let wire = driver.wire, wire.off == nil else {
            throw Failure("\(name): a light is opened only with a keeper", code: "keeper-missing")
        }
        return try answered(
            name,
            DeviceLine(
                line: Line(bytes, name: name, framing: wire.framing, identity: wire.identity), keeper: nil,
                isShared: false), connect)
    }

    /// The controller on a line once it has said who it is.
    private func answered(
        _ name: String, _ line: DeviceLine, _ connect: (String, DeviceLine) throws -> any Sendable
    ) throws -> OpenController {
        do {
            try line.line.resynchronise()
            return OpenController(
                controller: try connect(name, line), line: line.line, renewals: line.renewals,
                end: { line.line.close() })
        } catch {
            line.line.close()
            throw error
        }
    }
}

/// Tries again for two seconds while a port is busy: the keeper puts lights off before it closes
/// their port.
private func whileBusy<Result>(_ body: () throws -> Result) throws -> Result {
    let end = DispatchTime.now() + 2
    while true {
        do { return try body() } catch let failure as Failure
            where failure.code == "port-busy" && DispatchTime.now() < end
        {
            Thread.sleep(forTimeInterval: 0.05)
        }
    }
}

/// A controller that has answered.
public struct OpenController: Sendable {
    /// What the driver makes of it, for `PlannedPart`.
    public let controller: any Sendable
    /// Its line; nil for a driver without ports.
    public let line: Line?
    let renewals: Renewals
    let end: @Sendable () -> Void

    /// Makes a device that stands on it. Where its plug is pulled and put in again, it is set up as now.
    /// - Throws: what the driver throws.
    public func make(_ name: String, _ part: @escaping PlannedPart) throws -> any Device {
        let device = try part(name, controller)
        let controller = controller
        renewals.add { _ = try part(name, controller) }
        return device
    }

    /// Gives it back, after the devices that stand on it were closed.
    public func close() { end() }
}
