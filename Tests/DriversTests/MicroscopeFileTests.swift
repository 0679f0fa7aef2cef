import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Testing
import Transports
import Work

/// Microscope files: what they may hold, and what comes of them on emulated devices beside simulated ones.
@Suite struct MicroscopeFileTests {
    private func withFile<Result>(_ text: String, _ name: String, _ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rig-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return try body(file.path)
    }

    private func problem(_ text: String, _ name: String = "rig.lua") throws -> String {
        try withFile(text, name) { path in
            do {
                try checkMicroscope(path)
                return "none"
            } catch { return "\(error)" }
        }
    }

    /// The keys that the issue prints, as JSON and as Lua.
    private static let json = """
        { "name": "rig", "simulation": { "specimen": { "kind": "nuclei" }, "seed": 5 },
          "controllers": { "tiger": { "driver": "asi", "port": "usb:0403:6001:A1" } },
          "stage": { "from": "tiger", "x_um": [-5000, 5000], "y_um": [-5000, 5000], "settle_ms": 30 },
          "focus": { "driver": "simulated" }, "camera": { "driver": "simulated" },
          "lights": { "405": { "driver": "ibeam", "port": "/dev/ttyUSB0", "wavelength_nm": 405, "maximum_mw": 100,
                               "channel": 2 },
                      "647": { "driver": "simulated", "wavelength_nm": 647, "maximum_mw": 200 } },
          "wheels": { "od": { "driver": "fw102c", "port": "/dev/ttyUSB1", "positions": ["0", "0.3", "1"] } },
          "objectives": { "63x": { "pixel_nm": 127, "matrix_um": [[0.127, 0.001], [-0.001, 0.127]] } },
          "channels": { "dSTORM-647": { "lights": { "647": 120, "405": 0 }, "wheels": { "od": "0" },
                                        "exposure_ms": 18, "em_gain": 200 } } }
        """

