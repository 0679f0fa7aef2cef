--- Simulates a dSTORM movie, or a localization table, of a specimen with its ground truth.
local args = arguments {
  specimen    = choice { "axons", choices = { "axons", "microtubules", "spheres", "clusters", "nuclei" }, "what is looked at" },
  form        = choice { "movie", choices = { "movie", "table" }, "movie of a camera, or localizations without a movie" },
  output      = folder { "simulation", "folder for the results" },
  seed        = integer { 1, min = 0, "seed of specimen, blinking and noise" },
  frames      = integer { 1000, min = 1, max = 1000000, "number of frames" },
  width       = integer { 256, min = 8, max = 4096, "columns of a frame" },
  height      = integer { 256, min = 8, max = 4096, "rows of a frame" },
  exposure_ms = number { 20, min = 0.1, "exposure time of a frame" },
  photons     = number { 2500, min = 1, "mean photons of a blink" },
  background  = number { 8, min = 0, "background in photons a pixel" },
  sigma_nm    = number { 120, min = 10, max = 2000, "standard deviation of a spot in nm" },
  uncertainty_nm = number { 10, min = 0.01, max = 10000, "error of a localization of mean photons in nm (tables)" },
  drift_nm    = number { 0, "drift from the first to the last frame in nm" },
  labelling   = number { 0.5, min = 0, max = 1, "share of binding sites with a dye (not for spheres)" },
  period_nm   = number { 190, min = 20, max = 2000, "distance of spectrin rings (axons)" },
  aperiodic   = flag "rings at random places instead (axons)",
  pixel_nm    = number { 100, min = 10, max = 10000, "side of a camera pixel in nm" },
  em_gain     = number { 1, min = 1, max = 1000, "electron multiplying gain, 1 for an sCMOS-like camera" },
}

local start = system.seconds()
local settings = { dye = { photons_per_blink = args.photons } }
if args.specimen ~= "spheres" then settings.labelling = args.labelling end
if args.specimen == "axons" then
  settings.period_nm = args.period_nm
  settings.periodic = not args.aperiodic
end

if args.form == "table" then
  local tables = simulation.localizations(simulation.specimen(args.specimen, settings, args.seed), {
    width_um = args.width * args.pixel_nm / 1000, height_um = args.height * args.pixel_nm / 1000,
    photons = args.photons, uncertainty_nm = args.uncertainty_nm, frames = args.frames, seed = args.seed,
  })
  system.make_folder(args.output)
  tables[1]:write(args.output .. "/localizations.csv")
  tables[2]:write(args.output .. "/truth.csv")
  local emitters, count = {}, 0
  for _, emitter in ipairs(tables[1]:column("emitter")) do
    if emitter >= 0 and not emitters[emitter] then emitters[emitter], count = true, count + 1 end
  end
  summary { emitters = count, frames = args.frames, spots = #tables[1], seconds = system.seconds() - start }
  print(string.format("%d emitters, %d localizations in %s", count, #tables[1], args.output))
  return
end

local camera = { pixel_nm = args.pixel_nm }
if args.em_gain > 1 then
  camera.em_gain, camera.electrons_per_count, camera.read_noise_electrons = args.em_gain, 12, 50
end

local movie = simulation.movie(simulation.specimen(args.specimen, settings, args.seed), {
  frames = args.frames, width = args.width, height = args.height, exposure_ms = args.exposure_ms,
  background = args.background, sigma_nm = args.sigma_nm, drift_nm = args.drift_nm, seed = args.seed,
}, camera)

system.make_folder(args.output)
movie:write(args.output .. "/movie.ome.tif")
movie:write_truth(args.output .. "/truth.csv")
movie:write_camera(args.output .. "/camera.json")

local spots = #movie.truth
summary { emitters = movie.emitters, frames = movie.frames, spots = spots, seconds = system.seconds() - start }
print(string.format("%d emitters, %d spots in %d frames of %dx%d pixels in %s", movie.emitters, spots, movie.frames,
  movie.width, movie.height, args.output))
