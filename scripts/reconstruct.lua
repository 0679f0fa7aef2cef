--- Localizes the molecules of a movie, corrects drift and renders them; or makes an image of its fluctuations.
local args = arguments {
  movie     = file { "movie: TIFF, OME-TIFF, .dax with .inf, .spe or .raw with .yaml" },
  method    = choice { "fit", choices = { "fit", "esrrf" }, "localize molecules, or image radial fluctuations" },
  output    = folder { "reconstruction", "folder for the results" },
  channel   = integer { optional = true, min = 1, "channel of a movie with several, from 1; the first by default" },
  slice     = integer { optional = true, min = 1, "slice of a movie with several at each time, from 1; the first by default" },
  camera    = file { optional = true, "camera file: JSON with pixel_nm, offset_counts, electrons_per_count, ..." },
  pixel_nm  = number { optional = true, min = 1, "side of a camera pixel in nm; from the camera file or the movie unless given" },
  sigma_nm  = number { 140, min = 20, max = 2000, "standard deviation of a spot in nm" },
  threshold = number { 5, min = 1, "height of a spot in standard deviations of the noise" },
  filter    = choice { "wavelet", choices = { "wavelet", "gaussians" }, "filter before detection" },
  model     = choice { "circular", choices = { "circular", "fixed", "elliptical", "astigmatic" }, "shape of a spot: round with a fitted or the given width, elliptical, or with z from --z" },
  estimator = choice { "likelihood", choices = { "likelihood", "least-squares", "phasor" }, "how a spot's place is estimated" },
  overlaps  = flag "fit overlapping molecules together: for dense movies (model fixed or astigmatic)",
  z         = file { optional = true, "z calibration for the astigmatic model: its JSON file, or a focus stack of beads with --z-step-um" },
  z_step_um = number { optional = true, min = -10, max = 10, "distance between the frames of the beads' stack in um; below 0 where the stack was taken downwards" },
  statistic = choice { "mean", choices = { "mean", "variance", "covariance" }, "esrrf: over time; variance and covariance lose what does not blink, covariance what is not lit in following frames" },
  drift     = choice { "auto", choices = { "auto", "intersection", "correlation", "off" }, "drift correction" },
  link_nm   = number { 0, min = 0, "merge one molecule's localizations in following frames within this distance; 0 for none" },
  keep      = text { "", "keep what meets a condition, such as \"photons > 500 and uncertainty_nm < 20\"" },
  render_nm = number { 10, min = 1, "side of a rendered pixel in nm" },
  rendering = choice { "gaussian", choices = { "gaussian", "histogram", "shifted" }, "how localizations are rendered" },
  colour_by = text { "", "also render a picture coloured by a column, such as frame or z_nm" },
  format    = choice { "thunderstorm", choices = { "thunderstorm", "picasso", "storm-analysis", "challenge" }, "a further table in this format" },
}

local start = system.seconds()
local movie = localization.open(args.movie, { channel = args.channel, slice = args.slice })
if movie.frames == 1 then
  error(args.movie .. " is one image, not a movie; give a file with all its frames", 0)
end
local camera = args.camera and localization.camera(args.camera) or movie.camera or localization.camera()
local camera_from = args.camera or movie.camera and "the movie" or "assumed"
if args.pixel_nm then
  camera.pixel_nm = args.pixel_nm
elseif not args.camera and movie.pixel_nm then
  camera.pixel_nm = movie.pixel_nm
end
print(movie)
if movie.loss then print("note: " .. movie.loss) end
if movie.plane then print("note: " .. movie.plane .. " (--channel, --slice)") end
if movie.problem then print("note: " .. movie.problem) end
local assumed = {}
if camera_from == "assumed" then
  assumed = { ("an offset of %g counts"):format(camera.offset_counts),
    ("%g electron per count without multiplication or read noise"):format(camera.electrons_per_count) }
  if not args.pixel_nm and not movie.pixel_nm then
    table.insert(assumed, 1, ("pixels of %g nm"):format(camera.pixel_nm))
  end
  print("warning: neither the movie nor --camera tells of the camera; assumed are " .. table.concat(assumed, ", ")
    .. ". What is found, photons and precisions depend on it; give --camera FILE")
