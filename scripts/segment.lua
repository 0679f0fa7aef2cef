--- Segments one image or a folder with a trained model.
local args = arguments {
  model         = folder { "Models/nuclei", exists = true, "folder of the trained model" },
  image         = path   "TIFF, OME-TIFF, PNG or a folder of them",
  output        = folder { "segmentation", "folder for the results" },
  truth         = path   { optional = true, "true mask, or folder of masks with the images' names, to score with" },
  only          = text   { "", "take only images with this in their names" },
  pixel_um      = length { optional = true, "side of a pixel; otherwise what the file says" },
  model_pixel   = flag   "take the model's pixel size where the file says none",
  channel       = text   { optional = true, "channel of a stack by number or name; otherwise all" },
  slice         = text   { optional = true, "slice of a stack by number, or max or mean over all; otherwise the first" },
  frame         = text   { optional = true, "frame of a time series by number, or max or mean; otherwise the first" },
  least_area_px = integer { 30, min = 1, "smaller objects are left out" },
  least_um2     = number { 0, min = 0, "smaller objects are left out; needs the pixel size" },
  criteria      = text   { optional = true, "condition on objects, such as 'area_um2 > 5 and eccentricity < 0.9'" },
  separate      = flag   "cut objects that touch apart at their waists",
  second_pass   = flag   "look again in tiles shifted by half: surer at their borders, up to four times as long",
  orientations  = integer { 1, min = 1, max = 8,
                            "look at each tile in so many orientations: surer where in doubt, as many times as long" },
  probability   = flag   "write the probability of an object too, floats from 0 to 1",
  precision     = choice { "auto", "auto is bf16 where the processor has it (99.98 % of the mask as with f32), else f32",
                           choices = { "auto", "f32", "bf16" } },
  confidence    = flag   "write the probability of the likeliest class too, 8 bits, 255 for 1",
  resume        = flag   "of a folder segment only what an earlier run into the same output has not done",
  overwrite     = flag   "remove the results of an earlier run of other images from the output folder",
}

local model = segmentation.load(args.model, args.precision)
local in_folder = system.is_folder(args.image)
local images = segmentation.images(args.image, args.only)
local names = in_folder and segmentation.result_names(images) or {}
local out = args.output

local function base(path) return path:match("([^/]+)/*$") end
local noted = 0
local function note(text)
  noted = noted + 1
  if noted <= 10 then io.stderr:write("note: ", text, "\n") end
  if noted == 11 then io.stderr:write("note: more are in summary.json\n") end
end

