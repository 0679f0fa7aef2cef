--- Measures the resolution of a localization table by Fourier ring correlation, or of one image by decorrelation
--- analysis.
local args = arguments {
  localizations = file    { optional = true, "localization table: .csv, .hdf5 and others" },
  image         = file    { optional = true, "instead of a table: one image, wide-field or rendered, for decorrelation analysis" },
  output        = folder  { "resolution", "folder for curve, plot and summary" },
  method        = choice  { "ring-sum", choices = { "ring-sum", "storm-analysis" }, "average over a ring" },
  split         = choice  { "blocks", choices = { "blocks", "frames", "tracks", "localizations" }, "how the halves are made" },
  criterion     = choice  { "fixed", choices = { "fixed", "3-sigma", "half-bit" }, "where the resolution is read; fixed is 1/7" },
  repeats       = integer { 20, min = 1, max = 1000, "number of random splits" },
  whole_field   = flag      "take the field of the movie, where the table knows it, instead of the part with localizations",
  link_nm       = number  { optional = true, min = 1, "greatest distance within a track, for a split by tracks" },
  precision_nm  = number  { optional = true, min = 0.1, "error of a localization, to take out repeats; the table's unless given" },
  pixel_nm      = number  { optional = true, min = 0.25, "side of a pixel; by the resolution, or as the image says, unless given" },
  map           = flag      "map the resolution over the field",
  tile_nm       = number  { 3000, min = 100, "side of the squares of the map" },
  seed          = integer { 1, min = 0, "seed of the splits" },
}
if (args.localizations == nil) == (args.image == nil) then
  error("give either --localizations or --image", 0)
end

if args.image then
  local analysis = resolution.decorrelation(imaging.read(args.image), args.pixel_nm)
  system.make_folder(args.output)
  analysis:plot(args.output .. "/decorrelation.png")
  summary { resolution_nm = analysis.resolution_nm, cutoff = analysis.cutoff, amplitude = analysis.amplitude }
  print(analysis.resolution_nm and ("decorrelation: %.1f nm"):format(analysis.resolution_nm)
    or "no maximum of the correlation: no resolution")
  return
end

local found = localization.read(args.localizations)
local options = {
  split = args.split, repeats = args.repeats, estimator = args.method, criterion = args.criterion,
  pixel_nm = args.pixel_nm, whole_field = args.whole_field or nil, link_nm = args.link_nm, precision_nm = args.precision_nm, seed = args.seed,
}
local curve = resolution.frc(found, options)
system.make_folder(args.output)
curve:write(args.output .. "/frc.csv")
curve:plot(args.output .. "/frc.png")
local map_nm
if args.map then
  local map = resolution.map(found, options, { tile_nm = args.tile_nm })
  map:write(args.output .. "/frc-map.tif")
  map:write(args.output .. "/frc-map.png")
  map_nm = map.median_nm
end
-- A molecule that is seen again is in both halves: the resolution is what correlates without such repeats. The plain
-- number is told beside it.
local note
if curve.finding == "uncorrelated" then
  note = "the halves do not correlate: no resolution"
elseif curve.finding == "weak" then
  note = "the halves correlate by less than the level: no resolution"
elseif not curve.is_corrected then
  note = args.method == "storm-analysis" and "the storm-analysis average knows no correction for repeats of molecules"
    or "the errors of the localizations are not known, so repeats of molecules cannot be taken out; give --precision-nm"
elseif not curve.corrected_nm then
  note = ("only repeats of single molecules (%.1f each) correlate: no structure is resolved"):format(curve.repeated)
end
summary {
  resolution_nm = curve.corrected_nm, uncertainty_nm = curve.corrected_uncertainty_nm, note = note,
  resolution_plain_nm = curve.resolution_nm, uncertainty_plain_nm = curve.uncertainty_nm,
  raw_resolution_nm = curve.raw_resolution_nm, readings_nm = curve.readings_nm, repeated = curve.repeated,
  finding = curve.finding, evidence = curve.evidence, warning = curve.warning, map_median_nm = map_nm,
  localizations = #found, pixel_nm = curve.pixel_nm,
}
if curve.corrected_nm then
  print(("FRC resolution %.1f +- %.1f nm, without repeats of single molecules (%.1f each)"):format(
    curve.corrected_nm, curve.corrected_uncertainty_nm, curve.repeated))
else
  print("no resolution: " .. note:gsub(": no resolution$", ""))
end
if curve.resolution_nm then
  print(("note: %.1f +- %.1f nm with the repeats"):format(curve.resolution_nm, curve.uncertainty_nm))
elseif curve.finding == "unlimited" then
  print(("note: with the repeats the curve is above the level up to the finest frequency of pixels of %.3g nm"):format(
    curve.pixel_nm))
end
if curve.warning then print("note: " .. curve.warning) end
if map_nm then print(("median of the map %.1f nm"):format(map_nm)) end
