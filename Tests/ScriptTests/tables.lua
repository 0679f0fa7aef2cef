--- A table of points that blink, with a drift along x.
local function points(drift_nm)
    math.randomseed(5)
    local function normal() return math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random()) end
    local places = {}
    for index = 1, 200 do places[index] = { math.random() * 5000, math.random() * 5000 } end
    local columns = { frame = {}, x_nm = {}, y_nm = {}, photons = {}, uncertainty_nm = {} }
    for frame = 1, 2000 do
        for _ = 1, 4 do
            local place = places[math.random(1, 200)]
            table.insert(columns.frame, frame)
            table.insert(columns.x_nm, place[1] + 8 * normal() + drift_nm * frame / 2000)
            table.insert(columns.y_nm, place[2] + 8 * normal())
            table.insert(columns.photons, 200 + math.random() * 2000)
            table.insert(columns.uncertainty_nm, 8)
        end
    end
    return localization.table(columns)
end

describe("tables", function()
    it("behave like columns", function()
        local t = localization.table { frame = { 1, 1, 2 }, x_nm = { 10, 20, 30 }, y_nm = { 1, 2, 3 }, photons = { 5, 0 / 0, 7 } }
        local photons = t:column("photons")
        expect(#photons).equals(3)
        expect(photons[3]).equals(7)
        expect(photons[4]).equals(nil)
        expect(t:filter("photons > 1000"):column("photons")[1]).equals(nil)
        expect(photons:mean()).equals(6)
        expect(photons:quantile(1)).equals(7)
        expect(photons.unit).equals("photon")
        expect(t:column("frame"):list()).equals { 1, 1, 2 }
        local sum = 0
        for _, value in ipairs(t:column("x_nm")) do sum = sum + value end
        expect(sum).equals(60)
        expect((2 * t:column("x_nm") + t:column("y_nm")):list()).equals { 21, 42, 63 }
        local deep = t:with("z_nm", t:column("x_nm") / 10):with("channel", 2)
        expect(deep:column("z_nm"):list()).equals { 1, 2, 3 }
        expect(deep:column("channel")[2]).equals(2)
        expect(#localization.join { t, t }).equals(6)
        expect(function() t:column("photon") end).fails("did you mean photons?")
        expect(function() t:with("z_nm", { 1 }) end).fails("1 values for 3 rows")
    end)

    it("go through every step alone", function()
        local t = points(300)
        expect(#localization.filter(t, "photons > 1200 and x_nm < 2500") < #t / 2).is_true()
        expect(function() localization.filter(t, "photons >") end).fails("something is missing")
        expect(#localization.duplicates(t, 30) <= #t).is_true()
        expect(localization.density(t, 30):column("neighbours"):maximum() > 10).is_true()
        expect(#localization.link(t, 30, 5) < #t).is_true()
        for _, method in ipairs { "intersection", "correlation" } do
            local drift = localization.drift(t, { method = method })
            expect(drift.x_nm[2000] - drift.x_nm[1]).near(300, 10)
            expect(drift.range_nm).near(300, 15)
        end
        local folder = scratch()
        local drift = t:drift()
        drift:write(folder .. "/drift.csv")
        expect(localization.read_drift(folder .. "/drift.csv").x_nm[7]).near(drift.x_nm[7], 0.001)
        local corrected = localization.correct(t, drift)
        local image = localization.render(corrected, { pixel_nm = 20, method = "shifted" })
        expect(image.width > 200).is_true()
        for _, method in ipairs { "histogram", "gaussian", "shifted" } do
            corrected:draw(folder .. "/" .. method .. ".png", { pixel_nm = 20, method = method, colour_by = "frame" })
        end
        corrected:draw(folder .. "/counts.tif", { pixel_nm = 20, method = "histogram", bits = 16 })
        expect(function() corrected:draw(folder .. "/x.tif", { bits = 8 }) end).fails("choose 16 or 32")
    end)

    it("are registered from beads", function()
        local beads, moved = { frame = {}, x_nm = {}, y_nm = {} }, { frame = {}, x_nm = {}, y_nm = {} }
        math.randomseed(2)
        for _ = 1, 40 do
            local x, y = math.random() * 30000, math.random() * 30000
            table.insert(beads.frame, 1) table.insert(beads.x_nm, x) table.insert(beads.y_nm, y)
            table.insert(moved.frame, 1)
            table.insert(moved.x_nm, x * 1.002 + 800) table.insert(moved.y_nm, y * 0.999 - 300)
        end
        local still = localization.table(beads)
        local registration = localization.register(localization.table(moved), still)
        expect(registration.model).equals("affine")
        expect(registration.beads).equals(40)
        expect(registration.leave_one_out_nm).near(0, 0.01)
        local folder = scratch()
        registration:write(folder .. "/r.json")
        local back = localization.read_registration(folder .. "/r.json"):apply(localization.table(moved))
        expect(back:column("x_nm")[1]).near(beads.x_nm[1], 0.01)
        expect(function() localization.register(still:filter("x_nm < 0"), still) end).fails("0 beads are common")
    end)

    it("are written in every format", function()
        local folder = scratch()
        local t = points(0)
        for _, format in ipairs { "thunderstorm", "picasso", "storm-analysis", "challenge" } do
            local path = folder .. "/" .. format .. ((format == "picasso" or format == "storm-analysis") and ".hdf5" or ".csv")
            t:write(path, { format = format, pixel_nm = 100 })
            local back = localization.read(path)
            expect(#back).equals(#t)
            expect(back:column("x_nm")[5]).near(t:column("x_nm")[5], 0.01)
        end
        expect(function() t:write(folder .. "/none.hdf5") end).fails("give pixel_nm")
        expect(function() t:write(folder .. "/none.csv", { format = "picaso" }) end).fails("did you mean \"picasso\"?")
    end)
end)

describe("calibrate", function()
    --- A movie of even light on a camera with 2 counts per electron, normal noise in place of Poisson's.
    local function movie(path, electrons, frames)
        local lines = {}
        local function normal() return math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random()) end
        for _ = 1, frames * 576 do
            local value = 100 + 2 * (electrons + math.sqrt(electrons) * normal()) + 3 * normal()
            lines[#lines + 1] = string.pack("<I2", math.max(0, math.floor(value + 0.5)))
        end
        local file = assert(io.open(path .. ".raw", "wb"))
        file:write(table.concat(lines))
        file:close()
        system.write_text(path .. ".yaml", ("Data Type: uint16\nFrames: %d\nHeight: 24\nWidth: 24\n"):format(frames))
        return path .. ".raw"
    end

    it("measures offset, gain and read noise", function()
        math.randomseed(11)
        local folder = scratch()
        system.make_folder(folder .. "/flat")
        local dark = movie(folder .. "/dark", 0, 200)
        movie(folder .. "/flat/a", 100, 200)
        movie(folder .. "/flat/b", 400, 200)
        run("calibrate", { dark = dark, flat = folder .. "/flat", pixel_nm = 120, output = folder .. "/out" })
        local record = system.read_json(folder .. "/out/summary.json")
        expect(record.levels).equals(2)
        expect(record.offset_counts).near(100, 0.2)
        expect(record.electrons_per_count).near(0.5, 0.01)
        expect(record.read_noise_electrons).near(1.5, 0.05)
        local camera = localization.camera(folder .. "/out/camera.json")
        expect(camera.pixel_nm).equals(120)
        expect(system.exists(folder .. "/out/camera.maps.tif") and system.exists(folder .. "/out/photon-transfer.png")).is_true()
        expect(function() run("calibrate", { output = folder .. "/none" }) end).fails("give --dark and --flat")
        local flat = localization.open(folder .. "/flat/b.raw")
        expect(localization.gain(flat, { offset_counts = 97.7 }).electrons_per_count).near(0.5, 0.02)
        local image = localization.fluctuations(flat, { magnification = 2, statistic = "covariance" })
        expect(image.width).equals(48)
        expect(function() localization.fluctuations(flat, { radius = 99 }) end).fails("out of range")
    end)
end)

describe("reconstruct", function()
    it("refuses one image", function()
        local folder = scratch()
        imaging.from_rows({ { 101, 102 }, { 103, 104 } }, "uint16"):write(folder .. "/one.tif")
        expect(function() run("reconstruct", { movie = folder .. "/one.tif", output = folder .. "/a" }) end)
            .fails("is one image, not a movie")
    end)

    it("filters, colours, writes another format and images fluctuations", function()
        local folder = scratch()
        run("simulate", { specimen = "microtubules", frames = 150, width = 96, height = 96, output = folder .. "/movie" })
        local from = { movie = folder .. "/movie/movie.ome.tif", camera = folder .. "/movie/camera.json" }
        from.output, from.keep, from.format, from.colour_by = folder .. "/out", "photons > 400", "picasso", "frame"
        from.drift, from.rendering = "off", "shifted"
        run("reconstruct", from)
        local table = localization.read(folder .. "/out/picasso.hdf5")
        expect(#table > 100).is_true()
        expect(table:column("photons"):minimum() > 400).is_true()
        expect(table.width).equals(96)
        expect(#localization.read(folder .. "/out/localizations.csv")).equals(#table)
        expect(system.exists(folder .. "/out/rendering-frame.png")).is_true()
        run("evaluate", { result = folder .. "/out/picasso.hdf5", truth = folder .. "/movie/truth.csv", output = folder .. "/scores" })
        expect(system.read_json(folder .. "/scores/summary.json").precision > 0.5).is_true()
        -- Tables are told from masks by what they hold.
        local text = io.open(folder .. "/movie/truth.csv"):read("a")
        system.write_text(folder .. "/truth.xls", (text:gsub(",", "\t")))
        run("evaluate", { result = folder .. "/truth.xls", truth = folder .. "/truth.xls", output = folder .. "/self" })
        expect(system.read_json(folder .. "/self/summary.json").recall).equals(1)
        run("reconstruct", { movie = from.movie, camera = from.camera, method = "esrrf", output = folder .. "/esrrf" })
        expect(system.read_json(folder .. "/esrrf/summary.json").magnification).equals(5)
        expect(system.exists(folder .. "/esrrf/fluctuations.tif") and system.exists(folder .. "/esrrf/fluctuations.png")).is_true()
    end)
end)
