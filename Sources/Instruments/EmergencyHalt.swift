import Work

extension Microscope {
    /// The emergency stop: every light off, shutters shut, cameras stopped, stage and focus drive halted, in this order;
    /// none waits longer than 0.3 s for the one before. From then on light and moves are refused with code `stopped`, also
    /// those that are under way, until `resume()`. Cannot fail; called from any thread.
    public func stop() {
        gate.shut()
        interlock.refuse()
        halt()
    }

    /// Lights off, shutters shut, cameras stopped, motion stopped, as `stop()`, which also refuses what comes later.
    func halt() {
        EmergencyStop.atOnce(interlock.endAll().map { light in { light.off() } }, limit_s: 0.3)
        EmergencyStop.atOnce(shutters.values.map { shutter in { shutter.shut() } }, limit_s: 0.3)
        EmergencyStop.atOnce(cameras.values.map { camera in { camera.stopSequence() } }, limit_s: 0.3)
        var halts: [@Sendable () -> Void] = [{ [stage] in stage.stop() }]
        if let focus { halts.append { focus.stop() } }
        EmergencyStop.atOnce(halts, limit_s: 2)
    }

    /// Whether light and moves are refused since `stop()`.
    public var isStopped: Bool { !gate.isOpen }

    /// Allows light and moves again after `stop()`. Everything stays off and where it is.
    public func resume() {
        interlock.resume()
        gate.open()
    }
}