if in_folder then
  local taken = {}
  for _, path in ipairs(images) do taken[base(path)] = true end
  local masks = {}
  for _, path in ipairs(imaging.files(args.image)) do
    if not taken[base(path)] and (args.only == "" or base(path):find(args.only, 1, true)) then
      masks[#masks + 1] = base(path)
    end
  end
  if #masks > 0 and args.only == "" then
    note(("left out %d files that are masks of others by their names, such as %s"):format(#masks, masks[1]))
  end
end

-- The files of earlier runs in the output folder, by the name of their image; "" for those of a run of one image.
local kinds = { masks = ".tif", labels = ".tif", objects = ".csv", overviews = ".png", sizes = ".png",
                probabilities = ".tif", confidences = ".tif", records = ".json" }
local singles = { "mask.tif", "labels.tif", "overview.png", "sizes.png", "probability.tif", "confidence.tif" }
local earlier = {}
for kind, ending in pairs(kinds) do
  local folder = out .. "/" .. kind
  if system.is_folder(folder) then
    for _, file in ipairs(system.list(folder, ending)) do
      local name = file:sub(1, -#ending - 1)
      earlier[name] = earlier[name] or {}
      table.insert(earlier[name], folder .. "/" .. file)
    end
  end
end
for _, file in ipairs(singles) do
  if system.exists(out .. "/" .. file) then
    earlier[""] = earlier[""] or {}
    table.insert(earlier[""], out .. "/" .. file)
  end
end

local wanted, known = {}, true
for _, name in ipairs(in_folder and names or { "" }) do wanted[name] = true end
for name in pairs(earlier) do known = known and wanted[name] == true end
if next(earlier) then
  local read, old = pcall(system.read_json, out .. "/summary.json")
  local is_ours = system.is_folder(out .. "/records") or (read and type(old) == "table" and old.script == "segment")
  if not is_ours then
    error(out .. " holds masks or labels that segment did not write; give another --output", 0)
  end
  if not known and not args.overwrite then
    error(out .. " holds the results of an earlier run of other images; give another --output, or --overwrite to remove them", 0)
  end
  for name, files in pairs(earlier) do
    if not (args.resume and wanted[name]) then
      for _, file in ipairs(files) do os.remove(file) end
    end
  end
  os.remove(out .. "/objects.csv")
  os.remove(out .. "/summary.json")
end
system.make_folder(out .. "/records")

-- What a result depends on beside the image; a record with another key is done anew.
local settings = { model.hash, system.version, args.precision }
for _, name in ipairs { "pixel_um", "model_pixel", "channel", "slice", "frame", "least_area_px", "least_um2", "criteria", "separate", "second_pass",
                        "orientations", "probability", "confidence" } do
  settings[#settings + 1] = name .. "=" .. tostring(args[name])
end
settings = table.concat(settings, " ")

local function segment(path, name)
  local record = name and out .. "/records/" .. name .. ".json"
  local key = path .. " " .. system.fingerprint(path) .. " " .. settings
  if args.resume and name then
    local read, old = pcall(system.read_json, record)
    if read and old.key == key and system.exists(old.found.labels) and system.exists(old.found.table) then
      return old.found, true
    end
  end
  local found = model:segment(path, out, name, {
    pixel_um = args.pixel_um, model_pixel = args.model_pixel, channel = args.channel, slice = args.slice,
    frame = args.frame, least_area_px = args.least_area_px, least_um2 = args.least_um2, criteria = args.criteria, separate = args.separate, second_pass = args.second_pass,
    orientations = args.orientations, probability = args.probability, confidence = args.confidence,
  })
  if name then system.write_json(record, { key = key, found = found }) end
  return found, false
end

local objects, pixels, resumed = 0, 0, 0
local done, failed, notes = {}, {}, {}
local function fail(path, problem)
  local message = type(problem) == "userdata" and problem.message or tostring(problem)
  failed[#failed + 1] = { file = path, error = message }
  io.stderr:write("failed: ", message:find(path, 1, true) and "" or path .. ": ", message, "\n")
end
for i, path in ipairs(images) do
  local worked, found, again
  if in_folder then worked, found, again = pcall(segment, path, names[i])
  else worked, found, again = true, segment(path) end
  if worked then
    objects, pixels = objects + found.objects, pixels + found.pixels
    if again then resumed = resumed + 1 end
    for _, text in ipairs(found.notes) do note(text); notes[#notes + 1] = text end
    done[#done + 1] = { file = path, name = names[i], objects = found.objects, pixels = found.pixels, plane = found.plane,
                        pixel_um = found.pixel_um, mask = found.mask, labels = found.labels, table = found.table }
  else
    fail(path, found)
  end
end
print(("%d objects in %d images, results in %s"):format(objects, #done, out)
  .. (resumed > 0 and (" (%d images were done before)"):format(resumed) or ""))

-- One table of all objects, with the file that each is in.
if in_folder and #done > 0 then
  local part = out .. "/.objects.csv.part"
  local pooled = assert(io.open(part, "w"))
  for i, entry in ipairs(done) do
    local file = base(entry.file)
    if file:find('[,"\n]') then file = '"' .. file:gsub('"', '""') .. '"' end
    local first = true
    for line in io.lines(entry.table) do
      if not first then pooled:write(file, ",", line, "\n") elseif i == 1 then pooled:write("file,", line, "\n") end
      first = false
    end
  end
  assert(pooled:close())
  assert(os.rename(part, out .. "/objects.csv"))
end

local results = { objects = objects, pixels = pixels, images = #done, files = done, failed = failed, notes = notes }
if args.truth and #done > 0 then
  local masks, truths = {}, {}
  for _, entry in ipairs(done) do
    local worked, truth = pcall(segmentation.mask_of, entry.file, args.truth)
    if worked and in_folder and not system.is_folder(args.truth) and #images > 1 then
      worked, truth = false, ("%s is one mask for %d images; give a folder of masks"):format(args.truth, #images)
    end
    if worked then
      masks[#masks + 1], truths[#truths + 1] = model.classes > 2 and entry.mask or entry.labels, truth
    elseif in_folder then
      fail(entry.file, truth)
    else
      error(truth)
    end
  end
  local worked, scores = true, nil
  if #masks > 0 then
    local planes = { slice = args.slice, frame = args.frame }
    if in_folder then
      worked, scores = pcall(segmentation.score, masks, truths, model.classes, "", false, planes)
    else
      scores = segmentation.score(masks, truths, model.classes, "", false, planes)
    end
  end
  if not worked then
    fail(args.truth, scores)
  elseif scores then
    for _, text in ipairs(scores.notes) do note(text); notes[#notes + 1] = text end
    for _, failure in ipairs(scores.failed) do fail(failure.file, failure.error) end
    print(scores.in_words)
    results.dice, results.accuracy = scores.dice, scores.accuracy
    results.detected, results.objects_dice75 = scores.detected, scores.objects_dice75
    results.true_objects, results.false_objects, results.scored = scores.objects, scores.false_objects, scores.images
    for _, name in ipairs { "precision", "f1", "f1_iou75", "ap", "ap_iou75", "merges", "splits" } do
      results[name] = scores[name]
    end
  end
end
local path = summary(results)
if #failed > 0 then error(("%d of %d files failed and are listed in %s"):format(#failed, #images, path), 0) end
return path
