--- Scans simulated specimens and draws their true masks: images and masks to train a model of them.
local args = arguments {
  specimen = choice  { "axons", choices = { "nuclei", "axons", "microtubules", "spheres", "clusters" }, "specimen of the simulated microscope" },
  count    = integer { 8, min = 1, "specimens, each with a seed of its own" },
  area     = size    { "100x100", "area to scan of each, WIDTHxHEIGHT in um" },
  pixel_um = length  { 0.2, min = 0.01, "side of a pixel" },
  least_um = number  { 0, min = 0, "least width of fibres in the masks in um: that of the spot of a point, for thinner ones" },
  channel  = text    { "GFP", "channel of the scan" },
  seed     = integer { 1, min = 0, "seed of the first specimen" },
  output   = folder  { "examples", "folder for images and masks" },
}

for _, kind in ipairs { "images", "masks" } do system.make_folder(args.output .. "/" .. kind) end
local start = system.seconds()
for seed = args.seed, args.seed + args.count - 1 do
  local name = ("%s-%d"):format(args.specimen, seed)
  -- A stage without errors and a specimen that stays, so that image and mask fit.
  local scope <close> = microscope.open("simulated", {
    seed = seed, specimen = { kind = args.specimen }, stage = { backlash_um = 0, error_um = 0 }, drift_nm_per_s = { 0, 0 },
  })
  local run <close> = acquisition.begin(args.output .. "/scans/" .. name, { parameters = args })
  local scan = run:scan(scope, { width_um = args.area.width, height_um = args.area.height, channel = args.channel })
  local overview = run:overview(scan, args.pixel_um, run:calibration(scope, args.channel).offset_counts)
  local mask = run:true_mask(scope, overview, args.least_um)
  imaging.read(run:path(overview.file)):write(args.output .. "/images/" .. name .. ".tif")
  mask:write(args.output .. "/masks/" .. name .. ".png")
end
summary({ images = args.count, seconds = system.seconds() - start }, args.output)
