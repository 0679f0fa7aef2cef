import Work

/// The ports of the computer as drivers open them; a test puts others in their place.
public struct Ports: Sendable {
    /// The path of a serial port, and the plug at which it is where that is known.
    public var find: @Sendable (String) throws -> (path: String, plug: String?)
    /// Tells what happens at the plugs; nil where nothing does.
    public var watch: PlugWatch?
    /// Told when a plug was pulled, from the thread of the plugs, and must not wait.
    public var onPulled: @Sendable (Failure) -> Void
    /// Told in a thread of its own when a device is back and set up again, or could not be.
    public var onBack: @Sendable (_ place: String, _ failure: Failure?) -> Void

    /// Makes ports of parts.
    public init(
        watch: PlugWatch?,
        find: @escaping @Sendable (String) throws -> (path: String, plug: String?) = { try PortName.find($0) },
        onPulled: @escaping @Sendable (Failure) -> Void = { _ in },
        onBack: @escaping @Sendable (_ place: String, _ failure: Failure?) -> Void = { _, _ in }
    ) {
        self.find = find
        self.watch = watch
        self.onPulled = onPulled
        self.onBack = onBack
    }

    /// Opens a port: a serial one by path or by `usb:VID:PID:SERIAL`, a measuring instrument by the latter, or a TCP
    /// connection as `tcp:HOST:PORT`. A device on USB may be pulled out and come back.
    /// - Throws: `Failure` of `PortName`, `SerialPort`, `TCPLine` or `USBTMCLine`.
    public func open(_ name: String, baud: Int) throws -> any ByteLine {
        guard name.hasPrefix("usb:") else { return try PortName.open(name, baud: baud) }
        return try plugged(name) {
            do {
                let (path, plug) = try find(name)
                return PluggedLine.Opened(line: try SerialPort(path, baud: baud), plug: plug)
            } catch let failure as Failure where failure.code == "port-missing" {
                guard let instrument = try USBTMCLine.find(name) else { throw failure }
                return PluggedLine.Opened(line: try USBTMCLine(name), plug: instrument.plug)
            }
        }
    }

    /// Opens the port of a light through the keeper. A device on USB may be pulled out and come back, dark.
    /// - Throws: `Failure` of `PortName` or of `Keeper.openLine`.
    public func open(
        _ name: String, kept keeper: Keeper, for device: String, framing: Framing, recipe: OffRecipe
    ) throws -> any ByteLine {
        let open: @Sendable () throws -> PluggedLine.Opened = {
            let (path, plug) = try find(name)
            return PluggedLine.Opened(
                line: try keeper.openLine(name: device, path: path, framing: framing, recipe: recipe), plug: plug)
        }
        return name.hasPrefix("usb:") ? try plugged(name, open) : try open().line
    }

    /// Nothing watches where nothing tells of plugs.
    private func plugged(_ name: String, _ open: @escaping @Sendable () throws -> PluggedLine.Opened) throws
        -> any ByteLine
    {
        guard let watch else { return try open().line }
        return try PluggedLine(name, watch: watch, onPulled: onPulled, open: open)
    }
}
