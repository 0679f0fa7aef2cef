--- Trains a segmentation network from images and masks.
local args = arguments {
  images     = path   "image, or folder of images (TIFF, OME-TIFF, PNG)",
  masks      = path   "mask, or folder of masks with the images' names; 0 is background, other values are objects",
  model      = folder { "Models/trained", "folder for the model" },
  network    = choice { "unet", "the network; unet learns fastest on a processor",
                        choices = { "unet", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101" } },
  pretrained = file   { optional = true, "checkpoint to start from: a state dict of this network, .pth or .safetensors" },
  minutes    = number { optional = true, min = 0.01, "minutes to train; 3 unless iterations are given" },
  iterations = integer { optional = true, min = 1, "steps to train" },
  objects    = integer { optional = true, min = 1, "use only this many annotated objects" },
  marked     = choice { "auto", "whether the masks mark all objects or only some; auto looks for unmarked ones where up to 30 are marked",
                        choices = { "auto", "all", "some" } },
  only       = text   { "", "take only images with this, or parts between commas, in their names" },
  test       = text   { "", "keep images with this, or parts between commas, in their names out and score on them" },
  source     = text   { "", "where the images come from, for the model's card" },
  licence    = text   { "", "licence of the images, for the model's card" },
  classes    = integer { 2, min = 2, max = 16, "classes with the background; above 2 mask values are class numbers" },
  pixel_um   = length { optional = true, "side of a pixel; otherwise what the files say" },
  channel    = text   { optional = true, "channel of a stack by number or name, several between commas; otherwise all" },
  slice      = text   { optional = true, "slice of a stack by number, or max or mean over all; otherwise the first" },
  frame      = text   { optional = true, "frame of a time series by number, or max or mean; otherwise the first" },
  as_drawn   = flag   "learn outlines exactly as drawn; those of up to 30 objects are moved to the edges otherwise",
  precision  = choice { "f32", "numbers to compute with; auto is bf16 where the processor has it",
                        choices = { "auto", "f32", "bf16" } },
  seed       = integer { 1, min = 0, "seed of every random choice" },
  resume     = flag   "go on from the checkpoint of a training that was cut off",
}

local result = segmentation.train(args.images, args.masks, args.model, {
  network = args.network, pretrained = args.pretrained, minutes = args.minutes, iterations = args.iterations,
  objects = args.objects, marked = args.marked,
  only = args.only, classes = args.classes, pixel_um = args.pixel_um, seed = args.seed, resume = args.resume,
  test = args.test, source = args.source, licence = args.licence, align_outlines = not args.as_drawn,
  precision = args.precision, channel = args.channel, slice = args.slice, frame = args.frame,
})

for i = 1, math.min(#result.notes, 10) do io.stderr:write("note: ", result.notes[i], "\n") end
if #result.notes > 10 then io.stderr:write(("note: %d more are in summary.json\n"):format(#result.notes - 10)) end
for _, failure in ipairs(result.failed) do io.stderr:write("failed: ", failure.error, "\n") end
if result.pixel_sizes then io.stderr:write("note: ", result.pixel_sizes, "\n") end

if result.pretrained then print(result.pretrained) end
print(("%s: %d steps on %d objects of %d images in %.0f s"):format(
  result.network, result.iterations, result.objects, result.images, result.seconds))
print(("Dice %.4f, accuracy %.4f on %s"):format(result.dice, result.accuracy, result.scored_on))
if result.test_in_words then print("on the test images: " .. result.test_in_words) end
local path = summary(result, args.model)
if #result.failed > 0 then
  error(("%d of the images were left out and are listed in %s"):format(#result.failed, path), 0)
end
return path
