--- The automated run: scans an area, finds the objects, takes wide-field images and dSTORM movies of them,
--- localizes the molecules and reports. For axons: --specimen axons --scan GFP --widefield GFP --find threshold
--- --periodicity, which adds the period of the membrane skeleton.
local args = arguments {
  microscope = text    { "simulated", "simulated, or a microscope file" },
  model      = folder  { "Models/nuclei", exists = true, "folder of the trained model" },
  find       = choice  { "model", choices = { "model", "threshold" }, "objects by the model, or by Otsu's threshold" },
  area       = size    { "300x300", "area to scan, WIDTHxHEIGHT in um" },
  x_um       = number  { 0, "centre of the area in um" },
  y_um       = number  { 0, "centre of the area in um" },
  pixel_um   = length  { optional = true, min = 0.01, "side of a pixel of the overview; the model's unless given" },
  overlap    = number  { 0.1, min = 0, max = 0.9, "fraction of a field that neighbouring tiles share" },
  scan       = text    { "DAPI", "channel of the scan" },
  widefield  = list    { "DAPI", "channels of single images at every position, up to three" },
  storm      = list    { "dSTORM-647", "channels of the movies, up to two" },
  frames     = integer { 2000, min = 1, "frames of a movie" },
  positions  = integer { 0, min = 0, "greatest number of positions, 0 for all" },
  least_um2  = number  { 40, min = 0, "smaller objects are left out" },
  margin_um  = number  { 1, min = 0, "distance between an object and the edge of its field" },
  specimen   = choice  { "nuclei", choices = { "nuclei", "axons", "microtubules", "spheres" },
                         "specimen of the simulated microscope" },
  frc_nm     = number  { 8, min = 1, "side of a pixel for the Fourier ring correlation in nm; half the finest period" },
  periodicity = flag     "measure the period of rings along axons in the first storm channel",
  detail_um  = number  { 4, min = 0.1, "side of the enlarged detail in the report in um" },
  inner      = flag      "leave out objects that touch the edge of the scan",
  seed       = integer { 1, min = 0, "seed of every random choice" },
  output     = folder  { "acquisition", "folder for the results" },
  resume     = flag    "go on where the run in the folder was cut off",
}

local simulation = args.microscope == "simulated" and { seed = args.seed, specimen = { kind = args.specimen } } or {}
local scope <close> = microscope.open(args.microscope, simulation)

