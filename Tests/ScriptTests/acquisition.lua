local small = { seed = 4, camera = { width = 96, height = 96 } }

--- A simulated microscope with other settings laid over.
local function open(settings)
    local all = {}
    for name, value in pairs(small) do all[name] = value end
    for name, value in pairs(settings or {}) do all[name] = value end
    return microscope.open("simulated", all)
end

local function text_of(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read("a")
end

describe("a run's journal", function()
    it("gives back the very values, in the session and after it", function()
        local folder = scratch() .. "/values"
        local values = {
            0 / 0, 1 / 0, -1 / 0, -0.0, 1, 1.0, 0.1, 2 ^ 53, 2 ^ 53 | 0, math.maxinteger, math.mininteger, 2.0 ^ 63,
            true, "", "\xff\xfe\0binary", "e\u{301} \u{e9}",
            { list = { 1, { 2.0 }, {} }, ["$odd"] = 1, [3] = "three", [2.5] = false, [true] = "yes" },
            { ["$float"] = "not a number" }, { [1] = 1, [2] = 2, [4] = 4 },
        }
        local function same(a, b)
            if math.type(a) ~= math.type(b) or type(a) ~= type(b) then return false end
            if type(a) == "table" then
                for key, value in pairs(a) do if not same(value, b[key]) then return false end end
                for key in pairs(b) do if a[key] == nil then return false end end
                return true
            end
            return string.pack(math.type(a) == "float" and "d" or "s", math.type(a) == "float" and a or tostring(a))
                == string.pack(math.type(b) == "float" and "d" or "s", math.type(b) == "float" and b or tostring(b))
        end
        for session = 1, 2 do
            local run <close> = acquisition.begin(folder, { resume = session == 2 })
            for i, value in ipairs(values) do
                local calls = 0
                local kept = run:once("value", tostring(i), function()
                    calls = calls + 1
                    return value
                end)
                expect(calls).equals(session == 1 and 1 or 0)
                expect(same(value, kept)).is_true()
            end
            expect(run:once("value", "nothing", function() return nil end)).is_nil()
            -- Other inputs are another step.
            expect(run:once("value", "asked", function() return 1 end, { threshold = 5 })).equals(1)
            expect(run:once("value", "asked", function() return 2 end, { threshold = 6 })).equals(2)
            expect(run:once("value", "asked", function() return 3 end, { threshold = 5 })).equals(1)
        end
        local run <close> = acquisition.begin(folder, { resume = true })
        expect(function() run:once("value", "function", function() return print end) end).fails("plain data")
        local endless = {}
        endless.itself = endless
        expect(function() run:once("value", "endless", function() return endless end) end).fails("levels")
    end)

    it("refuses other parameters and journals of an older version", function()
        local folder = scratch() .. "/parameters"
        acquisition.begin(folder, { parameters = { seed = 2 ^ 53 | 0, area = 1.0 } }):close()
        acquisition.begin(folder, { parameters = { seed = 2 ^ 53 | 0, area = 1 }, resume = true }):close()
        expect(function()
            acquisition.begin(folder, { parameters = { seed = (2 ^ 53 | 0) + 1, area = 1 }, resume = true })
        end).fails("began with seed")
        local journal = text_of(folder .. "/journal.jsonl")
        local file <close> = assert(io.open(folder .. "/journal.jsonl", "wb"))
        file:write((journal:gsub('"format":2,', "")))
        file:close()
        expect(function() acquisition.begin(folder, { resume = true }) end).fails("older version")
    end)

    it("returns a scan, objects and positions only to the same question", function()
        local folder = scratch() .. "/questions"
        local sums
        for session = 1, 2 do
            local scope <close> = open()
            local run <close> = acquisition.begin(folder, { resume = session == 2 })
            local area = { width_um = 24, height_um = 10, channel = "DAPI" }
            local first = run:scan(scope, area)
            local wide = run:scan(scope, { width_um = 40, height_um = 10, channel = "DAPI" })
            local aside = run:scan(scope, { width_um = 24, height_um = 10, x_um = 50, channel = "DAPI" })
            local green = run:scan(scope, { width_um = 24, height_um = 10, channel = "GFP" })
            expect(wide.tiles > first.tiles).is_true()
            local files = {}
            for _, scan in ipairs { first, wide, aside, green } do
                local overview = run:overview(scan, 0.2)
                expect(files[overview.file]).is_nil()
                files[overview.file] = true
                files[#files + 1] = text_of(run:path(overview.file))
            end
            expect(files[1] ~= files[3] and files[1] ~= files[4]).is_true()
            if sums then expect(files).equals(sums) end
            sums = files

            local overview, calls = run:overview(first, 0.2), 0
            local args = { resume = session == 2, output = folder }
            local function above(share)
                return function(path)
                    calls = calls + 1
                    expect(args.output).equals(folder)
                    local image = imaging.read(path)
                    return (image:mask(image:quantile(share)):components())
                end
            end
            local many, few = run:objects(overview, above(0.6)), run:objects(overview, above(0.99))
            expect(#many ~= #few).is_true()
            expect(#run:objects(overview, above(0.6))).equals(#many)
            expect(calls).equals(session == 1 and 2 or 0)
            local all = run:targets(many, scope, { exclude_border = false, margin_um = 0 })
            local one = run:targets(many, scope, { exclude_border = false, margin_um = 0, limit = 1 })
            expect(#one).equals(1)
            expect(#all > 1).is_true()
        end
    end)

    it("takes a movie anew when anything of it was asked otherwise", function()
        local folder, names = scratch() .. "/movies", {}
        local function take(settings, frames, channel, region)
            local scope <close> = open(settings)
            if region then scope.camera.region = region end
            local run <close> = acquisition.begin(folder, { resume = true })
            local overview = run:overview(run:scan(scope, { width_um = 9, height_um = 9 }), 0.2)
            local objects = run:objects(overview, function(path)
                local image = imaging.read(path)
                return (image:mask(image:quantile(0.5)):components())
            end)
            local targets = run:targets(objects, scope, { exclude_border = false, margin_um = 0, limit = 1 })
            local plan = run:plan(targets, scope, { movies = { { channel = channel or "dSTORM-647", frames = frames } } })
            local record = run:acquire(plan.positions[1], plan, scope)
            return record.movies[1], run
        end
        local cases = {
            { nil, 5 }, { nil, 8 }, { nil, 5, "dSTORM-561" }, { { seed = 5 }, 5 }, { nil, 5, nil, { 0, 0, 64, 64 } },
            { { channels = { ["DAPI"] = { light = "405" }, ["dSTORM-647"] = { light = "647", power_mw = 50 } } }, 5 },
            { { channels = { ["DAPI"] = { light = "405" }, ["dSTORM-647"] = { light = "647", exposure_ms = 30 } } }, 5 },
        }
        local seen = {}
        for turn = 1, 2 do
            for i, case in ipairs(cases) do
                local file = take(case[1], case[2], case[3], case[4])
                expect(file.frames).equals(case[2])
                local movie = localization.open(folder .. "/" .. file.file)
                expect(movie.frames).equals(case[2])
                expect(movie.width).equals(case[4] and 64 or 96)
                if turn == 1 then
                    expect(seen[file.file]).is_nil()
                    seen[file.file], names[i] = i, file.file
                else
                    expect(file.file).equals(names[i])
                end
            end
        end
    end)
end)

describe("a recorded movie", function()
    it("tells of camera, lights, exposure, place and program", function()
        local folder = scratch() .. "/facts"
        local scope <close> = open()
        local run <close> = acquisition.begin(folder, { parameters = { model = "Models/nuclei", seed = 4 } })
        local overview = run:overview(run:scan(scope, { width_um = 9, height_um = 9 }), 0.2)
        local objects = run:objects(overview, function(path)
            local image = imaging.read(path)
            return (image:mask(image:quantile(0.5)):components())
        end)
        local targets = run:targets(objects, scope, { exclude_border = false, margin_um = 0, limit = 1 })
        local activation <close> = scope.lasers["405"]:on(1)
        local plan = run:plan(targets, scope, { movies = { { channel = "dSTORM-647", frames = 3 } } })
        local file = run:acquire(plan.positions[1], plan, scope).movies[1]
        local movie, asked = localization.open(run:path(file.file)), run:calibration(scope, "dSTORM-647")
        for _, name in ipairs { "pixel_nm", "offset_counts", "electrons_per_count", "em_gain", "quantum_efficiency",
            "read_noise_electrons" } do
            expect(movie.camera[name]).equals(asked[name])
        end
        expect(movie.camera.em_gain).equals(200)
        local facts = movie.recording
        expect(facts.version).equals(system.version)
        expect(facts.channel.exposure_ms).equals(20)
        expect(facts.lights).equals({
            { name = "647", wavelength_nm = 647, power_mw = 100 }, { name = "405", wavelength_nm = 405, power_mw = 1 },
        })
        expect(facts.position.name).equals("position-001")
        expect(facts.position.x_um).near(plan.positions[1].x_um, 1)
        expect(facts.run.model).equals("Models/nuclei")
        expect(text_of(run:path("recordings/" .. file.name .. ".json"))).matches('"offset_counts":200')
        expect(text_of(run:path((overview.file:gsub("%.tif$", ".json"))))).matches('"channel" : "DAPI"')
        local xml = text_of(run:path(file.file))
        expect(xml).matches('<Laser ID="LightSource:0:0" Model="647" Power="100.0" PowerUnit="mW"')
        expect(xml).matches('<DetectorSettings ID="Detector:0:0" Gain="200.0" Offset="200.0"/>')
        expect(xml).matches('ExposureTime="20.0" ExposureTimeUnit="ms" PositionX=')
    end)
end)

describe("a movie without molecules", function()
    it("shows none when its own camera is read back", function()
        local scope <close> = open { specimen = { density_per_mm2 = 0.001 }, background = 8 }
        local run <close> = acquisition.begin(scratch() .. "/void")
        local overview = run:overview(run:scan(scope, { width_um = 9, height_um = 9 }), 0.2)
        local objects = run:objects(overview, function(path) return (imaging.read(path):mask(0):components()) end)
        local targets = run:targets(objects, scope, { exclude_border = false, margin_um = 0 })
        local plan = run:plan(targets, scope, { movies = { { channel = "dSTORM-647", frames = 40 } } })
        local file = run:acquire(plan.positions[1], plan, scope).movies[1]
        local movie = localization.open(run:path(file.file))
        expect(#localization.localize(movie, movie.camera) <= 2).is_true()
        -- What is found with a camera that is only assumed.
        expect(#localization.localize(movie, localization.camera()) > 100).is_true()
    end)
end)

describe("a check before a run", function()
    it("tells all problems at once and lights nothing", function()
        local scope <close> = open()
        expect(acquisition.check(scope, { folder = scratch() .. "/new/folder", width_um = 100, height_um = 100,
            scan = "DAPI", channels = { "DAPI" }, movies = { { channel = "dSTORM-647", frames = 10 } } })).equals({})
        local problems = acquisition.check(scope, {
            folder = scratch(), width_um = 1e5, height_um = 100, scan = "DAPY", channels = { "DAPI", "GFP", "Cy3", "GFP" },
            movies = { { channel = "Cy5", frames = 10 }, { channel = "dSTORM-647", frames = 2e9 } },
            positions = 1e6, pixel_um = 0.01, margin_um = 6,
        })
        local text = table.concat(problems, "\n")
        for _, word in ipairs { "DAPY", "Cy3", "Cy5", "up to three", "cannot reach", "margin", "finer", "disk" } do
            expect(text).matches(word)
        end
        for _, laser in pairs(scope.lasers) do expect(laser.is_on).equals(false) end
    end)
end)
