--- Calls everything that the reference has with values that nobody means, from number `first` on, each `stride`th.
-- `models` is the folder of trained models. The number of a call stands in the file `path` before it is made. `calls` is made by JunkTests.swift.
local calls, first, stride, path, models = ...

local log <close> = assert(io.open(path, "w"))
log:write("        0 samples\n")
log:flush()

local holdsItself = {}
holdsItself[1], holdsItself.x = holdsItself, holdsItself
local sparse = { 1, 2, 3 }
for bit = 4, 40 do sparse[1 << bit] = 1 end

local rows = {}
for row = 1, 24 do
  rows[row] = {}
  for column = 1, 24 do rows[row][column] = 100 + (row * column) % 50 end
end
local columns = { frame = {}, x_nm = {}, y_nm = {}, photons = {}, uncertainty_nm = {} }
for index = 1, 200 do
  columns.frame[index], columns.x_nm[index], columns.y_nm[index] = index, (index * 379) % 3000, (index * 811) % 3000
  columns.photons[index], columns.uncertainty_nm[index] = 500, 10
end

local image = imaging.from_rows(rows)
image:write("sample.tif")

--- Localizations of beads in a focus stack: wider in x above, in y below.
local function beads()
  local stack = { frame = {}, x_nm = {}, y_nm = {}, photons = {}, sigma_x_nm = {}, sigma_y_nm = {} }
  for step = 0, 40 do
    local z = (step - 20) / 10
    for bead = 1, 10 do
      stack.frame[#stack.frame + 1], stack.x_nm[#stack.x_nm + 1], stack.y_nm[#stack.y_nm + 1] = step + 1, bead * 4000, bead * 3000
      stack.photons[#stack.photons + 1] = 5000
      stack.sigma_x_nm[#stack.sigma_x_nm + 1] = 130 * (1 + (z - 0.8) ^ 2) ^ 0.5
      stack.sigma_y_nm[#stack.sigma_y_nm + 1] = 130 * (1 + (z + 0.8) ^ 2) ^ 0.5
    end
  end
  return localization.table(stack)
end

--- A movie of even light with noise.
local function even(path, mean, spread)
  local movie <close> = imaging.create(path)
  for _ = 1, 500 do
    local frame = {}
    for row = 1, 8 do
      frame[row] = {}
      for column = 1, 8 do frame[row][column] = mean + math.random(-spread, spread) end
    end
    movie:append(imaging.from_rows(frame, "uint16"))
  end
  movie:finish()
  return localization.open(path)
end

--- An image of blurred spots, which has a resolution.
local function spots()
  local wide = {}
  for row = 1, 96 do
    wide[row] = {}
    for column = 1, 96 do wide[row][column] = (row * 7919 + column * 104729) % 331 == 0 and 1000 or 0 end
  end
  return imaging.from_rows(wide):blur(2)
end

--- A short run on the simulated microscope, made when something of it is first asked for.
local steps
local function run(what)
  if not steps then
    local begun, scope = acquisition.begin("steps"), microscope.open("simulated")
    steps = { scan = begun:scan(scope, { width_um = 60, height_um = 60, channel = "DAPI" }) }
    steps.overview = begun:overview(steps.scan, 0.65)
    steps.objects = begun:objects(steps.overview, function(file)
      local smooth = imaging.read(file):blur(1)
      return (smooth:mask(smooth:threshold_otsu()):components())
    end)
    steps.targets = begun:targets(steps.objects, scope)
    steps.plan = begun:plan(steps.targets, scope, { channels = { "DAPI" } })
    steps.position = steps.plan.positions[1]
    steps.record = begun:acquire(steps.position, steps.plan, scope)
    steps.file = steps.record.images[1]
    begun:close()
  end
  return steps[what]
end

local sample = {
  ["imaging.Image"] = function() return imaging.from_rows(rows) end,
  ["imaging.Stack"] = function() return imaging.open("sample.tif") end,
  ["imaging.StackWriter"] = function() return imaging.create("stack.tif") end,
  ["imaging.Plot"] = function() return imaging.plot("x", "y") end,
  ["localization.Table"] = function() return localization.table(columns) end,
  ["localization.Column"] = function() return localization.table(columns):column("x_nm") end,
  ["localization.Camera"] = function() return localization.camera() end,
  ["localization.Movie"] = function() return localization.open("sample.tif") end,
  ["microscope.Microscope"] = function() return microscope.open("simulated") end,
  ["microscope.Stage"] = function() return microscope.open("simulated").stage end,
  ["microscope.Focus"] = function() return microscope.open("simulated").focus end,
  ["microscope.Camera"] = function() return microscope.open("simulated").camera end,
  ["microscope.Laser"] = function() return microscope.open("simulated").lasers["488"] end,
  ["microscope.Wheel"] = function() return microscope.open("simulated").wheels.emission end,
  ["microscope.Properties"] = function() return microscope.open("simulated").camera.properties end,
  ["microscope.Description"] = function() return microscope.open("simulated"):describe() end,
  ["microscope.Movie"] = function()
    local scope = microscope.open("simulated")
    scope.camera.region = { 0, 0, 32, 32 }
    return scope:record("DAPI", { path = "movie.ome.tif", frames = 2 })
  end,
  ["localization.Shift"] = function()
    local image = microscope.open("simulated").camera:snap().image
    return localization.shift(image, image)
  end,
  ["localization.Stream"] = function() return localization.stream(localization.camera(), 24, 24) end,
  ["localization.Drift"] = function() return localization.drift(localization.table(columns)) end,
  ["simulation.Specimen"] = function() return simulation.specimen("spheres") end,
  ["simulation.Movie"] = function() return simulation.movie(simulation.specimen("spheres"), { frames = 4, width = 32, height = 32 }) end,
  ["periodicity.Measurement"] = function() return periodicity.measure({ localization.table(columns) }) end,
  ["resolution.RingCorrelation"] = function() return resolution.frc(localization.table(columns)) end,
  ["resolution.Map"] = function() return resolution.map(localization.table(columns)) end,
  ["resolution.Decorrelation"] = function() return resolution.decorrelation(spots(), 100) end,
  ["acquisition.Run"] = function() return acquisition.begin("run") end,
  ["segmentation.Model"] = function() return segmentation.load(models .. "/nuclei") end,
  ["localization.Registration"] = function()
    return localization.table(columns):register(localization.table(columns), { model = "shift" })
  end,
  ["localization.Astigmatism"] = function() return localization.astigmatism(beads(), 0.05) end,
  ["localization.PhotonTransfer"] = function()
    return localization.calibrate(even("dark.tif", 100, 4), { even("dim.tif", 400, 20), even("bright.tif", 900, 30) })
  end,
  ["acquisition.Scan"] = function() return run("scan") end,
  ["acquisition.Overview"] = function() return run("overview") end,
  ["acquisition.Objects"] = function() return run("objects") end,
  ["acquisition.Targets"] = function() return run("targets") end,
  ["acquisition.Plan"] = function() return run("plan") end,
  ["acquisition.Position"] = function() return run("position") end,
  ["acquisition.Record"] = function() return run("record") end,
  ["acquisition.File"] = function() return run("file") end,
  ["microscope.Light"] = function() return microscope.open("simulated").lasers["488"]:on(1) end,
  ["microscope.Sequence"] = function() return microscope.open("simulated").camera:sequence(5) end,
  ["microscope.Frame"] = function() return microscope.open("simulated").camera:snap() end,
  ["microscope.PropertyWalk"] = function() return (pairs(microscope.open("simulated").camera.properties)) end,
  ["Error"] = function() return select(2, pcall(imaging.read, "none.tif")) end,
  ["Parameter"] = function() return integer { 1, "a number" } end,
  ["Progress"] = function() return progress(10) end,
  ["microscope.Channel"] = function() return microscope.open("simulated").channels.DAPI end,
}

local kept = {}
local function object(class)
  if kept[class] == nil then
    local ok, made = pcall(sample[class] or error)
    kept[class] = ok and made or false
  end
  return kept[class] or nil
end

-- Power meters stand on no simulated microscope; what else has methods or properties must be made here.
for _, call in ipairs(first == 1 and calls or {}) do
  log:seek("set", 0)
  log:write(("        0 sample for %s\n"):format(call.name))
  log:flush()
  if call.class and call.class ~= "microscope.Meter" and not object(call.class) then
    error("there is no sample of " .. call.class .. ": " .. tostring(select(2, pcall(sample[call.class] or error))), 0)
  end
end

local closed = object("imaging.Image")
kept["imaging.Image"] = nil
closed:close()

local junk = {
  { "nothing", nil }, { "NaN", 0 / 0 }, { "inf", 1 / 0 }, { "-inf", -1 / 0 }, { "1e308", 1e308 }, { "-1e308", -1e308 },
  { "-1", -1 }, { "0", 0 }, { "0.5", 0.5 }, { "2^31", 1 << 31 }, { "2^62", 1 << 62 }, { "least", math.mininteger },
  { "no text", "" }, { "a text", "\0\255junk" }, { "an empty table", {} }, { "a sparse table", sparse },
  { "a table that holds itself", holdsItself }, { "tables in a table", { { 0 / 0 }, { x = 1e308 }, "" } },
  { "a closed object", closed }, { "another object", progress(10) }, { "a function", function() return 1e308 end },
  { "true", true },
}

local function plausible(parameter)
  local type = parameter.type:match("^[^|?]+")
  if parameter.choice then return parameter.choice end
  if type == "number" or type == "integer" then return parameter.minimum or 2 end
  if type == "string" then return "sample.tif" end
  if type == "boolean" then return false end
  if type == "number[]" or type == "integer[]" then return { 1, 2, 3 } end
  if type == "string[]" then return { "a" } end
  if type == "fun" or type == "function" then return function() end end
  if type:find("%.") then return object(type) end
  return nil
end

local number = 0

--- Makes one call, where it is its turn.
local function try(what, body)
  number = number + 1
  if number < first or number % stride ~= 0 then return end
  log:seek("set", 0)
  log:write(("%9d %s\n"):format(number, what:sub(1, 150):gsub("%c", "?")))
  log:flush()
  pcall(body)
end

for _, call in ipairs(calls) do
  local function invoke(arguments, owner)
    if call.kind == "function" then return load("return " .. call.name)()(table.unpack(arguments, 1, #call.parameters)) end
    owner = owner or object(call.class)
    if owner == nil then owner = {} end
    return owner[call.member](owner, table.unpack(arguments, 1, #call.parameters))
  end
  local function typical()
    local arguments = {}
    for index, parameter in ipairs(call.parameters) do arguments[index] = plausible(parameter) end
    return arguments
  end
  if call.kind == "property" then
    try(call.name, function() return object(call.class)[call.member] end)
    for _, value in ipairs(junk) do
      try(call.name .. " = " .. value[1], function() object(call.class)[call.member] = value[2] end)
    end
  else
    try(call.name .. " as meant", function() invoke(typical()) end)
    for index, parameter in ipairs(call.parameters) do
      for _, value in ipairs(junk) do
        try(("%s, argument %d: %s"):format(call.name, index, value[1]), function()
          local arguments = typical()
          arguments[index] = value[2]
          invoke(arguments)
        end)
        for _, field in ipairs(parameter.fields) do
          try(("%s, option %s: %s"):format(call.name, field, value[1]), function()
            local arguments = typical()
            arguments[index] = { [field] = value[2] }
            invoke(arguments)
          end)
        end
      end
    end
    for _, value in ipairs(junk) do
      try(("%s, all %s"):format(call.name, value[1]), function()
        local arguments = {}
        for index = 1, #call.parameters do arguments[index] = value[2] end
        invoke(arguments)
      end)
      if call.kind == "method" then
        try(("%s of %s"):format(call.name, value[1]), function()
          local owner = object(call.class)
          return owner[call.member](value[2], table.unpack(typical(), 1, #call.parameters))
        end)
      end
    end
  end
end
log:seek("set", 0)
log:write(("%9d end\n"):format(number))
