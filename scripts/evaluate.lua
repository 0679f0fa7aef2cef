--- Scores a result with the truth: masks, or localization tables frame by frame with the best assignment.
local args = arguments {
  result       = path   "mask, label image, folder of them, or localization table",
  truth        = path   "the truth in the same form; masks in folders have the same names",
  output       = folder { "evaluation", "folder for summary.json" },
  tolerance_nm = number { 250, min = 0, "tables: the largest distance of a pair" },
  pixel_nm     = number { optional = true, min = 0.1, "tables: side of a camera pixel, for files in pixels that do not say it" },
  classes      = integer { 2, min = 2, max = 16, "masks: classes with the background; above 2 values are class numbers" },
  only         = text   { "", "masks: take only files with this in their names" },
  separate     = flag   "masks: cut objects of the result that touch apart first",
}

--- Whether a path is a folder, or a file that begins as TIFF and PNG do: masks, whatever their names.
local function holds_masks(path)
  local file = io.open(path, "rb")
  local head = file and file:read(4)
  if file then file:close() end
  return not head or head:find("^II[*+]\0") or head:find("^MM\0[*+]") or head == "\x89PNG"
end

if not holds_masks(args.result) then
  if holds_masks(args.truth) then
    error(args.result .. " is a localization table and " .. args.truth .. " is not; give two of a kind", 0)
  end
  local scores = localization.score(localization.read(args.result, args.pixel_nm),
    localization.read(args.truth, args.pixel_nm), args.tolerance_nm)
  print(string.format("recall %.3f, precision %.3f, Jaccard %.3f, RMSE %.1f nm", scores.recall, scores.precision,
    scores.jaccard, scores.rmse_nm))
  return summary(scores)
end

local scores = segmentation.score(args.result, args.truth, args.classes, args.only, args.separate)
for i = 1, math.min(#scores.notes, 10) do io.stderr:write("note: ", scores.notes[i], "\n") end
for _, failure in ipairs(scores.failed) do io.stderr:write("failed: ", failure.error, "\n") end
print(scores.in_words)
local path = summary(scores)
if #scores.failed > 0 then
  error(("%d of %d masks failed and are listed in %s"):format(#scores.failed, #scores.failed + scores.images, path), 0)
end
return path
