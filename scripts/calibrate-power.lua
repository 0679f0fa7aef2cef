--- Measures what a light really gives against what it is set to, with a power meter, and stores the curve for the light.
--- The microscope file names it: "calibration" of the light. The light is off between the steps and after any error.
local args = arguments {
  microscope = text    "the file that describes the microscope",
  light      = text    "the light, by its name in the file",
  meter      = text    { "power", "the power meter, by its name in the file" },
  lowest_mw  = number  { optional = true, min = 0, "the first power that is set; a hundredth of the highest unless given" },
  highest_mw = number  { optional = true, min = 0, "the last power that is set; the light's maximum unless given" },
  steps      = integer { 12, min = 3, max = 200, "how many powers are set, from low to high" },
  readings   = integer { 5, min = 3, max = 100, "readings at each power, and in the dark before it" },
  settle_ms  = number  { 500, min = 0, max = 60000, "how long the light burns before it is read" },
  output     = folder  { "power", "folder for the curve and the summary" },
}

local start = system.seconds()
local scope <close> = microscope.open(args.microscope)
local laser = scope.lasers[args.light]
if not laser then error(("the microscope has no light '%s'"):format(args.light), 0) end
local meter = scope.meters[args.meter]
if not meter then error(("the microscope has no power meter '%s'"):format(args.meter), 0) end
if laser.is_calibrated then
  error(("the light '%s' has a calibration in %s: take it out of the file before a new one is measured"):format(
    args.light, args.microscope), 0)
end
local highest = args.highest_mw or laser.maximum_mw
if highest > laser.maximum_mw then
  error(("--highest-mw is %g, but the light '%s' may be set to %g mW at most"):format(highest, args.light, laser.maximum_mw), 0)
end
local lowest = args.lowest_mw or highest / 100
if lowest >= highest then error(("--lowest-mw is %g, which is not below %g"):format(lowest, highest), 0) end

-- Mean and standard deviation of some readings.
local function read()
  local sum, squares = 0, 0
  for _ = 1, args.readings do
    local power = meter:power_mw()
    sum, squares = sum + power, squares + power * power
  end
  local mean = sum / args.readings
  return mean, math.sqrt(math.max(0, squares / args.readings - mean * mean) * args.readings / (args.readings - 1))
end

scope:lights_off()
meter:set_wavelength(laser.wavelength_nm)
local set, measured, spread, darks = {}, {}, {}, {}
for i = 1, args.steps do
  local power = i == args.steps and highest or lowest + (highest - lowest) * (i - 1) / (args.steps - 1)
  local dark, dark_spread = read()
  local mean, deviation
  do
    local light <close> = laser:on(power)
    system.sleep(args.settle_ms / 1000)
    mean, deviation = read()
  end
  set[i], measured[i], darks[i] = power, mean - dark, dark
  spread[i] = math.sqrt(deviation * deviation + dark_spread * dark_spread)
  print(("%8.3f mW set, %8.4f mW measured, %8.4f mW in the dark"):format(power, measured[i], dark))
end

-- No curve without evidence: light that stands out of the dark at every step, and rises by more than its noise.
local function refuse(why) error("no calibration: " .. why, 0) end
if measured[#measured] < 10 * spread[#spread] or measured[#measured] < math.abs(darks[#darks]) / 10 then
  refuse(("the meter is dark: %.3g mW at the highest power, its readings spread by %.3g mW and it shows %.3g mW in the dark; put its sensor into the beam")
    :format(measured[#measured], spread[#spread], darks[#darks]))
end
for i = 1, #set do
  if measured[i] <= 3 * spread[i] then
    refuse(("at %g mW the meter shows %.3g mW, no more than its readings spread (%.3g mW); raise --lowest-mw"):format(
      set[i], measured[i], spread[i]))
  end
  if i > 1 and measured[i] - measured[i - 1] <= spread[i] + spread[i - 1] then
    refuse(("from %g to %g mW the meter goes from %.4g to %.4g mW, which is no clear rise; check the light, or take fewer steps")
      :format(set[i - 1], set[i], measured[i - 1], measured[i]))
  end
end

system.make_folder(args.output)
local file = args.output .. "/" .. args.light:gsub("[^%w._-]", "_") .. "-power.json"
system.write_json(file, {
  light = args.light, wavelength_nm = laser.wavelength_nm, set_mw = set, measured_mw = measured, spread_mw = spread,
  dark_mw = darks, microscope = scope.name, meter = args.meter,
})
summary {
  curve = file, highest_mw = measured[#measured], share = measured[#measured] / highest, steps = #set,
  seconds = system.seconds() - start,
}
print(("%s: %g mW set gives %.4g mW; name the file in %s: calibration = \"%s\""):format(
  args.light, highest, measured[#measured], args.microscope, file))
