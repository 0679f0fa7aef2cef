error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- Reports of runs.
---@class viewlib
view = {}

--- Writes report.html of a run: one page with everything in it, to be read without a network.
---@param run acquisition.Run the run
---@param contents? { title: string?, subtitle: string?, scan: acquisition.Scan?, overview: acquisition.Overview?, objects: acquisition.Objects?, targets: acquisition.Targets?, records: acquisition.Record[]?, results: any?, figures: any?, parameters: any?, warnings: string[]? } what it shows (may be left out)
---@return string # the path of the page
function view.report(run, contents) end
