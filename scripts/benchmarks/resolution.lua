--- Measures the Fourier ring correlation of a large simulated table: seconds and memory.
local args = arguments {
  localizations = integer { 1000000, min = 1000, "number of localizations" },
  field_um      = number  { 40, min = 1, "side of the field in um" },
  pixel_nm      = number  { optional = true, min = 0.25, "side of a pixel; by the resolution unless given" },
  output        = folder  { "bench-resolution", "folder for the summary" },
}

math.randomseed(1)
local function normal() return math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random()) end
local frame, x_nm, y_nm, uncertainty_nm = {}, {}, {}, {}
local side = args.field_um * 1000
-- Lines through the field with molecules that come back ten times.
local x, y, angle = 0, 0, 0
for i = 1, args.localizations do
  if i % 2000 == 1 then x, y, angle = math.random() * side, math.random() * side, 2 * math.pi * math.random() end
  if i % 10 == 1 then
    x, y = (x + 5 * math.cos(angle)) % side, (y + 5 * math.sin(angle)) % side
  end
  frame[i], x_nm[i], y_nm[i], uncertainty_nm[i] = math.random(1, 50000), x + 10 * normal(), y + 10 * normal(), 10
end
local found = localization.table { frame = frame, x_nm = x_nm, y_nm = y_nm, uncertainty_nm = uncertainty_nm }

local function memory_mb(name)
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^" .. name .. ":%s+(%d+)")
    if kilobytes then return tonumber(kilobytes) / 1024 end
  end
end

local before = memory_mb("VmRSS")
local start = system.seconds()
local curve = resolution.frc(found, { pixel_nm = args.pixel_nm })
local seconds = system.seconds() - start
summary {
  seconds = seconds, memory_mb = memory_mb("VmHWM"), before_mb = before, resolution_nm = curve.resolution_nm,
  corrected_nm = curve.corrected_nm, pixel_nm = curve.pixel_nm,
}
print(("%d localizations in %g um: %.1f s, %.0f MB at most (%.0f MB before), %s at pixels of %.1f nm"):format(
  args.localizations, args.field_um, seconds, memory_mb("VmHWM"), before, tostring(curve), curve.pixel_nm))