-- Everything that would stop the run later is told now, before any light.
local known, model = true, nil
if args.find == "model" then known, model = pcall(segmentation.load, args.model) end
local pixel_um = args.pixel_um or args.find == "threshold" and 0.3 or known and model.pixel_um or nil
local movies = {}
for i, channel in ipairs(args.storm) do movies[i] = { channel = channel, frames = args.frames } end
local problems = acquisition.check(scope, {
  folder = args.output, width_um = args.area.width, height_um = args.area.height, x_um = args.x_um, y_um = args.y_um,
  overlap = args.overlap, scan = args.scan, channels = args.widefield, movies = movies,
  positions = math.max(1, args.positions), pixel_um = pixel_um, margin_um = args.margin_um,
})
if not known then
  problems[#problems + 1] = tostring(model)
elseif model and model.channels ~= 1 then
  problems[#problems + 1] = ("the model %s takes %d channels, a scan has one; choose a model of one channel"):format(
    args.model, model.channels)
end
if known and not pixel_um then
  problems[#problems + 1] = ("the model %s does not know its pixel size; give --pixel-um"):format(args.model)
end
if #problems == 1 then error(problems[1], 0) end
if #problems > 1 then
  for i, problem in ipairs(problems) do problems[i] = ("(%d) %s"):format(i, problem) end
  error(("%d things stand in the way: %s"):format(#problems, table.concat(problems, " ")), 0)
end
local run <close> = acquisition.begin(args.output, { parameters = args, resume = args.resume })

-- Scan the area and stitch the tiles at the pixel size of the model.
local scan = run:scan(scope, {
  width_um = args.area.width, height_um = args.area.height, x_um = args.x_um, y_um = args.y_um,
  channel = args.scan, overlap = args.overlap,
})
local overview = run:overview(scan, pixel_um, run:calibration(scope, args.scan).offset_counts)

-- Find the objects, and the fields of view that hold each of them once.
local objects = run:objects(overview, function(path)
  if args.find == "threshold" then
    local smooth = imaging.read(path):blur(0.3 / pixel_um)
    return (smooth:mask(smooth:threshold_otsu()):components())
  end
  model:segment(path, run:path("segmentation"), nil, { separate = true, second_pass = true })
  return imaging.read_labels(run:path("segmentation/labels.tif"))
end)
local targets = run:targets(objects, scope, {
  margin_um = args.margin_um, minimum_area_um2 = args.least_um2, limit = args.positions, seed = args.seed,
  exclude_border = args.inner,
})
print(("%d tiles, %d objects, %d positions"):format(scan.tiles, #objects, #targets))

-- Take everything at every position.
local plan = run:plan(targets, scope, { channels = args.widefield, movies = movies })
local records = {}
for i, position in ipairs(plan.positions) do
  records[i] = run:acquire(position, plan, scope)
  if records[i].skipped then print(position.name .. " left out: " .. records[i].skipped) end
end

-- Localize the molecules of every movie, correct drift, render and measure the resolution.
local places = {}
for _, object in ipairs(objects:records()) do places[object.id] = object end

local function reconstruct(file, position)
  local movie = localization.open(run:path(file.file))
  local camera = run:calibration(scope, file.channel)
  local found = localization.localize(movie, camera)
  local notes = {}
  if #found >= 1000 then
    local known, drift = pcall(found.drift, found, { method = "correlation", blocks = 5, pixel_nm = 40 })
    if known then found = found:correct(drift) end
    notes[#notes + 1] = known and drift.note or not known and tostring(drift) or nil
  end
  local name = "localizations/" .. file.name
  local width_nm, height_nm = movie.width * camera.pixel_nm, movie.height * camera.pixel_nm
  system.make_folder(run:path("localizations"))
  found:write(run:path(name .. ".csv"))
  local result = { localizations = #found, width_um = width_nm / 1000, detail_um = args.detail_um }
  if #found >= 100 then
    result.precision_nm = found:median("uncertainty_nm")
    local known, curve = pcall(resolution.frc, found, { seed = args.seed, repeats = 3, pixel_nm = args.frc_nm })
    if known then
      result.resolution_nm = curve.resolution_nm
      result.corrected_nm, result.is_corrected, result.repeated = curve.corrected_nm, curve.is_corrected, curve.repeated
      result.frequency_per_nm, result.correlation, result.corrected = curve.frequency_per_nm, curve.smoothed, curve.corrected
    else
      notes[#notes + 1] = tostring(curve)
    end
    found:draw(run:path(name .. ".tif"), { pixel_nm = 20, width_nm = width_nm, height_nm = height_nm })
    result.picture, result.detail = name .. ".png", name .. "-detail.png"
    found:draw(run:path(result.picture), {
      pixel_nm = width_nm / 1000, width_nm = width_nm, height_nm = height_nm, scale_bar = false,
    })
    local side, place = args.detail_um * 1000, places[position.objects[1]]
    found:draw(run:path(result.detail), {
      pixel_nm = side / 600, width_nm = side, height_nm = side,
      left_nm = (place.x_um - position.x_um) * 1000 + (width_nm - side) / 2,
      top_nm = (place.y_um - position.y_um) * 1000 + (height_nm - side) / 2,
    })
  end
  for _, note in ipairs(notes) do print(file.name .. ": " .. note) end
  return result
end

local results, resolutions, corrected, tried, count, localizations = {}, {}, {}, 0, 0, 0
for _, record in ipairs(records) do
  for _, file in ipairs(record.movies) do
    local result = run:once("reconstruction", file.name, function() return reconstruct(file, record.position) end,
      { file.inputs, args.frc_nm, args.detail_um, args.seed })
    results[file.name] = result
    resolutions[#resolutions + 1] = result.resolution_nm
    corrected[#corrected + 1] = result.corrected_nm
    if result.is_corrected then tried = tried + 1 end
    count, localizations = count + 1, localizations + result.localizations
  end
end

-- The period of rings along axons, over all movies together.
local period
if args.periodicity then
  local tables = {}
  for _, record in ipairs(records) do
    for _, file in ipairs(record.movies) do
      if file.channel == args.storm[1] then
        local found = localization.read(run:path("localizations/" .. file.name .. ".csv"))
        if #found >= 50 then tables[#tables + 1] = found end
      end
    end
  end
  period = periodicity.measure(tables, { seed = args.seed })
  period:write(run:path("periodicity"))
end

-- Report.
table.sort(resolutions)
local median_nm = resolutions[(#resolutions + 1) // 2]
local times = run:times(scan, records)
local truth = run:truth(scope, scan, records)
local frc = median_nm and ("%.0f nm"):format(median_nm) or "-"
-- A molecule that blinks again is in both halves: the number without such repeats is the one of the structure.
table.sort(corrected)
local corrected_nm = corrected[(#corrected + 1) // 2]
local resolved = corrected_nm and ("%.0f nm"):format(corrected_nm) or "none"
local honest = (tried == 0 and "nothing to correct for repeats of molecules"
  or corrected_nm and ("without repeats of molecules, %d of %d movies"):format(#corrected, tried)
  or "only repeats of single molecules correlate") .. "; plain FRC " .. frc
local figures = {
  { label = "tiles", value = ("%d"):format(scan.tiles) }, { label = "objects", value = ("%d"):format(#objects) },
  { label = "positions", value = ("%d"):format(#targets) }, { label = "movies", value = ("%d"):format(count) },
  { label = "localizations", value = ("%d"):format(localizations) }, { label = "median resolution", value = resolved, note = honest },
  { label = "time", value = ("%.0f s"):format(run.seconds), note = ("%.0f %% overhead"):format(100 * times.overhead) },
}
if period then
  figures[#figures + 1] = {
    label = "period", value = period.period_nm and ("%.1f nm"):format(period.period_nm) or "none",
    note = ("p = %.3g, %d axons"):format(period.p_value, period.axons),
  }
end
if truth and truth.share then
  figures[#figures + 1] = {
    label = "imaged exactly once", value = ("%.1f %%"):format(100 * truth.share),
    note = ("%d of %d true objects"):format(truth.once, truth.objects),
  }
end
local page = view.report(run, {
  title = "Automated acquisition", subtitle = ("%s · %s · %g × %g µm"):format(
    scope.name, args.microscope == "simulated" and args.specimen or args.scan, args.area.width, args.area.height),
  scan = scan, overview = overview, objects = objects, targets = targets, records = records, results = results,
  figures = figures, parameters = args,
})
summary {
  tiles = scan.tiles, objects = #objects, positions = #targets, movies = count, seconds = run.seconds,
  overhead = times.overhead, times = times, localizations = localizations,
  resolution_nm = corrected_nm, resolution_plain_nm = median_nm,
  period_nm = period and period.period_nm, interval_nm = period and period.interval_nm,
  p_value = period and period.p_value, resolutions_plain_nm = resolutions,
  corrected_movies = #corrected, skipped = run.skipped, truth = truth, report = page,
  omitted = targets.omitted,
}
if period then print(tostring(period)) end
print(("%d movies, %d localizations, median resolution %s (%s)"):format(count, localizations, resolved, honest))
print(page)

-- A run that took nothing has failed, and says why.
if #targets == 0 then
  local counts, reasons = {}, {}
  for _, omission in ipairs(targets.omitted) do counts[omission.reason] = (counts[omission.reason] or 0) + 1 end
  for reason, number in pairs(counts) do reasons[#reasons + 1] = ("%d %s"):format(number, reason) end
  table.sort(reasons)
  error(("no position: %s; see %s"):format(
    #objects == 0 and ("no object was found in %d tiles"):format(scan.tiles)
      or ("of %d objects, %s"):format(#objects, table.concat(reasons, ", ")), page), 0)
end
