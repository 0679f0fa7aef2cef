error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A measured period.
---@class periodicity.Measurement
---@field period_nm number? by the chosen estimator; nil where none is significant
---@field interval_nm number[]? the 95 % interval, {from, to}; nil where there is no period
---@field p_value number how likely chance makes as clear a period
---@field refusal string? why there is no period; nil where there is one
---@field likelihood_nm number? by the likelihood, significant or not
---@field pairwise_nm number? by distances of pairs, significant or not
---@field autocorrelation_nm number? by autocorrelation, significant or not
---@field spread_nm number? standard deviation of the molecules about their ring
---@field ring_jitter_nm number? standard deviation of the rings about the comb
---@field spacing_jitter_nm number? standard deviation of distances between rings
---@field background number? share of the molecules that belong to no ring
---@field variation_nm number? standard deviation of the axons' periods beyond their errors
---@field axons integer the number of axons
---@field molecules integer the number of molecules on axons
---@field length_um number the length of all axons
local Measurement = {}

--- Writes table of axons and plots: axons.csv, distances.png, periodogram.png, ...
---@param folder string the folder
---@return string[] # the names of the files
function Measurement:write(folder) end

--- Ends the object's work; any use after that is an error.
function Measurement:close() end

--- Measures the period of rings along axons in localization tables.
---@class periodicitylib
periodicity = {}

--- Finds the axons of localization tables and measures their common period.
--- Blinks are merged to molecules, axons traced and straightened. Three estimators are computed: the likelihood of a jittered comb, distances of pairs along the axes, and autocorrelation. Without a significant period there is none by any of them.
---@param tables localization.Table[] the localization tables, a list
---@param options? { method: string?, shortest_nm: number?, longest_nm: number?, significance: number?, surrogates: integer?, width_um: number?, shortest_um: number?, least_per_um: number?, seed: integer? } how (may be left out)
---@param mask? imaging.Image an image of labels, 0 where no axon lies, with its pixel size; for one table (may be left out)
---@return periodicity.Measurement # period, p-value, and the axons one by one
function periodicity.measure(tables, options, mask) end
