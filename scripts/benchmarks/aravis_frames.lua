--- Takes frames of an Aravis camera and writes their numbers, for scripts/check-aravis.
local args = arguments {
  microscope = text    "the microscope file",
  frames     = integer { 500, min = 1, "how many are asked for" },
  lost       = integer { 0, min = 0, "how many may be lost" },
  output     = folder  "folder for the table",
}
local scope <close> = microscope.open(args.microscope)
local camera = scope.camera
-- Small enough for the socket's buffer of an ordinary user, whose packets go the ordinary way.
camera.region = { 0, 0, 128, 64 }
camera.exposure_ms = 5
local numbers, lost, times, last = {}, 0, 0, -1
for frame in camera:frames(args.frames) do
  numbers[#numbers + 1] = frame.index
  lost = lost + frame.lost_before
  if frame.time_ms > last then times = times + 1 end
  last = frame.time_ms
end
-- Those behind the last one that came.
lost = lost + args.frames - 1 - (numbers[#numbers] or -1)
local counted = camera.properties
summary {
  frames = #numbers, lost = lost, forward = times, numbers = numbers, broken = counted.frames_broken,
  packets_lost = counted.packets_lost, underruns = counted.underruns,
}
if lost > args.lost then error(("%d frames were lost"):format(lost), 0) end
