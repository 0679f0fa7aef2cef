--- The automated run: scans an area, finds the objects, takes wide-field images and dSTORM movies of them,
--- localizes the molecules and reports. What an object is comes from the model, or from what is given here.
--- For axons: --specimen axons --model Models/axons --periodicity, which adds the period of the membrane skeleton.
local args = arguments {
  microscope = text    { "simulated", "simulated, or a microscope file" },
  model      = folder  { "Models/nuclei", exists = true, "folder of the trained model" },
  find       = choice  { "model", choices = { "model", "threshold" }, "objects by the model, or by Otsu's threshold" },
  area       = size    { "300x300", "area to scan, WIDTHxHEIGHT in um" },
  x_um       = number  { 0, "centre of the area in um" },
  y_um       = number  { 0, "centre of the area in um" },
  pixel_um   = length  { optional = true, min = 0.01, "side of a pixel of the overview; the model's unless given" },
  overlap    = number  { 0.1, min = 0, max = 0.9, "fraction of a field that neighbouring tiles share" },
  scan       = text    { optional = true, "channel of the scan; DAPI, or GFP for other simulated specimens than nuclei" },
  widefield  = list    { optional = true, "channels of single images at every position, up to three; that of the scan" },
  storm      = list    { "dSTORM-647", "channels of the movies, up to two" },
  frames     = integer { 2000, min = 1, "frames of a movie" },
  positions  = integer { 0, min = 0, "greatest number of positions, 0 for all" },
  large      = choice  { optional = true, choices = { "tile", "random", "along" },
                         "objects larger than a field: fields side by side, at random places, along the axis; as the model says" },
  fields     = integer { 0, min = 0, "fields of an object larger than a field: 0 for as many as it holds, at random places one" },
  kind       = choice  { optional = true, choices = { "instances", "fibres", "areas" },
                         "what an object is: single things that may touch, fibres, areas; as the model says" },
  separate   = flag    { optional = true, "cut objects that touch apart, or with no never; as the model says" },
  least_um2  = number  { optional = true, min = 0, "smaller objects are left out; as the model says" },
  criteria   = text    { optional = true, "condition on objects, such as 'area_um2 > 5 and eccentricity < 0.9'" },
  margin_um  = number  { optional = true, min = 0, "distance between an object and the edge of its field; as the model says" },
  specimen   = choice  { "nuclei", choices = { "nuclei", "axons", "microtubules", "spheres", "clusters" },
                         "specimen of the simulated microscope" },
  frc_nm     = number  { 8, min = 1, "side of a pixel for the Fourier ring correlation in nm; half the finest period" },
  periodicity = flag     "measure the period of rings along axons in the first storm channel",
  detail_um  = number  { 4, min = 0.1, "side of the enlarged detail in the report in um" },
  inner      = flag      "leave out objects that touch the edge of the scan",
  seed       = integer { 1, min = 0, "seed of every random choice" },
  output     = folder  { "acquisition", "folder for the results" },
  dry_run    = flag    "say what the run would take, check everything, and end before any light",
  resume     = flag    "go on where the run in the folder was cut off",
}

local simulation = args.microscope == "simulated" and { seed = args.seed, specimen = { kind = args.specimen } } or {}
local scope <close> = microscope.open(args.microscope, simulation)

-- Everything that would stop the run later is told now, before any light.
local known, model = true, nil
if args.find == "model" then known, model = pcall(segmentation.load, args.model) end
args.scan = args.scan or (args.microscope ~= "simulated" or args.specimen == "nuclei") and "DAPI" or "GFP"
args.widefield = args.widefield or { args.scan }
local what = segmentation.protocol(known and model or nil, {
  kind = args.kind, separate = args.separate, least_um2 = args.least_um2, criteria = args.criteria,
  margin_um = args.margin_um, large = args.large,
})
local pixel_um = args.pixel_um or args.find == "threshold" and 0.3 or known and model.pixel_um or nil
local movies = {}
for i, channel in ipairs(args.storm) do movies[i] = { channel = channel, frames = args.frames } end
local asked = {
  folder = args.output, width_um = args.area.width, height_um = args.area.height, x_um = args.x_um, y_um = args.y_um,
  overlap = args.overlap, scan = args.scan, channels = args.widefield, movies = movies,
  positions = args.positions, pixel_um = pixel_um,
  margin_um = what.margin_um, criteria = what.criteria,
}
local problems = acquisition.check(scope, asked)
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

-- What it will take is told before the first photon.
local foreseen = acquisition.estimate(scope, asked)
for _, line in ipairs(foreseen.lines) do print(line) end
print("objects: " .. what.words .. (what.stated and "" or " (assumed: the model does not say it)"))
if args.dry_run then
  summary { dry_run = true, estimate = foreseen, protocol = what }
  return
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
    return segmentation.components(smooth:mask(smooth:threshold_otsu()), 30, what.separate)
  end
  model:segment(path, run:path("segmentation"), nil, { separate = what.separate, second_pass = true })
  return imaging.read_labels(run:path("segmentation/labels.tif"))
