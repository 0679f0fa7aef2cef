local pixel_nm, side, sigma = 100, 40, 1.4
local places = { { 10.3, 12.8 }, { 28.6, 9.1 }, { 20.2, 29.7 } }

--- Writes a movie of three spots without noise, 16 bits, with its description.
local function movie(folder, frames, cut)
    local lines = {}
    for row = 0, side - 1 do
        for column = 0, side - 1 do
            local value = 120
            for _, place in ipairs(places) do
                local dx, dy = column - place[1], row - place[2]
                value = value + 3000 / (2 * math.pi * sigma ^ 2) * math.exp(-(dx ^ 2 + dy ^ 2) / (2 * sigma ^ 2))
            end
            lines[#lines + 1] = string.pack("<I2", math.floor(value + 0.5))
        end
    end
    local data = table.concat(lines):rep(frames)
    local file = assert(io.open(folder .. "/m.raw", "wb"))
    file:write(data:sub(1, #data - (cut or 0)))
    file:close()
    system.write_text(folder .. "/m.yaml", ("Data Type: uint16\nFrames: %d\nHeight: %d\nWidth: %d\n"):format(frames, side, side))
    return folder .. "/m.raw"
end

describe("localization", function()
    local folder = scratch()
    local path = movie(folder, 4)
    local camera = localization.camera()
    camera.pixel_nm = pixel_nm

    it("finds, fits and compares", function()
        local source = localization.open(path)
        expect(source.frames).equals(4)
        local candidates = localization.detect(source, camera, 2)
        expect(#candidates).equals(3)
        local fitted = localization.fit(source, camera, 2, candidates)
        expect(fitted:column("frame"):list()).equals { 2, 2, 2 }
        local all = localization.localize(source, camera, { sigma_nm = 140 })
        expect(#all).equals(12)
        local columns = { frame = {}, x_nm = {}, y_nm = {} }
        for frame = 1, 4 do
            for _, place in ipairs(places) do
                table.insert(columns.frame, frame)
                table.insert(columns.x_nm, (place[1] + 0.5) * pixel_nm)
                table.insert(columns.y_nm, (place[2] + 0.5) * pixel_nm)
            end
        end
        local truth = localization.table(columns)
        local scores = localization.score(all, truth, 50)
        expect(scores.recall).equals(1)
        expect(scores.jaccard).equals(1)
        expect(scores.rmse_nm).near(0, 1)
        expect(all:median("photons")).near(3000, 60)
        expect(#all:link(20)).equals(3)
        expect(#all:filter("frame", 2, 3)).equals(6)
    end)

    it("names wrong columns, frames and options", function()
        local source = localization.open(path)
        local all = localization.localize(source, camera)
        expect(function() all:column("photon") end).fails("did you mean photons?")
        expect(function() localization.detect(source, camera, 9) end).fails("has no frame 9")
        expect(function() localization.localize(source, camera, { sigma = 1 }) end).fails("did you mean sigma_nm?")
        expect(function() localization.localize(source, camera, { side = 6 }) end).fails("must be odd")
        expect(function() localization.open(folder .. "/none.tif") end).fails("does not exist")
        expect(function() localization.table { frame = { 1 } } end).fails("needs frame, x_nm and y_nm")
    end)
end)

describe("reconstruct", function()
    it("writes table, pictures and summary, and says what a cut movie lost", function()
        local folder = scratch()
        local record = run("reconstruct", { movie = movie(folder, 4, 100), pixel_nm = pixel_nm, output = folder .. "/out" })
        record = system.read_json(folder .. "/out/summary.json")
        expect(record.frames).equals(3)
        expect(record.localizations).equals(9)
        expect(record.loss).matches("ends inside a frame")
        expect(record.precision_nm > 0 and record.precision_nm < 10).is_true()
        for _, name in ipairs { "localizations.csv", "rendering.png", "rendering.tif" } do
            expect(system.exists(folder .. "/out/" .. name)).is_true()
        end
        local again = folder .. "/out/localizations.csv"
        run("evaluate", { result = again, truth = again, output = folder .. "/scores" })
        expect(system.read_json(folder .. "/scores/summary.json").jaccard).equals(1)
    end)
end)

describe("resolution", function()
    it("measures repeated localizations of points", function()
        local folder = scratch()
        math.randomseed(3)
        local columns = { frame = {}, x_nm = {}, y_nm = {} }
        local function normal() return math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random()) end
        for _ = 1, 800 do
            local x, y = math.random() * 4000, math.random() * 4000
            for _ = 1, 20 do
                table.insert(columns.frame, math.random(1, 20000))
                table.insert(columns.x_nm, x + 15 * normal())
                table.insert(columns.y_nm, y + 15 * normal())
            end
        end
        localization.table(columns):write(folder .. "/t.csv")
        run("resolution", { localizations = folder .. "/t.csv", output = folder .. "/out", repeats = 4 })
        local record = system.read_json(folder .. "/out/summary.json")
        -- Ten of a molecule in each half: 2 pi sigma / sqrt(ln 60) = 46.6 nm.
        expect(record.resolution_plain_nm).near(46.6, 4)
        -- The table does not say how precise it is, so that repeats cannot be told: no headline.
        expect(record.resolution_nm == nil and record.note:find("errors of the localizations are not known") ~= nil).is_true()
        -- With the errors nothing but repeats is left of points at random places.
        run("resolution", { localizations = folder .. "/t.csv", output = folder .. "/honest", repeats = 4, precision_nm = 15 })
        local honest = system.read_json(folder .. "/honest/summary.json")
        expect(honest.resolution_nm == nil and honest.note:find("only repeats") ~= nil).is_true()
        expect(honest.resolution_plain_nm).near(46.6, 4)
        expect(system.exists(folder .. "/out/frc.csv") and system.exists(folder .. "/out/frc.png")).is_true()
    end)

    it("maps the resolution and analyses single images", function()
        local folder = scratch()
        run("simulate", { specimen = "microtubules", form = "table", output = folder .. "/s", seed = 2 })
        run("resolution", { localizations = folder .. "/s/localizations.csv", output = folder .. "/out", repeats = 2,
            map = true, tile_nm = 4000 })
        local record = system.read_json(folder .. "/out/summary.json")
        expect(record.map_median_nm > 0.3 * record.resolution_plain_nm and record.map_median_nm < 3 * record.resolution_plain_nm).is_true()
        local map = imaging.read(folder .. "/out/frc-map.tif")
        expect(map.width > 1 and map.height > 1).is_true()
        expect(system.exists(folder .. "/out/frc-map.png")).is_true()
        local table = localization.read(folder .. "/s/localizations.csv")
        table:render { pixel_nm = 10 }:write(folder .. "/r.tif")
        run("resolution", { image = folder .. "/r.tif", pixel_nm = 10, output = folder .. "/image" })
        expect(system.read_json(folder .. "/image/summary.json").resolution_nm > 20).is_true()
        expect(system.exists(folder .. "/image/decorrelation.png")).is_true()
        expect(function() run("resolution", {}) end).fails("either --localizations or --image")
    end)

    it("refuses few localizations and tables without frames", function()
        local folder = scratch()
        local few = { frame = { 1, 2 }, x_nm = { 1, 2 }, y_nm = { 1, 2 } }
        expect(function() resolution.frc(localization.table(few)) end).fails("too few")
        system.write_text(folder .. "/t.csv", "x [nm],y [nm]\n1,2\n")
        expect(function() run("resolution", { localizations = folder .. "/t.csv" }) end).fails("no column frame")
    end)
end)
