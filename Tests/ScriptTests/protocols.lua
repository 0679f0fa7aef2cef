--- A file of a simulated microscope with a small camera that looks at a specimen.
local function rig(specimen, camera, seed)
    local path = scratch() .. "/rig.json"
    system.write_json(path, {
        name = "small", simulation = { specimen = specimen, seed = seed, drift_nm_per_s = { 0, 0 } },
        stage = { driver = "simulated", x_um = { -5000, 5000 }, y_um = { -5000, 5000 } },
        camera = { driver = "simulated", width = camera.width, height = camera.width, pixel_nm = camera.pixel_nm },
        lights = {
            ["405"] = { driver = "simulated", wavelength_nm = 405, maximum_mw = 120 },
            ["488"] = { driver = "simulated", wavelength_nm = 488, maximum_mw = 150 },
            ["647"] = { driver = "simulated", wavelength_nm = 647, maximum_mw = 200 },
        },
        wheels = { emission = { driver = "simulated", positions = {
            ["450/50"] = { 425, 475 }, ["525/50"] = { 500, 550 }, ["690/80"] = { 650, 730 } } } },
        channels = {
            DAPI = { lights = { ["405"] = 4 }, exposure_ms = 60, wheels = { emission = "450/50" } },
            GFP = { lights = { ["488"] = 4 }, exposure_ms = 60, wheels = { emission = "525/50" } },
            ["dSTORM-647"] = { lights = { ["647"] = 100 }, exposure_ms = 20, em_gain = 200, wheels = { emission = "690/80" } },
        },
    })
    return path
end

--- The whole chain; what its summary says.
local function acquire(specimen, camera, seed, options)
    local output = scratch()
    local all = { microscope = rig(specimen, camera, seed), frames = 1, output = output, seed = seed }
    for name, value in pairs(options) do all[name] = value end
    if all.model then all.model = package_root .. "/Models/" .. all.model end
    all.scan = all.scan or "GFP"
    -- Movies of the stain of the scan: without single molecules they are quickly simulated.
    all.storm = { all.scan }
    local worked, problem = pcall(run, "acquire", all)
    if not system.exists(output .. "/summary.json") then error(problem, 0) end
    return system.read_json(output .. "/summary.json"), worked, tostring(problem), output
end

describe("acquire with the protocol of each model", function()
    it("takes nuclei one by one, cut apart", function()
        local found = acquire({ kind = "nuclei" }, { width = 128, pixel_nm = 400 }, 21,
            { model = "nuclei", scan = "DAPI", area = "150x150", widefield = {} })
        expect(found.protocol.kind).equals("instances")
        expect(found.truth.objects >= 5).is_true()
        expect(found.truth.once).equals(found.truth.objects)
        expect(found.movies).equals(found.positions)
    end)

    it("takes axons whole, as fibres", function()
        local found = acquire({ kind = "axons", density_per_mm2 = 150 }, { width = 256, pixel_nm = 200 }, 22,
            { model = "axons", area = "90x90", widefield = {} })
        expect(found.protocol.separate).is_false()
        expect(found.positions >= 1).is_true()
        expect(found.truth.large >= 1).is_true()
        for _, fields in ipairs(found.truth.large_fields) do expect(fields >= 1).is_true() end
    end)

    it("takes microtubules as what is connected, not as beads", function()
        local found = acquire({ kind = "microtubules", density_per_mm2 = 1000 }, { width = 256, pixel_nm = 100 }, 23,
            { model = "microtubules", area = "40x40", widefield = {} })
        expect(found.positions >= 1).is_true()
        -- No more objects than there are: fibres that cross are one.
        expect(found.objects <= found.truth.objects + found.truth.large + 12).is_true()
        expect(found.truth.never).equals(0)
    end)

    it("takes spheres, however small", function()
        local found = acquire({ kind = "spheres", density_per_mm2 = 5000 }, { width = 170, pixel_nm = 150 }, 24,
            { model = "spheres", area = "60x60", widefield = {} })
        expect(found.truth.objects >= 10).is_true()
        expect(found.truth.never).equals(0)
        expect(found.truth.repeatedly <= 1).is_true()
        expect(found.protocol.least_um2).equals(0.5)
    end)

    it("finds clusters by a threshold as areas", function()
        local found = acquire({ kind = "clusters", density_per_mm2 = 60 }, { width = 128, pixel_nm = 400 }, 25,
            { find = "threshold", area = "150x150", pixel_um = 0.8, widefield = {} })
        expect(found.protocol.kind).equals("areas")
        expect(found.truth.large >= 1).is_true()
        expect(found.positions >= 1).is_true()
    end)

    it("runs the other models of one channel, and says why colour is not for a scan", function()
        for _, model in ipairs { "sparse", "cells" } do
            local found, worked = acquire({ kind = "nuclei" }, { width = 128, pixel_nm = 400 }, 26,
                { model = model, scan = "DAPI", area = "80x80", pixel_um = 0.6, positions = 1, widefield = {} })
            expect(worked).equals(found.positions > 0)
            expect(found.problem == nil).equals(worked)
        end
        expect(function()
            run("acquire", { model = package_root .. "/Models/hist", pixel_um = 1, output = scratch() })
        end).fails("takes 3 channels")
    end)
end)

describe("objects that do not count", function()
    it("are counted by reason, and none at all is an error", function()
        local found, worked, problem, folder = acquire({ kind = "spheres", density_per_mm2 = 4000 },
            { width = 170, pixel_nm = 150 }, 24,
            { find = "threshold", area = "70x60", pixel_um = 0.15, separate = true, criteria = "area_um2 > 50", inner = true })
        expect(worked).is_false()
        expect(problem).matches("no position: of %d+ objects, %d+ not area_um2 > 50, %d+ touches the edge")
        expect(found.problem).matches("not area_um2 > 50")
        local total = 0
        for _, count in pairs(found.omitted_counts) do total = total + count end
        expect(total).equals(found.objects)
        expect(system.read_text(folder .. "/report.html")).matches("no position: of %d+ objects")
    end)

    it("are told by a condition on what was measured", function()
        local rows = {}
        for row = 0, 39 do
            rows[row + 1] = {}
            for column = 0, 59 do
                local big, little = (column - 20) ^ 2 + (row - 20) ^ 2, (column - 43) ^ 2 + (row - 20) ^ 2
                rows[row + 1][column + 1] = (big < 225 or little < 81) and 200 or 0
            end
        end
        local mask = imaging.from_rows(rows)
        expect(#segmentation.components(mask):objects()).equals(1)
        expect(#segmentation.components(mask, 30, true):objects()).equals(2)
        expect(function()
            run("acquire", { criteria = "area_um > 5", output = scratch() })
        end).fails("did you mean area_um2")
        expect(function()
            run("acquire", { criteria = "area_um2 > ", output = scratch() })
        end).fails("something is missing at its end")
    end)
end)

describe("a protocol", function()
    it("comes from the model, and from what is asked otherwise", function()
        local axons = segmentation.load(package_root .. "/Models/axons")
        expect(axons.objects.kind).equals("fibres")
        expect(segmentation.protocol(axons).large).equals("along")
        expect(segmentation.protocol(axons, { kind = "instances", least_um2 = 7 }).separate).is_true()
        expect(segmentation.protocol(axons, { separate = true }).kind).equals("fibres")
        expect(segmentation.protocol(nil).words).matches("connected areas")
    end)
end)
