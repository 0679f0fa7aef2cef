--- Measures how the camera lies to the stage: moves the stage by known steps, registers the images, and stores the step of a
--- pixel to the right and of a pixel down in um of stage coordinates, for the objective: "matrix_um" of the microscope file.
local args = arguments {
  microscope = text    "the file that describes the microscope",
  channel    = text    "the channel, in which the specimen has structure everywhere",
  objective  = text    { optional = true, "the objective in use, by its name in the file; needed where there are several and none is chosen" },
  step_um    = number  { optional = true, min = 0.1, "how far the stage goes to each side; an eighth of the field unless given" },
  rounds     = integer { 2, min = 1, max = 20, "how often each step is taken" },
  approach_um = number { 5, min = 0, max = 1000, "every place is approached from this far on one side, for the play of the screws" },
  output     = folder  { "stage", "folder for the result" },
}

local start = system.seconds()
local scope <close> = microscope.open(args.microscope)
if not scope.stage then error("the microscope has no stage", 0) end
if not scope.camera then error("the microscope has no camera", 0) end
local objective = scope.objective
if args.objective and not (objective and objective.name == args.objective) then
  error(("the objective in use is %s, not '%s': name it in %s"):format(
    objective and ("'" .. objective.name .. "'") or "not known", args.objective, args.microscope), 0)
end
local camera, stage = scope.camera, scope.stage
local name = objective and objective.name or "objective"
local pixel_um = camera.pixel_nm * camera.binning / 1000
local region = camera.region
local columns, rows = region[3] // camera.binning, region[4] // camera.binning
local field_um = math.min(columns, rows) * pixel_um
local step_um = args.step_um or field_um / 8
if step_um > field_um * 0.4 then
  error(("--step-um is %g, but the images of a field of %.1f um must overlap: give %.1f at most"):format(
    step_um, field_um, field_um * 0.4), 0)
end

local home_x, home_y = stage.x_um, stage.y_um
local travel = stage.travel_um
for _, axis in ipairs { { "x", home_x }, { "y", home_y } } do
  local low, high = travel[axis[1]][1], travel[axis[1]][2]
  if axis[2] - step_um - args.approach_um < low or axis[2] + step_um > high then
    error(("the stage stands at %s = %.1f um, too near to the end of its travel (%g to %g um) for steps of %g um: move it inwards"):format(
      axis[1], axis[2], low, high, step_um), 0)
  end
end

local function go(dx, dy)
  local x, y = home_x + dx, home_y + dy
  if args.approach_um > 0 then stage:move { x_um = x - args.approach_um, y_um = y - args.approach_um } end
  stage:move { x_um = x, y_um = y }
  return stage.x_um - home_x, stage.y_um - home_y
end

local function snap()
  local light <close> = scope:light(args.channel)
  return camera:snap().image
end

-- How far the image has moved. Measured again on what both images show, for the fading at their edges draws a long shift
-- towards none.
local function register(first, second)
  local shift = localization.shift(first, second)
  local columns, rows = math.floor(shift.columns + 0.5), math.floor(shift.rows + 0.5)
  local width, height = first.width - math.abs(columns), first.height - math.abs(rows)
  if shift.is_evident and width >= 32 and height >= 32 then
    local rest = localization.shift(
      first:crop(math.max(0, -columns), math.max(0, -rows), width, height),
      second:crop(math.max(0, columns), math.max(0, rows), width, height))
    if rest.is_evident and math.abs(rest.columns) < 4 and math.abs(rest.rows) < 4 then
      return columns + rest.columns, rows + rest.rows, shift
    end
  end
  return shift.columns, shift.rows, shift
end

-- A matrix is trusted only where the images follow the stage.
local function refuse(why)
  stage:move { x_um = home_x, y_um = home_y }
  error("no calibration: " .. why, 0)
end

