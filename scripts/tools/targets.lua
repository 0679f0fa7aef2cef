--- Measures how well positions hold the true objects of simulated specimens, beside plain tiling of the whole area.
local args = arguments {
  cases  = list    { optional = true, "which: nuclei, sparse-nuclei, axons, microtubules, spheres, clusters; all" },
  seeds  = list    { "1001,1002", "seeds of the specimens" },
  large  = choice  { optional = true, choices = { "tile", "random", "along" },
                     "how objects larger than a field are imaged; as the model says, clusters by tiles" },
  fields = integer { 0, min = 0, "fields in an object larger than a field, 0 for as many as it holds" },
  output = folder  { "targets", "folder for the results" },
}

local cases = {
  { name = "nuclei", specimen = { kind = "nuclei" }, model = "nuclei", scan = "DAPI", side_um = 300 },
  -- As few nuclei as in the published run, which tiling would take 13.6 times as many fields for.
  { name = "sparse-nuclei", specimen = { kind = "nuclei", density_per_mm2 = 25 }, model = "nuclei", scan = "DAPI", side_um = 600 },
  { name = "axons", specimen = { kind = "axons", density_per_mm2 = 250 }, model = "axons", scan = "GFP", side_um = 250 },
  { name = "microtubules", specimen = { kind = "microtubules", density_per_mm2 = 1500 }, model = "microtubules", scan = "GFP",
    side_um = 150 },
  { name = "spheres", specimen = { kind = "spheres", density_per_mm2 = 5000 }, model = "spheres", scan = "GFP", side_um = 150 },
  { name = "clusters", specimen = { kind = "clusters" }, scan = "GFP", side_um = 500, pixel_um = 0.4 },
}

local function measure(case, seed)
  local folder = ("%s/%s-%d"):format(args.output, case.name, seed)
  local scope <close> = microscope.open("simulated", { seed = seed, specimen = case.specimen })
  -- A simulated camera may be slow on a busy computer.
  local run <close> = acquisition.begin(folder, { parameters = case, slack_ms = 600000, resume = system.exists(folder .. "/journal.jsonl") })
  local model = case.model and segmentation.load("Models/" .. case.model) or nil
  local what = segmentation.protocol(model, { large = args.large })
  local pixel_um = case.pixel_um or model.pixel_um
  local area = { width_um = case.side_um, height_um = case.side_um, channel = case.scan }
  local scan = run:scan(scope, area)
  local overview = run:overview(scan, pixel_um, run:calibration(scope, case.scan).offset_counts)
  local objects = run:objects(overview, function(path)
    if not model then
      local smooth = imaging.read(path):blur(0.3 / pixel_um)
      return segmentation.components(smooth:mask(smooth:threshold_otsu()), 30, what.separate)
    end
    model:segment(path, run:path("segmentation"), nil, { separate = what.separate, second_pass = true })
    return imaging.read_labels(run:path("segmentation/labels.tif"))
  end)
  local targets = run:targets(objects, scope, {
    margin_um = what.margin_um, minimum_area_um2 = what.least_um2, exclude_border = false, large = what.large,
    samples = args.fields, seed = seed,
  })
  local plan = { width_um = area.width_um, height_um = area.height_um, scan = case.scan, channels = { case.scan },
                 movies = { { channel = "dSTORM-647", frames = 10000 } }, pixel_um = pixel_um }
  local estimate = acquisition.estimate(scope, plan, targets)
  return run:truth(scope, scan, targets, what.least_um2), targets, estimate, what
end

local function percent(share) return share and ("%.1f"):format(100 * share) or "-" end
local rows = {}
print(("%-14s %5s | %5s %5s %5s %5s %6s | %5s %6s %6s %-7s | %5s %5s | %6s %6s %5s | %7s %7s"):format("specimen", "seed", "fit",
  "once", "never", "more", "once %", "large", "area %", "least", "method", "over", "light", "fields", "tiling", "fold", "hours", "tiling"))
for _, case in ipairs(cases) do
  local wanted = not args.cases
  for _, name in ipairs(args.cases or {}) do wanted = wanted or name == case.name end
  for _, seed in ipairs(wanted and args.seeds or {}) do
    local truth, targets, estimate, what = measure(case, math.tointeger(tonumber(seed)))
    local least, light = nil, 0
    for _, fields in ipairs(truth.large_fields) do least = math.min(least or fields, fields) end
    for _, earlier in ipairs(targets.earlier_light) do light = math.max(light, earlier.positions) end
    print(("%-14s %5s | %5d %5d %5d %5d %6s | %5d %6s %6s %-7s | %5d %5.2f | %6d %6d %5.1f | %7.2f %7.2f"):format(case.name, seed,
      truth.objects, truth.once, truth.never, truth.repeatedly, percent(truth.share), truth.large, percent(truth.large_share),
      least or "-", what.large, targets.overlaps, light, #targets, estimate.tiling_fields,
      estimate.tiling_fields / math.max(1, #targets), estimate.seconds / 3600, estimate.tiling_s / 3600))
    rows[#rows + 1] = { case = case.name, seed = seed, truth = truth, large = what.large, overlaps = targets.overlaps,
                        earlier_light = targets.earlier_light, fields = #targets, tiling_fields = estimate.tiling_fields,
                        seconds = estimate.seconds, tiling_s = estimate.tiling_s, doses = estimate.doses }
  end
end
summary({ rows = rows })
