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

    it("knows the truth of its specimen", function()
        local scope <close> = microscope.open("simulated", { seed = 5, specimen = { density_per_mm2 = 400 } })
        local nuclei = scope:true_objects(0, 0, 1000, 1000)
        expect(#nuclei > 340 and #nuclei < 460).is_true()
    end)
end)
