--- Writes a first microscope file from a configuration file of Micro-Manager. The .cfg stays the source of devices, labels,
--- groups and pixel sizes; the microscope file adds what it cannot say: how far stages may go, and what is a light. What a
--- person has to fill in stands there as a comment: nothing moves and nothing lights before that.
local args = arguments {
  config = file   "Micro-Manager's .cfg",
  python = text   { "python3", "the Python that has pymmcore" },
  host   = text   { optional = true, "the computer on which the helper waits, where it is another one" },
  output = folder { "microscope", "folder for the microscope file" },
}

local read = microscope.configuration(args.config)
local name = args.config:match("([^/\\]+)$"):gsub("%.[^.]*$", "")
local lines, used = {}, {}
local function add(text, ...) lines[#lines + 1] = select("#", ...) > 0 and text:format(...) or text end
local function quoted(text) return ("%q"):format(text) end
local function key(text) return text:match("^[%a_][%w_]*$") and text or ("[%q]"):format(text) end
local function device(label) used[label] = true return quoted(label) end
local function names(list, field)
  local found = {}
  for i, entry in ipairs(list) do found[i] = field and entry[field] or entry end
  return table.concat(found, ", ")
end

add("-- Written from %s. Fill in what stands behind -- FILL IN, then try:", args.config)
add("--   stormbench run devices --microscope FILE       what is there; nothing is switched")
add("return microscope {")
add("  name = %s,", quoted(name))
add("  controllers = {")
if args.host then
  add("    -- The helper on that computer: python micromanager --listen ADDRESS --token-file rig.token --config THE.cfg")
  add("    mm = { driver = \"micromanager\", host = %s, token_file = \"rig.token\", copy = %s },", quoted(args.host),
    quoted(read.path))
else
  add("    mm = { driver = \"micromanager\", config = %s, python = %s },", quoted(read.path),
    quoted(args.python))
end
add("  },")

-- Micro-Manager takes the first device of a kind where the .cfg names none; the file does not tell kinds, names mostly do.
local roles = read.roles
for _, entry in ipairs(read.devices) do
  local name = (entry.label .. " " .. entry.name):lower()
  if not roles.XYStage and name:find("xy") then roles.XYStage = entry.label end
  if not roles.AutoFocus and name:find("auto%-?focus") then roles.AutoFocus = entry.label end
  if not roles.Focus and entry.focus_direction then roles.Focus = entry.label end
  if not roles.Camera and name:find("cam") and not name:find("hub") then roles.Camera = entry.label end
end
if roles.XYStage then
  add("  -- FILL IN how far the stage may go. MM's \"not busy\" is not taken for \"arrived\": its position is, and settle_ms.")
  add("  stage = { from = \"mm\", device = %s, -- x_um = { LOWEST, HIGHEST }, y_um = { LOWEST, HIGHEST },", device(roles.XYStage))
  add("    settle_ms = 50 },")
end
if roles.Focus then
  local direction
  for _, entry in ipairs(read.devices) do if entry.label == roles.Focus then direction = entry.focus_direction end end
  add("  -- FILL IN how far the focus drive may go. Greater is %s.", direction == 1 and "towards the specimen"
    or direction == -1 and "away from the specimen" or "towards or away from the specimen: the .cfg does not know")
  add("  focus = { from = \"mm\", device = %s, -- z_um = { LOWEST, HIGHEST },", device(roles.Focus))
  add("    settle_ms = 30 },")
end
if roles.AutoFocus then
  add("  -- Where this holds the focus by itself (Definite Focus, Perfect Focus); not one that takes pictures:")
  add("  -- focus_lock = { from = \"mm\", device = %s },", device(roles.AutoFocus))
end
if roles.Camera then
  add("  -- Its calibration: stormbench run calibrate. An EMCCD: gain_property = NAME.")
  add("  camera = { from = \"mm\", device = %s, -- calibration = \"camera.json\",", device(roles.Camera))
  add(#read.pixel_sizes > 0 and "  }," or "    -- FILL IN pixel_nm = SIDE OF A PIXEL AT THE SPECIMEN,\n  },")
end

-- What can be a light: every shutter that is named.
local shutters, seen = {}, {}
local function shutter(label)
  if label and label ~= "" and not seen[label] then shutters[#shutters + 1], seen[label] = label, true end
end
shutter(roles.Shutter)
for _, group in ipairs(read.groups) do
  for _, preset in ipairs(group.presets) do
    for _, setting in ipairs(preset.settings) do
      if setting.device == "Core" and setting.property == "Shutter" then shutter(setting.value) end
    end
  end
end
add("  lights = {")
add("    -- FILL IN a line for each light. One with a power: power = PROPERTY, mw_per_unit = mW of one unit of it; without,")
add("    -- maximum_mw is its one power. One that a property switches: switch = PROPERTY, on = VALUE, off = VALUE.")
add("    -- A wheel of colours in front of a shutter: select_device = LABEL, select = STATE.")
for _, label in ipairs(shutters) do
  add("    -- %s = { from = \"mm\", device = %s, wavelength_nm = ..., maximum_mw = ... },", key(label), device(label))
end
add("  },")

add("  wheels = {")
for _, entry in ipairs(read.devices) do
  if #entry.states > 0 then
    add("    %s = { from = \"mm\", device = %s }, -- %s", key(entry.label), device(entry.label), names(entry.states))
  end
end
local channels
for _, group in ipairs(read.groups) do
  if group.name == (roles.ChannelGroup or "Channel") then
    channels = group
  elseif group.name ~= "System" then
    add("    -- a group as a wheel: %s = { from = \"mm\", group = %s }, -- %s", key(group.name), quoted(group.name),
      names(group.presets, "name"))
  end
end
if channels then add("    %s = { from = \"mm\", group = %s }, -- the channels", key(channels.name), quoted(channels.name)) end
add("  },")

if #read.pixel_sizes > 0 then
  add("  -- The pixel sizes of the .cfg are the objectives unless others stand here:")
  for _, size in ipairs(read.pixel_sizes) do
    add("  --   %s: %s, %s", size.name, size.um and ("%g nm"):format(size.um * 1000) or "no size",
      size.matrix_um and "with its matrix" or "without a matrix that fits it; measure one with calibrate-stage")
  end
  if not read.pixel_size then add("  -- FILL IN which of them is in use: objective = NAME,") end
end
if read.pixel_size then add("  objective = %s,", quoted(read.pixel_size)) end

if channels then
  add("  -- Without channels here, the presets of %s are the channels, each with the light of its shutter at its one", channels.name)
  add("  -- power, or at 0 mW where the power can be set, and 50 ms. Written here they have what you say:")
  add("  -- channels = {")
  for _, preset in ipairs(channels.presets) do
    add("  --   %s = { lights = { LIGHT = MW }, wheels = { %s = %s }, exposure_ms = 50 },", key(preset.name),
      key(channels.name), quoted(preset.name))
  end
  add("  -- },")
end
for _, entry in ipairs(read.devices) do
  if not used[entry.label] then add("  -- left alone: %s (%s of %s)", entry.label, entry.name, entry.module) end
end
add("}")

system.make_folder(args.output)
local path = ("%s/%s.lua"):format(args.output, name)
system.write_text(path, table.concat(lines, "\n") .. "\n")
print(("%s: %d devices, %d groups, %d pixel sizes"):format(path, #read.devices, #read.groups, #read.pixel_sizes))
summary { file = path, devices = #read.devices, groups = #read.groups, pixel_sizes = #read.pixel_sizes }
return path