end)
local targets = run:targets(objects, scope, {
  margin_um = what.margin_um, minimum_area_um2 = what.least_um2, criteria = what.criteria, limit = args.positions,
  seed = args.seed, exclude_border = args.inner, large = what.large, samples = args.fields,
})
local planned = acquisition.estimate(scope, asked, targets)
local counts, reasons = {}, {}
for _, omission in ipairs(targets.omitted) do counts[omission.reason] = (counts[omission.reason] or 0) + 1 end
for reason, number in pairs(counts) do reasons[#reasons + 1] = ("%d %s"):format(number, reason) end
table.sort(reasons)
local left_out = #reasons > 0 and ("of %d objects, %s"):format(#objects, table.concat(reasons, ", ")) or nil
print(("%d tiles, %d objects, %d positions"):format(scan.tiles, #objects, #targets))
if left_out then print("left out: " .. left_out) end
if #targets > 0 then
  for i, line in ipairs(planned.lines) do if i <= 2 then print(line) end end
end

-- Objects larger than a field, and the light that objects get before their own movie.
local covered, smallest
for _, object in ipairs(targets.large) do
  covered = (covered or 0) + object.share / #targets.large
  smallest = math.min(smallest or 1, object.share)
end
if covered then
  print(("%d objects larger than a field, %s: %.0f %% of their area in fields on average, at least %.0f %%"):format(
    #targets.large, ({ tile = "side by side", random = "at random places", along = "along their axes" })[what.large],
    100 * covered, 100 * smallest))
end
local bleached = 0
for _, earlier in ipairs(targets.earlier_light) do bleached = math.max(bleached, earlier.positions) end
if #targets.earlier_light > 0 then
  print(("%d objects get light before their own movie, at most %.3g mJ/um2: %d pairs of fields overlap"):format(
    #targets.earlier_light, bleached * planned.position_mj_per_um2, targets.overlaps))
end

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
    local right, down = scope:pixel_of(place.x_um - position.x_um, place.y_um - position.y_um)
    found:draw(run:path(result.detail), {
      pixel_nm = side / 600, width_nm = side, height_nm = side,
      left_nm = right * camera.pixel_nm + (width_nm - side) / 2, top_nm = down * camera.pixel_nm + (height_nm - side) / 2,
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
local truth = run:truth(scope, scan, records, what.least_um2)
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
if #targets > 0 then
  figures[#figures + 1] = {
    label = "plain tiling", value = ("%.1f×"):format(planned.tiling_fields / #targets),
    note = ("%d fields in %.3g min, %.3g J of light instead of %.3g J"):format(planned.tiling_fields, planned.tiling_s / 60,
      planned.tiling_fields * planned.position_mj_per_um2 * planned.lit_um2 / 1000,
      #targets * planned.position_mj_per_um2 * planned.lit_um2 / 1000),
  }
  figures[#figures + 1] = {
    label = "light in mJ/µm²", value = ("%.2g"):format(planned.position_mj_per_um2),
    note = "at each position; " .. (#targets.earlier_light == 0 and "no object lit before its movie"
      or ("%d objects lit before their movie, by at most %.3g mJ/µm²"):format(#targets.earlier_light,
        bleached * planned.position_mj_per_um2)),
  }
end
if covered then
  figures[#figures + 1] = {
    label = "larger than a field", value = ("%d"):format(#targets.large),
    note = ("%.0f %% of their area in fields, at least %.0f %%"):format(100 * covered, 100 * smallest),
  }
end
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
local problem = #targets == 0 and "no position: " .. (#objects == 0
  and ("no object was found in %d tiles"):format(scan.tiles) or left_out) or nil
local page = view.report(run, {
  title = "Automated acquisition", subtitle = ("%s · %s · %g × %g µm"):format(
    scope.name, args.microscope == "simulated" and args.specimen or args.scan, args.area.width, args.area.height),
  scan = scan, overview = overview, objects = objects, targets = targets, records = records, results = results,
  figures = figures, parameters = args, warnings = problem and { problem } or {},
})
summary {
  tiles = scan.tiles, objects = #objects, positions = #targets, movies = count, seconds = run.seconds,
  overhead = times.overhead, times = times, localizations = localizations,
  resolution_nm = corrected_nm, resolution_plain_nm = median_nm,
  period_nm = period and period.period_nm, interval_nm = period and period.interval_nm,
  p_value = period and period.p_value, resolutions_plain_nm = resolutions,
  corrected_movies = #corrected, skipped = run.skipped, truth = truth, report = page,
  estimate = planned, foreseen = foreseen, large = targets.large, overlaps = targets.overlaps,
  earlier_light = targets.earlier_light,
  omitted = targets.omitted, omitted_counts = counts, problem = problem, protocol = what,
}
if period then print(tostring(period)) end
print(("%d movies, %d localizations, median resolution %s (%s)"):format(count, localizations, resolved, honest))
print(page)

-- A run that took nothing has failed, and says why.
if problem then error(problem .. "; see " .. page, 0) end