end
system.make_folder(args.output)

if args.method == "esrrf" then
  local magnification = math.max(1, math.min(16, math.floor(camera.pixel_nm / args.render_nm / 2 + 0.5)))
  local image = localization.fluctuations(movie, { magnification = magnification, statistic = args.statistic })
  image.pixel_um = camera.pixel_nm / magnification / 1000
  image:write(args.output .. "/fluctuations.tif")
  image:draw(args.output .. "/fluctuations.png", { colours = "hot", scale_bar = true })
  summary {
    frames = movie.frames, seconds = system.seconds() - start, loss = movie.loss, plane = movie.plane,
    pixel_nm = camera.pixel_nm, magnification = magnification, statistic = args.statistic,
  }
  print(string.format("%d frames into an image of %dx%d pixels", movie.frames, image.width, image.height))
  return
end

local astigmatism
if args.z_step_um and math.abs(args.z_step_um) < 0.001 then
  error("--z-step-um " .. args.z_step_um .. ": give the distance between two frames, 0.001 to 10, or -0.001 to -10 for a stack taken downwards", 0)
end
if args.z and args.z_step_um then
  local beads = localization.localize(localization.open(args.z), camera,
    { sigma_nm = args.sigma_nm, threshold = args.threshold, filter = "gaussians", model = "elliptical" })
  astigmatism = localization.astigmatism(beads, args.z_step_um)
  astigmatism:write(args.output .. "/z-calibration.json")
  print(("the stack of beads is taken %s in steps of %g um%s"):format(args.z_step_um > 0 and "upwards" or "downwards",
    math.abs(args.z_step_um), args.z_step_um > 0 and "; if it went down, give a negative step, or every z has the wrong sign" or ""))
elseif args.z then
  astigmatism = localization.astigmatism(args.z)
end
local found = localization.localize(movie, camera, {
  sigma_nm = args.sigma_nm, threshold = args.threshold, filter = args.filter, model = args.model,
  method = args.estimator, overlaps = args.overlaps, astigmatism = astigmatism,
})

local drift_nm, drift_note
if args.drift ~= "off" and (args.drift ~= "auto" or (#found >= 1000 and movie.frames >= 100)) then
  local known, drift = pcall(found.drift, found, { method = args.drift == "correlation" and "correlation" or "intersection" })
  if known and drift.note then
    drift_note = drift.note
    print("note: " .. drift_note)
  elseif known then
    found = found:correct(drift)
    drift:write(args.output .. "/drift.csv")
    drift:plot(args.output .. "/drift.png")
    drift_nm = drift.range_nm
  elseif args.drift == "auto" then
    drift_note = "drift is not corrected: " .. tostring(drift)
    print("note: " .. drift_note)
  else
    error(drift, 0)
  end
end
if args.link_nm > 0 then found = found:link(args.link_nm) end
if args.keep ~= "" then found = found:filter(args.keep) end

found:write(args.output .. "/localizations.csv")
if args.format ~= "thunderstorm" then
  found:write(args.output .. "/" .. args.format .. (args.format == "challenge" and ".csv" or ".hdf5"), { format = args.format })
end
if #found > 0 then
  local view = { pixel_nm = args.render_nm, width_nm = movie.width * camera.pixel_nm, height_nm = movie.height * camera.pixel_nm }
  view.method = args.rendering
  found:draw(args.output .. "/rendering.tif", view)
  found:draw(args.output .. "/rendering.png", view)
  if args.colour_by ~= "" then
    view.colour_by = args.colour_by
    found:draw(args.output .. "/rendering-" .. args.colour_by .. ".png", view)
  end
end

local precision_nm = found:median("uncertainty_nm")
summary {
  localizations = #found, frames = movie.frames, seconds = system.seconds() - start, precision_nm = precision_nm,
  drift_nm = drift_nm, drift_note = drift_note, loss = movie.loss, plane = movie.plane, pixel_nm = camera.pixel_nm,
  camera_from = camera_from, assumed = assumed,
}
print(string.format("%d localizations in %d frames, median precision %s nm", #found, movie.frames,
  precision_nm and string.format("%.1f", precision_nm) or "-"))
