--- Compares a localization table with the truth, frame by frame with the best assignment.
local args = arguments {
  result       = file "localization table (ThunderSTORM CSV)",
  truth        = file "the true positions in the same form",
  output       = folder { "evaluation", "folder for summary.json" },
  tolerance_nm = number { 250, min = 0, "the largest distance of a pair" },
}

local scores = localization.score(localization.read(args.result), localization.read(args.truth), args.tolerance_nm)
print(string.format("recall %.3f, precision %.3f, Jaccard %.3f, RMSE %.1f nm", scores.recall, scores.precision,
  scores.jaccard, scores.rmse_nm))
return summary(scores)
