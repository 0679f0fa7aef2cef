--- Measures the resolution of a localization table by Fourier ring correlation.
local args = arguments {
  localizations = file "localization table: .csv, .hdf5 and others",
  output        = folder { "resolution", "folder for curve, plot and summary" },
  method        = choice { "ring-sum", choices = { "ring-sum", "storm-analysis" }, "average over a ring" },
  split         = choice { "blocks", choices = { "blocks", "frames", "tracks", "localizations" }, "how the halves are made" },
  repeats       = integer { 20, min = 1, max = 1000, "number of random splits" },
  pixel_nm      = number { optional = true, min = 0.25, "side of a pixel of the images; by the resolution unless given" },
  seed          = integer { 1, min = 0, "seed of the splits" },
}

local found = localization.read(args.localizations)
local curve = resolution.frc(found, {
  split = args.split, repeats = args.repeats, estimator = args.method, pixel_nm = args.pixel_nm, seed = args.seed,
})
system.make_folder(args.output)
curve:write(args.output .. "/frc.csv")
curve:plot(args.output .. "/frc.png")
summary {
  resolution_nm = curve.resolution_nm, uncertainty_nm = curve.uncertainty_nm,
  raw_resolution_nm = curve.raw_resolution_nm, localizations = #found, pixel_nm = curve.pixel_nm,
}
if curve.resolution_nm then
  print(string.format("FRC resolution %.1f +- %.1f nm", curve.resolution_nm, curve.uncertainty_nm))
else
  print("the correlation never falls below the threshold: no resolution")
end
