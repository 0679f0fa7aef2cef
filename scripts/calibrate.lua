--- Calibrates a camera from dark and flat movies, or estimates its gain from an ordinary one.
local args = arguments {
  output             = folder { "camera", "folder for camera.json, camera.maps.tif, the curve and the summary" },
  dark               = file { optional = true, "movie without light, 500 frames or more" },
  flat               = path { optional = true, "movie of even light, or a folder of them, each of another brightness" },
  movie              = file { optional = true, "instead of dark and flat: an ordinary movie with brighter and darker parts" },
  offset_counts      = number { optional = true, "with an ordinary movie: the offset, where it is known" },
  pixel_nm           = number { 100, min = 1, "side of a camera pixel at the specimen in nm" },
  em_gain            = number { 1, min = 1, max = 10000, "electron multiplication during the movies, 1 for none" },
  quantum_efficiency = number { 1, min = 0.01, max = 1, "photo-electrons per photon" },
}

local start = system.seconds()
if args.movie then
  local found = localization.gain(localization.open(args.movie), { offset_counts = args.offset_counts, em_gain = args.em_gain })
  system.make_folder(args.output)
  local offset = args.offset_counts or found.offset_counts
  system.write_json(args.output .. "/camera.json", {
    pixel_nm = args.pixel_nm, offset_counts = offset, electrons_per_count = found.electrons_per_count,
    em_gain = args.em_gain, quantum_efficiency = args.quantum_efficiency, read_noise_electrons = 0,
  })
  summary {
    electrons_per_count = found.electrons_per_count, offset_counts = offset, gain_counts = found.gain_counts,
    gain_error_counts = found.gain_error_counts, seconds = system.seconds() - start,
  }
  print(string.format("%.3f +- %.3f counts per electron, offset about %.1f counts", found.gain_counts,
    found.gain_error_counts, offset))
  return
end

if not (args.dark and args.flat) then error("give --dark and --flat, or --movie", 0) end
local flats = {}
for _, name in ipairs(system.is_folder(args.flat) and system.list(args.flat) or { "" }) do
  local path = name == "" and args.flat or args.flat .. "/" .. name
  local ending = path:lower():match("%.(%w+)$")
  if ending == "tif" or ending == "tiff" or ending == "dax" or ending == "spe" or ending == "raw" then
    table.insert(flats, localization.open(path))
  end
end
if #flats == 0 then error("no movie in " .. args.flat, 0) end
local transfer = localization.calibrate(localization.open(args.dark), flats, args.em_gain > 1)
system.make_folder(args.output)
local camera = transfer:write(args.output .. "/camera.json", {
  pixel_nm = args.pixel_nm, em_gain = args.em_gain, quantum_efficiency = args.quantum_efficiency,
})
transfer:plot(args.output .. "/photon-transfer.png")
summary {
  offset_counts = camera.offset_counts, electrons_per_count = camera.electrons_per_count,
  read_noise_electrons = camera.read_noise_electrons, gain_uncertainty = transfer.gain_uncertainty,
  odd_share = transfer.odd_share, levels = #flats, seconds = system.seconds() - start,
}
print(string.format("offset %.1f counts, %.3f electrons per count, read noise %.2f electrons, %.2f %% odd pixels",
  camera.offset_counts, camera.electrons_per_count, camera.read_noise_electrons, 100 * transfer.odd_share))