go(0, 0)
local first = snap()
local steps = {}
for round = 1, args.rounds do
  for _, at in ipairs { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 }, { 1, 1 }, { -1, -1 } } do
    -- The rounds differ in length, so that a false peak that stands still is none.
    local length = step_um * (1 - 0.3 * (round - 1) / args.rounds)
    local x_um, y_um = go(at[1] * length, at[2] * length)
    local right, below, shift = register(first, snap())
    print(("stage (%7.2f, %7.2f) um: image (%8.2f, %8.2f) pixels, %.0f times the noise of the correlation, chance reaches %.0f")
      :format(x_um, y_um, right, below, shift.height, shift.chance))
    if not shift.is_evident then
      refuse(("the images have nothing in common that stands out of noise (%.1f, where chance reaches %.1f); focus, choose a specimen with structure everywhere, or another channel"):format(
        shift.height, shift.chance))
    end
    steps[#steps + 1] = { x = x_um, y = y_um, right = -right, down = -below }
  end
end
stage:move { x_um = home_x, y_um = home_y }

-- The matrix of two steps that most others agree with: a specimen that looks alike in several places gives false shifts.
local expected = step_um / pixel_um
local agreeing, moved = {}, 0
for i, a in ipairs(steps) do
  for j = i + 1, #steps do
    local b = steps[j]
    local area = a.right * b.down - b.right * a.down
    moved = math.max(moved, math.sqrt(math.abs(area)))
    if math.abs(area) > (expected / 4) ^ 2 then
      local xr, xd = (a.x * b.down - b.x * a.down) / area, (b.x * a.right - a.x * b.right) / area
      local yr, yd = (a.y * b.down - b.y * a.down) / area, (b.y * a.right - a.y * b.right) / area
      local found = {}
      for _, step in ipairs(steps) do
        local x, y = xr * step.right + xd * step.down, yr * step.right + yd * step.down
        if math.sqrt((step.x - x) ^ 2 + (step.y - y) ^ 2) < 2 * pixel_um + 0.05 * step_um then found[#found + 1] = step end
      end
      if #found > #agreeing then agreeing = found end
    end
  end
end
if #agreeing == 0 then
  refuse(("the image does not follow the stage: steps of %.1f um should move it by %.0f pixels along both axes, and moved it by %.1f; check that the stage moves, and that it moves this specimen"):format(
    step_um, expected, moved))
end
if #agreeing < 0.75 * #steps then
  refuse(("only %d of %d steps agree with each other; choose a specimen that looks different everywhere, a shorter step, or more rounds"):format(
    #agreeing, #steps))
end

-- Least squares: place = matrix * pixels.
local cc, cr, rr, xc, xr, yc, yr = 0, 0, 0, 0, 0, 0, 0
for _, step in ipairs(agreeing) do
  cc, cr, rr = cc + step.right ^ 2, cr + step.right * step.down, rr + step.down ^ 2
  xc, xr = xc + step.x * step.right, xr + step.x * step.down
  yc, yr = yc + step.y * step.right, yr + step.y * step.down
end
local determinant = cc * rr - cr * cr
local m = {
  { (xc * rr - xr * cr) / determinant, (xr * cc - xc * cr) / determinant },
  { (yc * rr - yr * cr) / determinant, (yr * cc - yc * cr) / determinant },
}
local squares = 0
for _, step in ipairs(agreeing) do
  local x, y = m[1][1] * step.right + m[1][2] * step.down, m[2][1] * step.right + m[2][2] * step.down
  squares = squares + (step.x - x) ^ 2 + (step.y - y) ^ 2
end
local freedom = 2 * #agreeing - 4
local error_um = math.sqrt(squares / freedom)
-- The standard error of an entry.
local uncertainty_um = error_um * math.sqrt(math.max(cc, rr) / determinant)
local area = m[1][1] * m[2][2] - m[1][2] * m[2][1]
local scale_um = math.sqrt(math.abs(area))
if math.abs(scale_um / pixel_um - 1) > 0.25 then
  refuse(("the steps give pixels of %.1f nm, but the file says %.1f nm, %.0f %% off; check pixel_nm, the objective in use and the units of the stage"):format(
    scale_um * 1000, pixel_um * 1000, 100 * math.abs(scale_um / pixel_um - 1)))
end
-- For one pixel of the sensor, whatever the binning.
for _, row in ipairs(m) do row[1], row[2] = row[1] / camera.binning, row[2] / camera.binning end
local mirrored = area < 0
local rotation = math.deg(math.atan(m[2][1], m[1][1]))
if mirrored then rotation = math.deg(math.atan(-m[2][1], -m[1][1])) end
system.make_folder(args.output)
local file = args.output .. "/" .. name:gsub("[^%w._-]", "_") .. "-matrix.json"
system.write_json(file, {
  objective = name, matrix_um = m, pixel_nm = scale_um * 1000 / camera.binning, rotation_deg = rotation, mirrored = mirrored,
  uncertainty_um = uncertainty_um / camera.binning, error_um = error_um, microscope = scope.name, channel = args.channel,
})
summary {
  matrix = file, matrix_um = m, pixel_nm = scale_um * 1000 / camera.binning, rotation_deg = rotation, mirrored = mirrored,
  error_um = error_um, uncertainty_um = uncertainty_um / camera.binning, steps = #steps, agreeing = #agreeing, seconds = system.seconds() - start,
}
print(("%s: pixels of %.2f nm, turned by %.2f degrees%s; %d of %d steps agree within %.2f um"):format(
  name, scale_um * 1000 / camera.binning, rotation, mirrored and " and mirrored left to right" or "", #agreeing, #steps, error_um))
print(("put it into %s, for the objective '%s': matrix_um = { { %.6g, %.6g }, { %.6g, %.6g } }, or name the file: %s"):format(
  args.microscope, name, m[1][1], m[1][2], m[2][1], m[2][2], file))
