--- A simulated microscope whose lights note every switching in a file.
local function rig(folder, seed)
    local path = folder .. "/rig.json"
    system.write_json(path, {
        name = "small",
        simulation = {
            specimen = { kind = "spheres", density_per_mm2 = 5000 }, seed = seed, drift_nm_per_s = { 0, 0 },
            light_log = folder .. "/lights",
        },
        stage = { driver = "simulated", x_um = { -5000, 5000 }, y_um = { -5000, 5000 } },
        camera = { driver = "simulated", width = 128, height = 128, pixel_nm = 200 },
        lights = { ["488"] = { driver = "simulated", wavelength_nm = 488, maximum_mw = 150 } },
        wheels = { emission = { driver = "simulated", positions = {
            ["525/50"] = { 500, 550 }, closed = {}, ["690/80"] = { 650, 730 } } } },
        channels = {
            GFP = { lights = { ["488"] = 4 }, exposure_ms = 60, wheels = { emission = "525/50" } },
            fast = { lights = { ["488"] = 100 }, exposure_ms = 20, wheels = { emission = "690/80" } },
        },
    })
    return path
end

local function asked(folder, more)
    local all = { microscope = rig(folder, 31), find = "threshold", pixel_um = 0.2, area = "70x60", scan = "GFP",
                  storm = { "fast" }, frames = 5, separate = true, output = folder .. "/run" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

describe("a dry run", function()
    it("says time, light and disk, and lights nothing", function()
        local folder = scratch()
        run("acquire", asked(folder, { dry_run = true }))
        local found = system.read_json(folder .. "/run/summary.json")
        expect(found.dry_run).is_true()
        local estimate = found.estimate
        -- 25.6 um fields that share a tenth at least.
        expect(estimate.tiles).equals(9)
        expect(estimate.chosen).is_false()
        expect(estimate.positions).equals(9)
        -- 4 mW for 60 ms of exposure and 4.4 ms of reading, over 25.6 x 25.6 um; 100 mW for five frames of 20 ms.
        local area = 25.6 ^ 2
        expect(estimate.doses[1].scan_mj_per_um2).near(4 * (0.06 + 128 * 0.0344e-3) / area, 1e-9)
        expect(estimate.doses[1].position_mj_per_um2).near((4 * (0.06 + 128 * 0.0344e-3) + 100 * 0.1) / area, 1e-9)
        expect(estimate.guarding["488"]).equals("it is simulated and ends with the program")
        expect(#estimate.lines >= 3).is_true()
        for line in io.lines(folder .. "/lights") do expect(line).matches(" 0.0$") end
        expect(system.exists(folder .. "/run/journal.jsonl")).is_false()
    end)

    it("tells what stands in the way, and takes nothing", function()
        local folder = scratch()
        expect(function() run("acquire", asked(folder, { dry_run = true, area = "20000x10" })) end).fails("cannot reach")
    end)

    it("is right about the time and the disk of the run", function()
        local folder = scratch()
        run("acquire", asked(folder, { frames = 8, positions = 3 }))
        local found = system.read_json(folder .. "/run/summary.json")
        expect(found.positions).equals(3)
        expect(found.estimate.chosen).is_true()
        local times = found.times
        local real = times.exposing_s + times.moving_s + times.other_s
        expect(found.estimate.seconds / real).near(1, 0.02)
        -- Before the positions were chosen, their number was known and the way was not.
        expect(found.foreseen.positions).equals(3)
        expect(found.foreseen.seconds / found.estimate.seconds).near(1, 0.3)
        local bytes = 0
        for _, kind in ipairs { "tiles", "positions", "movies", "." } do
            for _, file in ipairs(system.list(folder .. "/run/" .. kind, ".tif")) do
                local open <close> = assert(io.open(folder .. "/run/" .. kind .. "/" .. file, "rb"))
                bytes = bytes + open:seek("end")
            end
        end
        -- Never less than it takes; labels are written smaller than they are reckoned.
        expect(found.estimate.bytes / bytes).near(1.25, 0.25)
    end)

    it("adds the light of overlapping fields", function()
        local folder = scratch()
        local scope <close> = microscope.open(rig(folder, 31))
        local run <close> = acquisition.begin(folder .. "/run")
        local overview = run:overview(run:scan(scope, { width_um = 60, height_um = 40, channel = "GFP" }), 0.4)
        -- Two hooks whose extents overlap: so do their fields, wherever they are put.
        local objects = run:objects(overview, function(path)
            local rows, picture = {}, imaging.read(path)
            for row = 1, picture.height do
                rows[row] = {}
                for column = 1, picture.width do
                    local x, y = column * 0.4, row * 0.4
                    local first = x > 2 and x < 22 and y > 2 and y < 22 and (x < 6 or y < 6)
                    local second = x > 12 and x < 34 and y > 10 and y < 30 and (x > 30 or y > 26)
                    rows[row][column] = first and 1 or second and 2 or 0
                end
            end
            return imaging.from_rows(rows, "uint32")
        end)
        local targets = run:targets(objects, scope, { margin_um = 0.5, exclude_border = false })
        expect(#targets).equals(2)
        expect(targets.overlaps).equals(1)
        local plan = { channels = { "GFP" }, movies = { { channel = "fast", frames = 5 } } }
        local estimate = acquisition.estimate(scope, plan, targets)
        expect(estimate.overlaps).equals(1)
        -- Neither hook's arms lie in the other's field much, so the first to be bleached is told.
        for _, earlier in ipairs(targets.earlier_light) do expect(earlier.positions < 1).is_true() end
        local a, b = targets.positions[1], targets.positions[2]
        local shared = (25.6 - math.abs(a.x_um - b.x_um)) * (25.6 - math.abs(a.y_um - b.y_um)) / 25.6 ^ 2
        expect(estimate.greatest_mj_per_um2).near(estimate.position_mj_per_um2 * (1 + shared), 1e-9)
    end)
end)
