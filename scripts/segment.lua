--- Segments one image or a folder with a trained model.
local args = arguments {
  model         = folder { "Models/nuclei", exists = true, "folder of the trained model" },
  image         = path   "TIFF, OME-TIFF, PNG or a folder of them",
  output        = folder { "segmentation", "folder for the results" },
  truth         = path   { optional = true, "true mask, or folder of masks with the images' names, to score with" },
  only          = text   { "", "take only images with this in their names" },
  pixel_um      = length { optional = true, "side of a pixel; otherwise what the file says" },
  least_area_px = integer { 30, min = 1, "smaller objects are left out" },
  separate      = flag   "cut objects that touch apart at their waists",
  second_pass   = flag   "look again in tiles shifted by half: surer at their borders, up to four times as long",
  orientations  = integer { 1, min = 1, max = 8,
                            "look at each tile in so many orientations: surer where in doubt, as many times as long" },
  probability   = flag   "write the probability of an object too, floats from 0 to 1",
  precision     = choice { "auto", "auto is bf16 where the processor has it (99.98 % of the mask as with f32), else f32",
                           choices = { "auto", "f32", "bf16" } },
  confidence    = flag   "write the probability of the likeliest class too, 8 bits, 255 for 1",
}

local model = segmentation.load(args.model, args.precision)
local images = segmentation.images(args.image, args.only)
local in_folder = system.is_folder(args.image)
local objects, pixels = 0, 0

for i = 1, #images do
  local name = in_folder and images[i]:match("([^/]+)%.[^.]+$"):gsub("%.[oO][mM][eE]$", "") or nil
  local found = model:segment(images[i], args.output, name, {
    pixel_um = args.pixel_um, least_area_px = args.least_area_px,
    separate = args.separate, second_pass = args.second_pass, orientations = args.orientations,
    probability = args.probability, confidence = args.confidence,
  })
  objects = objects + found.objects
  pixels = pixels + found.pixels
end
print(("%d objects in %d images, results in %s"):format(objects, #images, args.output))

local results = { objects = objects, pixels = pixels, images = #images }
if args.truth then
  local kind = model.classes > 2 and "mask" or "labels"
  local found = args.output .. (in_folder and "/" .. (kind == "mask" and "masks" or "labels") or "/" .. kind .. ".tif")
  local truth = args.truth
  if not in_folder and system.is_folder(truth) then
    local stem = args.image:match("([^/]+)%.[^.]+$")
    for _, name in ipairs(system.list(truth)) do
      if name:match("^(.+)%.[^.]+$") == stem then truth = args.truth .. "/" .. name end
    end
  end
  local scores = segmentation.score(found, truth, model.classes, args.only)
  print(("Dice %.4f, accuracy %.4f, %.1f %% of %d objects detected, %.1f %% with Dice 0.75"):format(
    scores.dice, scores.accuracy, 100 * scores.detected, scores.objects, 100 * scores.objects_dice75))
  results.dice, results.accuracy = scores.dice, scores.accuracy
  results.detected, results.objects_dice75 = scores.detected, scores.objects_dice75
end
return summary(results)
