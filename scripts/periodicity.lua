--- Measures the period of rings along axons in localization tables.
local args = arguments {
  localizations = path   "localization table, or a folder of them (their localizations*.csv, else every *.csv)",
  output        = folder { "periodicity", "folder for plots, table of axons and summary" },
  method        = choice { "likelihood", choices = { "likelihood", "pairwise", "autocorrelation" }, "estimator that is reported" },
  mask          = file   { optional = true, "segmentation of the axons, over the field of one table" },
  mask_pixel_nm = number { 100, min = 1, "side of a pixel of the mask in nm" },
  shortest_nm   = number { 150, min = 20, max = 10000, "least period in nm" },
  longest_nm    = number { 280, min = 20, max = 10000, "greatest period in nm" },
  width_um      = number { 1, min = 0.1, max = 20, "diameter of an axon in um" },
  shortest_um   = number { 3, min = 1, max = 10000, "shorter axons are left out, in um" },
  seed          = integer { 1, min = 0, "seed of the surrogates" },
}

local start = system.seconds()
local files = { args.localizations }
if system.is_folder(args.localizations) then
  files = {}
  local every = {}
  for _, name in ipairs(system.list(args.localizations)) do
    if name:match("%.csv$") then every[#every + 1] = name end
    if name:match("^localizations.*%.csv$") then files[#files + 1] = name end
  end
  if #files == 0 then files = every end
  for i, name in ipairs(files) do files[i] = args.localizations .. "/" .. name end
  if #files == 0 then error("there is no .csv in " .. args.localizations) end
end
local tables, rows, failed = {}, 0, {}
for _, file in ipairs(files) do
  local worked, read = pcall(localization.read, file)
  if worked then
    tables[#tables + 1] = read
    rows = rows + #read
  elseif #files == 1 then
    error(read, 0)
  else
    failed[#failed + 1] = { file = file, error = type(read) == "userdata" and read.message or tostring(read) }
    io.stderr:write("failed: ", failed[#failed].error, "\n")
  end
end
if #tables == 0 then error("none of the " .. #files .. " tables can be read; the first: " .. failed[1].error, 0) end
local mask = args.mask and imaging.read_labels(args.mask)
if mask then mask.pixel_um = args.mask_pixel_nm / 1000 end

local found = periodicity.measure(tables, {
  method = args.method, shortest_nm = args.shortest_nm, longest_nm = args.longest_nm, width_um = args.width_um,
  shortest_um = args.shortest_um, seed = args.seed,
}, mask)
found:write(args.output)
local path = summary {
  period_nm = found.period_nm, interval_nm = found.interval_nm, p_value = found.p_value, refusal = found.refusal,
  likelihood_nm = found.likelihood_nm, pairwise_nm = found.pairwise_nm, autocorrelation_nm = found.autocorrelation_nm,
  axons = found.axons, length_um = found.length_um, molecules = found.molecules, localizations = rows,
  spread_nm = found.spread_nm, ring_jitter_nm = found.ring_jitter_nm, spacing_jitter_nm = found.spacing_jitter_nm,
  background = found.background, variation_nm = found.variation_nm, seconds = system.seconds() - start,
  tables = #tables, failed = failed,
}
print(("%d axons of %.0f um in all, %d molecules from %d localizations"):format(
  found.axons, found.length_um, found.molecules, rows))
if found.period_nm then
  local interval = found.interval_nm and (" (95 %%: %.2f to %.2f)"):format(found.interval_nm[1], found.interval_nm[2]) or ""
  print(("period %.2f nm%s, p = %.3g"):format(found.period_nm, interval, found.p_value))
else
  print("no period is reported: " .. found.refusal)
end
if #failed > 0 then
  error(("%d of %d tables failed and are listed in %s"):format(#failed, #files, path), 0)
end
