describe("the simulated microscope", function()
    it("is dark until a laser is on, and dark again after the block", function()
        local scope <close> = microscope.open("simulated", { seed = 3 })
        local dark = scope.camera:snap().mean
        expect(dark).near(200, 1)
        do
            local light <close> = scope:light("DAPI")
            expect(light.is_on).is_true()
            expect(scope.camera:snap().mean > dark + 2).is_true()
        end
        expect(scope.lasers["405"].is_on).equals(false)
        expect(scope.camera:snap().mean).near(200, 1)
    end)

    it("puts the light out when the block fails", function()
        local scope <close> = microscope.open()
        pcall(function()
            local light <close> = scope.lasers["647"]:on(80)
            error("on purpose")
        end)
        expect(scope.lasers["647"].is_on).equals(false)
        expect(scope.lasers["647"].power_mw).equals(0)
    end)

    it("keeps a light that nothing holds until off", function()
        local scope <close> = microscope.open()
        local laser = scope.lasers["647"]
        laser:on(80)
        for i = 1, 20 do collectgarbage() end
        expect(laser.power_mw).equals(80)
        laser:off()
        expect(laser.is_on).equals(false)
    end)

    it("gives each on a light of its own, and the newest owns the laser", function()
        local scope <close> = microscope.open()
        local laser = scope.lasers["647"]
        local light = laser:on(10)
        light = laser:on(80)
        collectgarbage()
        expect(laser.power_mw).equals(80)
        laser:off()
        expect(light.is_on).equals(false)
        light:close()

        local old, new = laser:on(10), laser:on(80)
        old:close()
        expect(laser.power_mw).equals(80)
        new:close()
        expect(laser.is_on).equals(false)

        -- An end that comes after `off` and another `on` is of no account.
        old = laser:on(10)
        laser:off()
        new = laser:on(20)
        old:close()
        expect(laser.power_mw).equals(20)
        scope:lights_off()
        new:close()
        expect(laser.is_on).equals(false)
    end)

    it("leaves the outer light on when an inner one ends", function()
        local scope <close> = microscope.open()
        local laser = scope.lasers["405"]
        do
            local outer <close> = scope:light("DAPI")
            do
                local inner <close> = scope:light("DAPI", 10)
                expect(laser.power_mw).equals(10)
            end
            expect(outer.is_on).is_true()
            expect(laser.power_mw).equals(4)
            expect(pcall(function()
                local inner <close> = laser:on(20)
                error("on purpose")
            end)).equals(false)
            expect(laser.power_mw).equals(4)
            -- What cannot be asked for leaves the light as it is.
            expect(function() laser:on(1e6) end).fails("power")
            expect(function() laser:on(0 / 0) end).fails("nan")
            expect(laser.power_mw).equals(4)
        end
        expect(laser.is_on).equals(false)
    end)

    it("puts every light out when the camera stalls, also a light that nothing holds", function()
        local scope <close> = microscope.open("simulated", { faults = { stall_at_frame = 2, hang_ms = 300 } })
        scope.camera.region = { 0, 0, 16, 16 }
        scope.lasers["405"]:on(2)
        local light <close> = scope:light("dSTORM-647")
        local start = system.seconds()
        expect(function()
            for _ in scope.camera:frames(5, { timeout_ms = 50 }) do end
        end).fails("no frame")
        expect(system.seconds() - start < 5).is_true()
        expect(scope.lasers["405"].is_on).equals(false)
        expect(scope.lasers["647"].is_on).equals(false)
        expect(light.is_on).equals(false)
    end)

    it("puts every light out when the stage does not arrive", function()
        local scope <close> = microscope.open("simulated", { faults = { stuck_moves = { 1, 2, 3 } } })
        local light <close> = scope.lasers["647"]:on(5)
        expect(function() scope.stage:move { x_um = 10, timeout_ms = 20 } end).fails("has not arrived")
        expect(scope.lasers["647"].is_on).equals(false)
    end)

    it("moves and waits, and knows its travel", function()
        local scope <close> = microscope.open()
        scope.stage:move { x_um = 120, y_um = -40 }
        scope.stage:move { x_um = 100 }
        expect(scope.stage.x_um).near(100, 0.001)
        expect(scope.stage.y_um).near(-40, 0.001)
        expect(scope.stage.state).equals("moved")
        expect(function() scope.stage:move { x_um = 1e6 } end).fails("outside the travel")
        expect(function() scope.stage:move { z_um = 1 } end).fails("z_um")
        scope.focus:move { z_um = 2 }
        expect(scope.focus.z_um).equals(2)
    end)

    it("takes one sequence after another, whenever the collector comes", function()
        local scope <close> = microscope.open("simulated", { time_scale = 0, camera = { width = 32, height = 32 } })
        for _ = 1, 3 do
            local count = 0
            for _ in scope.camera:frames(20) do
                count = count + 1
                if count == 2 then collectgarbage() collectgarbage() end
            end
            expect(count).equals(20)
        end
    end)

    it("takes sequences in a for loop", function()
        local scope <close> = microscope.open()
        scope.camera.exposure_ms = 20
        scope.camera.region = { 128, 128, 256, 256 }
        local times = {}
        for frame in scope.camera:frames(5) do
            expect(frame.image.width).equals(256)
            times[frame.index + 1] = frame.time_ms
            if frame.index == 3 then break end
        end
        expect(times).equals({ 0, 20, 40, 60 })
        -- The loop was left early: the camera is idle again.
        expect(scope.camera:snap().image.height).equals(256)
        expect(function() scope.camera.em_gain = 1e9 end).fails("EM gain")
    end)

    it("has a camera that says how it is set", function()
        local scope <close> = microscope.open("simulated", {
            camera = { views = { left = { 0, 0, 256, 512 }, right = { 256, 0, 256, 512 } }, width = 512, height = 512 },
        })
        local camera = scope.camera
        camera.exposure_ms = 5
        expect(camera.cycle_ms).near(512 * 0.0344, 1e-6)
        expect(camera.em_gain_range).equals({ 1, 300 })
        camera.binning = 2
        expect(camera.region).equals({ 0, 0, 512, 512 })
        expect(camera.frame_pixel_nm).equals(200)
        local frame = camera:snap()
        expect(frame.image.width).equals(256)
        expect(frame:view("right").width).equals(128)
        expect(function() frame:view("rihgt") end).fails("did you mean 'right'?")
        expect(frame.lost_before).equals(0)
        expect(frame.clock).equals("camera")
        expect(camera.temperature.state).equals("off")
        expect(camera.cooling_C).is_nil()
        expect(function() camera:wait_cold(-40) end).fails("set cooling_C to -40 or less")
        camera.cooling_C = -60
        camera:wait_cold(-40)
        expect(camera.temperature.state).equals("stabilised")
        camera.cooling_C = nil
        expect(camera.cooling_C).is_nil()
        expect(function() camera.trigger_mode = "sofware" end).fails("did you mean 'software'?")
        camera.trigger_mode = "software"
        camera.exposure_ms = 1
        local frames <close> = camera:frames(2)
        camera:trigger()
        expect(frames().index).equals(0)
    end)

    it("says what stands in the way", function()
        expect(function() microscope.open("simulatd") end).fails("did you mean 'simulated'")
        expect(function() microscope.open("simulated", { sped = 1 }) end).fails("did you mean 'seed'")
        local scope <close> = microscope.open("simulated", { faults = { stuck_moves = { 1, 2, 3 } } })
        expect(function() scope.stage:move { x_um = 10, timeout_ms = 20 } end).fails("has not arrived")
        expect(function() scope:light("DAPY") end).fails("DAPI")
    end)

    it("refuses work after it was closed", function()
        local scope = microscope.open()
        local camera = scope.camera
        scope:close()
        expect(function() camera:snap() end).fails("closed")
        expect(function() return scope.stage end).fails("closed")
    end)

    it("lists, reads and sets properties", function()
        local scope <close> = microscope.open()
        local properties = scope.camera.properties
        properties.exposure_ms = 30
        expect(scope.camera.exposure_ms).equals(30)
        expect(properties.exposure_ms).equals(30)
        expect(properties.offset_counts).equals(200)
        expect(tostring(properties)).matches("exposure_ms +30 ms +0.01 to 3600000; the exposure time")
        local names = {}
        for name, value in pairs(scope.stage.properties) do names[name] = value end
        expect(names.state).equals("moved")
        expect(names.x_um).equals(0)
        scope.wheels.emission.properties.selected = "525/50"
        expect(scope.wheels.emission.selected).equals("525/50")
        expect(scope.focus.properties.z_um).equals(0)
        local laser = scope.lasers["405"]
        expect(laser.properties.is_on).equals(false)

        expect(function() properties.exposure = 3 end).fails("did you mean 'exposure_ms'?")
        expect(function() return properties.exposur_ms end).fails("did you mean 'exposure_ms'?")
        expect(function() properties.offset_counts = 3 end).fails("write it in the microscope file")
        expect(function() laser.properties.power_mw = 3 end).fails("it is only read")
        for _, junk in ipairs { 0 / 0, 1 / 0, -1, 1e9, "a", true, {}, print, properties } do
            expect(function() properties.exposure_ms = junk end).fails("exposure_ms cannot be")
        end
        expect(function() properties.exposure_ms = nil end).fails("cannot be nil")
        expect(function() scope.wheels.emission.properties.selected = "525" end).fails("give '450/50' or")
        expect(function() return properties[1] end).fails("has no")
        expect(properties.exposure_ms).equals(30)
    end)

    it("says what it is made of", function()
        local scope <close> = microscope.open()
        local description = scope:describe()
        expect(description.name).equals("simulated")
        local camera = description.devices.camera
        expect(camera.role).equals("camera")
        expect(camera.driver).equals("simulated")
        expect(camera.properties.em_gain.value).equals(1)
        expect(camera.properties.em_gain.allowed).equals("1 to 300")
        expect(camera.properties.row_ms.setting).equals("set in the microscope file")
        expect(description.devices["647"].guarding).equals("it is simulated and ends with the program")
        expect(tostring(description)).matches("\nlight 647.*guarded: it is simulated.*maximum_mw +200 mW")
    end)

    it("stops everything until it is resumed", function()
        local scope <close> = microscope.open("simulated", { time_scale = 1, stage = { speed_mm_per_s = 0.5 } })
        local light <close> = scope.lasers["647"]:on(80)
        scope.stage:start_move { x_um = 2000 }
        scope.focus:move { z_um = 1 }
        scope:stop()
        expect(scope.is_stopped).equals(true)
        expect(light.is_on).equals(false)
        expect(scope.stage.state).equals("moved")
        expect(scope.stage.x_um < 1000).is_true()
        expect(function() scope.stage:move { x_um = 1 } end).fails("scope:resume()")
        expect(function() scope.stage:start_move { x_um = 1 } end).fails("the microscope was stopped")
        expect(function() scope.focus:move { z_um = 0 } end).fails("the microscope was stopped")
        expect(function() scope.lasers["405"]:on(1) end).fails("the microscope was stopped")
        expect(function() scope:light("DAPI") end).fails("the microscope was stopped")
        expect(scope.focus.z_um).equals(1)
        do
            local other <close> = microscope.open()
            other.stage:move { x_um = 5 }
        end
        scope:resume()
        expect(light.is_on).equals(false)
        scope.stage:move { x_um = scope.stage.x_um + 1 }
        local again <close> = scope.lasers["405"]:on(1)
        expect(again.is_on).equals(true)
    end)

    it("knows the truth of its specimen", function()
        local scope <close> = microscope.open("simulated", { seed = 5, specimen = { density_per_mm2 = 400 } })
        local nuclei = scope:true_objects(0, 0, 1000, 1000)
        expect(#nuclei > 340 and #nuclei < 460).is_true()
    end)
end)

describe("a recording", function()
    it("goes to a file while the frames are localized and looked at", function()
        local folder = scratch()
        local scope <close> = microscope.open("simulated", { faults = { stall_at_frame = 12 } })
        scope.camera.region = { 0, 0, 64, 48 }
        scope:select("dSTORM-647")
        local stream = localization.stream(scope.camera.calibration, 64, 48)
        local seen = 0
        local movie = scope:record("dSTORM-647", {
            path = folder .. "/a.ome.tif", frames = 30, localize = stream, restarts = 1,
        }, function(frame)
            seen = seen + 1
            expect(frame.image.width).equals(64)
        end)
        expect(movie.frames).equals(30)
        expect(#movie.gaps).equals(1)
        expect(movie.gaps[1].after_frame).equals(11)
        expect(movie.unseen).equals(30 - seen)
        expect(stream.finished + movie.unlocalized).equals(30)
        expect(stream.skipped <= movie.unlocalized).is_true()
        expect(localization.open(movie.path).frames).equals(30)
        expect(scope.lasers["647"].is_on).equals(false)
        expect(function() scope:record("dSTORM-647", { path = movie.path, frames = 3, localize = stream }) end).fails("comes behind")
    end)
end)
