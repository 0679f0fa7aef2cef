--- Exports a trained model for other programs: as ONNX, or as a bioimage.io model for Fiji, ilastik and napari.
local args = arguments {
  model    = folder { "Models/nuclei", exists = true, "folder of the trained model" },
  output   = folder { "export", "folder for the exported model" },
  format   = choice { "onnx", choices = { "onnx", "bioimageio" }, "what to write" },
  image    = path   { optional = true, "image of the kind the model is for; bioimageio tests by its middle and shows it" },
  pixel_um = length { optional = true, "side of a pixel of the image; otherwise what the file says" },
  channel  = text   { optional = true, "channel of that image by number or name" },
  slice    = text   { optional = true, "slice of that image by number, or max or mean over all" },
  frame    = text   { optional = true, "frame of that image by number, or max or mean over all" },
  name     = text   { optional = true, "name under which others see the model" },
  author   = text   { optional = true, "who made the model, several separated by commas; needed for bioimageio" },
  licence  = text   { optional = true, "licence by its SPDX identifier, such as CC-BY-4.0; needed for bioimageio" },
}

local model = segmentation.load(args.model)
local name = args.name or "Stormbench " .. args.model:match("([^/]+)/*$")
local files = model:export(args.output, args.format, {
  name = name, authors = args.author, licence = args.licence, image = args.image, pixel_um = args.pixel_um,
  channel = args.channel, slice = args.slice, frame = args.frame,
})
for i = 1, #files do print(files[i]) end
return summary { files = files, network = model.network }