    @Test func theKeysOfTheIssueAreTakenInBothForms() throws {
        #expect(try problem(Self.json, "rig.json") == "none")
        // `"key": ` of JSON is `["key"] = ` of Lua, and its lists are tables.
        let lua = Self.json.replacing(#/"([^"]+)":/#) { "[\"\($0.1)\"] =" }
            .replacing(#/\[(-?[0-9.]+, -?[0-9.]+)\]/#) { "{\($0.1)}" }
            .replacing(#/\[(\{.*?\})\]/#) { "{\($0.1)}" }.replacing(#/\[("0", "0.3", "1")\]/#) { "{\($0.1)}" }
        #expect(try problem("return microscope " + lua) == "none")
        #expect(try problem("return " + lua) == "none")
    }

    @Test func allThatIsWrongIsToldAtOnceWithTheNearestNames() throws {
        let wrong = Self.json.replacing("\"asi\"", with: "\"azi\"").replacing("\"0.3\", \"1\"", with: "\"0\"")
            .replacing("\"od\": \"0\"", with: "\"od\": \"2\"").replacing("\"objectives\"", with: "\"objektives\"")
        let text = try problem(wrong, "rig.json")
        for part in [
            "4 things are wrong in rig.json: (1) rig.json: there is no key 'objektives'; did you mean 'objectives'?",
            "(2) rig.json: controllers: tiger: there is no driver 'azi'",
            "(3) rig.json: wheels: od: positions has '0' twice",
            "(4) rig.json: channels: dSTORM-647: wheels: od is '2'",
        ] { #expect(text.contains(part), "\(text)") }
        for (file, message) in [
            (
                "stage = { driver = \"asi\", port = \"/dev/x\" }",
                "rig.lua: stage: x_um is missing; give [lowest, highest]"
            ),
            ("controllers = {}, lights = { a = { wavelength_nm = 405 } }", "says neither 'driver' nor 'from'"),
            (
                "controllers = {}, stage = { from = \"tigr\" }",
                "there is no controller 'tigr'; put it under controllers"
            ),
            (
                "camera = { driver = \"simulated\" }, channels = { a = { lights = { [\"405\"] = 1 } } }",
                "rig.lua: channels: a: lights: there is no light '405'"
            ),
            (
                "lights = { [\"405\"] = { driver = \"simulated\", maximum_mw = 50 } }, channels = { a = { lights = { [405] = 60 } } }",
                "rig.lua: channels: a: lights: 405 is 60; give 0 to 50"
            ),
            (
                "lights = { a = { driver = \"simulated\", maximum_mw = -1e308 } }, channels = { a = { lights = { a = 1 } } }",
                "give 0.001 to 100000"
            ),
            (
                "lights = { [\"405\"] = { driver = \"simulated\", gated_by = \"board\" } }",
                "there is no trigger 'board' to gate it"
            ),
            (
                "camera = { driver = \"simulated\" }, objectives = { a = { pixel_nm = 100, matrix_um = {{0.2, 0}, {0, 0.2}} } }",
                "matrix_um is for pixels of 200 nm, not of 100.0 nm"
            ),
            (
                "triggers = { b = { driver = \"arduino\", port = \"/dev/x\", output = 1 } }, lights = { a = { driver = \"ibeam\", "
                    + "port = \"/dev/y\", wavelength_nm = 405, maximum_mw = 1, gated_by = \"b\" } }",
                "gated_by has no effect without \"modulated\": true"
            ),
            (
                "meters = { a = { driver = \"simulated\" } }",
                "rig.lua: meters: a: the driver 'simulated' offers no meter; it offers stage, focus, camera, light, wheel"
            ),
            (
                "stage = { driver = \"simulatd\" }",
                "rig.lua: stage: there is no driver 'simulatd'; did you mean 'simulated'?"
            ),
            (
                "controllers = { a = { driver = \"simulated\" } }",
                "rig.lua: controllers: a: the devices of the driver 'simulated' stand on no controller"
            ),
            ("camera = { driver = \"simulated\", optional = 1 }", "optional is not true or false"),
        ] {
            let text = try problem("return microscope { \(file) }")
            #expect(text.contains(message), "\(text)")
        }
    }

    @Test func theFilesToCopyAreRight() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("scripts/microscopes")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 2)
        for file in files { #expect(throws: Never.self, "\(file)") { try checkMicroscope(file.path) } }
    }

    @Test func aFileOfLuaCanDoNothingButGiveATable() throws {
        #expect(
            try problem("while true do end")
                == "rig.lua: it runs for too long; write return microscope { ... } with nothing but values in it")
        #expect(try problem("local a = 'x' while true do a = a .. a end").contains("not enough memory"))
        #expect(try problem("return os.getenv('HOME')").contains("global 'os'"))
        #expect(try problem("return microscope { name = print }") == "none")
        #expect(try problem("return microscope { name = microscope }").contains("name is a function"))
        #expect(try problem("local t = {} t.name = t return microscope(t)").contains("is too large"))
        #expect(try problem("return microscope").contains("gives no table"))
        #expect(try problem("return microscope { [1.5] = 2 }").contains("has a key that is no name"))
        #expect(try problem("return microscope {").contains("rig.lua:1:"))
        #expect(try problem("\u{1b}Lua").contains("rig.lua"))
        // Values may be reckoned.
        #expect(try problem("local x = 2 * 60 return microscope { simulation = { seed = x } }") == "none")
    }

    @Test func realAndSimulatedDevicesMix() throws {
        let laser = try EmulatedPort("ibeam", baud: 0)
        let wheel = try EmulatedPort("fw102c", baud: 0)
        let tiger = try EmulatedPort("asi", baud: 0)
        tiger.order("speed 100000")
        laser.order("light on")
        let keeper = try testKeeper()
        defer { keeper.close() }
        let text = """
            return microscope {
              name = "mixed", simulation = { seed = 3 }, controllers = { tiger = { driver = "asi", port = "\(tiger.path)" } },
              stage = { from = "tiger", x_um = { -500, 500 }, y_um = { -500, 500 }, settle_ms = 0 },
              camera = { driver = "simulated" },
              lights = {
                ["405"] = { driver = "ibeam", port = "\(laser.path)", wavelength_nm = 405, maximum_mw = 100 },
                ["488"] = { driver = "simulated", wavelength_nm = 488, maximum_mw = 100 },
              },
              wheels = { emission = { driver = "fw102c", port = "\(wheel.path)", positions = { "450/50", "525/50" },
                                      settle_ms = 0 } },
              channels = {
                DAPI = { lights = { ["405"] = 4, ["488"] = 0 }, exposure_ms = 60, wheels = { emission = "450/50" } },
                both = { lights = { ["405"] = 2, ["488"] = 3 }, exposure_ms = 60, wheels = { emission = "525/50" } },
              },
            }
            """
        let scope = try withFile(text, "rig.lua") { try openMicroscope($0, keeper: { keeper }) }
        defer { scope.close() }
        #expect(laser.light == "off")
        #expect(scope.focus == nil && scope.hasStage && scope.hasCamera)
        let channel = try scope.channel(named: "DAPI")
        #expect(channel.light == "405" && channel.lights.map(\.power_mw) == [4, 0])
        func brightness() throws -> Double {
            let counts = try scope.snap().counts.samples
            return counts.reduce(0.0) { $0 + Double($1) } / Double(counts.count)
        }
        _ = try scope.prepare(channel)
        let dark = try brightness()
        // The real laser lights the simulated specimen through the real wheel.
        let lease = try scope.light(channel)
        #expect(laser.light == "on 4000 uW")
        #expect(try brightness() > dark + 5)
        try scope.wheels["emission"]?.select("525/50")
        let other = try brightness()
        #expect(other < dark + 1, "\(other) \(dark)")
        // By its property too.
        try scope.wheels["emission"]?.property("selected").set(.text("450/50"))
        #expect(try brightness() > dark + 5)
        lease.end()
        #expect(laser.light == "off")
        // Where the real stage stands, the simulated specimen is seen; the same place is the same picture.
        func picture(_ x_um: Double) throws -> [UInt16] {
            try scope.stage.startMove(x_um: x_um, y_um: 20)
            #expect(waits(5000) { scope.stage.state() == .moved })
            return try scope.snap(channel).counts.samples
        }
        func difference(_ first: [UInt16], _ second: [UInt16]) -> Double {
            zip(first, second).reduce(0.0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(first.count)
        }
        let (here, there, again) = (try picture(0), try picture(150), try picture(0))
        #expect(difference(here, again) < difference(here, there) / 2)
        #expect(throws: Failure.self) { try scope.stage.startMove(x_um: 501, y_um: 0) }
        // Several lights of a channel, and all of them off at once.
        _ = try scope.light(try scope.channel(named: "both"))
        #expect(laser.light == "on 2000 uW" && scope.lights["488"]?.isOn == true)
        scope.allLightsOff()
        #expect(laser.light == "off" && scope.lights["488"]?.isOn == false)
    }

    @Test func severalCamerasAndALightBehindATrigger() throws {
        let board = try EmulatedPort("arduino", baud: 0)
        let keeper = try testKeeper()
        defer { keeper.close() }
        let text = """
            return microscope {
              controllers = { board = { driver = "arduino", port = "\(board.path)" } },
              camera = { driver = "simulated" },
              cameras = { side = { driver = "simulated", width = 64, height = 32, pixel_nm = 200 } },
              triggers = { gate = { from = "board", output = 2 } },
              lights = { ["405"] = { driver = "simulated", wavelength_nm = 405, maximum_mw = 100, gated_by = "gate" } },
              channels = { DAPI = { light = "405", power_mw = 4, exposure_ms = 60 } },
            }
            """
        let scope = try withFile(text, "rig.lua") { try openMicroscope($0, keeper: { keeper }) }
        defer { scope.close() }
        #expect(scope.camera.name == "camera" && Set(scope.cameras.keys) == ["camera", "side"])
        let side = try #require(scope.cameras["side"])
        let frame = try scope.snap(with: side)
        #expect(frame.counts.width == 64 && frame.counts.height == 32)
        #expect(!scope.hasStage && scope.focus == nil)
        let gate = try #require(scope.triggers["gate"])
        let lease = try scope.light(try scope.channel(named: "DAPI"))
        #expect(gate.isPassing == true && scope.lights["405"]?.isOn == true)
        lease.end()
        #expect(gate.isPassing == false && scope.lights["405"]?.isOn == false)
        // Without its board the light is not to be had.
        board.order("unplug")
        #expect(throws: Failure.self) { try scope.light(try scope.channel(named: "DAPI")) }
        #expect(scope.lights["405"]?.isOn == false)
    }

    @Test func allMissingDevicesAreToldAtOnceAndOptionalOnesAreLeftOut() throws {
        let laser = try EmulatedPort("ibeam", baud: 0)
        let keeper = try testKeeper()
        defer { keeper.close() }
        func text(_ optional: Bool) -> String {
            """
            return microscope {
              lights = { ["405"] = { driver = "ibeam", port = "\(laser.path)", wavelength_nm = 405, maximum_mw = 100 } },
              wheels = {
                od = { driver = "fw102c", port = "/dev/none-1", positions = { "0" }, optional = \(optional) },
                em = { driver = "fw102c", port = "/dev/none-2", positions = { "0" }, optional = \(optional) },
              },
            }
            """
        }
        do {
            _ = try withFile(text(false), "rig.lua") { try openMicroscope($0, keeper: { keeper }) }
            Issue.record("opened")
        } catch {
            let told = "\(error)"
            for part in [
                "2 devices of rig.lua are missing: (1) rig.lua: wheels: em: there is no port /dev/none-2",
                "(2) rig.lua: wheels: od: there is no port /dev/none-1",
            ] { #expect(told.contains(part), "\(told)") }
        }
        let scope = try withFile(text(true), "rig.lua") { try openMicroscope($0, keeper: { keeper }) }
        defer { scope.close() }
        #expect(scope.wheels.isEmpty && scope.missing.count == 2 && scope.lights.count == 1)
        // A rig without stage and camera says so.
        #expect(!scope.hasStage && !scope.hasCamera && scope.cameras.isEmpty)
        #expect(throws: Failure.self) { try scope.snap() }
        #expect(throws: Failure.self) { try scope.stage.position() }
        #expect(scope.stage.state() == .unknown)
    }
}
